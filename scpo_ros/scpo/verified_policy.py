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

"""The policy that is kept, and how it changes: only to one that was verified."""

from scpo_ros.arrays import Array, checked, frozen
from scpo_ros.exceptions import InvalidArrayError
from scpo_ros.scpo.certificate import Certificate, certificate_of, StepEvidence
from scpo_ros.scpo.checked_metrics import CheckedMetrics
from scpo_ros.scpo.outcome import Refusal, UpdateOutcome, UpdateResult
from scpo_ros.scpo.policy_history import PolicyHistory
from scpo_ros.scpo.settings import ScpoSettings
from scpo_ros.scpo.smoothness import SmoothnessConstants
from scpo_ros.scpo.update_record import UpdateRecord


class VerifiedPolicy:
    """
    The present policy theta, its predecessors, and what was established for them.

    theta changes only to a policy with g <= -m_acc on the design set and on the verification set.
    """

    def __init__(self, metrics: CheckedMetrics, theta0: Array, settings: ScpoSettings,
                 coverage: str) -> None:
        """
        Start with theta_0.

        :param metrics: :class:`CheckedMetrics`. :param theta0: the first policy (d,).
        :param settings: :class:`ScpoSettings`. :param coverage: what certificates say they cover.
        :raises InvalidArrayError: if theta0 is not a finite vector.
        """
        s = self.settings = settings
        self.coverage, self._metrics = coverage, metrics
        self._history = PolicyHistory(checked('theta0', theta0, (None,)), s.memory, s.history)
        if self.theta.size == 0:
            raise InvalidArrayError('theta0', self.theta.shape, 'must have at least one entry')
        self._smoothness = SmoothnessConstants(
            frozen(()), s.initial_smoothness, s.smoothness_growth, s.smoothness_decay,
            s.smoothness_floor, s.smoothness_cap)

    @property
    def theta(self) -> Array:
        """Return the present policy (d,), read-only."""
        return self._history.present

    @property
    def accepted(self) -> tuple[Array, ...]:
        """Return theta_0 and the policies accepted since, oldest first, the present one last."""
        return self._history.policies

    @property
    def smoothness(self) -> Array:
        """Return the present L (k,), read-only."""
        return self._smoothness.values

    def certify(self) -> Certificate | None:
        """
        Return a certificate of the present policy by verifying it anew, None if it fails.

        There is no step: bound = g and the parent is the policy itself.
        """
        return self.reverify(fall_back=False).certificate

    def reverify(self, fall_back: bool = True) -> UpdateResult:
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
                if self._metrics.safe(g, verified):
                    return self._stood(back, g, verified, record)
        except Refusal as refusal:
            return self._result(refusal.outcome, refusal.reason, record)
        reason = self._metrics.reason(g, verified)
        if not fall_back:
            return self._result(UpdateOutcome.UNSAFE_PARENT, reason, record)
        self._history.restarted()
        return self._result(UpdateOutcome.NO_SAFE_POLICY, f'Of theta_0, {reason}', record)

    def restore(self, theta: Array) -> UpdateResult:
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
            self._metrics.require_safe(g, verified)
        except Refusal as refusal:
            return self._result(refusal.outcome, refusal.reason, record)
        return self._taken(theta, self._standing(theta, self.theta, g, verified), record)

    def _examined(self, theta: Array, record: UpdateRecord) -> tuple[Array, Array]:
        """Return (g, verification metrics) of one policy, and note what fails."""
        record.rollouts += 1
        g, verified = self._metrics.both(theta)
        record.counterexamples |= set(self._metrics.failed(verified))
        return g, verified

    def _stood(self, back: int, g: Array, verified: Array, record: UpdateRecord) -> UpdateResult:
        """Return the result of a re-verification that ended at accepted[-1 - back]."""
        self._history.rolled_back(back)
        record.g = g
        certificate = self._standing(self.theta, self.theta, g, verified)
        largest = f'the largest metric is {certificate.verification_max:.6g}.'
        outcome, now = (UpdateOutcome.UNCHANGED, 'Now') if back == 0 else (
            UpdateOutcome.ROLLED_BACK, f'{back} policies failed; now')
        return self._result(outcome, f'{now} {largest}', record, certificate)

    def _standing(self, theta: Array, parent: Array, g: Array, verified: Array) -> Certificate:
        """Return the certificate of a policy that was verified without a step."""
        self._smoothness = self._smoothness.resized(len(g))
        step = StepEvidence(bound=g, smoothness=self.smoothness)
        return self._certificate(theta, parent, g, verified, step)

    def _certificate(self, theta: Array, parent: Array, g: Array, verified: Array,
                     step: StepEvidence) -> Certificate:
        """Return the certificate of a policy (d,) that was verified."""
        return certificate_of(theta, parent, g, verified, step, self.settings.kind,
                              self.coverage, self.settings.accept_margin)

    def _taken(self, theta: Array, certificate: Certificate, record: UpdateRecord,
               step: Array | None = None) -> UpdateResult:
        """Make a verified policy the present one."""
        length = self._history.appended(theta, step)
        record.g = certificate.g
        reason = (f'{certificate.verification_size} metrics verified, the largest is '
                  f'{certificate.verification_max:.6g}.')
        return self._result(UpdateOutcome.ACCEPTED, reason, record, certificate, length)

    def _result(self, outcome: UpdateOutcome, reason: str, record: UpdateRecord,
                certificate: Certificate | None = None, step_norm: float = 0.0) -> UpdateResult:
        return record.result(outcome, reason, self.theta, certificate, step_norm)
