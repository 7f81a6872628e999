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
Published policies: identity, certificate, lineage, and that none is missing.

The adapter numbers its policies from 0, the backup, without a gap, and the parent of each was
published before. An adapter that was started again publishes its newest policy once more, if it
keeps a ledger, else version 0, and goes on from the policy that the controller runs. The first
policy in a bag may be any, if it is older than the recording or comes from the ledger of an
earlier run; the policies before it are taken on trust.
"""

from collections.abc import Iterator
from dataclasses import fields
from typing import TypeVar

import numpy as np
from scpo_ros.arrays import digest
from scpo_ros.audit.evidence import Evidence, Finding, Seen
from scpo_ros.config import AdapterConfig, ControllerConfig
from scpo_ros.interface.policy_record import (
    identity_defects, LARGEST_JUMP, lineage_defects, PolicyRecord, record_defects)
from scpo_ros.scpo.certificate import Certificate, certificate_defects
from scpo_ros.verification.safe_task import SafeTask

Kind = TypeVar('Kind', PolicyRecord, Certificate)

_GAP = 0.0  # largest duality gap of the backup's certificate, which rests on no step


class Lineage:
    """Follows the chain of published policies and checks each of them."""

    def __init__(self, evidence: Evidence, task: SafeTask, controller: ControllerConfig,
                 adapter: AdapterConfig) -> None:
        """Start before the first policy."""
        self._evidence, self._task = evidence, task
        self._margin, self._claimed = controller.certified_margin, adapter.accept_margin
        self._ledger = bool(adapter.ledger_dir)
        # {version: one message for every start of the adapter}
        self.published: dict[int, list[Seen[PolicyRecord]]] = {}
        self._known: dict[int, str] = {}  # {version: digest}
        self._last: int | None = None  # version published last
        self._first_of_life = False  # whether that one was the first after a start of the adapter
        self._stamp = -np.inf

    def findings(self) -> Iterator[Finding]:
        """Yield a finding for every defect of a policy or of its place in the chain."""
        for seen in self._evidence.policies:
            if self._again(seen.value):
                continue
            for sentence in (*self._order(seen), *self.defects(seen.value)):
                yield seen.finding(f'version {seen.value.version}: {sentence}')
            self._add(seen)
        yield from self._unpublished()

    @property
    def trust(self) -> bool:
        """Return whether there were policies before the first one of the bag."""
        return self._evidence.late or self._ledger

    def trusted(self, version: int) -> bool:
        """Return whether a version was published before the first one of the bag."""
        first = self._evidence.policies[0].value.version if self._evidence.policies else 0
        return self.trust and version < first

    def _again(self, record: PolicyRecord) -> bool:
        """Return whether the newest policy came once more, bit for bit."""
        return record.version == self._last and any(
            same(record, seen.value) for seen in self.published[record.version][-1:])

    def _add(self, seen: Seen[PolicyRecord]) -> None:
        record = seen.value
        self.published.setdefault(record.version, []).append(seen)
        self._known[record.version] = record.digest
        self._first_of_life = record.version == 0
        self._last = record.version

    def _order(self, seen: Seen[PolicyRecord]) -> Iterator[str]:
        """Yield the defects of a policy's place among the others."""
        if seen.stamp < self._stamp:
            yield 'it is older than the policy recorded before it'
        self._stamp = max(self._stamp, seen.stamp)
        version, last = seen.value.version, self._last
        if last is None:
            if version != 0 and not self.trust:
                yield (f'versions 0 to {version - 1} are missing, although the recording had '
                       'begun when it was published')
        elif version == 0:
            return
        elif version <= last and not self._renumbered(seen.value, last):
            yield f'it follows version {last}: there is another policy of its number, or its ' \
                'place was changed'
        elif version > last + 1 and not self._adopted(seen.value):
            missing = f'{last + 1}' if version == last + 2 else f'{last + 1} to {version - 1}'
            yield f'version {missing} before it is missing'

    def _adopted(self, record: PolicyRecord) -> bool:
        """Return whether an adapter that was started again goes on from the policy that runs."""
        return self._first_of_life and record.version == record.parent + 1

    def _renumbered(self, record: PolicyRecord, last: int) -> bool:
        """Return whether the adapter was too far ahead of a controller that lost its ledger."""
        far = last + 1 - record.parent > LARGEST_JUMP
        return far and record.version == record.parent + 1

    def defects(self, record: PolicyRecord, certified: bool = True) -> tuple[str, ...]:
        """
        Return the defects of a policy itself, as sentences.

        :param certified: False for a policy that the controller says to run: such a message tells
            no certificate.
        """
        task = self._task
        size, spec_digest = len(task.initial_theta), task.digest
        if record.version == 0:
            return (tuple(map(str, identity_defects(record, size, spec_digest)))
                    or self._backup_defects(record))
        known = {v: d for v, d in self._known.items() if v < record.version}
        if self.trusted(record.parent):
            known.setdefault(record.parent, digest(task.initial_theta) if record.parent == 0
                             else record.parent_digest)
        known = known or {-1: ''}
        if not certified:
            found = identity_defects(record, size, spec_digest) or lineage_defects(record, known)
            return tuple(map(str, found))
        found = record_defects(record, size, spec_digest, known, self._margin,
                               task.kind)
        return (*map(str, found), *self._margin_defects(record.certificate))

    def _backup_defects(self, record: PolicyRecord) -> tuple[str, ...]:
        """Return the defects of version 0."""
        if not np.array_equal(record.theta, self._task.initial_theta):
            return ('its weights are not those of the backup',)
        if record.certificate is None:
            return ('it carries no certificate',)
        return (*certificate_defects(record.certificate, record.theta, self._margin, _GAP),
                *self._margin_defects(record.certificate))

    def _margin_defects(self, certificate: Certificate | None) -> tuple[str, ...]:
        """Return a sentence where a certificate claims another margin than the adapter keeps."""
        if certificate is None or certificate.margin == self._claimed:
            return ()
        return (f'it claims the margin {certificate.margin:.9g}, but the adapter certifies with '
                f'{self._claimed:.9g}',)

    def _unpublished(self) -> Iterator[Finding]:
        """Yield a finding for every version that the adapter reported, but the bag lacks."""
        reported: set[int] = set()
        for seen in self._evidence.versions:
            version = int(seen.value)
            if version < 0 or version in reported or version in self.published:
                continue
            if not (self._evidence.late and self.trusted(version)):
                reported.add(version)
                yield seen.finding(
                    f'the adapter published version {version}, which was not recorded')


def same(record: PolicyRecord, other: PolicyRecord) -> bool:
    """Return whether two policies agree in every bit, certificates included."""
    return _equal(record, other, 'certificate') and (
        other.certificate is None and record.certificate is None
        or record.certificate is not None and other.certificate is not None
        and _equal(record.certificate, other.certificate))


def _equal(a: Kind, b: Kind, *besides: str) -> bool:
    """Return whether two dataclass values agree in every field but some."""
    names = [entry.name for entry in fields(a) if entry.name not in besides]
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in names)
