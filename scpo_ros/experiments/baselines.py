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
The alternatives to SCPO, on the same problem and with the same gradient and rollouts.

Every method is given the same damped Gauss-Newton step and metric, the same n = 16 sampled
directions (step, its other dampings, gradient, last four steps, random) with n + 1 design
evaluations an update, a trust radius of 0.5 and the margin m_acc, where it has use for them. What
they do with it differs, and nothing but SCPO and the line search verifies. The defaults are those
that :mod:`.tune` chose, with the same effort for every method.

* `unconstrained`: takes the raw step, within the trust radius.
* `lagrangian`: primal-dual; minimises the model of L + lambda'g, lambda <- [lambda + rho (g +
  m)]_+ (Chow et al. 2018 and many others).
* `lb-sgd`: log barrier, L - eta sum log(-g_i) with the safe step length of LB-SGD (Usmanova et
  al., JMLR 2024): gamma = min_i alpha_i / (2 |slope_i'v| + sqrt(alpha_i M)) along the direction v.
* `szo-qq`: local quadratic inner approximations g_i + slope_i'b + 2 M |b|^2 <= 0 with a constant
  M (Guo, Jiang, Ferrari-Trecate 2023); takes the answer without a check.
* `line-search`: the raw step, halved until the rollouts are safe (design and verification).
* `scpo-unverified`: SCPO with adaptive L that takes every projected step without looking.
* `scpo-paper-plain`: plain gradient step, Euclidean projection over random directions onto
  gbar <= 0, one constraint of each kind, an L that is given and believed: no verification, no
  counterexamples, no margin. Of ours it has the metrics and the trust radius.
"""

from collections.abc import Mapping

import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.experiments.imitation_problem import (
    ACCEPT_MARGIN, CountedEvaluation, ImitationProblem, MethodProblem, PLAN_MARGIN)
from scpo_ros.experiments.sampled_model import (
    Baseline, DIRECTIONS, shortened, TRUST_RADIUS)
from scpo_ros.experiments.scpo_methods import aggregated, gradient_step, RADIUS
from scpo_ros.scpo import (
    difference_slopes, is_safe, LocalSafeRegion, ProjectionProblem, sample_points,
    SmoothnessConstants, solve_projection)

_HALVINGS = 16


class Unconstrained(Baseline):
    """theta <- theta + s."""

    def __init__(self, problem: MethodProblem, trust_radius: float = 0.03) -> None:
        """Start from the backup. :param trust_radius: longest step."""
        super().__init__(problem)
        self._radius = trust_radius

    def update(self) -> bool:
        """Take the raw step."""
        return self.moved(shortened(self._problem.raw_step(self.theta).step, self._radius))


class Lagrangian(Baseline):
    """Primal-dual descent."""

    def __init__(self, problem: MethodProblem, rate: float = 1000.0,
                 trust_radius: float = 0.1) -> None:
        """
        Start from the backup with lambda = 0.

        :param rate: rho of the multipliers. :param trust_radius: longest step.
        """
        super().__init__(problem)
        self._rate, self._radius = rate, trust_radius
        self._multipliers: Array | None = None

    def update(self) -> bool:
        """Update the multipliers, then minimise the model of the Lagrangian."""
        model = self.sampled()
        if self._multipliers is None or len(self._multipliers) != len(model.g):
            self._multipliers = np.zeros_like(model.g)
        self._multipliers = np.maximum(
            0, self._multipliers + self._rate * (model.g + PLAN_MARGIN))
        downhill: Array = model.linear - 0.5 * model.slope.T @ self._multipliers
        b = np.asarray(np.linalg.solve(model.gram, downhill), dtype=np.float64)
        return self.moved(model.basis @ shortened(b, self._radius))


class LogBarrier(Baseline):
    """LB-SGD."""

    def __init__(self, problem: MethodProblem, barrier: float = 1e-3,
                 constant: float = 1.0, decay: float = 0.98) -> None:
        """
        Start from the backup.

        :param barrier: eta at the start. :param constant: M. :param decay: of eta an update.
        """
        super().__init__(problem)
        self._barrier, self._constant, self._decay = barrier, constant, decay

    def update(self) -> bool:
        """Descend on the barrier function; outside its domain nothing is defined."""
        model = self.sampled()
        room = -ACCEPT_MARGIN - model.g
        if not np.all(room > 0):
            return False
        downhill: Array = model.linear - 0.5 * self._barrier * model.slope.T @ (1 / room)
        b = shortened(
            np.asarray(np.linalg.solve(model.gram, downhill), dtype=np.float64), TRUST_RADIUS)
        length = float(np.linalg.norm(b))
        if not length > 0:
            return False
        along = np.abs(model.slope @ b) / length
        safe = float(np.min(room / (2 * along + np.sqrt(room * self._constant))))
        self._barrier *= self._decay
        return self.moved(model.basis @ shortened(b, safe))


class SzoQq(Baseline):
    """Quadratic inner approximations with a constant that is guessed."""

    def __init__(self, problem: MethodProblem, constant: float = 10.0) -> None:
        """Start from the backup. :param constant: M; the quadratic term is 2 M |b|^2."""
        super().__init__(problem)
        self._constant = constant

    def update(self) -> bool:
        """Take the projected step unless the present policy is outside already."""
        model = self.sampled()
        region = LocalSafeRegion(
            model.g, model.slope, np.full(len(model.g), 4.0 * self._constant), RADIUS,
            TRUST_RADIUS, 0.0, np.full(len(model.g), -ACCEPT_MARGIN))
        b = solve_projection(ProjectionProblem(model.gram, model.linear, region)).b
        if not (np.all(np.isfinite(b)) and np.any(b)):
            return False
        return self.moved(model.basis @ b)


class LineSearch(Baseline):
    """The raw step, halved until the rollouts are safe."""

    def __init__(self, problem: MethodProblem, trust_radius: float = 0.0333333) -> None:
        """Start from the backup. :param trust_radius: longest step."""
        super().__init__(problem)
        self._radius = trust_radius

    def update(self) -> bool:
        """Take the longest of 17 lengths that is safe on both sets and lowers the loss."""
        step = shortened(self._problem.raw_step(self.theta).step, self._radius)
        steps = 0.5 ** np.arange(_HALVINGS + 1)[:, None] * step
        losses = self._problem.loss.losses(self.theta + steps)
        before = self._problem.loss(self.theta)
        design = self._evaluation.evaluate(self.theta + steps)
        for trial, g, loss in zip(steps, design, losses):
            if loss < before and is_safe(g, ACCEPT_MARGIN) and is_safe(
                    self._evaluation.verify((self.theta + trial)[None])[0], ACCEPT_MARGIN):
                return self.moved(trial)
        return False


class ScpoUnverified(Baseline):
    """SCPO without verification: every projected step is taken."""

    def __init__(self, problem: MethodProblem, initial: float = 100.0) -> None:
        """Start from the backup. :param initial: L of every constraint at the start."""
        super().__init__(problem)
        self._smoothness = SmoothnessConstants(np.zeros(0), initial, 2.0, 0.8, 1e-6, 1e5)
        self._last: tuple[LocalSafeRegion, Array] | None = None

    def update(self) -> bool:
        """Learn L from where the last step led, project, and go."""
        model = self.sampled()
        self._smoothness = self._smoothness.resized(len(model.g))
        if self._last is not None:
            region, b = self._last
            required = region.required_smoothness(b, model.g)
            self._smoothness = self._smoothness.raised(required).relaxed(required)
        # planning_target() leaves no room where a metric is above -m_acc; here it may stay.
        target = np.maximum(-PLAN_MARGIN, np.where(
            model.g < -ACCEPT_MARGIN, 0.5 * (model.g - ACCEPT_MARGIN), model.g + 1e-4))
        region = LocalSafeRegion(model.g, model.slope, self._smoothness.values, RADIUS,
                                 TRUST_RADIUS, 0.0, target)
        b = solve_projection(ProjectionProblem(model.gram, model.linear, region)).b
        if not (np.all(np.isfinite(b)) and np.any(b)):
            self._last = None
            return False
        self._last = (region, b)
        return self.moved(model.basis @ b)


class ScpoPaperPlain(Baseline):
    """The paper's projection with its L believed: nothing verifies what it leads to."""

    _evaluation: CountedEvaluation

    def __init__(self, problem: ImitationProblem, smoothness: float = 1.0,
                 step_size: float = 100.0) -> None:
        """
        Start from the backup.

        :param smoothness: L of every constraint. :param step_size: eta of s = -eta grad L.
        """
        super().__init__(problem)
        self._smoothness, self._step_size = smoothness, step_size

    def update(self) -> bool:
        """Project the gradient step onto the span of random directions, and go."""
        step, basis = gradient_step(
            self._problem, self.theta, self._step_size, DIRECTIONS, self._rng)
        values = aggregated(self._evaluation, sample_points(self.theta, basis, RADIUS))
        target = np.maximum(0.0, values[0] + 1e-4)  # from outside it goes on, if no further out
        region = LocalSafeRegion(
            values[0], difference_slopes(values, RADIUS),
            np.full(values.shape[1], self._smoothness), RADIUS, TRUST_RADIUS, 0.0, target)
        b = solve_projection(ProjectionProblem(
            np.eye(basis.shape[1]), basis.T @ step, region)).b
        if not (np.all(np.isfinite(b)) and np.any(b)):
            return False
        return self.moved(basis @ b)


BASELINES: Mapping[str, type[Baseline]] = {
    'unconstrained': Unconstrained, 'lagrangian': Lagrangian, 'lb-sgd': LogBarrier,
    'szo-qq': SzoQq, 'line-search': LineSearch, 'scpo-unverified': ScpoUnverified,
    'scpo-paper-plain': ScpoPaperPlain}
