"""
The controller's gate: what happens to a policy message between its arrival and its use. No ROS.

A record is checked (identity, lineage, certificate arithmetic), then verified by rollouts of the
controller's own, then kept until the state lies in the safe set and the last swap is long enough
ago. Only then its weights run. Whatever fails is refused with a reason, and nothing changes.
"""

from dataclasses import dataclass

from scpo_ros.policy_record import record_defects


@dataclass(frozen=True)
class Refused:
    """The last refusal."""

    version: int = -1
    kind: str = ''  # 'malformed', 'lineage' or 'verification'
    reason: str = ''


class PolicyGate:
    """Holds the running policy, the one that waits for its swap, and those under verification."""

    def __init__(self, backup, margin, dwell, queue=8):
        """
        Start with the backup.

        :param backup: PolicyRecord of version 0. :param margin: least certified margin.
        :param dwell: least time between two swaps [s]. :param queue: most records in waiting.
        """
        self.running, self.ready, self.refused = backup, None, Refused()
        self.refusals, self.swaps = 0, 0
        self._size, self._spec = backup.theta.size, backup.spec_digest
        self._margin, self._dwell, self._limit = margin, dwell, queue
        self._known = {backup.version: backup.digest}  # verified, or accepted without checks
        self._queue, self._swapped_at = [], None

    @property
    def newest(self):
        """Return the newest policy that was let through."""
        return self.ready if self.ready is not None else self.running

    def submit(self, record):
        """
        Take a record for verification, or refuse it; return whether it was taken.

        The lineage counts records in the queue as known, and is looked at again after them.
        """
        if record.digest == self.newest.digest and record.version == self.newest.version:
            return False  # the latched message came again
        found = self._defects(record)
        if not found and len(self._queue) >= self._limit:
            found = ('too many policies wait for verification',)
        if found:
            self.refuse(record.version, self._kind(found), '; '.join(found))
            return False
        self._queue.append(record)
        return True

    def _defects(self, record):
        known = {**self._known, **{r.version: r.digest for r in self._queue}}
        return record_defects(record, self._size, self._spec, known, self._margin)

    @staticmethod
    def _kind(found):
        lineage = 'parent' in found[0] or 'not newer' in found[0]
        return 'lineage' if lineage and 'certificate' not in found[0] else 'malformed'

    def refuse(self, version, kind, reason):
        """Note a refusal."""
        self.refused = Refused(version, kind, reason)
        self.refusals += 1

    @property
    def head(self):
        """Return the record to verify next, or None."""
        return self._queue[0] if self._queue else None

    def verdict(self, safe, reason):
        """
        Conclude the verification of :attr:`head`: it waits for its swap, or is refused.

        What was queued behind a refused record is refused with it: it descends from it.
        """
        record = self._queue.pop(0)
        if safe:
            self._admit(record)
            return
        self.refuse(record.version, 'verification', reason)
        self._queue.clear()

    def _admit(self, record):
        self._known[record.version] = record.digest
        for version in sorted(self._known)[:-64]:
            del self._known[version]
        self.ready = record

    def admit_unchecked(self, record):
        """Take a record without any check but its shape: for demonstrations of the danger."""
        if record.theta.shape == (self._size,) and record.version > self.newest.version:
            self._admit(record)

    def swap(self, now, in_safe_set):
        """
        Swap to the waiting policy if that is allowed now; return the new record or None.

        :param now: time [s]. :param in_safe_set: whether the present state lies in the start set.
        """
        rested = self._swapped_at is None or now - self._swapped_at >= self._dwell - 1e-6
        if self.ready is None or not in_safe_set or not rested:
            return None
        self.running, self.ready, self._swapped_at = self.ready, None, now
        self.swaps += 1
        return self.running
