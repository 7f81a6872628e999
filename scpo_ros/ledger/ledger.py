"""
The ledger: an append-only file that a kill at any instant leaves readable. No ROS.

One entry a line, `DIGEST PREVIOUS BODY`: BODY is JSON, PREVIOUS the digest of the entry before
(64 zeros for the first), DIGEST the SHA-256 of `PREVIOUS BODY`. So every entry is a checksum of
all of its history: none can be altered, removed or inserted without the chain showing it.

Entries are written with one write and flushed to the disk before :meth:`Ledger.append` returns.
A write that was cut short (kill, full disk, power) leaves a *torn tail*, which is dropped by the
next start. Whatever else does not fit is *damage*: the file is put aside under another name and
the part that holds is kept. A file that has grown large is put aside too; its successor's first
entry goes on from its last digest.
"""

from dataclasses import dataclass
import fcntl
import hashlib
import json
import os
from pathlib import Path

from scpo_ros.exceptions import ScpoRosError


GENESIS = '0' * 64
_HEAD = 2 * 64 + 2  # characters before the body


class LedgerError(ScpoRosError, OSError):
    """The ledger cannot be opened or written."""


@dataclass(frozen=True)
class Entry:
    """One line that holds."""

    digest: str
    previous: str
    body: dict
    offset: int  # of its line in the file [bytes]


@dataclass(frozen=True)
class Reading:
    """What a file holds."""

    entries: tuple  # of Entry, the longest chain from the beginning
    length: int  # of it [bytes]
    fault: str  # '', 'torn tail' or 'damage'


def line_of(previous, body):
    """Return (digest, line) of the entry that follows the digest `previous`."""
    rest = f'{previous} {json.dumps(body, sort_keys=True)}'
    digest = hashlib.sha256(rest.encode()).hexdigest()
    return digest, f'{digest} {rest}\n'.encode()


def read_line(line, offset=0):
    """Return the :class:`Entry` of a line without its end, or None unless it is whole."""
    digest, previous, body = line[:64], line[65:129], line[_HEAD:]
    if (line[64:65] + line[129:_HEAD] != b'  '
            or hashlib.sha256(line[65:]).hexdigest().encode() != digest):
        return None
    try:
        values = json.loads(body)
        return Entry(digest.decode(), previous.decode(), values, offset) if isinstance(
            values, dict) else None
    except (ValueError, RecursionError):
        return None


def read(data):
    """
    Return the :class:`Reading` of a file's bytes, whatever they are.

    What follows the chain is a torn tail when it is one line without an end, or holds zeros, as
    blocks do that never reached the disk. Everything else is damage.
    """
    entries, offset, previous = [], 0, None
    while (end := data.find(b'\n', offset)) >= 0:
        entry = read_line(data[offset:end], offset)
        if entry is None or previous not in (None, entry.previous):
            break
        entries.append(entry)
        offset, previous = end + 1, entry.digest
    rest = data[offset:]
    torn = b'\n' not in rest or b'\0' in rest
    fault = '' if not rest else 'torn tail' if torn else 'damage'
    return Reading(tuple(entries), offset, fault)


class Ledger:
    """An open file; one process at a time."""

    def __init__(self, path, limit=64 * 2**20):
        """
        Open or begin a ledger, repair its tail, and read it: see :attr:`reading`.

        :param path: of the file; its folder is made. :param limit: size at which it is put aside.
        :raises LedgerError: when it cannot be written or another process holds it.
        """
        self.path, self._limit, self._file = Path(path), limit, None
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._open()
            data = self.path.read_bytes()
            self.reading = read(data)
            self._length, self._clean = self.reading.length, not self.reading.fault
            self._last = self.reading.entries[-1].digest if self.reading.entries else GENESIS
            if self.reading.fault == 'damage':
                self._put_aside('damaged', data[:self.reading.length], self._last)
        except OSError as error:
            self.close()
            raise LedgerError(f'the ledger {path} cannot be opened: {error}') from error

    def _open(self):
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._sync_folder()
        except OSError:
            self.close()  # without the lock nothing may be written
            raise

    def _sync_folder(self):
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _put_aside(self, why, keep, last):
        """Rename the file and begin another with the given bytes; a kill leaves one of them."""
        number = 1
        while (aside := self.path.with_name(f'{self.path.name}.{why}-{number}')).exists():
            number += 1
        fresh = self.path.with_name(f'{self.path.name}.new')
        with open(fresh, 'wb') as stream:
            stream.write(keep)
            stream.flush()
            os.fsync(stream.fileno())
        os.link(self.path, aside)  # the old file has both names until the new one takes its own
        os.replace(fresh, self.path)
        self._last, self._length, self._clean = last, len(keep), True
        self.close()
        self._open()

    def append(self, *bodies):
        """
        Append entries, on the disk when this returns: all of them, or none and an error.

        :param bodies: dicts of what JSON knows.
        :raises LedgerError: when they cannot be written.
        """
        last, data = self._lines(bodies)
        try:
            if self._file is None:
                self._open()
            if not self._clean:
                os.ftruncate(self._file, self._length)  # what a failed or torn write left
            self._clean = False
            if os.write(self._file, data) != len(data):
                raise OSError('the disk took a part only')
            os.fsync(self._file)
        except OSError as error:
            raise LedgerError(f'the ledger cannot be written: {error}') from error
        self._clean, self._last, self._length = True, last, self._length + len(data)

    def _lines(self, bodies):
        last, lines = self._last, []
        for body in bodies:
            last, line = line_of(last, body)
            lines.append(line)
        return last, b''.join(lines)

    @property
    def full(self):
        """Return whether :meth:`turn` is due."""
        return self._length > self._limit

    def turn(self, *bodies):
        """
        Put the file aside and go on in a fresh one that begins with the given entries.

        :raises LedgerError: when that cannot be done; nothing is lost then.
        """
        last, data = self._lines(bodies)
        try:
            self._put_aside('full', data, last)
        except OSError as error:
            raise LedgerError(f'the ledger cannot be put aside: {error}') from error

    def close(self):
        """Let go of the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
