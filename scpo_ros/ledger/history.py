"""
What a ledger says: which policies were accepted and refused, and whether the model held. No ROS.

Kinds of entries: `started`; `accepted` and `refused` with record and reason; `running`, a swap;
`revoked` and `reinstated`. Weights are kept bit for bit.
"""

from base64 import b64decode, b64encode
from dataclasses import asdict, fields, replace
import time

import numpy as np
from scpo_ros.exceptions import InvalidArrayError
from scpo_ros.interface.policy_record import PolicyRecord
from scpo_ros.ledger.ledger import Ledger, read
from scpo_ros.ledger.thread import LedgerThread
from scpo_ros.scpo import Certificate


_REMEMBERED = 64  # newest policies kept in memory
_TYPES = {'version': int, 'parent': int, 'digest': str, 'parent_digest': str, 'spec_digest': str}


def _packed(item):
    """Return what JSON keeps bit for bit of an array, and anything else as it is."""
    if not isinstance(item, np.ndarray):
        return item
    data = np.ascontiguousarray(item, dtype='<f8').tobytes()
    return {'shape': item.shape, 'float64': b64encode(data).decode()}


def _unpacked(item):
    if not isinstance(item, dict):
        return item
    return np.frombuffer(b64decode(item['float64'], validate=True), '<f8').reshape(item['shape'])


def record_values(record):
    """Return what JSON can keep of a :class:`~scpo_ros.interface.policy_record.PolicyRecord`."""
    values = {name: getattr(record, name) for name in _TYPES}
    certificate = record.certificate and {
        entry.name: _packed(getattr(record.certificate, entry.name))
        for entry in fields(record.certificate)}
    return {**values, 'theta': _packed(record.theta), 'certificate': certificate}


def read_record(values):
    """
    Return the PolicyRecord of :func:`record_values`.

    :raises InvalidArrayError: for a missing, unknown or malformed value.
    """
    try:
        given = {name: _unpacked(item) for name, item in values.items() if name != 'certificate'}
        certificate = values['certificate']
        if certificate is not None:
            certificate = Certificate(**{
                name: _unpacked(item) for name, item in certificate.items()})
        record = PolicyRecord(**given, certificate=certificate)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InvalidArrayError('ledger entry', str(error), 'must hold a policy') from error
    if record.theta.ndim != 1 or any(
            type(getattr(record, name)) is not kind for name, kind in _TYPES.items()):
        raise InvalidArrayError('ledger entry', 'a wrong type', 'must hold a policy')
    return record


class History:
    """The ledger of one process; without a folder it keeps the newest policies in memory only."""

    def __init__(self, folder, name, clock=time.time):
        """
        Read what was, and go on.

        :param folder: of the ledger file NAME.ledger; empty: none is kept.
        :param clock: () -> seconds since the epoch.
        :raises LedgerError: when the file cannot be opened.
        """
        self._clock, self.fault, self.revoked = clock, '', ''
        self._accepted = {}  # version: PolicyRecord, the newest
        self._claims = {}  # version: values of the Claim with which it was accepted
        self._thread, self.path = None, None
        if folder:
            ledger = Ledger(f'{folder}/{name}.ledger')
            self.path, self.fault = ledger.path, ledger.reading.fault
            for entry in ledger.reading.entries:
                self._take_in(entry.body)
            self._thread = LedgerThread(ledger, snapshot=self._snapshot)

    def _take_in(self, body):
        try:
            if body.get('kind') == 'accepted':
                self._keep(read_record(body['record']), body.get('claim'))
            elif body.get('kind') in ('revoked', 'reinstated'):
                reason = str(body.get('reason') or 'the ledger says so, and gives no reason')
                self.revoked = reason if body['kind'] == 'revoked' else ''
        except (InvalidArrayError, KeyError):
            self.fault = self.fault or 'an entry that holds no policy'

    def _keep(self, record, claim=None):
        self._accepted.pop(record.version, None)
        self._accepted[record.version], self._claims[record.version] = record, claim
        for version in list(self._accepted)[:-_REMEMBERED]:
            if version:  # the backup stays
                del self._accepted[version], self._claims[version]

    def _snapshot(self):
        return [self._accepted_body(record) for record in list(self._accepted.values())]

    def _accepted_body(self, record):
        claim = self._claims.get(record.version)
        told = {} if claim is None else {'claim': claim}
        return self._body('accepted', record=record_values(record), **told)

    def _body(self, kind, **values):
        return {'kind': kind, 'time': self._clock(), **values}

    @property
    def accepted(self):
        """Return the newest accepted records, {version: record}, in order of acceptance."""
        return dict(self._accepted)

    @property
    def failure(self):
        """Return why the ledger cannot be written, empty when it can."""
        return '' if self._thread is None else self._thread.failure

    def note(self, kind, **values):
        """Append an entry; return a Future, or None where no ledger is kept."""
        if self._thread is None:
            return None
        return self._thread.append(self._body(kind, **values))

    def accept(self, record, claim=None):
        """
        Append an accepted policy; return as :meth:`note`.

        :param claim: the :class:`~scpo_ros.interface.claim.Claim` with which it was accepted. It
            is kept in place of the certificate, which is the word of whoever sent the policy.
        """
        if claim is not None:
            record = replace(record, certificate=None)
        self._keep(record, None if claim is None else asdict(claim))
        written = None
        if self._thread is not None:
            written = self._thread.append(self._accepted_body(record))
        if written is not None:
            written.add_done_callback(lambda done: self._forget(done, record))
        return written

    def _forget(self, done, record):
        if done.exception() is not None and self._accepted.get(record.version) is record:
            del self._accepted[record.version], self._claims[record.version]

    def find(self, version):
        """
        Return the accepted record of any version, or None.

        Versions that are no longer in memory are looked for in this file and those put aside.
        """
        if version in self._accepted or self.path is None:
            return self._accepted.get(version)
        return find_version(self.path, version)

    def stop(self):
        """Write what waits and close the file."""
        if self._thread is not None:
            self._thread.stop()


def _age(part):
    """Return what orders the parts of a ledger, newest first: NAME.ledger, then by -NUMBER."""
    name, _, number = part.name.rpartition('-')
    return (1, -int(number), name) if number.isdigit() else (0, 0, part.name)


def find_version(path, version):
    """
    Return the accepted record of a version in a ledger file and those put aside, or None.

    The file comes first, then what was put aside last, in whatever order the disk lists them.
    """
    for part in sorted(path.parent.glob(f'{path.name}*'), key=_age):
        for entry in reversed(read(part.read_bytes()).entries):
            body = entry.body
            if body.get('kind') == 'accepted' and isinstance(body.get('record'), dict) and (
                    body['record'].get('version') == version):
                return read_record(body['record'])
    return None
