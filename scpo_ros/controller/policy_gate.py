"""
The controller's gate: what happens to a policy message between its arrival and its use. No ROS.

A record is checked (identity, lineage, certificate arithmetic), then verified by the controller
itself, then kept until the state lies in the safe set and the last swap is long enough ago. Only
then its weights run. Whatever fails is refused with a reason, and nothing changes.

When the model does not hold the gate is *revoked*: the backup runs, what was running is suspended,
and nothing is taken. A suspended policy, and one that a ledger kept, comes back the same way as a
new one: through verification.
"""

from dataclasses import dataclass

from scpo_ros.interface.claim import BACKUP, UNCHECKED
from scpo_ros.interface.policy_record import identity_defects, record_defects, version_defects
from scpo_ros.interface.refusal import Defect, malformed, RefusalKind


_REMEMBERED = 64  # newest policies from which others may descend
_LONGEST_REASON = 1000  # characters: a reason may quote what a sender wrote


def _checked(check, *arguments):
    """Return the defects that a check finds; one that fails to run is a refusal."""
    try:
        return check(*arguments)
    except Exception as error:  # noqa: B902
        return malformed(f'it cannot be checked: {type(error).__name__}: {error}')


@dataclass(frozen=True)
class Refused:
    """The last refusal."""

    version: int = -1
    kind: RefusalKind = RefusalKind.NONE
    reason: str = ''
    counterexample: object = None  # Counterexample, where the verification found one


class PolicyGate:
    """Holds the running policy, the one that waits for its swap, and those under verification."""

    def __init__(self, backup, margin, dwell, kind, queue=8):
        """
        Start with the backup.

        :param backup: PolicyRecord of version 0. :param margin: least certified margin.
        :param dwell: least time between two swaps [s].
        :param kind: of certificate that the specification asks for, 'proved' or 'sampled'.
        :param queue: most records in waiting.
        """
        self.running, self.ready, self.refused = backup, None, Refused()
        self.refusals, self.swaps, self.revoked, self.suspended = 0, 0, '', None
        self._backup, self._size, self._spec = backup, backup.theta.size, backup.spec_digest
        self._margin, self._dwell, self._kind, self._limit = margin, dwell, kind, queue
        self._claims = {backup.version: BACKUP}  # of the running and of the waiting policy
        self._known = {backup.version: backup.digest}  # verified, or accepted without checks
        self._queue, self._swapped_at = [], None

    @property
    def newest(self):
        """Return the newest policy that was let through."""
        return self.ready if self.ready is not None else self.running

    @property
    def claim(self):
        """Return the controller's own :class:`~scpo_ros.interface.claim.Claim` for what runs."""
        return self._claims[self.running.version]

    def submit(self, record):
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

    def _found(self, record):
        if self.revoked:
            return (Defect(RefusalKind.REVOKED, f'certification has stopped: {self.revoked}'),)
        found = _checked(self._defects, record)
        if not found and len(self._queue) >= self._limit:
            found = (Defect(RefusalKind.UNVERIFIED, 'too many policies wait for verification'),)
        return found

    def _defects(self, record):
        known = {**self._known, **{r.version: r.digest for r in self._queue}}
        return record_defects(
            record, self._size, self._spec, known, self._margin, self._kind)

    def refuse(self, version, kind, reason, counterexample=None):
        """Note a refusal of a :class:`~scpo_ros.interface.refusal.RefusalKind`."""
        self.refused = Refused(version, kind, reason[:_LONGEST_REASON], counterexample)
        self.refusals += 1

    @property
    def head(self):
        """Return the record to verify next, or None."""
        return self._queue[0] if self._queue else None

    def believes(self, claim):
        """Return whether a :class:`~scpo_ros.interface.claim.Claim` is of the kind asked for."""
        return getattr(claim, 'kind', None) == self._kind

    def verdict(self, safe, reason, kind=RefusalKind.VERIFICATION, counterexample=None,
                claim=None):
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
        reason = reason or f'the verification claims nothing that is {self._kind}'
        self.refuse(record.version, kind, reason, counterexample)
        self._queue.clear()

    def _admit(self, record, claim):
        self._known[record.version] = record.digest
        for version in sorted(self._known)[:-_REMEMBERED]:
            if version != self._backup.version:  # whatever happens, one can begin there again
                del self._known[version]
        self.ready = record
        kept = (self._backup.version, self.running.version)
        self._claims = {version: self._claims[version] for version in kept}
        self._claims[record.version] = claim

    def admit_unchecked(self, record):
        """Take a record without any check but its shape: for demonstrations of the danger."""
        if record.theta.shape == (self._size,) and not version_defects(
                record.version, self.newest.version):
            self._admit(record, UNCHECKED)

    def restore(self, record):
        """
        Queue a policy that was let through before for verification anew; return whether it was.

        Its lineage is history: only its identity is checked.
        """
        found = _checked(identity_defects, record, self._size, self._spec)
        if found:
            self.refuse(record.version, found[0].kind, 'restored from the ledger: '
                        + '; '.join(map(str, found)))
            return False
        self._queue.append(record)
        return True

    def revoke(self, now, reason):
        """Run the backup from now on [s]; suspend what ran or was let through; take nothing."""
        if self.newest is not self._backup:
            self.suspended = self.newest
        for record in self._queue:
            if record is not self.suspended:
                self.refuse(record.version, RefusalKind.REVOKED,
                            f'certification has stopped: {reason}')
        self._queue.clear()
        self.swaps += self.running is not self._backup
        self.running, self.ready, self._swapped_at = self._backup, None, now
        self.revoked = reason or 'revoked'

    def reinstate(self):
        """Take policies again; what was suspended has been verified anew or was refused."""
        self.revoked, self.suspended = '', None

    def rest(self, now):
        """Count the time to the next swap from now [s]: the clock of the plant was set."""
        self._swapped_at = now

    def swap(self, now, in_safe_set):
        """
        Swap to the waiting policy if that is allowed now; return the new record or None.

        :param now: time [s]. :param in_safe_set: whether the present state lies in the start set.
        """
        rested = self._swapped_at is None or now - self._swapped_at >= self._dwell - 1e-6
        if self.ready is None or not in_safe_set or not rested or self.revoked:
            return None
        self.running, self.ready, self._swapped_at = self.ready, None, now
        self.swaps += 1
        return self.running
