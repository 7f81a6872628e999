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

"""The SCPO update: sample, plan within the local safe region, verify, then accept or refuse."""

from dataclasses import replace

import numpy as np
from scpo_ros.arrays import Array, checked
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.scpo.central_path import CentralPath, LogBarrier, Loss, Merit
from scpo_ros.scpo.certificate import StepEvidence
from scpo_ros.scpo.checked_metrics import CheckedMetrics, MetricFunction
from scpo_ros.scpo.local_safe_region import LocalSafeRegion
from scpo_ros.scpo.outcome import Refusal, UpdateOutcome, UpdateResult
from scpo_ros.scpo.perturbation import (
    checked_directions, difference_slopes, Directions, orthonormal_basis, sample_points)
from scpo_ros.scpo.plan import Plan
from scpo_ros.scpo.projection import ProjectionAnswer
from scpo_ros.scpo.projection_problem import checked_metric, StepMetric
from scpo_ros.scpo.settings import ScpoSettings, Setting
from scpo_ros.scpo.trust_region import TrustRegion
from scpo_ros.scpo.update_record import UpdateRecord
from scpo_ros.scpo.verified_policy import VerifiedPolicy


class ScpoUpdater(VerifiedPolicy):
    """
    Improves a policy theta under constraints g(theta) <= 0 that can only be evaluated.

    Safe by induction: theta changes only to a candidate with g <= -m_acc on the design set and on
    the verification set; a refused update changes nothing. Certify theta_0 first.

    :param evaluate: callable, policies (m, d) -> design metrics (m, k); k may change between
        updates, new constraints at the end.
    :param theta0: the first policy (d,), by assumption safe.
    :param verify: callable, policies (m, d) -> metrics (m, k_v) on the verification set; without
        it the design set is the verification set.
    :param rng: numpy Generator, or a seed.
    :param coverage: what certificates say they cover; assign to the attribute when sets change.
    :param settings: fields of :class:`ScpoSettings`.
    :raises ConfigurationError: for unknown or bad settings, functions that cannot be called or a
        missing rng.
    :raises InvalidArrayError: if theta0 is not a finite vector.
    """

    def __init__(self, evaluate: MetricFunction, theta0: Array,
                 verify: MetricFunction | None = None, *, rng: np.random.Generator | int,
                 coverage: str = '', **settings: Setting) -> None:
        s = ScpoSettings.from_keywords(settings)
        if rng is None:
            raise ConfigurationError('rng', rng, 'must be a numpy Generator or a seed')
        super().__init__(CheckedMetrics(evaluate, verify, s.accept_margin), theta0, s, coverage)
        self._rng = np.random.default_rng(rng)
        self._path = CentralPath(s.centering, s.centering_decay, s.accept_margin)
        self._trust = TrustRegion(s.trust_radius, s.radius, s.trust_radius)

    @property
    def trust_radius(self) -> float:
        """Return the present R, weight units."""
        return self._trust.radius

    def update(self, raw_step: object, metric: StepMetric = None, loss: Loss | None = None,
               directions: Directions = None) -> UpdateResult:
        """
        Take as much of the raw step s as is verified to be safe.

            minimise ||Q b - s||_M^2   subject to   gbar(b) <= c,  ||b|| <= R

        is solved over the sampled subspace; theta + Q b is evaluated, verified and accepted, or
        planned anew with larger L or smaller R, and in the end refused.

        :param raw_step: s (d,), from any learner, not trusted.
        :param metric: M as an array (d, d), as a callable V (d, m) -> M V, or None for M = I.
        :param loss: callable theta (d,) -> float that an accepted step must lower, or None.
        :param directions: vectors worth sampling, an array (d, m) or a list of (d,), or None.
        :returns: :class:`UpdateResult`.
        :raises InvalidArrayError: if raw_step, metric or directions are malformed. Whatever goes
            wrong in a callable is a refusal.
        """
        size = self.theta.size
        step = checked('raw_step', raw_step, (size,))
        metric = checked_metric(metric, size)
        extra = checked_directions(directions, size)
        record = UpdateRecord()
        try:
            merit = record.merit = Merit(loss, self.theta, self._path)
            plan = self._planned(step, metric, extra, merit.barrier, record)
            return self._attempted(plan, merit, record)
        except Refusal as refusal:
            return self._result(refusal.outcome, refusal.reason, record)

    def recentre(self) -> None:
        """Begin the central path anew; for a learner that does so."""
        self._path.restart()

    def _planned(self, step: Array, metric: StepMetric, extra: list[Array],
                 barrier: LogBarrier | None, record: UpdateRecord) -> Plan:
        """Evaluate theta and its perturbations in one batch and return the plan."""
        s = self.settings
        if not np.any(step):
            raise Refusal(UpdateOutcome.ZERO_STEP, 'Every entry of the raw step is 0.')
        basis = orthonormal_basis([step, *extra, *self._history.steps], s.directions, self._rng)
        points = sample_points(self.theta, basis, s.radius, s.antithetic)
        record.rollouts += len(points)
        values = self._metrics.design_metrics(points)
        record.g = values[0]
        if not self._metrics.safe_on_design(record.g):
            raise Refusal(UpdateOutcome.UNSAFE_PARENT, self._metrics.reason(record.g))
        self._smoothness = self._smoothness.resized(len(record.g))
        slope = difference_slopes(values, s.radius, s.antithetic)
        return Plan.made(basis, step, metric, record.g, slope, s, barrier)

    def _attempted(self, plan: Plan, merit: Merit, record: UpdateRecord) -> UpdateResult:
        """Plan, try and adapt until a candidate is accepted or the tries are used up."""
        radius = self._trust.radius
        for record.tries in range(1, self.settings.max_tries + 1):
            region = plan.region(self.smoothness, radius)
            answer = self._projected(plan, region)
            theta = record.candidate = plan.candidate(self.theta, answer)
            g, failure, verified = self._tried(theta, plan, merit, record)
            required = region.required_smoothness(answer.b, g)
            if failure is None:
                return self._accept(theta, region, answer, g, verified, required, record)
            last = failure
            radius = self._adapted(radius, failure, answer, g, required)
        raise last

    def _projected(self, plan: Plan, region: LocalSafeRegion) -> ProjectionAnswer:
        """Return the projection; where it leaves no step, L may be stale: it decays."""
        try:
            return plan.projected(region)
        except Refusal:
            self._smoothness = self._smoothness.relaxed(np.zeros(len(plan.g)))
            raise

    def _tried(self, theta: Array, plan: Plan, merit: Merit,
               record: UpdateRecord) -> tuple[Array, Refusal | None, Array]:
        """Return (g, failure or None, verification metrics); R halves if they cannot be had."""
        record.rollouts += 1
        try:
            g = self._metrics.design_metrics(theta[None, :], len(plan.g))[0]
            failure = self._refusal(theta, plan, g, merit)
            verified = np.empty(0) if failure else self._metrics.verification_metrics(theta)
        except Refusal:
            self._trust = self._trust.halved()
            raise
        if failure is None and not self._metrics.safe_on_verification(verified):
            record.counterexamples |= set(self._metrics.failed(verified))
            failure = Refusal(
                UpdateOutcome.VERIFICATION_FAILED, self._metrics.reason(g, verified))
        return g, failure, verified

    def _refusal(self, theta: Array, plan: Plan, g: Array, merit: Merit) -> Refusal | None:
        """Return what speaks against a candidate before the costly verification, or None."""
        if not self._metrics.safe_on_design(g):
            return Refusal(UpdateOutcome.UNSAFE_CANDIDATE, self._metrics.reason(g))
        return merit.refusal(theta, plan.g, g)

    def _adapted(self, radius: float, failure: Refusal, answer: ProjectionAnswer, g: Array,
                 required: Array) -> float:
        """
        Learn from a failed try: raise the L that were exceeded, else shorten the step.

        :returns: the trust radius of the next try.
        :raises Refusal: the failure, when the next try would be the same again.
        """
        before = self.smoothness
        self._smoothness = self._smoothness.raised(required)
        grown = self.smoothness > before
        if (failure.outcome is UpdateOutcome.UNSAFE_CANDIDATE
                and np.any(grown[self._metrics.failed(g)])):
            return radius
        self._trust = self._trust.halved()
        shorter = self._trust.below(float(np.linalg.norm(answer.b)))
        if shorter is None:
            raise failure
        return shorter

    def _accept(self, theta: Array, region: LocalSafeRegion, answer: ProjectionAnswer, g: Array,
                verified: Array, required: Array, record: UpdateRecord) -> UpdateResult:
        """Make the candidate the present policy, with its certificate."""
        constants = np.maximum(region.smoothness, required)
        if not np.all(np.isfinite(constants)):
            raise Refusal(UpdateOutcome.EVALUATION_FAILED, 'No finite L covers the metrics.')
        bound = replace(region, smoothness=constants).bound(answer.b)
        step = StepEvidence(
            np.maximum(bound, g), constants, answer.violation, answer.duality_gap)
        certificate = self._certificate(theta, self.theta, g, verified, step)
        self._smoothness = self._smoothness.raised(required).relaxed(required)
        self._trust = self._trust.grown()
        self._path.advance()
        return self._taken(theta, certificate, record, theta - self.theta)
