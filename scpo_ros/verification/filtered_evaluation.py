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
The sampled metrics of a filtered policy: g(theta) <= 0, evaluated by rollouts.

The filter keeps the safe set for every theta; no metric is needed for that. What is sampled, over
H steps from every scenario, ordinary operation and stress apart where it says *means*:

* filter action, means: (mean over steps, inputs and scenarios of |u - u_pi| / range) / 0.01 - 1:
  the filter may move the inputs by 1 % of their range in the mean. Demanding that it never moves
  them, at every sampled state, stalls learning. Left out for a bounded residual, with which it
  never acts.
* baseline cost, means: J(theta) / J_backup - (1 + 0.05).
* return: |x_H|_P - |x_0|_P / 2 - offset, one of every scenario; offset is twice what a disturbance
  can do to the linear feedback. |x|_P is about 1 at most on the safe set.

Where a rollout leaves the limits, or becomes undefined, its return metric is positive.
"""

import numpy as np
from scpo_ros.arrays import Array, Integers
from scpo_ros.systems.scenario import Scenarios
from scpo_ros.systems.system_scenarios import stress_and_operation
from scpo_ros.verification.system_task import SystemTask

ACTION_LEVEL = 0.01  # of the input range, mean filter action
COST_TOLERANCE = 0.05  # of the backup's cost
ALLOWANCE = 0.01  # of the means on the verification set, which differ between two sets
_RATIO = 0.5  # of the return metric
_OFFSETS = 2.0  # residues
_LEFT = 1e-3  # least return metric of a rollout that left the limits
_COST_FLOOR = 1e-9
_REMEMBERED = 16  # scenarios of one failure that join the design set


class FilteredEvaluation:
    """The metrics of a :class:`~scpo_ros.verification.system_task.SystemTask`."""

    def __init__(self, task: SystemTask, seed: int, design: int = 24,
                 verification: int = 120) -> None:
        """
        Draw the scenario sets.

        :param design: scenarios of stress of the set that the projection sees; as many of ordinary
            operation. :param verification: of the set that decides.
        """
        self.task, self.rollouts = task, 0
        draw = (task.system, task.safe_set)
        self._design = stress_and_operation(*draw, design, task.horizon, (seed, 1))
        self._verification = stress_and_operation(*draw, verification, task.horizon, (seed, 2))
        self._shift = np.zeros(self.means)
        self._costs: dict[int, tuple[Scenarios, Array]] = {}

    @property
    def means(self) -> int:
        """Return how many of the first columns are means over scenarios."""
        return 4 if self.task.kind == 'guarded' else 2

    @property
    def coverage(self) -> str:
        """Return what is covered, as a sentence."""
        kept = ('the safe set is kept for all weights with the safety filter in the loop'
                if self.task.kind == 'guarded' else
                'the safe set is kept for all weights, and the safety filter never acts')
        return (f'{kept}; sampled: {len(self._verification)} rollouts of '
                f'{self.task.horizon} steps')

    def evaluate(self, thetas: Array) -> Array:
        """Return the design metrics (m, k)."""
        metrics = self._metrics(thetas, self._design)
        metrics[:, :self.means] += self._shift
        return metrics

    def verify(self, thetas: Array) -> Array:
        """Return the verification metrics (m, k_v)."""
        metrics = self._metrics(thetas, self._verification)
        metrics[:, :self.means] -= ALLOWANCE
        return metrics

    def remember(self, failed: Integers | list[int], present: Array) -> None:
        """
        Learn from failed columns of `verify`.

        Scenarios of the return metric join the design set; where a mean failed, the design means
        take the values that were verified of the present policy.

        :param present: (d,), the policy in force.
        """
        rows = [int(column) - self.means for column in failed if column >= self.means]
        if rows:
            self._design = self._design + self._verification.take(rows[:_REMEMBERED])
        if any(column < self.means for column in failed):
            verified = self._metrics(present[None], self._verification)[0, :self.means]
            seen = self._metrics(present[None], self._design)[0, :self.means]
            self._shift = verified - ALLOWANCE - seen

    def _metrics(self, thetas: Array, scenarios: Scenarios) -> Array:
        """Return the plain metrics (P, k): means, then the return of every scenario."""
        self.rollouts += len(thetas) * len(scenarios)
        task = self.task
        summary = task.simulator.summarise(thetas, scenarios)
        means = []
        for members in (scenarios.nominal, ~scenarios.nominal):
            if task.kind == 'guarded':
                means.append(summary.action[:, members].mean(axis=1) / ACTION_LEVEL - 1)
            backup = self._backup_cost(scenarios)[members].sum() + _COST_FLOOR
            means.append(summary.cost[:, members].sum(axis=1) / backup - 1 - COST_TOLERANCE)
        distance = (task.norm(summary.final) - _RATIO * task.norm(scenarios.x0)
                    - _OFFSETS * task.residue)
        returned = np.where(summary.left, np.maximum(distance, _LEFT), distance)
        return np.column_stack([*means, returned])

    def _backup_cost(self, scenarios: Scenarios) -> Array:
        """Return the backup's mean stage costs (S,); those of the last set of a size are kept."""
        known, costs = self._costs.get(len(scenarios), (None, None))
        if known is not scenarios or costs is None:
            costs = self.task.simulator.summarise(
                self.task.initial_theta[None], scenarios).cost[0]
            self._costs[len(scenarios)] = scenarios, costs
        return costs
