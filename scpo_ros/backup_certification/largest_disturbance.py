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

"""
The largest disturbance for which the backup would be certified. No ROS.

A change of the disturbance needs a new table of the backup's law, many seconds each. The largest
one is therefore sought by bisection with the gravest rollouts, the law solved state by state, then
rounded down and tried whole. A value that the time did not suffice to try is called approximate.
"""

import numpy as np
from scpo_ros.backup_certification.rollouts import (
    bisected, down, returns, Rollouts, solved_task)
from scpo_ros.backup_certification.trials import Changes, in_words, Suggestion, Trials
from scpo_ros.config import Spec
from scpo_ros.exceptions import ScpoRosError
from scpo_ros.sets.invariant_set import contractive_set
from scpo_ros.systems.linear_system import double_integrator
from scpo_ros.verification.task import contraction_factor


DISTURBANCES = ('system.disturbance', 'system.position_disturbance')
_TRIES = 2  # whole certifications of what a bisection found
_BACK = 0.93  # by what a disturbance is lowered that failed when it was tried whole


def scaled(values: dict[str, float], scale: float, digits: int = 2) -> dict[str, float]:
    """Return values {parameter: value} times a scale, rounded down."""
    return {name: down(scale * item, digits) for name, item in values.items()}


def present_disturbances(trials: Trials) -> dict[str, float]:
    """Return the disturbances of the specification that are not 0."""
    present = {name: trials.number(name) for name in DISTURBANCES}
    return {name: item for name, item in present.items() if item > 0}


def input_slack(spec: Spec) -> float:
    """Return (1 - lambda) / max_j |H_j B|, which the backup keeps to LO and UP [m/s^2]."""
    system, factor = double_integrator(spec.system), contraction_factor(spec.system)
    safe_set = contractive_set(system, factor)
    return float((1 - factor) / np.abs(safe_set.H @ system.B).max())


class LargestDisturbance:
    """The search for one specification."""

    def __init__(self, trials: Trials, critical: Rollouts, needs_slack: bool) -> None:
        """
        Prepare the search.

        :param critical: the gravest rollouts, see :func:`~.rollouts.gravest`.
        :param needs_slack: whether the a priori margin of the input is asked for as well.
        """
        self._trials, self._critical, self._needs_slack = trials, critical, needs_slack

    def suggestions(self) -> list[Suggestion]:
        """Return the largest disturbance: both scaled together, and each alone."""
        present = present_disturbances(self._trials)
        several = len(present) > 1
        cases = [(present, 'both scaled together')] if several else []
        cases += [({name: item}, 'lowered alone' if several else '')
                  for name, item in present.items()]
        found = [(self._bisected(values), list(values), how) for values, how in cases]
        return [self._confirmed(changes, names, how) for changes, names, how in found
                if changes is not None]

    def _likely(self, changes: Changes) -> bool:
        """Return whether the gravest rollouts and the a priori margin hold with changes."""
        try:
            spec, demands = self._trials.changed(changes), self._trials.demands
            asked = max(demand.margin for demand in demands)
            if self._needs_slack and not input_slack(spec) >= asked:
                return False
            return returns(solved_task(spec), demands, self._critical)
        except ScpoRosError:
            return False

    def _bisected(self, values: dict[str, float]) -> dict[str, float] | None:
        """Return the largest {name: value}, 0 where even that fails, None without the time."""
        if self._trials.spent():
            return None
        if not self._likely(scaled(values, 0.0, 3)):
            return scaled(values, 0.0, 3)
        scale = bisected(lambda s: self._likely(scaled(values, s, 3)),
                         self._trials.spent)
        changes = scaled(values, scale)
        return changes if any(changes.values()) else None

    def _confirmed(self, changes: dict[str, float], names: list[str], how: str) -> Suggestion:
        """Return what to suggest of what a bisection found, tried whole while there is time."""
        if not any(changes.values()):
            return Suggestion(f'lowering {" and ".join(names)} alone does not help, even to 0',
                              changes, helps=False)
        tried = False
        for _ in range(_TRIES):
            if self._trials.spent() or tried:
                break
            tried = self._trials.certified(changes)
            if not tried:
                changes = scaled(changes, _BACK)
        words = f'up to {"" if tried else "about "}{in_words(changes)}'
        return Suggestion(words + (f' ({how})' if how else ''), changes, tried=tried)
