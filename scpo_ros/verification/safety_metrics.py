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
The safety metrics of the control task: g(theta) <= 0, evaluated by rollouts, never differentiated.

Over H steps of the closed loop from every scenario, in units of the input unless said:

* constraint: largest violation over t of LO(x_t) <= u_t <= UP(x_t); <= 0 keeps x_{t+1} in the
  safe set C, inside the state limits, whatever the disturbance does. The backup keeps lambda C and
  so starts at most at -(1 - lambda) / max_j |H_j B|.
* return: |x_H|_P - rho |x_0|_P - offset, in units of the p axis (divided by sqrt(P_11)):
  return to and stay near the origin, an ultimate bound. Positive where the rollout leaves C.
* baseline cost: J(theta) / (J_backup + c) - (1 + eps), J the mean stage cost of the backup, never
  the expert's, once over the scenarios of ordinary operation and once over those of stress: a
  policy can be cheap under a constant disturbance and expensive without. Being a mean, it differs
  between two samples of scenarios; for that the verification allows 0.01.

The design metrics are smooth upper bounds; the verification metrics are the plain maxima over
larger sets. Both are sampled: evidence, not proof. Beside them stands the invariance metric, the
same violation one step ahead over the whole of C: proved (:mod:`scpo_ros.proofs.invariance`) or
sampled densely (:mod:`.sampled_invariance`).
"""

from dataclasses import dataclass

import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.simulation.rollout import RolloutSummary, Simulator
from scpo_ros.systems.scenario import Scenarios
from scpo_ros.verification.metric_layout import ColumnBlock, CONDITIONS, MetricKind, MetricLayout

SAMPLING_ALLOWANCE = 0.01  # of the baseline-cost metrics on the verification set
_LEFT = 1e-3  # least return metric of a rollout that left the safe set
_COST_FLOOR = 1e-6  # c of the baseline-cost metrics


@dataclass(frozen=True)
class RolloutMetric:
    """
    Constraint and return metric of every scenario, baseline-cost metrics of them all.

    Where invariance or stability is proved, the metric that follows from it is left out.
    """

    simulator: Simulator
    weight: Array  # (n, n): P of V(x) = x'Px
    ratio: float  # rho
    offset: float
    tolerance: float  # eps; infinity switches the baseline-cost metrics off
    constraint: bool = True  # whether the constraint metric is among them
    stability: bool = True  # whether the return metric is

    @property
    def kinds(self) -> tuple[MetricKind, ...]:
        """Return the kinds of metric that every scenario has."""
        return tuple(kind for kind, wanted in (
            (MetricKind.CONSTRAINT, self.constraint), (MetricKind.RETURN, self.stability))
            if wanted)

    def layout(self, scenarios: int) -> MetricLayout:
        """Return which column is which metric, for a number of scenarios."""
        return MetricLayout((ColumnBlock((MetricKind.BASELINE_COST,), len(CONDITIONS)),
                             ColumnBlock(self.kinds, scenarios)))

    def norm(self, x: Array) -> Array:
        """Return |x|_P in units of the p axis."""
        square: Array = np.einsum('...i,ij,...j->...', x, self.weight, x)
        length: Array = np.sqrt(square / self.weight[0, 0])
        return length

    def __call__(self, thetas: Array, scenarios: Scenarios, backup_cost: Array,
                 smooth: bool) -> Array:
        """
        Return the metrics (P, k), see :meth:`layout`.

        :param thetas: (P, d).
        :param backup_cost: (S,), the backup's mean stage cost from each scenario.
        :param smooth: whether the maximum over time is the smooth one.
        """
        summary = self.simulator.summarise(thetas, scenarios, violation=self.constraint)
        cost = self.baseline_cost(summary.cost, backup_cost, scenarios)
        parts = []
        if self.constraint:
            parts.append(summary.soft_violation if smooth else summary.violation)
        if self.stability:
            parts.append(self._return(summary, scenarios))
        if not parts:
            return cost
        return np.hstack([cost, np.stack(parts, axis=2).reshape(len(thetas), -1)])

    def _return(self, summary: RolloutSummary, scenarios: Scenarios) -> Array:
        distance = (self.norm(summary.final) - self.ratio * self.norm(scenarios.x0)
                    - self.offset)
        return np.where(summary.left, np.maximum(distance, _LEFT), distance)

    def of_scenarios(self, thetas: Array, scenarios: Scenarios) -> Array:
        """Return the plain metrics of every scenario alone, (P, S, kinds)."""
        values = self(thetas, scenarios, np.ones(len(scenarios)), False)
        return values[:, len(CONDITIONS):].reshape(
            len(thetas), len(scenarios), len(self.kinds))

    def baseline_cost(self, cost: Array, backup_cost: Array, scenarios: Scenarios) -> Array:
        """
        Return the baseline-cost metrics (P, 2); -1 where switched off or without scenarios.

        :param cost: mean stage costs (P, S). :param backup_cost: (S,).
        """
        result = []
        for members in (scenarios.nominal, ~scenarios.nominal):
            mean = cost[:, members].sum(axis=1)
            if self.tolerance == np.inf or not np.any(members):
                result.append(np.where(np.isfinite(mean), -1.0, np.nan))
            else:
                least = backup_cost[members].sum() + _COST_FLOOR * members.sum()
                result.append(mean / least - 1 - self.tolerance)
        return np.column_stack(result)
