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

"""Changes that leave a safe set where there is none. No ROS."""

import math

from scpo_ros.backup_certification.largest_disturbance import (
    LargestDisturbance, present_disturbances, scaled)
from scpo_ros.backup_certification.rollouts import bisected, down, up
from scpo_ros.backup_certification.trials import in_words, Suggestion, Trials


_LIMITS = ('system.velocity_limit', 'system.position_limit', 'system.input_limit')
_RATE = 'system.contraction_rate'
_SLOWER = (0.5, 0.2, 0.05)  # factors on the contraction rate, tried in turn
_WIDER = 9  # steps of the search for a wider limit


def for_no_safe_set(trials: Trials) -> tuple[Suggestion, ...]:
    """Return what leaves a safe set when it is changed alone: limit, rate, disturbance."""
    suggestions = _weaker(trials) + LargestDisturbance(trials, [], needs_slack=False).suggestions()
    for name in _LIMITS:
        suggestions += _wider(trials, name)
    return tuple(suggestions + _slower(trials))


def _weaker(trials: Trials) -> list[Suggestion]:
    """Return the largest scale of the whole disturbance with which there is a safe set."""
    present = present_disturbances(trials)
    scale = bisected(lambda s: trials.has_safe_set(scaled(present, s, 3)), trials.spent)
    changes = scaled(present, scale, 3)
    if not any(changes.values()):
        return []
    return [Suggestion(f'a safe set exists up to {in_words(changes)}', changes, helps=False)]


def _slower(trials: Trials) -> list[Suggestion]:
    """Return the first slower contraction rate with a safe set."""
    for factor in _SLOWER:
        change = {_RATE: down(trials.number(_RATE) * factor)}
        if not trials.spent() and trials.has_safe_set(change):
            return [Suggestion(f'a safe set exists with {in_words(change)} or less', change,
                               helps=False)]
    return []


def _wider(trials: Trials, name: str) -> list[Suggestion]:
    """Return the least wider limit with a safe set, if any up to ten times the present."""
    present = trials.number(name)
    if trials.spent() or not trials.has_safe_set({name: present * 10.0}):
        return []
    low, high = 1.0, 10.0
    for _ in range(_WIDER):
        if trials.spent():
            break
        middle = math.sqrt(low * high)
        enough = trials.has_safe_set({name: present * middle})
        low, high = (low, middle) if enough else (middle, high)
    change = {name: up(present * high)}
    return [Suggestion(f'a safe set exists with {in_words(change)} or more', change, helps=False)]
