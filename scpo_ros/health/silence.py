# Copyright 2026 scpo_ros developers
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""What a node says when messages are missing or cannot be used, so that it does not act."""

from collections.abc import Mapping
from enum import Enum
from typing import TypeVar


_Fate = TypeVar('_Fate', bound=str | Enum)


UNSTAMPED = 'unstamped'  # fate of a message that is of no use and whose stamp is 0


def without_commands(malformed: int, unstamped: int = 0) -> str:
    """
    Return why the plant does not move.

    :param malformed: commands that could not be read. :param unstamped: those with the stamp 0.
    """
    if unstamped:
        return (f'waiting for the first command: {unstamped} came with the stamp 0; header.stamp '
                'must be that of the state that the command answers')
    if malformed:
        return (f'waiting for the first command: {malformed} came that cannot be read; effort '
                'must be one finite number: correct the publisher of joint_command')
    return 'waiting for the first command: is the controller running?'


def without_states(seen: Mapping[_Fate, int]) -> str:
    """
    Return why no state is acted upon, and what to do.

    :param seen: {fate: count} of the messages since the last state that was acted upon, the key
        'malformed' for those that could not be read; counts of 0 may be left out.
    """
    counts = {str(getattr(fate, 'value', fate)): n for fate, n in seen.items() if n}
    if not counts:
        return 'no state arrives: is the plant running, and do topic and domain agree?'
    fate = max(counts, key=lambda kind: counts[kind])
    said = {'malformed': 'they cannot be read: one joint with finite position, velocity and '
                         'effort is wanted, and frame_id episode/N',
            'repeated': 'they all repeat the same stamp: the plant waits or stands still',
            'conflicting': 'they carry the stamp of an earlier state with another content: two '
                           'plants publish, or the stamps are not of the states',
            'out_of_order': 'their stamps go back: two plants publish, or the clock was set',
            'ahead_of_time': 'their stamps lie in the future: compare the clocks of plant and '
                             'controller',
            UNSTAMPED: 'their header.stamp is 0 again and again: the driver must set it to the '
                       'time of the measurement; a simulated plant may wait at its start',
            'stale': 'their stamps are older than state_age_limit_s: compare the clocks, or '
                     'raise it'}
    return f'{counts[fate]} states arrived and none can be acted upon: ' + said.get(
        fate, f'they are {fate}')
