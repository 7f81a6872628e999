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

"""A published policy: weights, identity and certificate in one record, and its defects."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scpo_ros.arrays import Array, digest, frozen
from scpo_ros.config.specification import difference
from scpo_ros.interface.refusal import Defect, lineage, malformed
from scpo_ros.scpo import Certificate, certificate_defects


_LONGEST_TEXT = 4096
# Metrics and tools show a version as a float64, which is exact up to here; it has 16 digits, and
# a frame_id may have 18.
LARGEST_VERSION = 2**53 - 1
# A version may exceed the newest one by at most this much. One message can then use up 1.1e-10 of
# the range: with a policy that passes verification every 20 ms (the controller looks for an answer
# no more often) the range lasts LARGEST_VERSION / LARGEST_JUMP * 0.02 s = 5.7 years. An adapter
# that learns twice a second is that far ahead of a controller that has lost its ledger after 5.8
# days; then it numbers its policies anew, from what the controller runs.
LARGEST_JUMP = 10**6


@dataclass(frozen=True, eq=False)
class PolicyRecord:
    """A policy as it is published; version 0 is the backup and its own parent."""

    theta: Array  # (d,)
    version: int  # grows by one with every published policy
    parent: int  # version of the policy from which the step was made
    digest: str  # of theta
    parent_digest: str  # of the parent's weights
    spec_digest: str  # of what the certificate rests on
    certificate: Certificate | None  # None: nobody vouches for it

    def __post_init__(self) -> None:
        """Freeze the weights."""
        object.__setattr__(self, 'theta', frozen(self.theta))

    @property
    def claim(self) -> str:
        """Return what its certificate covers, as a sentence."""
        return 'the backup' if self.certificate is None else self.certificate.coverage


def backup_record(theta: Array, spec_digest: str,
                  certificate: Certificate | None = None) -> PolicyRecord:
    """Return the record of version 0, the backup."""
    identity = digest(theta)
    return PolicyRecord(theta, 0, 0, identity, identity, spec_digest, certificate)


def identity_defects(record: PolicyRecord, size: int,
                     spec_digest: str) -> tuple[Defect, ...]:
    """
    Return the defects of a record taken alone, none if it has none.

    :param size: d, the number of weights. :param spec_digest: of the reader's own specification.
    """
    if record.theta.shape != (size,):
        return malformed(f'theta has the shape {record.theta.shape}, not ({size},)')
    finite = np.isfinite(record.theta)
    if not np.all(finite):
        bad = int(np.argmin(finite))
        return malformed(f'theta[{bad}] = {record.theta[bad]} is not finite')
    rules = (
        (_longest_text(record) <= _LONGEST_TEXT,
         malformed(f'a text in it is longer than {_LONGEST_TEXT} characters')),
        (digest(record.theta) == record.digest, malformed('the digest is not that of theta')),
        (record.spec_digest == spec_digest,
         malformed(difference(record.spec_digest, spec_digest))),
        (record.version > record.parent >= 0 or record.version == record.parent == 0,
         lineage(f'version {record.version} does not follow its parent {record.parent}')),
        (record.version <= LARGEST_VERSION,
         lineage(f'version {record.version} is above the largest, {LARGEST_VERSION}')))
    return tuple(defect for holds, defects in rules if not holds for defect in defects)


def _longest_text(record: PolicyRecord) -> int:
    certificate = record.certificate
    texts = [record.digest, record.parent_digest, record.spec_digest]
    if certificate is not None:
        texts += [certificate.kind, certificate.coverage, certificate.theta_digest,
                  certificate.parent_digest]
    return max(map(len, texts))


def version_defects(version: int, newest: int) -> tuple[Defect, ...]:
    """Return why a version may not come next, as defects; none if newest < it <= newest + jump."""
    if not version > newest:
        return lineage(f'version {version} is not newer than {newest}')
    if not version - newest <= LARGEST_JUMP:
        return lineage(f'version {version} is more than {LARGEST_JUMP} above the newest, {newest}')
    return ()


def lineage_defects(record: PolicyRecord, known: Mapping[int, str]) -> tuple[Defect, ...]:
    """
    Return the defects of a record among what the reader knows, none if it has none.

    :param known: {version: digest} of the policies that the reader verified itself.
    """
    found = version_defects(record.version, max(known))
    if found:
        return found
    if record.parent not in known:
        return lineage(f'its parent, version {record.parent}, is unknown')
    if known[record.parent] != record.parent_digest:
        return lineage(f'the parent digest is not that of version {record.parent}')
    return ()


def record_defects(record: PolicyRecord, size: int, spec_digest: str, known: Mapping[int, str],
                   margin: float, kind: str, gap_tolerance: float = 1e-9) -> tuple[Defect, ...]:
    """
    Return why a policy message must be refused before its weights are even tried, or nothing.

    :param margin: the least margin its certificate must claim. :param kind: of certificate that
        the reader's specification asks for.
    """
    return (identity_defects(record, size, spec_digest) or lineage_defects(record, known)
            or evidence_defects(record, margin, kind, gap_tolerance))


def evidence_defects(record: PolicyRecord, margin: float, kind: str,
                     gap_tolerance: float = 1e-9) -> tuple[Defect, ...]:
    """
    Return what contradicts a record's certificate, by arithmetic alone, or nothing.

    :param margin: the least margin that it must claim. :param kind: that it must be of.
    """
    certificate = record.certificate
    if certificate is None:
        return malformed('it carries no certificate')
    if certificate.parent_digest not in (record.parent_digest, record.digest):
        return malformed('the certificate was made for another parent')  # or verified on its own
    if certificate.kind != kind:
        return malformed(f'its certificate is of the kind {certificate.kind[:40]!r}, the '
                         f'specification asks for {kind!r}')
    return malformed(*certificate_defects(certificate, record.theta, margin, gap_tolerance))
