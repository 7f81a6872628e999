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

"""What the driver refused, how often, and what to do about it. No ROS."""

_WORDS = {
    'repeated': 'its stamp is that of the state before: the robot does not measure',
    'conflicting': 'its stamp is that of the state before, with other numbers: two nodes publish',
    'out_of_order': 'its stamp goes back: two nodes publish, or the clock was set',
    'ahead_of_time': 'its stamp lies in the future or jumps: compare the clocks',
    'stale': 'its stamp is older than state_age_limit_s: the stamps stand still, the states are '
             'late on their way, or the clocks differ',
    'stuck': 'the same numbers again and again, though the model says that they must change: the '
             'sensors hang, or something holds the robot',
    'late_command': 'a command came that answers no state, or came too late',
    'malformed_command': 'a command came without a finite number for each input',
    'unstamped': 'a command came with the stamp 0, must be that of the state that it answers'}
_COMMANDS = ('late_command', 'malformed_command', 'unstamped')


class Refusals:
    """Counts refusals by kind, and keeps what was wrong with the last one."""

    def __init__(self) -> None:
        """Start without one."""
        self.counts: dict[str, int] = {}
        self.sentence = ''  # of the last state that was refused

    def note(self, kind: str, sentence: str = '') -> None:
        """Count a refusal. :param sentence: what was wrong; '': what is said of its kind."""
        self.counts[kind] = self.counts.get(kind, 0) + 1
        if kind not in _COMMANDS:
            self.sentence = sentence or _WORDS.get(kind, kind)

    def malformed(self, sentence: str) -> None:
        """Count a state that cannot be used, for a reason of its own."""
        self.note('malformed', sentence)

    @property
    def states(self) -> int:
        """Return how many states were refused."""
        return sum(n for kind, n in self.counts.items() if kind not in _COMMANDS)
