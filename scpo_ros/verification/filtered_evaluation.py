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

* filter action, means: (mean over steps, inputs and scenarios of |u - u_pi| / range) / level - 1,
  level = metrics.filter_action: the filter may move the inputs by 1 % of their range in the mean.
  Demanding that it never moves them, at every sampled state, stalls learning. Left out for a
  bounded residual, with which it never acts.
* baseline cost, means: J(theta) / J_backup - (1 + metrics.baseline_cost_tolerance).
* return: |x_H|_P - ratio |x_0|_P - offset, one of every scenario, ratio = metrics.return_ratio;
  offset is twice what a disturbance can do to the linear feedback. |x|_P is about 1 at most on the
  safe set.

* invariance, for a `proved` certificate, last: the proved bound of the input's violation; the
  design metrics hold its smooth maximum over every group of cells.

Where a rollout leaves the limits, or becomes undefined, its return metric is positive.
"""

import numpy as np
from scpo_ros.arrays import Array, Integers
from scpo_ros.simulation.filtered_rollout import FilteredSummary
from scpo_ros.systems.scenario import Scenarios
from scpo_ros.systems.signals import listed
from scpo_ros.systems.system_scenarios import stress_and_operation
from scpo_ros.verification.explanation import invariance_in_words
from scpo_ros.verification.known_rollouts import KnownRollouts
from scpo_ros.verification.scenario_sets import ScenarioSets
from scpo_ros.verification.system_task import SystemTask

ALLOWANCE = 0.01  # of the means on the verification set, which differ between two sets
_TIGHTER = 0.005  # of the means, for every refusal by the controller because of one
_OFFSETS = 2.0  # residues
_LEFT = 1e-3  # least return metric of a rollout that left the limits
_COST_FLOOR = 1e-9
_REMEMBERED = 16  # scenarios of one failure that join the design set
_CONDITIONS = ('in ordinary operation', 'under stress')


class FilteredEvaluation:
    """The metrics of a :class:`~scpo_ros.verification.system_task.SystemTask`."""

    def __init__(self, task: SystemTask, seed: int | None = None, replays: int = 16,
                 remembered: int = 0) -> None:
        """
        Draw the scenario sets.

        :param seed: of the sets; None for the one in the specification. The controller uses
            another one than the adapter.
        :param replays: how many collected rollouts are kept in the sets.
        :param remembered: of how many policies, the backup apart, the rollouts are kept.
        """
        metrics = task.spec.metrics
        seed = metrics.seed if seed is None else seed
        self.task, self.rollouts = task, 0
        draw = (task.system, task.safe_set)
        self._sets = ScenarioSets(
            stress_and_operation(*draw, metrics.design_states, task.horizon, (seed, 1)),
            stress_and_operation(*draw, metrics.verification_states, task.horizon, (seed, 2)),
            replays)
        self._shown = self.design_set.take([0])
        self._shift, self._allowance = np.zeros(self.means), ALLOWANCE
        self._backup = KnownRollouts(self._rolled_out, 1)
        self._policies = KnownRollouts(self._counted, remembered)

    @property
    def design_set(self) -> Scenarios:
        """Return the scenarios that the projection sees, the added ones last."""
        return self._sets.design

    @property
    def verification_set(self) -> Scenarios:
        """Return the scenarios that decide, the added ones last."""
        return self._sets.verification

    @property
    def kind(self) -> str:
        """Return the kind of certificate: 'proved', 'guarded' or 'bounded'."""
        return self.task.kind

    @property
    def tests(self) -> int:
        """Return how many tests with fresh scenarios were made: none."""
        return 0

    @property
    def means(self) -> int:
        """Return how many of the first columns are means over scenarios."""
        return 4 if self.task.kind == 'guarded' else 2

    @property
    def coverage(self) -> str:
        """Return what is covered, as a sentence."""
        kept = ('the safe set is kept for all weights with the safety filter in the loop'
                if self.task.kind == 'guarded' else
                'the safe set is kept for all weights, and the safety filter never acts: the '
                'residual is bounded by what each state allows')
        kept = kept if self.task.proof is None else self.task.proof.coverage
        return (f'{kept}; sampled: {len(self.verification_set)} rollouts of '
                f'{self.task.horizon} steps')

    @property
    def proved_metrics(self) -> list[int]:
        """Return the columns of `verify` that are proved bounds."""
        return [] if self.task.proof is None else [self.fixed - 1]

    @property
    def fixed(self) -> int:
        """Return the number of metrics on the verification set."""
        return self.means + len(self.verification_set) + (self.task.proof is not None)

    def evaluate(self, thetas: Array) -> Array:
        """Return the design metrics (m, k)."""
        metrics, proof = self._metrics(thetas, self.design_set), self.task.proof
        metrics[:, :self.means] += self._shift
        return metrics if proof is None else np.hstack([metrics, proof.smooth_maxima(thetas)])

    def verify(self, thetas: Array) -> Array:
        """Return the verification metrics (m, k_v)."""
        metrics, proof = self._metrics(thetas, self.verification_set), self.task.proof
        metrics[:, :self.means] -= self._allowance
        return metrics if proof is None else np.column_stack([metrics, proof.largest(thetas)])

    def remember(self, theta: Array, failed: Integers | list[int], present: Array) -> None:
        """
        Learn from failed columns of `verify`.

        Scenarios of the return metric join the design set; where a mean failed, the design means
        take the values that were verified of the present policy.

        :param theta: (d,), the candidate that failed. :param present: (d,), the policy in force.
        """
        rows = [int(column) - self.means for column in failed
                if self.scenario(int(column)) is not None]
        self._sets.remember(rows, _REMEMBERED)
        if any(column < self.means for column in failed):
            self.calibrate(present)

    def calibrate(self, theta: Array) -> None:
        """Give the design means of a policy (d,) their verified values."""
        verified = self._metrics(theta[None], self.verification_set)[0, :self.means]
        seen = self._metrics(theta[None], self.design_set)[0, :self.means]
        self._shift = verified - self._allowance - seen

    def tighten(self) -> None:
        """Ask for lower means: the controller's own scenarios measured higher ones."""
        tolerance = self.task.spec.metrics.baseline_cost_tolerance
        self._allowance = max(self._allowance - _TIGHTER, -tolerance)
        self._shift = self._shift + _TIGHTER

    def add_replay(self, scenario: Scenarios) -> None:
        """Add a collected rollout (a batch of one) to both sets, in place of the oldest."""
        self._sets.add_replay(scenario)

    def add_refusal(self, scenario: Scenarios) -> None:
        """Add a counterexample of the controller (a batch of one), in place of the oldest."""
        self._sets.add_refused(scenario)

    def scenario(self, column: int) -> Scenarios | None:
        """Return the batch of the one scenario of a column of `verify`, None where it has none."""
        row, count = column - self.means, len(self.verification_set)
        return self.verification_set.take([row]) if 0 <= row < count else None

    def explain(self, theta: Array, index: int) -> str:
        """Return a sentence about one verification metric."""
        scenario, metrics = self.scenario(index), self.task.spec.metrics
        if scenario is not None:
            return (f'from x0 = ({listed(scenario.x0[0], ".3f")}) the state has not returned '
                    'towards the origin after the rollout')
        if self.task.proof is not None and index in self.proved_metrics:
            return invariance_in_words(self.task.proof, theta)
        condition = _CONDITIONS[index // (self.means // 2)]
        if self.task.kind == 'guarded' and index % 2 == 0:
            return (f'{condition} the safety filter would move the inputs by more than '
                    f'{metrics.filter_action:.2%} of their range in the mean')
        return (f'{condition} the task cost would exceed '
                f'{1 + metrics.baseline_cost_tolerance:.2f} times that of the backup')

    def objection(self, theta: Array) -> str:
        """Return what speaks most against a policy (d,) on the verification set, '' if nothing."""
        g = FilteredEvaluation.verify(self, theta[None])[0]  # no fresh scenarios are spent
        if not np.all(np.isfinite(g)):
            return 'its metrics would not be finite'
        worst = int(np.argmax(g))
        return '' if g[worst] <= 0 else self.explain(theta, worst)

    def worst_trajectory(self, theta: Array) -> Array:
        """Return the defined states (T, n) of the design rollout that returns least."""
        returns = self._metrics(theta[None], self.design_set)[0, self.means:]
        self._shown = self.design_set.take([int(np.argmax(returns))])
        return self.shown_trajectory(theta)

    def shown_trajectory(self, theta: Array) -> Array:
        """Return the defined states (T, n) of a policy on the rollout shown last."""
        scenario = self._shown
        states, _ = self.task.simulator.trajectory(theta, scenario.x0, scenario.w)
        defined: Array = states[0][np.all(np.isfinite(states[0]), axis=1)]
        return defined

    def _rolled_out(self, thetas: Array, scenarios: Scenarios) -> FilteredSummary:
        """Return the summary of every policy (P, d) from every scenario."""
        return self.task.simulator.summarise(thetas, scenarios)

    def _counted(self, thetas: Array, scenarios: Scenarios) -> FilteredSummary:
        """Return the same, and count the rollouts."""
        self.rollouts += len(thetas) * len(scenarios)
        return self._rolled_out(thetas, scenarios)

    def _metrics(self, thetas: Array, scenarios: Scenarios) -> Array:
        """Return the plain metrics (P, k): means, then the return of every scenario."""
        task, metrics = self.task, self.task.spec.metrics
        summary = (self._policies.summarise(thetas[0], scenarios) if len(thetas) == 1 else
                   self._counted(thetas, scenarios))
        backup_cost = self._backup.summarise(task.initial_theta, scenarios).cost[0]
        means = []
        for members in (scenarios.nominal, ~scenarios.nominal):
            if task.kind == 'guarded':
                action = summary.action[:, members].mean(axis=1)
                means.append(action / metrics.filter_action - 1)
            backup = backup_cost[members].sum() + _COST_FLOOR
            cost = summary.cost[:, members].sum(axis=1)
            means.append(cost / backup - 1 - metrics.baseline_cost_tolerance)
        return np.column_stack([*means, self.returned(summary, scenarios)])

    def returned(self, summary: FilteredSummary, scenarios: Scenarios) -> Array:
        """Return the return metric (P, S) of every rollout."""
        distance = self.task.norm(summary.final) - self.allowed(scenarios.x0)
        return np.where(summary.left, np.maximum(distance, _LEFT), distance)

    def allowed(self, x0: Array) -> Array:
        """Return the largest |x_H|_P (S,) of rollouts from states (S, n)."""
        ratio = self.task.spec.metrics.return_ratio
        allowed: Array = ratio * self.task.norm(x0) + _OFFSETS * self.task.residue
        return allowed
