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
Admission: the gate, its verifier in a process of its own, and the ledger, joined. No ROS.

A record passes the gate's checks, then the verifier's judgement, then is on the disk, then waits
for its swap: what runs is always in the ledger, so that no kill can lose it. A verification that
fails to run, or takes too long, and a ledger that cannot be written are refusals.
"""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
import time
from typing import NamedTuple

from scpo_ros.arrays import frozen
from scpo_ros.config import Specification
from scpo_ros.controller.allowance import Allowance
from scpo_ros.controller.judge_request import Judge, VerifierAnswer, VerifierWorker
from scpo_ros.controller.policy_gate import PolicyGate
from scpo_ros.controller.standing_entry import StandingEntry
from scpo_ros.interface.claim import Claim, claim_values
from scpo_ros.interface.policy_codec import identity_values, Value
from scpo_ros.interface.policy_record import PolicyRecord
from scpo_ros.interface.refusal import RefusalKind
from scpo_ros.ledger.history import History
from scpo_ros.ledger.policy_entry import record_values
from scpo_ros.process.requests import Start
from scpo_ros.process.stopping import stop_each
from scpo_ros.verification.counterexample import Counterexample


_ATTEMPTS = 3  # verifications of a policy that ran before, when the verifier itself fails
_FALLBACKS = 3  # newest policies of the ledger that are tried after a start
_PER_SECOND, _BURST = 10.0, 100.0  # refusals that are recorded one by one


class _Written(NamedTuple):
    """A safe policy on its way to the disk."""

    record: PolicyRecord
    outcome: 'Future[None]'
    deadline: float  # by the clock of the admission [s]
    claim: Claim | None


class Admission:
    """
    Leads a policy from its message to its swap: checks, verification, ledger. It never waits.

    Revocations go through it as well, so that each is in the ledger.
    """

    def __init__(self, gate: PolicyGate, worker: 'VerifierWorker | None', history: History,
                 timeout: float, arguments: tuple[Specification | float | str, ...] = (),
                 clock: Callable[[], float] = time.monotonic) -> None:
        """
        Go on from what the history accepted last.

        :param worker: serves `judge(theta)`; None lets every record through that has the right
            shape: for demonstrations of the danger.
        :param timeout: of a verification [s].
        :param arguments: for a worker that must be replaced. :param clock: () -> [s].
        """
        self.gate, self.history = gate, history
        self._worker, self._timeout, self._arguments = worker, timeout, arguments
        self._clock, self._allowance = clock, Allowance(_PER_SECOND, _BURST, clock)
        self._standing = StandingEntry(history, clock)
        self._judged: PolicyRecord | None = None  # under verification
        self._written: _Written | None = None
        self._failures = 0  # of the verifier, in a row
        newest = [r for r in reversed(history.accepted.values()) if r.version > 0]
        self._fallbacks = newest[:_FALLBACKS]
        if history.revoked:
            gate.revocation.resume(
                history.revoked, self._fallbacks.pop(0) if self._fallbacks else None)
        else:
            self._fall_back()

    def _fall_back(self) -> None:
        """Queue the newest policy of the ledger that has not failed."""
        while self._fallbacks and self.gate.head is None and self.gate.newest.version == 0:
            self.gate.restore(self._fallbacks.pop(0))

    @property
    def busy(self) -> bool:
        """Return whether a record is neither let through nor refused yet."""
        return self.gate.head is not None

    def submit(self, record: PolicyRecord) -> bool:
        """Take a record for verification, or refuse it; return whether it was taken."""
        if self._worker is None:
            self.gate.admit_unchecked(record)
            return False
        before = self.gate.refusals
        taken = self.gate.submit(record)
        if self.gate.refusals > before:
            self._note_refusal()
        self._ask(self._worker)
        return taken

    def refuse(self, version: int, kind: RefusalKind, reason: str) -> None:
        """Refuse a message that holds no record."""
        self.gate.refuse(version, kind, reason)
        self._note_refusal()

    def _note_refusal(self, record: PolicyRecord | None = None) -> None:
        """Have the ledger keep a refusal, and the weights that were verified, if any."""
        if not self._allowance.take():
            return  # the next entry counts it
        refused = self.gate.refused
        kept = None if record is None else record_values(replace(record, certificate=None))
        self.history.note(
            'refused', version=refused.version, why=refused.kind.value, reason=refused.reason,
            refusals=self.gate.refusals, unwritten=self._allowance.settle(), record=kept)

    def _ask(self, worker: VerifierWorker) -> None:
        """Have the head judged, if nothing is under way."""
        record = self.gate.head
        idle = self._judged is None and self._written is None
        if record is not None and idle and not worker.busy and worker.alive:
            worker.request(Judge(record.theta), timeout=self._timeout)
            self._judged = record

    def poll(self) -> None:
        """Take in what came back; call it often."""
        self._standing.retry()
        worker = self._worker
        if worker is None:
            return
        answer = worker.poll()
        if answer is not None:
            self._conclude(answer)
        if self._written is not None:
            self._admit(self._written)
        if worker.alive:
            self._ask(worker)
        elif worker.revive(lambda: self._arguments):
            self._judged = None

    def _conclude(self, answer: VerifierAnswer) -> None:
        if isinstance(answer.request, Start):
            if not answer.ok and self.busy:
                self._let_through(False, f'the verifier does not start: {answer.failure}',
                                  RefusalKind.UNVERIFIED)
            return
        record, self._judged = self._judged, None
        if record is None or record is not self.gate.head:
            return  # it was withdrawn meanwhile
        claim = getattr(answer.value, 'claim', None)
        if answer.ok and getattr(answer.value, 'safe', None) is True and self.gate.believes(claim):
            self._write(record, claim)
            return
        self._failures += not answer.ok
        if not answer.ok and record is self.gate.revocation.suspended and (
                self._failures < _ATTEMPTS):
            return  # it ran before: try again
        judged = answer.ok and getattr(answer.value, 'safe', None) is False
        kind = RefusalKind.VERIFICATION if judged else RefusalKind.UNVERIFIED
        reason = answer.failure or getattr(answer.value, 'reason', '')
        self._let_through(False, reason or 'the verification gave no verdict', kind,
                          counterexample=getattr(answer.value, 'counterexample', None))

    def _write(self, record: PolicyRecord, claim: Claim) -> None:
        """Have the ledger keep a policy that is safe; only then it may run."""
        written = self.history.accept(record, claim)
        if written is None:
            self._let_through(True, '', claim=claim)
        else:
            self._written = _Written(record, written, self._clock() + self._timeout, claim)

    def _admit(self, written: _Written) -> None:
        done = written.outcome.done()
        if not done and self._clock() < written.deadline:
            return
        self._written = None
        if written.record is self.gate.head:
            error = written.outcome.exception() if done else 'the disk does not answer in time'
            self._let_through(error is None, str(error or ''), RefusalKind.LEDGER,
                              claim=written.claim)

    def _let_through(self, safe: bool, reason: str, kind: RefusalKind = RefusalKind.VERIFICATION,
                     counterexample: Counterexample | None = None,
                     claim: Claim | None = None) -> None:
        record, self._failures, before = self.gate.head, 0, self.gate.refusals
        self.gate.verdict(safe, reason, kind, counterexample, claim)
        if self.gate.refusals > before:
            kept = kind in (RefusalKind.VERIFICATION, RefusalKind.UNVERIFIED)
            self._note_refusal(record if kept else None)
            self._fall_back()
        else:
            self._fallbacks = []
        revocation = self.gate.revocation
        if revocation.stands and record is revocation.suspended:
            self._reinstate()

    def revoke(self, now: float, reason: str) -> None:
        """Run the backup from now on; whatever is under way is withdrawn."""
        if not self.gate.revocation.stands:
            self._standing.note('revoked', reason=reason)
        self._fallbacks, self._judged, self._written = [], None, None
        self.gate.revoke(now, reason)

    def explain(self, reason: str) -> None:
        """Give a revocation the reason that is known by now."""
        self.gate.revocation.explain(reason)
        self._standing.note('revoked', reason=reason)

    def recall(self) -> None:
        """Have the suspended policy verified anew, after which certification goes on."""
        revocation = self.gate.revocation
        if not revocation.stands or self.gate.head is not None:
            return
        if revocation.suspended is None or not self.gate.restore(revocation.suspended):
            self._reinstate()

    def _reinstate(self) -> None:
        self.gate.revocation.end()
        self._standing.note('reinstated')

    def swap(self, now: float, in_safe_set: bool) -> PolicyRecord | None:
        """Return the record that runs from now on, or None."""
        record = self.gate.swap(now, in_safe_set)
        if record is not None:
            self.history.note('running', version=record.version, digest=record.digest)
        return record

    def announcement(self) -> dict[str, Value]:
        """Return what the adapter must know, {name: value} of an active_policy message."""
        gate, found = self.gate, self.gate.refused.counterexample
        none = frozen(())
        return {**identity_values(gate.running),
                'ready.version': gate.newest.version, 'refused.version': gate.refused.version,
                'refused.kind': gate.refused.kind.value,
                'refused.reason': gate.refused.reason,
                'refused.count': gate.refusals,
                'refused.x0': none if found is None else found.x0,
                'refused.w': none if found is None else found.w.ravel(),
                'model.valid': int(not gate.revoked), 'model.reason': gate.revoked,
                **claim_values(gate.claim)}

    def stop(self) -> None:
        """End the verifier and close the ledger, each whatever becomes of the other."""
        unwritten = self._allowance.settle()
        if unwritten:
            self.history.note('unwritten', refusals=self.gate.refusals, unwritten=unwritten)
        stop_each(*([] if self._worker is None else [self._worker.stop]), self.history.stop)
