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
SCPO on the imitation problem: the default, and the paper's own projection.

A method has the present policy `theta` (d,), the rollouts it has used, and `update()`, which
returns whether theta was replaced by a new one.

* `scpo`: the learner of the ROS adapter, unchanged: damped Gauss-Newton step, projected in its own
  metric over chosen directions, with a barrier that fades, adaptive L, verification with
  counterexamples fed back.
* `scpo-paper`: the paper's own projection: plain gradient step, Euclidean projection onto the span
  of random perturbations, a smoothness constant L that is given and stays, the same for all
  constraints. The paper assumes L to be known; here it is tuned, and what would be unsafe because
  the guess is too low is not taken: verification, trust radius and counterexamples are as above,
  which is more than the paper has.
* `scpo-paper-adaptive`: the same with our adaptive L; in earlier tables it was `scpo-paper`.
* `scpo-paper-aggregated`: `scpo-paper` with one smooth maximum over all states, and one over all
  scenarios, in place of a constraint for each sector and scenario, which are our addition too: the
  fewest constraints that the problem can be written with.
"""

import numpy as np
from scpo_ros.adapter.adaptation import Adaptation
from scpo_ros.arrays import Array
from scpo_ros.config import AdapterConfig
from scpo_ros.config.validation import build
from scpo_ros.experiments.imitation_problem import (
    ACCEPT_MARGIN, CountedEvaluation, DAMPING, ImitationProblem, MethodProblem,
    PLAN_MARGIN, STATES)
from scpo_ros.proofs.invariance import SHARPNESS
from scpo_ros.scpo import orthonormal_basis, required_scenarios, SampledBound, ScpoUpdater
from scpo_ros.simulation.rollout import soft_maximum
from scpo_ros.verification.evaluation import SafetyEvaluation
from scpo_ros.verification.metric_layout import CONDITIONS
from scpo_ros.verification.sampled_verification import SampledEvaluation

RADIUS = 1e-4  # r, length of a perturbation: rollouts are deterministic, and L r is its price


class CountedSampledEvaluation(SampledEvaluation, CountedEvaluation):
    """Fresh scenarios for every candidate; these are counted too."""

    def verify(self, thetas: Array) -> Array:
        """Return the metrics of the fixed sets and of the fresh scenarios."""
        before = self.bound
        metrics = super().verify(thetas)
        self.rollouts += sum(required_scenarios(before.p, before.beta, j + 1)
                             for j in range(before.tests, self.bound.tests))
        return metrics


class Scpo:
    """The adapter's learner with all demonstrations at once."""

    def __init__(self, problem: ImitationProblem, bound: SampledBound | None = None,
                 **settings: float) -> None:
        """
        Certify theta_0.

        :param bound: a SampledBound, to verify every candidate on fresh scenarios as well; then
            runs no longer repeat exactly.
        :param settings: of AdapterConfig, for tuning.
        """
        self._evaluation = (problem.evaluation() if bound is None
                            else CountedSampledEvaluation(problem.task, bound=bound))
        config = build(AdapterConfig, {
            'seed': problem.seed, 'demonstrations': STATES, 'damping': DAMPING, 'radius': RADIUS,
            'accept_margin': ACCEPT_MARGIN, 'plan_margin': PLAN_MARGIN, **settings})
        self._adaptation = Adaptation(problem.spec, config, task=problem.task,
                                      evaluation=self._evaluation)
        self._adaptation.demonstrations.add(problem.states, problem.actions)
        self._adaptation.begin()

    @property
    def theta(self) -> Array:
        """Return the present policy (d,)."""
        return self._adaptation.updater.theta

    @property
    def rollouts(self) -> int:
        """Return the closed-loop rollouts so far."""
        return self._evaluation.rollouts

    @property
    def kind(self) -> str:
        """Return the kind of the certificates: 'proved' or 'sampled'."""
        return self._evaluation.kind

    def update(self) -> bool:
        """Make one update; return whether a new policy was accepted."""
        return self._adaptation.update().outcome == 'ACCEPTED'


class ScpoPaperAdaptive:
    """
    Plain gradient, Euclidean projection, random directions, adaptive L.

    Over the span of a random orthonormal Q, ||Q b - s||^2 = ||Q b - Q Q's||^2 + constant: the
    projection of s is that of Q Q's, and Q Q's lies in the span.
    """

    def __init__(self, problem: MethodProblem, step_size: float = 900.0,
                 **settings: float) -> None:
        """
        Certify theta_0.

        :param step_size: eta of s = -eta grad L. :param settings: of ScpoUpdater.
        """
        self._problem, self._step_size = problem, step_size
        self._rng = np.random.default_rng([problem.seed, 8])
        self._evaluation = problem.evaluation()
        self._updater = ScpoUpdater(
            self._design, problem.initial_theta, self._evaluation.verify,
            rng=np.random.default_rng([problem.seed, 7]), coverage=self._evaluation.coverage,
            kind=self._evaluation.kind, radius=RADIUS, accept_margin=ACCEPT_MARGIN,
            plan_margin=PLAN_MARGIN, history=0, **settings)
        self._updater.reverify()

    @property
    def theta(self) -> Array:
        """Return the present policy (d,)."""
        return self._updater.theta

    @property
    def rollouts(self) -> int:
        """Return the closed-loop rollouts so far."""
        return self._evaluation.rollouts

    def _design(self, thetas: Array) -> Array:
        """Return the metrics (m, k) that the projection sees."""
        return self._evaluation.evaluate(thetas)

    def proposed(self) -> tuple[Array, Array]:
        """Return Q Q's (d,) and Q (d, n)."""
        step, basis = gradient_step(self._problem, self.theta, self._step_size,
                                    self._updater.settings.directions, self._rng)
        return basis @ (basis.T @ step), basis

    def update(self) -> bool:
        """Make one update; return whether a new policy was accepted."""
        step, directions = self.proposed()
        result = self._updater.update(step, directions=directions)
        if len(result.counterexamples) and result.candidate is not None:
            self._evaluation.remember(result.candidate, result.counterexamples, self.theta)
            self._updater.reverify()
        return result.accepted


class ScpoPaper(ScpoPaperAdaptive):
    """The paper's projection with the L that it takes as given."""

    def __init__(self, problem: MethodProblem, smoothness: float = 1.0,
                 step_size: float = 30.0) -> None:
        """
        Certify theta_0.

        :param smoothness: L of every constraint. :param step_size: eta of s = -eta grad L.
        """
        super().__init__(problem, step_size, smoothness_floor=smoothness,
                         initial_smoothness=smoothness, smoothness_cap=smoothness)


class ScpoPaperAggregated(ScpoPaper):
    """The paper's projection with one constraint of each kind."""

    _evaluation: CountedEvaluation

    def __init__(self, problem: ImitationProblem, smoothness: float = 1.0,
                 step_size: float = 300.0) -> None:
        """Certify theta_0; parameters as those of :class:`ScpoPaper`."""
        super().__init__(problem, smoothness, step_size)

    def _design(self, thetas: Array) -> Array:
        """Return the aggregated metrics (m, 4)."""
        return aggregated(self._evaluation, thetas)


def gradient_step(problem: MethodProblem, theta: Array, step_size: float, count: int,
                  rng: np.random.Generator) -> tuple[Array, Array]:
    """Return s = -eta grad L (d,) and an orthonormal basis (d, n) of random directions."""
    step = -step_size * problem.loss.gradient(theta)
    random = rng.standard_normal((count, step.size))
    return step, orthonormal_basis(list(random), count, rng)


def aggregated(evaluation: SafetyEvaluation, thetas: Array) -> Array:
    """Return (m, 4): invariance, baseline cost in operation and under stress, stability."""
    metrics = evaluation.evaluate(thetas)
    last = metrics.shape[1] - len(evaluation.design_set)
    first = last - len(CONDITIONS)
    return np.column_stack([
        soft_maximum(metrics[:, :first], SHARPNESS, 1), metrics[:, first:last],
        soft_maximum(metrics[:, last:], SHARPNESS, 1)])
