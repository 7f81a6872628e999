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
The history of one node: its accepted and refused policies, and its revocations. No ROS.

Kinds of entries: `started`; `accepted` and `refused` with record and reason; `running`, a swap;
`revoked` and `reinstated`; `tested`, the number of tests with fresh scenarios; `unwritten`, how
many refusals were too many to be kept. Weights are kept bit for bit.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import asdict, replace
from pathlib import Path
import time
from typing import NamedTuple

from scpo_ros.exceptions import InvalidArrayError
from scpo_ros.interface.claim import Claim
from scpo_ros.interface.policy_record import PolicyRecord
from scpo_ros.ledger.ledger import Body, Json, Ledger, read
from scpo_ros.ledger.policy_entry import read_record, record_values
from scpo_ros.ledger.retention import Room
from scpo_ros.ledger.thread import LedgerThread


_MOST_TESTS = 2**53  # a larger count is no count
_REMEMBERED = 64  # newest policies kept in memory


class Accepted(NamedTuple):
    """An accepted policy, and the claim that the reader itself established for it."""

    record: PolicyRecord
    claim: Json = None  # values of a Claim, None where there is none


class History:
    """The ledger of one process; without a folder it keeps the newest policies in memory only."""

    def __init__(self, folder: str | Path, name: str,
                 clock: Callable[[], float] = time.time, room: Room | None = None) -> None:
        """
        Read the ledger of before, and go on with it.

        :param folder: of the ledger file NAME.ledger; empty: none is kept.
        :param clock: () -> seconds since the epoch. :param room: for it and the files put aside.
        :raises LedgerError: when the file cannot be opened.
        """
        self._clock, self.fault, self.revoked = clock, '', ''
        self._running: Body = {}  # the entry of the policy that runs
        self.tests = 0  # with fresh scenarios, that were made until now
        self._accepted: dict[int, Accepted] = {}  # the newest, by version
        self._thread: LedgerThread | None = None
        self._keeper: Callable[[], list[PolicyRecord]] | None = None
        self.path: Path | None = None
        if folder:
            ledger = Ledger(f'{folder}/{name}.ledger', room=room)
            self.path, self.fault = ledger.path, ledger.reading.fault
            for entry in ledger.reading.entries:
                self._take_in(entry.body)
            self._thread = LedgerThread(ledger, snapshot=self._snapshot)

    def _take_in(self, body: Body) -> None:
        """Remember an entry that was read; one that cannot be used is a fault."""
        try:
            if body.get('kind') == 'accepted':
                self._keep(Accepted(read_record(body['record']), body.get('claim')))
            self._note_standing(body)
        except (InvalidArrayError, KeyError):
            self.fault = self.fault or 'an entry that holds no policy'

    def _note_standing(self, body: Body) -> None:
        """Remember what stands: the policy that runs, a revocation until its end, tests."""
        if body.get('kind') == 'revoked':
            self.revoked = str(body.get('reason') or 'the ledger says so, and gives no reason')
        elif body.get('kind') == 'reinstated':
            self.revoked = ''
        elif body.get('kind') == 'running':
            self._running = body
        elif body.get('kind') == 'tested':
            tests = body.get('tests')
            if isinstance(tests, int) and self.tests < tests <= _MOST_TESTS:
                self.tests = tests

    def _keep(self, accepted: Accepted) -> None:
        """Remember an accepted policy as the newest; forget the oldest that does not stand."""
        self._accepted.pop(accepted.record.version, None)
        self._accepted[accepted.record.version] = accepted
        for version in list(self._accepted)[:-_REMEMBERED]:
            if version not in (0, self._running.get('version')):  # the backup, and what runs
                del self._accepted[version]

    def leave_policies_to(self, keeper: Callable[[], list[PolicyRecord]]) -> None:
        """
        Forget the accepted policies: another object keeps them from now on.

        :param keeper: () -> records with which a fresh file begins when the old one is full;
            called in the thread that writes.
        """
        self._keeper, self._accepted = keeper, {}

    def _snapshot(self) -> list[Body]:
        """Return the entries with which a fresh file begins: policies, and what stands."""
        reason = self.revoked
        kept = list(self._accepted.values()) if self._keeper is None else [
            Accepted(record, None) for record in self._keeper()]
        standing = [self._body('revoked', reason=reason)] if reason else []
        if self.tests:
            standing.append(self._body('tested', tests=self.tests))
        return [*([self._running] if self._running else []),  # before what must not push it out
                *(self._accepted_body(accepted) for accepted in kept), *standing]

    def _accepted_body(self, accepted: Accepted) -> Body:
        told = {} if accepted.claim is None else {'claim': accepted.claim}
        return self._body('accepted', record=record_values(accepted.record), **told)

    def _body(self, kind: str, **values: Json) -> Body:
        return {'kind': kind, 'time': self._clock(), **values}

    @property
    def accepted(self) -> dict[int, PolicyRecord]:
        """Return the newest accepted records, {version: record}, in order of acceptance."""
        return {version: accepted.record for version, accepted in list(
            self._accepted.items())}

    @property
    def failure(self) -> str:
        """Return why the ledger cannot be written, empty when it can."""
        return '' if self._thread is None else self._thread.failure

    def note(self, kind: str, **values: Json) -> Future[None] | None:
        """Append an entry; return a Future, or None where no ledger is kept."""
        body = self._body(kind, **values)
        self._note_standing(body)  # before it waits: a fresh file may begin before it is written
        return None if self._thread is None else self._thread.append(body)

    def accept(self, record: PolicyRecord, claim: Claim | None = None) -> Future[None] | None:
        """
        Append an accepted policy; return as :meth:`note`.

        :param claim: the reader's own claim for it, which is kept in place of the certificate:
            that one is the word of the sender.
        """
        if claim is not None:
            record = replace(record, certificate=None)
        accepted = Accepted(record, None if claim is None else asdict(claim))
        if self._keeper is None:
            self._keep(accepted)
        if self._thread is None:
            return None
        written = self._thread.append(self._accepted_body(accepted))
        written.add_done_callback(lambda done: self._forget(done, accepted))
        return written

    def _forget(self, done: Future[None], accepted: Accepted) -> None:
        """Forget a policy that could not be written."""
        version = accepted.record.version
        if done.exception() is not None and self._accepted.get(version) is accepted:
            del self._accepted[version]

    def find(self, version: int) -> PolicyRecord | None:
        """
        Return the accepted record of any version, or None.

        A version that is no longer in memory is looked for in the file and those put aside.
        """
        kept = self._accepted.get(version)
        if kept is not None:
            return kept.record
        return None if self.path is None else find_version(self.path, version)

    def stop(self) -> None:
        """
        Write every entry that waits and close the file.

        :raises LedgerError: when the disk does not answer in time.
        """
        if self._thread is not None:
            self._thread.stop()


def _age(part: Path) -> tuple[int, int, str]:
    """Return the sorting key of a ledger's files, newest first: NAME.ledger, then by NUMBER."""
    name, _, number = part.name.rpartition('-')
    return (1, -int(number), name) if number.isdigit() else (0, 0, part.name)


def find_version(path: Path, version: int) -> PolicyRecord | None:
    """
    Return the accepted record of a version in a ledger file and those put aside, or None.

    The file comes first, then the files put aside, the newest first.
    """
    for part in sorted(path.parent.glob(f'{path.name}*'), key=_age):
        for entry in reversed(read(part.read_bytes()).entries):
            values = entry.body.get('record')
            if entry.body.get('kind') == 'accepted' and isinstance(values, Mapping) and (
                    values.get('version') == version):
                return read_record(values)
    return None
