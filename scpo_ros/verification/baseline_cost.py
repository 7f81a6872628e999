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
The baseline-cost constraint of a task over its two scenario sets.

A policy may cost at most (1 + eps) times what the backup costs, as a mean over scenarios. A mean
differs between two sets, so the verification allows a little more than the design set, and the
design value can be shifted to what was verified of one policy.
"""

import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.systems.scenario import Scenarios
from scpo_ros.verification.metric_layout import CONDITIONS
from scpo_ros.verification.safety_metrics import SAMPLING_ALLOWANCE
from scpo_ros.verification.scenario_sets import ScenarioSets
from scpo_ros.verification.task import ControlTask

_TIGHTER = 0.005  # of the constraint, for every refusal because of it


class BaselineCost:
    """What is added to the baseline-cost metrics of each set, and the backup's costs."""

    def __init__(self, task: ControlTask) -> None:
        """Begin with the allowance for sampling, and without a shift."""
        self._task = task
        self.allowance = SAMPLING_ALLOWANCE  # of the verification
        self.shift = np.zeros(len(CONDITIONS))  # of the design metrics: verified minus design
        self._known: list[tuple[Scenarios, Array]] = []

    def of_backup(self, scenarios: Scenarios) -> Array:
        """Return the backup's mean stage costs (S,); those of the last two sets are kept."""
        for known, cost in self._known:
            if known is scenarios:
                return cost
        computed: Array = self._task.simulator.summarise(
            self._task.initial_theta[None], scenarios).cost[0]
        self._known = [*self._known[-1:], (scenarios, computed)]
        return computed

    def tighten(self) -> None:
        """Ask for a lower cost: the controller's own scenarios measured a higher one."""
        self.allowance = max(self.allowance - _TIGHTER, -self._task.metric.tolerance)
        self.shift = self.shift + _TIGHTER

    def calibrate(self, theta: Array, sets: ScenarioSets) -> None:
        """Give the design metrics of a policy (d,) their verified values."""
        verified = self._metrics(theta, sets.verification) - self.allowance
        self.shift = verified - self._metrics(theta, sets.design)

    def _metrics(self, theta: Array, scenarios: Scenarios) -> Array:
        cost = self._task.simulator.summarise(theta[None], scenarios).cost
        metrics: Array = self._task.metric.baseline_cost(
            cost, self.of_backup(scenarios), scenarios)[0]
        return metrics
