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
Publishing policies, and what the controller makes of them. No ROS.

The controller decides. After each refusal, revocation or restart the adapter goes on from the
policy that the robot runs. A policy that the controller refused by its own verification is never
proposed again, and the rollout with which it was refused joins the adapter's scenarios.
"""

from collections.abc import Sequence
from concurrent.futures import TimeoutError as WaitedTooLong

from scpo_ros.adapter.policy_chain import PolicyChain
from scpo_ros.adapter.report import AdaptationReport
from scpo_ros.adapter.requests import Avoid, Begin, LearnerRequest, Restore, Resume
from scpo_ros.arrays import digest
from scpo_ros.config.specification import difference
from scpo_ros.interface.acknowledgement import Acknowledgement
from scpo_ros.interface.policy_record import PolicyRecord
from scpo_ros.interface.refusal import RefusalKind
from scpo_ros.ledger.history import History
from scpo_ros.ledger.ledger import LedgerError
from scpo_ros.scpo import Certificate


_DISK_S = 2.0  # longest wait for the ledger before a policy is published
_LONGEST_REASON = 1000  # characters of a refusal that the ledger keeps


class Publication:
    """Numbers and publishes policies, and goes on from what the controller let through."""

    def __init__(self, history: History | None = None) -> None:
        """
        Begin without a chain, which needs the digest of the specification.

        :param history: where published policies and refusals are kept, if anywhere.
        """
        self.chain: PolicyChain | None = None
        self.halted = ''  # why the controller takes nothing at present
        self.reviving = False  # whether the last policy before a restart is being verified anew
        self._history, self._handled = history, 0  # refusals of the controller handled so far
        self._acknowledged: Acknowledgement | None = None  # the newest
        self._vetoed: set[str] = set()  # digests of what failed the controller's verification

    def begin(self, spec_digest: str) -> list[LearnerRequest]:
        """
        Make the chain, once, and return what the worker must be asked next, or nothing.

        Policies of the ledger that were certified for another specification are left out.
        """
        if self.chain is None:
            known = [] if self._history is None else list(self._history.accepted.values())
            self.chain = PolicyChain(spec_digest, records=known)
            if self._history is not None:
                self._history.leave_policies_to(self.chain.published)
            others = [record for record in known if record.spec_digest != spec_digest]
            if others:
                self.note_refusal('LEDGER', f'{len(others)} policies of the ledger are left out: '
                                  f'{difference(others[-1].spec_digest, spec_digest)}')
            self.reviving = self.chain.latest is not None
        latest = self.chain.latest
        return [Restore(latest.theta)] if self.reviving and latest is not None else []

    @property
    def begun(self) -> bool:
        """Return whether the specification is known, so that policies can be published."""
        return self.chain is not None

    @property
    def version(self) -> int:
        """Return the version published last, -1 before the first."""
        latest = None if self.chain is None else self.chain.latest
        return -1 if latest is None else latest.version

    @property
    def claim(self) -> str:
        """Return what the certificate of the newest policy covers."""
        latest = None if self.chain is None else self.chain.latest
        return '' if latest is None else latest.claim

    @property
    def base(self) -> PolicyRecord | None:
        """Return the record from which learning goes on, None before the first."""
        if self.chain is None or self.chain.latest is None:
            return None
        return self.chain[self.chain.base]

    def publish(self, report: AdaptationReport,
                restored: bool) -> tuple[Sequence[PolicyRecord], list[LearnerRequest]]:
        """
        Take in a report of the worker's.

        :param restored: whether it answers :class:`~scpo_ros.adapter.requests.Restore`.
        :returns: records to publish, and what the worker must be asked.
        """
        chain = self.chain
        if chain is None:
            return (), []  # its version cannot be known
        latest = chain.latest
        if restored and self.reviving and latest is not None:
            self.reviving = False
            return ((latest,), []) if report.changed else ((), [Begin()])
        identity = digest(report.theta)
        if not report.changed or (latest is not None and identity == chain[chain.base].digest):
            return (), []
        if self.halted:
            return (), []  # when the halt is lifted the worker goes on from what runs
        if self._overtaken(chain, report.certificate, identity):
            return (), []  # the worker is told already to go on from what runs
        if identity in self._vetoed:
            return (), [Restore(chain[chain.base].theta)]
        record = chain.append(report.theta, report.certificate)
        self._keep(record)
        return (record,), []

    @staticmethod
    def _overtaken(chain: PolicyChain, certificate: Certificate | None, identity: str) -> bool:
        """Return whether a step was made from a policy that was refused meanwhile."""
        if chain.latest is None or certificate is None:
            return False
        parent, base = certificate.parent_digest, chain[chain.base].digest
        return parent not in (base, identity) and chain.holds(parent)

    def _keep(self, record: PolicyRecord) -> None:
        """Have the ledger keep a policy; it is published also when the disk does not answer."""
        written = None if self._history is None else self._history.accept(record)
        try:
            if written is not None:
                written.result(_DISK_S)
        except (LedgerError, WaitedTooLong):
            pass  # diagnostics show it; the controller keeps what it accepts

    def note_tests(self, tests: int) -> None:
        """Have the ledger count the tests with fresh scenarios, besides the file of its own."""
        if self._history is not None and tests > self._history.tests:
            self._history.note('tested', tests=tests)

    def note_refusal(self, outcome: str, reason: str) -> None:
        """Have the ledger keep a refusal of the adapter's own."""
        if self._history is not None:
            self._history.note(
                'refused', version=-1, why=outcome, reason=reason[:_LONGEST_REASON])

    @property
    def in_step(self) -> bool:
        """Return whether the controller has let through or refused all that was published."""
        seen = self._acknowledged
        return self.version < 0 or (
            seen is not None and max(seen.ready, seen.refused) >= self.version)

    def acknowledge(self, seen: Acknowledgement) -> tuple[list[LearnerRequest], str]:
        """
        Take in what the controller says of itself.

        :returns: what the worker must be asked, and what happened in words or ''.
        """
        self._acknowledged = seen
        if not seen.model_valid:
            self.halted = f'the controller revoked certificates: {seen.model_reason}'
            return [], self.halted
        chain = self.chain
        if chain is None or chain.latest is None:
            self.halted = ''
            return [], ''
        if self.halted:
            return self._resume(chain, seen), ''
        if seen.refusals < self._handled:
            self._handled = 0  # the controller was started again, and counts anew
        if seen.refusals <= self._handled or seen.refused != chain.latest.version:
            return [], ''
        out_of_line = seen.refused_kind == RefusalKind.LINEAGE
        requests = (self._rebase if out_of_line else self._step_back)(chain, seen)
        if requests:
            self._handled = seen.refusals
        return requests, f'the controller refused policy {seen.refused}: {seen.refused_reason}'

    def _resume(self, chain: PolicyChain, seen: Acknowledgement) -> list[LearnerRequest]:
        """Go on from what the robot runs after a revocation."""
        if not chain.follow(seen):
            return []
        self.halted, self._handled, chain.base = '', seen.refusals, seen.ready
        return [Resume(chain[seen.ready].theta)]

    def _step_back(self, chain: PolicyChain, seen: Acknowledgement) -> list[LearnerRequest]:
        """Go on from what runs, with what the controller found against the refused policy."""
        if seen.ready not in chain:
            return []
        requests: list[LearnerRequest] = [Restore(chain[seen.ready].theta)]
        if seen.refused_kind == RefusalKind.VERIFICATION:
            self._vetoed.add(chain[seen.refused].digest)
            requests.insert(0, Avoid(seen.refused_x0, seen.refused_w))
        chain.base = seen.ready
        return requests

    def _rebase(self, chain: PolicyChain, seen: Acknowledgement) -> list[LearnerRequest]:
        """
        Publish what the worker holds as a child of what the robot runs, or start from that.

        The controller may be far ahead (its version is adopted) or far behind (it has lost its
        ledger): the next version comes after the newest that it knows, and not further above than
        it takes.
        """
        ours = chain.knows(seen)
        if not chain.follow(seen):
            return []
        chain.go_on_from(seen.ready)
        return [Begin()] if ours else [Restore(chain[seen.ready].theta)]

    def rollback_target(self, version: int) -> PolicyRecord | None:
        """
        Return the record to go back to, or None.

        :param version: -1 for the parent of the present one; else any, which the ledger may have
            to be read for.
        """
        chain = self.chain
        if self.halted or chain is None or chain.latest is None:
            return None
        if version < 0:
            return chain.before(chain.base)
        if version in chain:
            return chain[version]
        return None if self._history is None else self._history.find(version)
