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

"""The constraints of the imitation problem with exact derivatives, which no method is given."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from scpo_ros.arrays import Array, Integers
from scpo_ros.experiments import rollout_gradient
from scpo_ros.experiments.dense_states import DenseStates
from scpo_ros.experiments.imitation_problem import ACCEPT_MARGIN, ImitationProblem
from scpo_ros.systems.scenario import verification_scenarios
from scpo_ros.verification.metric_layout import CONDITIONS
from scpo_ros.verification.safety_metrics import SAMPLING_ALLOWANCE

LAGRANGIAN_STATES = 4000  # of the dense ones, in the Lagrangian; all of them judge


class ConstrainedProblem:
    """Values and exact derivatives of loss and constraints at one theta."""

    def __init__(self, problem: ImitationProblem) -> None:
        """Use the verification set of the problem's seed."""
        self._problem, self._task = problem, problem.task
        metrics = self._task.spec.metrics
        self.scenarios = verification_scenarios(
            self._task.system, self._task.safe_set, metrics.verification_states,
            self._task.horizon, metrics.seed)
        self.dense = DenseStates.drawn(self._task, problem.seed)
        stride = max(1, len(self.dense) // LAGRANGIAN_STATES)
        self._inside = self.dense.part(slice(None, None, stride))
        self._backup_cost = self._task.simulator.summarise(
            self._task.initial_theta[None], self.scenarios).cost[0]
        self._shares = (self._means() if problem.baseline_cost
                        else np.zeros((0, len(self.scenarios))))

    def _means(self) -> Array:
        """Return the weights (means, S) of the scenarios' costs in the baseline-cost metrics."""
        nominal, cost = self.scenarios.nominal, self._backup_cost + 1e-6
        return np.array([m / np.sum(cost[m]) for m in (nominal, ~nominal)])

    def feasible(self, theta: Array) -> bool:
        """Return whether every metric is kept with the margin, at all of the dense states."""
        metric = replace(self._task.metric, constraint=True)
        g = metric(theta[None], self.scenarios, self._backup_cost, False)[0]
        g[:len(CONDITIONS)] -= SAMPLING_ALLOWANCE
        return bool(np.all(g <= -ACCEPT_MARGIN)
                    and np.all(self.dense.violation(theta) <= -ACCEPT_MARGIN))

    def residuals(self, theta: Array) -> tuple[Array, Array]:
        """Return e / sqrt(N) and its Jacobian: L = |e|^2 / N."""
        J, error = self._problem.loss.linearise(theta)
        return error / np.sqrt(len(error)), J / np.sqrt(len(error))

    def constraints(self, theta: Array, wanted: Integers | Callable[[Array], Integers]
                    ) -> tuple[Array, Array]:
        """
        Return all g (k,) and the Jacobian rows of the wanted ones.

        :param wanted: indices, or a callable of g that gives them.
        """
        task = self._task
        trace = rollout_gradient.traced(task, theta, self.scenarios)
        parts = [rollout_gradient.violation_terms(task, trace),
                 rollout_gradient.stability_terms(task, trace, self.scenarios)]
        inside = self._inside.violation(theta)
        cost = rollout_gradient.cost_terms(task, trace)
        above = self._shares @ cost[0] - 1 - task.metric.tolerance - SAMPLING_ALLOWANCE
        g = np.concatenate([parts[0][0], parts[1][0], inside, above])
        chosen = wanted(g) if callable(wanted) else wanted
        return g, self._rows(theta, trace, parts, cost, chosen)

    def _rows(self, theta: Array, trace: rollout_gradient.Trace,
              parts: Sequence[rollout_gradient.Terms], cost: rollout_gradient.Terms,
              wanted: Integers) -> Array:
        task, count = self._task, len(self.scenarios)
        rows = np.zeros((len(wanted), len(theta)))
        for number, part in enumerate(parts):
            mine = wanted // count == number
            if np.any(mine):
                du = rollout_gradient.weights(task, trace, *part[1:])
                rows[mine] = rollout_gradient.parameter_rows(
                    task, theta, trace, du, wanted[mine] - number * count)
        end = 2 * count + len(self._inside)
        inside = (wanted >= 2 * count) & (wanted < end)
        if np.any(inside):
            rows[inside] = self._inside.part(wanted[inside] - 2 * count).rows(theta)
        if np.any(wanted >= end):
            du = rollout_gradient.weights(task, trace, *cost[1:])
            rows[wanted >= end] = [
                rollout_gradient.parameter_sum(task, theta, trace, du, self._shares[j])
                for j in wanted[wanted >= end] - end]
        return rows
