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
The two functions that SCPO asks for: `evaluate` on the design set, `verify` on a larger one.

Both map weights (m, d) to metrics (m, k); a policy is safe where all are <= 0. A verified failure
that the projection could not see is remembered: its scenario joins the design set for good.
"""

import numpy as np
from scpo_ros.arrays import Array, Integers
from scpo_ros.proofs.invariance_proof import InvarianceProof
from scpo_ros.proofs.stability import ProvedStability
from scpo_ros.systems.scenario import design_scenarios, Scenarios, verification_scenarios
from scpo_ros.verification import explanation
from scpo_ros.verification.baseline_cost import BaselineCost
from scpo_ros.verification.metric_layout import block, Label, MetricKind, MetricLayout
from scpo_ros.verification.sampled_invariance import SampledInvariance
from scpo_ros.verification.scenario_sets import ScenarioSets
from scpo_ros.verification.task import ControlTask

_REMEMBERED = 16  # scenarios of one failure that join the design set
_ROLLOUTS = (MetricKind.CONSTRAINT, MetricKind.RETURN)


class SafetyEvaluation:
    """The certificate's metrics of a :class:`~scpo_ros.verification.task.ControlTask`."""

    def __init__(self, task: ControlTask, seed: int | None = None, replays: int = 16) -> None:
        """
        Draw the scenario sets.

        :param seed: of the sets; None for the one in the specification. The controller uses
            another one than the adapter.
        :param replays: how many collected rollouts are kept in the design set.
        """
        metrics = task.spec.metrics
        seed = metrics.seed if seed is None else seed
        make = (task.system, task.safe_set)
        self.task = task
        self._sets = ScenarioSets(
            design_scenarios(*make, metrics.design_states, task.horizon, seed),
            verification_scenarios(*make, metrics.verification_states, task.horizon, seed),
            replays)
        self._cost, self._shown = BaselineCost(task), self.design_set.take([0])
        self.invariance: InvarianceProof = (
            task.invariance_proof if task.kind == 'proved' else SampledInvariance(
                task.policy, task.bounds, task.safe_set, metrics.invariance_states, seed))
        self.stability: ProvedStability | None = task.stability_proof

    @property
    def design_set(self) -> Scenarios:
        """Return the scenarios that the projection sees, the added ones last."""
        return self._sets.design

    @property
    def verification_set(self) -> Scenarios:
        """Return the scenarios that decide, the added ones last."""
        return self._sets.verification

    @property
    def coverage(self) -> str:
        """Return what the verification covers, as a sentence."""
        stable = '' if self.stability is None else f'{self.stability.coverage}; '
        return (f'{self.invariance.coverage}, under the worst |w| <= '
                f'{self.task.system.disturbance.max():.4g}; {stable}sampled: '
                f'{len(self.verification_set)} rollouts of '
                f'{self.task.horizon} steps')

    @property
    def kind(self) -> str:
        """Return 'proved' or 'sampled': how it is known that the safe set is kept."""
        return self.invariance.kind

    @property
    def tests(self) -> int:
        """Return how many tests with fresh scenarios were made: none, see SampledEvaluation."""
        return 0

    @property
    def proved_metrics(self) -> list[int]:
        """Return the columns of `verify` that are proved bounds: invariance, stability."""
        proved = [MetricKind.INVARIANCE] if self.kind == 'proved' else []
        return self.verification_layout.columns(*proved, MetricKind.STABILITY)

    @property
    def size(self) -> int:
        """Return the number of verification rollouts, and of states or cells."""
        return len(self.verification_set) + self.invariance.size

    @property
    def verification_layout(self) -> MetricLayout:
        """Return which column of `verify` is which metric."""
        return self._layout(1, len(self.verification_set), 0 if self.stability is None else 1)

    def design_layout(self, theta: Array) -> MetricLayout:
        """
        Return which column of `evaluate` is which metric.

        :param theta: any policy (1, d): the groups of states are counted with it.
        """
        stability = 0 if self.stability is None else self.stability.smooth_maxima(theta).shape[1]
        return self._layout(
            self.invariance.smooth_maxima(theta).shape[1], len(self.design_set), stability)

    def _layout(self, states: int, scenarios: int, stability: int) -> MetricLayout:
        return (block(states, MetricKind.INVARIANCE) + self.task.metric.layout(scenarios)
                + block(stability, MetricKind.STABILITY))

    def evaluate(self, thetas: Array) -> Array:
        """Return the smooth design metrics (m, k), see :meth:`design_layout`."""
        rollouts = self._of_rollouts(thetas, self.design_set, self._cost.shift, smooth=True)
        parts = [self.invariance.smooth_maxima(thetas), rollouts]
        if self.stability is not None:
            parts.append(self.stability.smooth_maxima(thetas))
        return np.hstack(parts)

    def verify(self, thetas: Array) -> Array:
        """Return the plain metrics (m, k_v), see :attr:`verification_layout`."""
        rollouts = self._of_rollouts(
            thetas, self.verification_set, -self._cost.allowance, smooth=False)
        parts = [self.invariance.largest(thetas)[:, None], rollouts]
        if self.stability is not None:
            parts.append(self.stability.largest(thetas)[:, None])
        return np.hstack(parts)

    def _of_rollouts(self, thetas: Array, scenarios: Scenarios, added: Array | float,
                     smooth: bool) -> Array:
        """Return the rollouts' metrics with something added to those of baseline cost."""
        metric = self.task.metric
        values = metric(thetas, scenarios, self._cost.of_backup(scenarios), smooth)
        values[:, metric.layout(len(scenarios)).slice_of(MetricKind.BASELINE_COST)] += added
        return values

    def remember(self, theta: Array, failed: list[int] | Integers, present: Array) -> None:
        """
        Add the scenarios behind failed verification metrics to the design set.

        A baseline-cost metric is one mean over all scenarios and cannot be added: it is calibrated
        instead, so that the design value at the present policy is the verified one.

        :param theta: (d,), the candidate that failed. :param failed: columns of `verify`.
        :param present: (d,), the present policy.
        """
        labels = [self.label(int(column)) for column in failed]
        kinds = {label.kind for label in labels}
        if MetricKind.BASELINE_COST in kinds:
            self.calibrate(present)
        if MetricKind.INVARIANCE in kinds:
            self.invariance.remember(theta)
        rows = sorted({label.number for label in labels if label.kind in _ROLLOUTS})
        self._sets.remember(rows, _REMEMBERED)

    def add_replay(self, scenario: Scenarios) -> None:
        """Add a collected rollout (a batch of one) to both sets, in place of the oldest."""
        self._sets.add_replay(scenario)

    def add_refusal(self, scenario: Scenarios) -> None:
        """Add a counterexample of the controller (a batch of one), in place of the oldest."""
        self._sets.add_refused(scenario)

    def tighten(self) -> None:
        """Ask for a lower cost: the controller's own scenarios measured a higher one."""
        self._cost.tighten()

    def calibrate(self, theta: Array) -> None:
        """Give the design metrics of baseline cost, of a policy (d,), their verified values."""
        self._cost.calibrate(theta, self._sets)

    def label(self, column: int) -> Label:
        """Return what a column of `verify` measures."""
        return self.verification_layout.label(column)

    def scenario(self, label: Label) -> Scenarios | None:
        """Return the batch of the one scenario of a verification metric, None if it has none."""
        return self.verification_set.take([label.number]) if label.kind in _ROLLOUTS else None

    def explain(self, theta: Array, index: int) -> str:
        """Return a sentence about one verification metric of a policy: where, when, how much."""
        label = self.label(index)
        scenario = self.scenario(label)
        if label.kind is MetricKind.INVARIANCE:
            return explanation.invariance_in_words(self.invariance, theta)
        if label.kind is MetricKind.BASELINE_COST:
            return explanation.cost_in_words(self.task, label.number)
        if scenario is not None and label.kind is MetricKind.RETURN:
            return explanation.return_in_words(scenario)
        if scenario is not None:
            return explanation.constraint_in_words(self.task, theta, scenario)
        if self.stability is not None and label.kind is MetricKind.STABILITY:
            return explanation.stability_in_words(self.stability, theta)
        return f'{label.name} is above its limit'

    def objection(self, theta: Array) -> str:
        """Return what speaks most against a policy (d,) on the verification set, '' if nothing."""
        g = self.verify(theta[None])[0]
        if not np.all(np.isfinite(g)):
            return 'its metrics would not be finite'
        worst = int(np.argmax(g))
        return '' if g[worst] <= 0 else self.explain(theta, worst)

    def worst_trajectory(self, theta: Array) -> Array:
        """Return the defined states (T, n) of the design rollout with the largest violation."""
        summary = self.task.simulator.summarise(theta[None], self.design_set)
        self._shown = self.design_set.take([int(np.argmax(summary.violation[0]))])
        return self.shown_trajectory(theta)

    def shown_trajectory(self, theta: Array) -> Array:
        """Return the defined states (T, n) of a policy on the rollout shown last."""
        scenario = self._shown
        states, _ = self.task.simulator.trajectory(theta, scenario.x0, scenario.w)
        defined: Array = states[0][np.all(np.isfinite(states[0]), axis=1)]
        return defined
