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

"""The policies that the adapter published: their versions, their parents, the newest of them."""

from collections.abc import Iterable

from scpo_ros.arrays import Array, digest
from scpo_ros.interface.acknowledgement import Acknowledgement
from scpo_ros.interface.policy_record import LARGEST_JUMP, LARGEST_VERSION, PolicyRecord
from scpo_ros.scpo import Certificate


_NONE = -1  # version before the first policy


class PolicyChain:
    """
    Numbers the policies that are published and keeps the newest.

    It is the only place of the adapter that keeps policies in memory.
    """

    def __init__(self, spec_digest: str, memory: int = 64,
                 records: Iterable[PolicyRecord] = ()) -> None:
        """
        Start empty, so that the first record is version 0, its own parent; or go on.

        :param memory: policies kept besides version 0 and the base.
        :param records: from before a restart. Those of another specification, with other weights
            than their digest says, or with a version that no controller takes are left out.
        """
        self.spec_digest, self._memory = spec_digest, memory
        self._records = {record.version: record for record in records
                         if record.spec_digest == spec_digest
                         and record.digest == digest(record.theta)
                         and record.version <= LARGEST_VERSION}
        self.base = max(self._records, default=_NONE)  # version from which the next one descends

    @property
    def latest(self) -> PolicyRecord | None:
        """Return the record published last, or None."""
        return self._records[max(self._records)] if self._records else None

    def __getitem__(self, version: int) -> PolicyRecord:
        """Return the record of a remembered version."""
        return self._records[version]

    def __contains__(self, version: int) -> bool:
        """Return whether a version is remembered."""
        return version in self._records

    def published(self) -> list[PolicyRecord]:
        """Return the remembered policies without those that were adopted."""
        return [record for record in list(self._records.values())
                if record.version == 0 or record.version > record.parent]

    def holds(self, identity: str) -> bool:
        """Return whether weights of that digest are remembered."""
        return any(record.digest == identity for record in self._records.values())

    def before(self, version: int) -> PolicyRecord | None:
        """Return the parent's record of a version, None where it is unknown or the same."""
        record = self._records.get(version)
        if record is None or record.parent == version:
            return None
        return self._records.get(record.parent)

    def append(self, theta: Array, certificate: Certificate | None) -> PolicyRecord:
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

    def go_on_from(self, version: int) -> None:
        """
        Make a remembered version the base of the next one.

        Where the next number would be further above the base than a controller takes, the records
        above the base are forgotten, and the next number is the one after it.
        """
        if max(self._records) + 1 - version > LARGEST_JUMP:
            self._records = {v: record for v, record in self._records.items() if v <= version}
        self.base = version

    def knows(self, seen: Acknowledgement) -> bool:
        """Return whether the policy that the controller let through last is of this chain."""
        return seen.ready in self and (
            seen.ready != seen.version or self[seen.ready].digest == seen.digest)

    def follow(self, seen: Acknowledgement) -> bool:
        """
        Take over the policy that the controller let through last, unless it is known.

        :returns: whether it is known now: its weights are only told while it runs.
        """
        if self.knows(seen):
            return True
        if seen.ready == seen.version:
            self.adopt(seen.version, seen.theta, seen.digest)
        return seen.ready == seen.version

    def adopt(self, version: int, theta: Array, parent_digest: str) -> None:
        """Take over a policy that the controller runs and this chain does not know."""
        self._records[version] = PolicyRecord(
            theta, version, version, digest(theta), parent_digest, self.spec_digest, None)
        self.base = version
