"""The adapter's side of publishing: versions, parents, and what to do when one is refused."""

from scpo_ros.arrays import digest
from scpo_ros.interface.policy_record import LARGEST_JUMP, LARGEST_VERSION, PolicyRecord


class PolicyChain:
    """Numbers the policies that are published and remembers the last ones."""

    def __init__(self, spec_digest, memory=64, records=()):
        """
        Start empty, so that the first record is version 0, its own parent; or go on.

        :param records: of an earlier life; those of another specification, with other weights than
            their digest says, or with a version that no controller takes are left out.
        """
        self.spec_digest, self._memory = spec_digest, memory
        self._records = {record.version: record for record in records
                         if record.spec_digest == spec_digest
                         and record.digest == digest(record.theta)
                         and record.version <= LARGEST_VERSION}
        self.base = max(self._records, default=None)  # version from which the next one descends

    @property
    def latest(self):
        """Return the record published last, or None."""
        return self._records[max(self._records)] if self._records else None

    def __getitem__(self, version):
        """Return the record of a remembered version."""
        return self._records[version]

    def __contains__(self, version):
        """Return whether a version is remembered."""
        return version in self._records

    def holds(self, identity):
        """Return whether weights of that digest are remembered."""
        return any(record.digest == identity for record in self._records.values())

    def before(self, version):
        """Return the parent's record of a version, None where it is unknown or the same."""
        record = self._records.get(version)
        if record is None or record.parent == version:
            return None
        return self._records.get(record.parent)

    def append(self, theta, certificate):
        """Return the record of the next version, a child of the base, and make it the base."""
        identity = digest(theta)
        if not self._records:
            record = PolicyRecord(theta, 0, 0, identity, identity, self.spec_digest, certificate)
        else:
            parent = self._records[self.base]
            record = PolicyRecord(theta, max(self._records) + 1, parent.version, identity,
                                  parent.digest, self.spec_digest, certificate)
        self._records[record.version] = record
        for version in sorted(self._records)[1:-self._memory]:
            if version != self.base:
                del self._records[version]
        self.base = record.version
        return record

    def go_on_from(self, version):
        """
        Make a remembered version the base of the next one.

        Where the next number would be further above the base than a controller takes, the records
        above the base are forgotten, and the next number is the one after it.
        """
        if max(self._records) + 1 - version > LARGEST_JUMP:
            self._records = {v: record for v, record in self._records.items() if v <= version}
        self.base = version

    def adopt(self, version, theta, parent_digest):
        """Take over a policy that the controller runs and this chain does not know."""
        self._records[version] = PolicyRecord(
            theta, version, version, digest(theta), parent_digest, self.spec_digest, None)
        self.base = version
