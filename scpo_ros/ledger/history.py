"""
The history of one node: its accepted and refused policies, and its revocations. No ROS.

Kinds of entries: `started`; `accepted` and `refused` with record and reason; `running`, a swap;
`revoked` and `reinstated`. Weights are kept bit for bit.
"""

from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import asdict, replace
from pathlib import Path
import time
from typing import NamedTuple

import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.exceptions import InvalidArrayError
from scpo_ros.interface.claim import Claim
from scpo_ros.interface.policy_codec import policy_of, policy_values, Value
from scpo_ros.interface.policy_record import PolicyRecord
from scpo_ros.ledger.ledger import Body, Json, Ledger, read
from scpo_ros.ledger.thread import LedgerThread


_REMEMBERED = 64  # newest policies kept in memory


def _packed(item: Value) -> Json:
    """Return what JSON keeps bit for bit of an array, and anything else as it is."""
    if not isinstance(item, np.ndarray):
        return item
    data = np.ascontiguousarray(item, dtype='<f8').tobytes()
    return {'shape': item.shape, 'float64': b64encode(data).decode()}


def _unpacked(item: Json) -> Value:
    """Return what :func:`_packed` was given; raise TypeError or ValueError for anything else."""
    if isinstance(item, (str, int, float)):
        return item
    if not isinstance(item, Mapping):
        raise TypeError(f'{item!r} is no value of a policy')
    text, shape = item['float64'], item['shape']
    if not isinstance(text, str) or not isinstance(shape, Sequence):
        raise TypeError('an array must have a text float64 and a list shape')
    sizes = [size for size in shape if isinstance(size, int)]
    if len(sizes) < len(shape):
        raise TypeError(f'shape {shape} must hold integers')
    array: Array = np.frombuffer(b64decode(text, validate=True), '<f8').reshape(sizes)
    return array


def _mapping(values: Json) -> dict[str, Json]:
    if not isinstance(values, Mapping):
        raise TypeError(f'{values!r} is no mapping')
    return dict(values)


def record_values(record: PolicyRecord) -> dict[str, Json]:
    """Return what JSON can keep of a :class:`~scpo_ros.interface.policy_record.PolicyRecord`."""
    groups: dict[str, dict[str, Json]] = {'policy': {}, 'certificate': {}}
    for name, item in policy_values(record).items():
        group, _, field = name.partition('.')
        groups[group][field] = _packed(item)
    return {**groups['policy'], 'certificate': groups['certificate'] or None}


def read_record(values: Json) -> PolicyRecord:
    """
    Return the PolicyRecord of :func:`record_values`.

    :raises InvalidArrayError: for a missing, unknown or malformed value.
    """
    try:
        policy = _mapping(values)
        certificate = policy.pop('certificate')
        given = {f'policy.{name}': _unpacked(item) for name, item in policy.items()}
        if certificate is not None:
            given.update({f'certificate.{name}': _unpacked(item)
                          for name, item in _mapping(certificate).items()})
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidArrayError('ledger entry', str(error), 'must hold a policy') from error
    record = policy_of(given)
    if policy_values(record).keys() != given.keys() or certificate == {}:
        raise InvalidArrayError('ledger entry', sorted(given), 'must hold a policy')
    return record


class Accepted(NamedTuple):
    """An accepted policy, and the claim that the reader itself established for it."""

    record: PolicyRecord
    claim: Json = None  # values of a Claim, None where there is none


class History:
    """The ledger of one process; without a folder it keeps the newest policies in memory only."""

    def __init__(self, folder: str | Path, name: str,
                 clock: Callable[[], float] = time.time) -> None:
        """
        Read the ledger of before, and go on with it.

        :param folder: of the ledger file NAME.ledger; empty: none is kept.
        :param clock: () -> seconds since the epoch.
        :raises LedgerError: when the file cannot be opened.
        """
        self._clock, self.fault, self.revoked = clock, '', ''
        self._accepted: dict[int, Accepted] = {}  # the newest, by version
        self._thread: LedgerThread | None = None
        self._keeper: Callable[[], list[PolicyRecord]] | None = None
        self.path: Path | None = None
        if folder:
            ledger = Ledger(f'{folder}/{name}.ledger')
            self.path, self.fault = ledger.path, ledger.reading.fault
            for entry in ledger.reading.entries:
                self._take_in(entry.body)
            self._thread = LedgerThread(ledger, snapshot=self._snapshot)

    def _take_in(self, body: Body) -> None:
        """Remember an entry that was read; one that cannot be used is a fault."""
        try:
            if body.get('kind') == 'accepted':
                self._keep(Accepted(read_record(body['record']), body.get('claim')))
            self._note_trust(body)
        except (InvalidArrayError, KeyError):
            self.fault = self.fault or 'an entry that holds no policy'

    def _note_trust(self, body: Body) -> None:
        """Remember a revocation until it has ended."""
        if body.get('kind') == 'revoked':
            self.revoked = str(body.get('reason') or 'the ledger says so, and gives no reason')
        elif body.get('kind') == 'reinstated':
            self.revoked = ''

    def _keep(self, accepted: Accepted) -> None:
        """Remember an accepted policy as the newest one; forget the oldest but the backup."""
        self._accepted.pop(accepted.record.version, None)
        self._accepted[accepted.record.version] = accepted
        for version in list(self._accepted)[:-_REMEMBERED]:
            if version:  # the backup stays
                del self._accepted[version]

    def leave_policies_to(self, keeper: Callable[[], list[PolicyRecord]]) -> None:
        """
        Forget the accepted policies: another object keeps them from now on.

        :param keeper: () -> records with which a fresh file begins when the old one is full;
            called in the thread that writes.
        """
        self._keeper, self._accepted = keeper, {}

    def _snapshot(self) -> list[Body]:
        """Return the entries with which a fresh file begins: policies, a standing revocation."""
        reason = self.revoked
        kept = list(self._accepted.values()) if self._keeper is None else [
            Accepted(record, None) for record in self._keeper()]
        standing = [self._body('revoked', reason=reason)] if reason else []
        return [*(self._accepted_body(accepted) for accepted in kept), *standing]

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
        self._note_trust(body)  # before it waits: a fresh file may begin before it is written
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
