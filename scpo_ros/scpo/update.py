"""The SCPO update: sample, plan within the local safe region, verify, then accept or refuse."""

from dataclasses import replace

import numpy as np
from scpo_ros.arrays import checked
from scpo_ros.exceptions import ConfigurationError, InvalidArrayError
from scpo_ros.scpo.central_path import CentralPath, Merit
from scpo_ros.scpo.certificate import certificate_of
from scpo_ros.scpo.evaluation import SafetySets
from scpo_ros.scpo.outcome import Refusal, UpdateOutcome
from scpo_ros.scpo.perturbation import (
    checked_directions, difference_slopes, orthonormal_basis, sample_points)
from scpo_ros.scpo.plan import Plan
from scpo_ros.scpo.policy_history import PolicyHistory
from scpo_ros.scpo.projection import checked_metric
from scpo_ros.scpo.settings import ScpoSettings
from scpo_ros.scpo.smoothness import SmoothnessConstants
from scpo_ros.scpo.trust_region import TrustRegion
from scpo_ros.scpo.update_record import UpdateRecord


class ScpoUpdater:
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

    def __init__(self, evaluate, theta0, verify=None, *, rng, coverage='', **settings):
        s = self.settings = ScpoSettings.from_keywords(settings)
        if rng is None:
            raise ConfigurationError('rng', rng, 'must be a numpy Generator or a seed')
        self.coverage = coverage
        self._sets = SafetySets(evaluate, verify, s.accept_margin)
        self._rng = np.random.default_rng(rng)
        self._history = PolicyHistory(checked('theta0', theta0, (None,)), s.memory, s.history)
        if self.theta.size == 0:
            raise InvalidArrayError('theta0', self.theta.shape, 'must have at least one entry')
        self._path = CentralPath(s.centering, s.centering_decay, s.accept_margin)
        self._trust = TrustRegion(s.trust_radius, s.radius, s.trust_radius)
        self._smoothness = SmoothnessConstants(
            (), s.initial_smoothness, s.smoothness_growth, s.smoothness_decay,
            s.smoothness_floor, s.smoothness_cap)

    @property
    def theta(self):
        """Return the present policy (d,), read-only."""
        return self._history.present

    @property
    def accepted(self):
        """Return theta_0 and the policies accepted since, oldest first, the present one last."""
        return self._history.policies

    @property
    def trust_radius(self):
        """Return the present R, weight units."""
        return self._trust.radius

    @property
    def smoothness(self):
        """Return the present L (k,), read-only."""
        return self._smoothness.values

    def update(self, raw_step, metric=None, loss=None, directions=None):
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
            record.merit = Merit(loss, self.theta, self._path)
            return self._attempted(self._planned(step, metric, extra, record), record)
        except Refusal as refusal:
            return self._result(refusal.outcome, refusal.reason, record)

    def certify(self):
        """
        Return a certificate of the present policy by verifying it anew, None if it fails.

        There is no step: bound = g and the parent is the policy itself.
        """
        return self.reverify(fall_back=False).certificate

    def reverify(self, fall_back=True):
        """
        Verify the present policy anew; call it when scenarios were added.

        If it fails, the last accepted policy that is safe on the enlarged sets is taken, in the
        end theta_0. A policy with non-finite metrics fails; an evaluation that raises says
        nothing about any policy, and changes nothing.

        :param fall_back: False only reports, and leaves theta as it is.
        :returns: UNCHANGED or ROLLED_BACK with a certificate, or without one NO_SAFE_POLICY (with
            theta_0), EVALUATION_FAILED, VERIFICATION_FAILED_TO_RUN and, without falling back,
            UNSAFE_PARENT.
        """
        record = UpdateRecord()
        try:
            for back in range(len(self._history) if fall_back else 1):
                g, verified = self._examined(self._history.before(back), record)
                if self._sets.safe_on_design(g) and self._sets.safe_on_verification(verified):
                    return self._stood(back, g, verified, record)
        except Refusal as refusal:
            return self._result(refusal.outcome, refusal.reason, record)
        complaint = self._sets.complaint(g, verified)
        if not fall_back:
            return self._result(UpdateOutcome.UNSAFE_PARENT, complaint, record)
        self._history.restarted()
        return self._result(UpdateOutcome.NO_SAFE_POLICY, f'Of theta_0, {complaint}', record)

    def restore(self, theta):
        """
        Verify a policy from outside (a saved one) and make it the present one.

        :param theta: (d,).
        :returns: ACCEPTED with a certificate whose parent is the policy before; otherwise the
            kind of refusal, and nothing changed.
        :raises InvalidArrayError: if theta is malformed.
        """
        theta = checked('theta', theta, self.theta.shape)
        record = UpdateRecord(candidate=theta)
        try:
            g, verified = self._examined(theta, record)
            self._sets.require_safe(g, verified)
        except Refusal as refusal:
            return self._result(refusal.outcome, refusal.reason, record)
        return self._taken(theta, self._standing(theta, self.theta, g, verified), record)

    def recentre(self):
        """Begin the central path anew; for a learner that does so."""
        self._path.restart()

    # -- one update ------------------------------------------------------------------------

    def _planned(self, step, metric, extra, record):
        """Evaluate theta and its perturbations in one batch and return the plan."""
        s = self.settings
        if not np.any(step):
            raise Refusal(UpdateOutcome.ZERO_STEP, 'Every entry of the raw step is 0.')
        basis = orthonormal_basis([step, *extra, *self._history.steps], s.directions, self._rng)
        points = sample_points(self.theta, basis, s.radius, s.antithetic)
        record.rollouts += len(points)
        values = self._sets.design(points)
        record.g = values[0]
        if not self._sets.safe_on_design(record.g):
            raise Refusal(UpdateOutcome.UNSAFE_PARENT, self._sets.complaint(record.g))
        self._smoothness = self._smoothness.resized(len(record.g))
        slope = difference_slopes(values, s.radius, s.antithetic)
        return Plan.made(basis, step, metric, record.g, slope, s, record.merit.barrier)

    def _attempted(self, plan, record):
        """Plan, try and adapt until a candidate is accepted or the tries are used up."""
        radius = self._trust.radius
        for record.tries in range(1, self.settings.max_tries + 1):
            region = plan.region(self.smoothness, radius)
            answer = self._projected(plan, region)
            theta = record.candidate = plan.candidate(self.theta, answer)
            g, failure, verified = self._tried(theta, plan, record)
            required = region.required_smoothness(answer.b, g)
            if failure is None:
                return self._accept(theta, region, answer, g, verified, required, record)
            radius = self._adapted(radius, failure, answer, g, required)
        raise failure

    def _projected(self, plan, region):
        """Return the projection; where it leaves no step, L may be stale: it decays."""
        try:
            return plan.projected(region)
        except Refusal:
            self._smoothness = self._smoothness.relaxed(np.zeros(len(plan.g)))
            raise

    def _tried(self, theta, plan, record):
        """Return (g, failure or None, verification metrics); R halves if they cannot be had."""
        record.rollouts += 1
        try:
            g = self._sets.design(theta[None, :], len(plan.g))[0]
            failure = self._objection(theta, plan, g, record)
            verified = self._sets.verification(theta) if failure is None else np.empty(0)
        except Refusal:
            self._trust = self._trust.halved()
            raise
        if failure is None and not self._sets.safe_on_verification(verified):
            record.counterexamples |= set(self._sets.failures(verified))
            failure = Refusal(
                UpdateOutcome.VERIFICATION_FAILED, self._sets.complaint(g, verified))
        return g, failure, verified

    def _objection(self, theta, plan, g, record):
        """Return what speaks against a candidate before the costly verification, or None."""
        if not self._sets.safe_on_design(g):
            return Refusal(UpdateOutcome.UNSAFE_CANDIDATE, self._sets.complaint(g))
        return record.merit.objection(theta, plan.g, g)

    def _adapted(self, radius, failure, answer, g, required):
        """
        Learn from a failed try: raise the L that were exceeded, else shorten the step.

        :returns: the trust radius of the next try.
        :raises Refusal: the failure, when the next try would be the same again.
        """
        before = self.smoothness
        self._smoothness = self._smoothness.raised(required)
        grown = self.smoothness > before
        if (failure.outcome is UpdateOutcome.UNSAFE_CANDIDATE
                and np.any(grown[self._sets.failures(g)])):
            return radius
        self._trust = self._trust.halved()
        shorter = self._trust.below(float(np.linalg.norm(answer.b)))
        if shorter is None:
            raise failure
        return shorter

    def _accept(self, theta, region, answer, g, verified, required, record):
        """Make the candidate the present policy, with its certificate."""
        constants = np.maximum(region.smoothness, required)
        if not np.all(np.isfinite(constants)):
            raise Refusal(UpdateOutcome.EVALUATION_FAILED, 'No finite L covers the metrics.')
        bound = replace(region, smoothness=constants).bound(answer.b)
        certificate = self._certificate(
            theta, self.theta, g, verified, bound=np.maximum(bound, g), smoothness=constants,
            violation=answer.violation, duality_gap=answer.duality_gap)
        self._smoothness = self._smoothness.raised(required).relaxed(required)
        self._trust = self._trust.grown()
        self._path.advance()
        return self._taken(theta, certificate, record, theta - self.theta)

    # -- policies without a step -----------------------------------------------------------

    def _examined(self, theta, record):
        """Return (g, verification metrics) of one policy, and note what fails."""
        record.rollouts += 1
        g, verified = self._sets.examined(theta)
        record.counterexamples |= set(self._sets.failures(verified))
        return g, verified

    def _stood(self, back, g, verified, record):
        """Return the result of a re-verification that ended at accepted[-1 - back]."""
        self._history.rolled_back(back)
        record.g = g
        certificate = self._standing(self.theta, self.theta, g, verified)
        largest = f'the largest metric is {certificate.verification_max:.6g}.'
        outcome, now = (UpdateOutcome.UNCHANGED, 'Now') if back == 0 else (
            UpdateOutcome.ROLLED_BACK, f'{back} policies failed; now')
        return self._result(outcome, f'{now} {largest}', record, certificate)

    def _standing(self, theta, parent, g, verified):
        """Return the certificate of a policy that was verified without a step."""
        self._smoothness = self._smoothness.resized(len(g))
        return self._certificate(
            theta, parent, g, verified, bound=g, smoothness=self.smoothness, violation=0.0,
            duality_gap=0.0)

    def _certificate(self, theta, parent, g, verified, **step):
        return certificate_of(
            theta, parent, g, verified, kind=self.settings.kind, coverage=self.coverage,
            margin=self.settings.accept_margin, **step)

    def _taken(self, theta, certificate, record, step=None):
        """Make a verified policy the present one."""
        length = self._history.appended(theta, step)
        record.g = certificate.g
        reason = (f'{certificate.verification_size} metrics verified, the largest is '
                  f'{certificate.verification_max:.6g}.')
        return self._result(UpdateOutcome.ACCEPTED, reason, record, certificate, length)

    def _result(self, outcome, reason, record, certificate=None, step_norm=0.0):
        return record.result(outcome, reason, self.theta, certificate, step_norm)
