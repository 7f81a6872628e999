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
The policies that the controller let through: as published, of accepted descent, and safe.

The verifier of the controller verifies each of them again, and the ancestors from which it came.
The metrics of certificates on the fixed design scenarios are computed again.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Protocol, TypeVar

import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.audit.design_metrics import design_metrics_of
from scpo_ros.audit.evidence import Evidence, Finding, Running, Seen
from scpo_ros.audit.lineage import Lineage, same
from scpo_ros.config import Specification
from scpo_ros.exceptions import in_words
from scpo_ros.interface.acknowledgement import Acknowledgement
from scpo_ros.interface.policy_record import identity_defects, PolicyRecord
from scpo_ros.interface.refusal import RefusalKind
from scpo_ros.verification.safe_task import SafeTask
from scpo_ros.verification.specified import verifier_of
from scpo_ros.verification.verdict import Judging


T = TypeVar('T')


class Progress(Protocol):
    """Wraps an iterable and shows how far it is."""

    def __call__(self, iterable: Iterable[T], /) -> Iterable[T]:
        """Return the items of the iterable."""


class Acceptance:
    """Follows the controller's messages about the policies that it runs and lets through."""

    def __init__(self, evidence: Evidence, task: SafeTask, lineage: Lineage) -> None:
        """Start before the first message. :param lineage: of the policies, after its findings."""
        self._evidence, self._task, self._lineage = evidence, task, lineage
        self.accepted: dict[int, tuple[float, PolicyRecord]] = {}  # {version: (time, let through)}
        self.ran: dict[int, list[tuple[float, Array]]] = {}  # {version: (time, weights) that ran}
        self._admitted: set[int] = set()  # versions said to be let through, recorded or not
        self._refused: set[int] = set()  # versions that its own verification refused
        self.returns = 0  # to the backup

    def findings(self) -> Iterator[Finding]:
        """Yield a finding for every statement of the controller that does not hold."""
        running = newest = 0
        for seen in self._evidence.actives:
            said, record = seen.value
            for sentence in (*self._identity(record), *self._claim(said, record),
                             *self._known(said.ready),
                             *self._permitted(seen, said)):
                yield seen.finding(sentence)
            if said.version == 0 and (running or said.ready < newest):
                self.returns += 1
            elif said.version < running or said.ready < newest:
                yield seen.finding(
                    f'it went back from version {max(running, newest)} to '
                    f'{min(said.version, said.ready)}, which is not the backup')
            running, newest = said.version, said.ready
            self._note(seen, said, record)
        yield from self._descent()

    def _identity(self, record: PolicyRecord) -> Iterator[str]:
        """Yield the defects of the policy that is said to run."""
        version, task = record.version, self._task
        for sentence in identity_defects(record, len(task.initial_theta), task.digest):
            yield f'version {version} runs: {sentence}'
        if version == 0:
            if not np.array_equal(record.theta, task.initial_theta):
                yield 'version 0 runs with weights that are not those of the backup'
        elif version in self._lineage.published:
            published = [seen.value for seen in self._lineage.published[version]]
            if not any(_as_published(record, other) for other in published):
                yield f'version {version} runs, but differs from what was published'
        elif not self._lineage.trusted(version):
            yield f'version {version} runs, but was never published'
        else:
            yield from (f'version {version} runs: {s}' for s in self._lineage.defects(
                record, record.certificate is not None))

    def _claim(self, said: Acknowledgement, record: PolicyRecord) -> Iterator[str]:
        """Yield a sentence where the running policy's claim is not of the specified kind."""
        kind = self._task.kind
        if said.version > 0 and record.certificate is None and said.claim_kind != kind:
            yield (f'version {said.version} runs on a claim of the kind {said.claim_kind!r}, the '
                   f'specification asks for {kind!r}')

    def _known(self, version: int) -> Iterator[str]:
        """Yield a sentence where an unpublished version was let through."""
        if version > 0 and version not in self._lineage.published and not (
                self._lineage.trusted(version)):
            yield f'version {version} was let through, but never published'

    def _permitted(self, seen: Seen[Running], said: Acknowledgement) -> Iterator[str]:
        """Yield a sentence where a version runs that was never let through; not at the start."""
        if said.version > 0 and said.version not in self._admitted and (
                seen is not self._evidence.actives[0]):
            yield f'version {said.version} runs, but was never let through'

    def _note(self, seen: Seen[Running], said: Acknowledgement, record: PolicyRecord) -> None:
        """Remember the policies that run, were let through, and were refused."""
        self.ran.setdefault(said.version, []).append((seen.time, record.theta))
        published = self._lineage.published.get(said.ready)
        self._admitted |= {said.version, said.ready}
        self.accepted.setdefault(said.version, (seen.time, record))
        if published:
            self.accepted.setdefault(said.ready, (seen.time, published[-1].value))
        kinds = (RefusalKind.VERIFICATION, RefusalKind.UNVERIFIED)
        if said.refused_kind in kinds and said.refused >= 0:
            self._refused.add(said.refused)

    def _descent(self) -> Iterator[Finding]:
        """Add the ancestors of the accepted policies; yield a finding for a refused ancestor."""
        for version in sorted(self.accepted, reverse=True):
            time, record = self.accepted[version]
            while record.parent not in self.accepted and record.parent > 0:
                if record.parent in self._refused:
                    yield Finding(time, self._evidence.topic('controller/active_policy'),
                                  f'version {record.version} was let through, but its parent '
                                  f'{record.parent} had been refused')
                published = self._lineage.published.get(record.parent)
                if not published:
                    break
                record = published[-1].value
                self.accepted[record.version] = (time, record)

    def verified(self, spec: Specification, margin: float, progress: Progress
                 ) -> Iterator[Finding]:
        """
        Yield a finding for every policy let through that does not verify.

        The backup needs no margin: it runs where no other policy is let through.

        :param margin: that proved metrics must keep. :param progress: wraps an iterable and
            shows how far it is.
        """
        tolerance = self._task.tolerances.metric
        verifier = verifier_of(spec, margin, tolerance)
        verdicts: dict[str, str] = {}  # {digest: why the weights are not safe}
        for version, (time, record) in progress(sorted(self.accepted.items())):
            if version == 0:
                verdicts[record.digest] = self._verdict(
                    verifier_of(spec, 0.0, tolerance), record.theta)
            if record.digest not in verdicts:
                verdicts[record.digest] = self._verdict(verifier, record.theta)
            if verdicts[record.digest]:
                yield Finding(time, self._evidence.topic('controller/active_policy'),
                              f'version {version} was let through, but does not verify: '
                              f'{verdicts[record.digest]}')

    @staticmethod
    def _verdict(verifier: Judging, theta: Array) -> str:
        """Return why weights are not safe, empty when they are."""
        try:
            verdict = verifier.judge(theta)
        except Exception as error:  # noqa: B902 - a failure is no verification
            return in_words(error)
        return '' if verdict.safe is True else verdict.reason or 'no reason given'

    def remeasured(self, progress: Progress) -> Iterator[Finding]:
        """Yield a finding for every certificate whose metrics are not those of its weights."""
        measure = design_metrics_of(self._task)
        policies = [seen for group in self._lineage.published.values() for seen in group]
        for seen in progress(policies):
            record = seen.value
            if record.certificate is not None:
                for sentence in measure.defects(record.theta, record.certificate):
                    yield seen.finding(f'version {record.version}: {sentence}')


def _as_published(record: PolicyRecord, other: PolicyRecord) -> bool:
    """Return whether a running policy is a published one, as far as its message tells it."""
    return same(record if record.certificate is not None else replace(
        record, certificate=other.certificate), other)
