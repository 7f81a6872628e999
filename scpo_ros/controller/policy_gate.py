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
The controller's gate: what happens to a policy message between its arrival and its use. No ROS.

A record is checked (identity, lineage, certificate arithmetic), then verified by the controller
itself, then kept until the state lies in the safe set and the last swap is long enough ago. Only
then its weights run. Whatever fails is refused with a reason, and nothing changes.

When the model does not hold, certificates are *revoked* (:mod:`scpo_ros.controller.revocation`):
the backup runs, the policy that ran is suspended, and nothing is taken. A suspended policy, and
one that a ledger kept, comes back the same way as a new one: through verification.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ParamSpec, TypeGuard

from scpo_ros.controller.revocation import Revocation
from scpo_ros.exceptions import in_words
from scpo_ros.interface.claim import BACKUP, Claim, UNCHECKED
from scpo_ros.interface.policy_record import (
    identity_defects, PolicyRecord, record_defects, version_defects)
from scpo_ros.interface.refusal import Defect, malformed, RefusalKind
from scpo_ros.verification.counterexample import Counterexample


_REMEMBERED = 64  # newest policies from which others may descend
_LONGEST_REASON = 1000  # characters: a reason may quote what a sender wrote

Arguments = ParamSpec('Arguments')


def _checked(check: Callable[Arguments, tuple[Defect, ...]], *arguments: Arguments.args,
             **named: Arguments.kwargs) -> tuple[Defect, ...]:
    """Return the defects that a check finds; one that fails to run is a refusal."""
    try:
        return check(*arguments, **named)
    except Exception as error:  # noqa: B902
        return malformed(f'it cannot be checked: {in_words(error)}')


@dataclass(frozen=True)
class Refused:
    """The last refusal."""

    version: int = -1
    kind: RefusalKind = RefusalKind.NONE
    reason: str = ''
    counterexample: Counterexample | None = None  # that the verification found


@dataclass(frozen=True, eq=False)
class Admitted:
    """A policy that was let through, and what the controller itself established for it."""

    record: PolicyRecord
    claim: Claim


@dataclass(frozen=True)
class GateRules:
    """What the gate asks for."""

    margin: float  # least certified margin, metric units
    dwell: float  # least time between two swaps [s]
    kind: str  # of certificate that the specification asks for
    queue: int  # most records in waiting


class PolicyGate:
    """Holds the running policy, the one that waits for its swap, and those under verification."""

    def __init__(self, backup: PolicyRecord, margin: float, dwell: float, kind: str,
                 queue: int = 8) -> None:
        """
        Start with the backup.

        :param backup: the policy of version 0. :param margin: least certified margin.
        :param dwell: least time between two swaps [s].
        :param kind: of certificate that the specification asks for.
        :param queue: most records in waiting.
        """
        self._rules = GateRules(margin, dwell, kind, queue)
        self._backup = self._running = Admitted(backup, BACKUP)
        self._ready: Admitted | None = None
        self.refused, self.refusals, self.swaps = Refused(), 0, 0
        self.revocation = Revocation()
        self._known = {backup.version: backup.digest}  # verified, or accepted without checks
        self._queue: list[PolicyRecord] = []
        self._swapped_at: float | None = None  # or the clock was set, or certificates revoked [s]

    @property
    def running(self) -> PolicyRecord:
        """Return the policy that runs."""
        return self._running.record

    @property
    def ready(self) -> PolicyRecord | None:
        """Return the policy that waits for its swap, or None."""
        return None if self._ready is None else self._ready.record

    @property
    def newest(self) -> PolicyRecord:
        """Return the newest policy that was let through."""
        return (self._ready or self._running).record

    @property
    def claim(self) -> Claim:
        """Return the controller's own :class:`~scpo_ros.interface.claim.Claim` for what runs."""
        return self._running.claim

    @property
    def revoked(self) -> str:
        """Return why certification has stopped, '' while it has not."""
        return self.revocation.reason

    def submit(self, record: PolicyRecord) -> bool:
        """
        Take a record for verification, or refuse it; return whether it was taken.

        The lineage counts records in the queue as known, and is looked at again after them.
        """
        if any(record.digest == known.digest and record.version == known.version
               for known in (self.newest, *self._queue)):
            return False  # the latched message came again
        found = self._found(record)
        if found:
            self.refuse(record.version, found[0].kind, '; '.join(map(str, found)))
            return False
        self._queue.append(record)
        return True

    def _found(self, record: PolicyRecord) -> tuple[Defect, ...]:
        if self.revocation.stands:
            return (Defect(RefusalKind.REVOKED, f'certification has stopped: {self.revoked}'),)
        found = _checked(self._defects, record)
        if not found and len(self._queue) >= self._rules.queue:
            found = (Defect(RefusalKind.UNVERIFIED, 'too many policies wait for verification'),)
        return found

    def _defects(self, record: PolicyRecord) -> tuple[Defect, ...]:
        known = {**self._known, **{r.version: r.digest for r in self._queue}}
        backup = self._backup.record
        return record_defects(record, backup.theta.size, backup.spec_digest, known,
                              self._rules.margin, self._rules.kind)

    def refuse(self, version: int, kind: RefusalKind, reason: str,
               counterexample: Counterexample | None = None) -> None:
        """Note a refusal of a :class:`~scpo_ros.interface.refusal.RefusalKind`."""
        self.refused = Refused(version, kind, reason[:_LONGEST_REASON], counterexample)
        self.refusals += 1

    @property
    def head(self) -> PolicyRecord | None:
        """Return the record to verify next, or None."""
        return self._queue[0] if self._queue else None

    def believes(self, claim: Claim | None) -> TypeGuard[Claim]:
        """Return whether a :class:`~scpo_ros.interface.claim.Claim` is of the kind asked for."""
        return isinstance(claim, Claim) and claim.kind == self._rules.kind

    def verdict(self, safe: bool, reason: str, kind: RefusalKind = RefusalKind.VERIFICATION,
                counterexample: Counterexample | None = None, claim: Claim | None = None) -> None:
        """
        Conclude the verification of :attr:`head`: it waits for its swap, or is refused.

        What was queued behind a refused record is refused with it: it descends from it.

        :param claim: the :class:`~scpo_ros.interface.claim.Claim` of the verification. A policy
            is safe only with one of the kind that the specification asks for.
        """
        record = self._queue.pop(0)
        if safe is True and self.believes(claim):
            self._admit(record, claim)
            return
        reason = reason or f'the verification claims nothing that is {self._rules.kind}'
        self.refuse(record.version, kind, reason, counterexample)
        self._queue.clear()

    def _admit(self, record: PolicyRecord, claim: Claim) -> None:
        self._known[record.version] = record.digest
        for version in sorted(self._known)[:-_REMEMBERED]:
            if version != self._backup.record.version:  # one can always begin there again
                del self._known[version]
        self._ready = Admitted(record, claim)

    def admit_unchecked(self, record: PolicyRecord) -> None:
        """Take a record without any check but its shape: for demonstrations of the danger."""
        if record.theta.shape == self.running.theta.shape and not version_defects(
                record.version, self.newest.version):
            self._admit(record, UNCHECKED)

    def restore(self, record: PolicyRecord) -> bool:
        """
        Queue a policy that was let through before for verification anew; return whether it was.

        Its lineage is history: only its identity is checked.
        """
        backup = self._backup.record
        found = _checked(identity_defects, record, backup.theta.size, backup.spec_digest)
        if found:
            self.refuse(record.version, found[0].kind, 'restored from the ledger: '
                        + '; '.join(map(str, found)))
            return False
        self._queue.append(record)
        return True

    def revoke(self, now: float, reason: str) -> None:
        """Run the backup from now on [s]; suspend what ran or was let through; take nothing."""
        newest = None if self.newest is self._backup.record else self.newest
        self.revocation.revoke(reason, suspended=newest)
        for record in self._queue:
            if record is not self.revocation.suspended:
                self.refuse(record.version, RefusalKind.REVOKED,
                            f'certification has stopped: {reason}')
        self._queue.clear()
        self.swaps += self._running is not self._backup
        self._running, self._ready, self._swapped_at = self._backup, None, now

    def rest(self, now: float) -> None:
        """Count the time to the next swap from now [s]: the clock of the plant was set."""
        self._swapped_at = now

    def swap(self, now: float, in_safe_set: bool) -> PolicyRecord | None:
        """
        Swap to the waiting policy if that is allowed now; return the new record or None.

        :param now: time [s]. :param in_safe_set: whether the present state lies in the start set.
        """
        rested = (self._swapped_at is None
                  or now - self._swapped_at >= self._rules.dwell - 1e-6)
        if self._ready is None or not in_safe_set or not rested or self.revocation.stands:
            return None
        self._running, self._ready, self._swapped_at = self._ready, None, now
        self.swaps += 1
        return self.running
