"""
Admission: the gate, its verifier in a process of its own, and the ledger, joined. No ROS.

A record passes the gate's checks, then the verifier's judgement, then is on the disk, then waits
for its swap: what runs is always in the ledger, so that no kill can lose it. A verification that
fails to run, or takes too long, and a ledger that cannot be written are refusals.
"""

import time

import numpy as np
from scpo_ros.interface.claim import claim_values
from scpo_ros.interface.refusal import RefusalKind
from scpo_ros.ledger.history import record_values
from scpo_ros.process.stopping import stop_each


_ATTEMPTS = 3  # verifications of a policy that ran before, when the verifier itself fails
_FALLBACKS = 3  # newest policies of the ledger that are tried after a start
_PER_SECOND, _BURST = 10.0, 100.0  # refusals that are recorded one by one


class Admission:
    """Takes records, verdicts and revocations; never waits."""

    def __init__(self, gate, worker, history, timeout, arguments=(), clock=time.monotonic):
        """
        Go on from what the history accepted last.

        :param gate: PolicyGate. :param worker: Worker that serves `judge(theta)`; None lets every
            record through that has the right shape: for demonstrations of the danger.
        :param history: History. :param timeout: of a verification [s].
        :param arguments: for a worker that must be replaced. :param clock: () -> [s].
        """
        self.gate, self.history = gate, history
        self._worker, self._timeout, self._arguments = worker, timeout, arguments
        self._clock = clock
        self._credit, self._credited = _BURST, clock()
        self._judged, self._written, self._failures = None, None, 0
        newest = [r for r in reversed(history.accepted.values()) if r.version > 0]
        self._fallbacks = newest[:_FALLBACKS]
        if history.revoked:
            gate.suspended = self._fallbacks.pop(0) if self._fallbacks else None
            gate.revoke(-np.inf, history.revoked)
        else:
            self._fall_back()

    def _fall_back(self):
        """Queue the newest policy of the ledger that has not failed."""
        while self._fallbacks and self.gate.head is None and self.gate.newest.version == 0:
            self.gate.restore(self._fallbacks.pop(0))

    @property
    def busy(self):
        """Return whether a record is neither let through nor refused yet."""
        return self.gate.head is not None

    def submit(self, record):
        """Take a record for verification, or refuse it; return whether it was taken."""
        if self._worker is None:
            self.gate.admit_unchecked(record)
            return False
        before = self.gate.refusals
        taken = self.gate.submit(record)
        if self.gate.refusals > before:
            self._note_refusal()
        self._ask()
        return taken

    def refuse(self, version, kind, reason, record=None, counterexample=None):
        """Refuse what is not even a record, or one that is."""
        self.gate.refuse(version, kind, reason, counterexample)
        self._note_refusal(record)

    def _note_refusal(self, record=None):
        now = self._clock()
        self._credit = min(_BURST, self._credit + _PER_SECOND * (now - self._credited))
        self._credited = now
        if self._credit < 1 and record is None:
            return  # `refusals` of the next entry counts it
        self._credit -= 1
        refused = self.gate.refused
        self.history.note(
            'refused', version=refused.version, why=refused.kind.value, reason=refused.reason,
            refusals=self.gate.refusals, record=None if record is None else record_values(record))

    def _ask(self):
        """Have the head judged, if nothing is under way."""
        record = self.gate.head
        idle = self._judged is None and self._written is None
        if record is not None and idle and not self._worker.busy and self._worker.alive:
            self._worker.request('judge', record.theta, timeout=self._timeout)
            self._judged = record

    def poll(self):
        """Take in what came back; call it often."""
        if self._worker is None:
            return
        answer = self._worker.poll()
        if answer is not None:
            self._conclude(answer)
        if self._written is not None:
            self._admit()
        if self._worker.alive:
            self._ask()
        elif self._worker.revive(lambda: self._arguments):
            self._judged = None

    def _conclude(self, answer):
        if answer.method == 'start':
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
        if not answer.ok and record is self.gate.suspended and self._failures < _ATTEMPTS:
            return  # it ran before: try again
        judged = answer.ok and getattr(answer.value, 'safe', None) is False
        kind = RefusalKind.VERIFICATION if judged else RefusalKind.UNVERIFIED
        reason = answer.failure or getattr(answer.value, 'reason', '')
        self._let_through(False, reason or 'the verification gave no verdict', kind,
                          counterexample=getattr(answer.value, 'counterexample', None))

    def _write(self, record, claim):
        """Have the ledger keep a policy that is safe; only then it may run."""
        written = self.history.accept(record, claim)
        if written is None:
            self._let_through(True, '', claim=claim)
        else:
            self._written = (record, written, self._clock() + self._timeout, claim)

    def _admit(self):
        record, written, deadline, claim = self._written
        if not written.done() and self._clock() < deadline:
            return
        self._written = None
        if record is self.gate.head:
            error = written.exception() if written.done() else 'the disk does not answer in time'
            self._let_through(error is None, str(error or ''), RefusalKind.LEDGER, claim=claim)

    def _let_through(self, safe, reason, kind=RefusalKind.VERIFICATION, counterexample=None,
                     claim=None):
        record, self._failures, before = self.gate.head, 0, self.gate.refusals
        self.gate.verdict(safe, reason, kind, counterexample, claim)
        if self.gate.refusals > before:
            kept = kind in (RefusalKind.VERIFICATION, RefusalKind.UNVERIFIED)
            self._note_refusal(record if kept else None)
            self._fall_back()
        else:
            self._fallbacks = []
        if self.gate.revoked and record is self.gate.suspended:
            self._reinstate()

    def revoke(self, now, reason):
        """Run the backup from now on; whatever is under way is withdrawn."""
        if not self.gate.revoked:
            self.history.note('revoked', reason=reason)
        self._fallbacks, self._judged, self._written = [], None, None
        self.gate.revoke(now, reason)

    def explain(self, reason):
        """Give a revocation the reason that is known by now."""
        self.gate.revoked = reason
        self.history.note('revoked', reason=reason)

    def recall(self):
        """Have the suspended policy verified anew, after which certification goes on."""
        if not self.gate.revoked or self.gate.head is not None:
            return
        if self.gate.suspended is None or not self.gate.restore(self.gate.suspended):
            self._reinstate()

    def _reinstate(self):
        self.gate.reinstate()
        self.history.note('reinstated')

    def swap(self, now, in_safe_set):
        """Return the record that runs from now on, or None."""
        record = self.gate.swap(now, in_safe_set)
        if record is not None:
            self.history.note('running', version=record.version, digest=record.digest)
        return record

    def announcement(self):
        """Return what the adapter must know besides the policy that runs, {name: value}."""
        gate, found = self.gate, self.gate.refused.counterexample
        none = np.zeros(0)
        return {'ready.version': gate.newest.version, 'refused.version': gate.refused.version,
                'refused.kind': gate.refused.kind.value,
                'refused.reason': gate.refused.reason,
                'refused.count': gate.refusals,
                'refused.x0': none if found is None else found.x0,
                'refused.w': none if found is None else found.w.ravel(),
                'model.valid': int(not gate.revoked), 'model.reason': gate.revoked,
                **claim_values(gate.claim)}

    def stop(self):
        """End the verifier and close the ledger, each whatever becomes of the other."""
        stop_each(*([] if self._worker is None else [self._worker.stop]), self.history.stop)
