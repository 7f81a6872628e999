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
The ledger: an append-only file that a kill at any instant leaves readable. No ROS.

One entry a line, `DIGEST PREVIOUS BODY`: BODY is JSON, PREVIOUS the digest of the entry before
(64 zeros for the first), DIGEST the SHA-256 of `PREVIOUS BODY`. So every entry is a checksum of
all entries before it: the chain shows every entry that was altered, removed or inserted.

:meth:`Ledger.append` writes its entries with one write and flushes them to the disk before it
returns. A write that was cut short (kill, full disk, power) leaves a *torn tail*, which the next
start drops. Any other bytes that do not fit are *damage*: the next start puts the file aside
under another name and keeps the entries before the damage. A file that has grown large is put
aside too; the first entry of the next file goes on from its last digest.

The files put aside are kept as long as there is room (:mod:`scpo_ros.ledger.retention`). Before
one is deleted an entry `deleted` says which, and with which digest the chain goes on behind it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
import fcntl
import hashlib
import json
import os
from pathlib import Path
from typing import TypeAlias

from scpo_ros.atomic_file import flush, replacing
from scpo_ros.exceptions import ScpoRosError
from scpo_ros.ledger.retention import begins_after, number_of, put_aside, Room, surplus


Json: TypeAlias = (
    'None | bool | int | float | str | Sequence[Json] | Mapping[str, Json]')
Body: TypeAlias = Mapping[str, Json]  # of an entry

GENESIS = '0' * 64
_HEAD = 2 * 64 + 2  # characters before the body


class LedgerError(ScpoRosError, OSError):
    """The ledger cannot be opened or written."""


@dataclass(frozen=True)
class Entry:
    """One line of a ledger, whole and with the right digest."""

    digest: str
    previous: str
    body: Body
    offset: int  # of its line in the file [bytes]


@dataclass(frozen=True)
class Reading:
    """The content of a ledger file."""

    entries: tuple[Entry, ...]  # the longest chain from the beginning
    length: int  # of that chain [bytes]
    fault: str  # '', 'torn tail' or 'damage'


def line_of(previous: str, body: Body) -> tuple[str, bytes]:
    """Return (digest, line) of the entry that follows the digest `previous`."""
    rest = f'{previous} {json.dumps(body, sort_keys=True)}'
    digest = hashlib.sha256(rest.encode()).hexdigest()
    return digest, f'{digest} {rest}\n'.encode()


def lines_of(previous: str, bodies: Iterable[Body]) -> tuple[str, list[bytes]]:
    """Return (digest of the last, lines) of the entries that follow the digest `previous`."""
    lines = []
    for body in bodies:
        previous, line = line_of(previous, body)
        lines.append(line)
    return previous, lines


def read_line(line: bytes, offset: int = 0) -> Entry | None:
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


def read(data: bytes) -> Reading:
    """
    Return the :class:`Reading` of any bytes.

    The bytes behind the chain are a torn tail when they are one line without an end, or hold
    zeros, like blocks that never reached the disk. Any other bytes behind it are damage.
    """
    entries: list[Entry] = []
    offset, previous = 0, None
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
    """An open ledger file, locked against other processes."""

    def __init__(self, path: str | Path, limit: int | None = None,
                 room: Room | None = None) -> None:
        """
        Open or begin a ledger, repair its tail, and read it: see :attr:`reading`.

        :param path: of the file; its folder is made. :param limit: size at which it is put aside,
            None for that of its room. :param room: for it and the files put aside.
        :raises LedgerError: when it cannot be written or another process holds it.
        """
        self.path, self._room = Path(path), Room() if room is None else room
        self._limit = self._room.file if limit is None else limit
        self._file: int | None = None  # descriptor, None while the file is not open
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._open()
            data = self.path.read_bytes()
            self.reading = read(data)
            self._length, self._clean = self.reading.length, not self.reading.fault
            self._last = self.reading.entries[-1].digest if self.reading.entries else GENESIS
            if self.reading.fault == 'damage':
                self._put_aside('damaged', data[:self.reading.length], self._last)
            self._make_room()
        except OSError as error:
            self.close()
            raise LedgerError(f'the ledger {path} cannot be opened: {error}') from error

    def _open(self) -> int:
        """Open and lock the file; return its descriptor."""
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            flush(self.path.parent)
        except OSError:
            self.close()  # without the lock nothing may be written
            raise
        return self._file

    def _put_aside(self, why: str, keep: bytes, last: str) -> None:
        """
        Rename the file and begin another one; after a kill the name stands for one of them.

        :param why: part of the new name. :param keep: content of the other file.
        :param last: digest of the last entry in it.
        """
        before = put_aside(self.path, why)
        number = number_of(before[-1]) + 1 if before else 1  # also where the first were deleted
        aside = self.path.with_name(f'{self.path.name}.{why}-{number}')
        try:
            with replacing(self.path) as fresh:
                fresh.write_bytes(keep)
                os.link(self.path, aside)  # both names, until the new file takes the first one
        except OSError:
            if not aside.exists() or aside.samefile(self.path):
                aside.unlink(missing_ok=True)
                raise
            # The new file is in place and its name not yet flushed: opening it flushes again.
        self._last, self._length, self._clean = last, len(keep), True
        self.close()
        self._open()

    def append(self, *bodies: Body) -> None:
        """
        Append entries, on the disk when this returns: all of them, or none and an error.

        :raises LedgerError: when they cannot be written.
        """
        last, lines = lines_of(self._last, bodies)
        data = b''.join(lines)
        try:
            file = self._open() if self._file is None else self._file
            if not self._clean:
                os.ftruncate(file, self._length)  # the rest of a failed or torn write
            self._clean = False
            if os.write(file, data) != len(data):
                raise OSError('the disk took a part only')
            os.fsync(file)
        except OSError as error:
            raise LedgerError(f'the ledger cannot be written: {error}') from error
        self._clean, self._last, self._length = True, last, self._length + len(data)

    @property
    def full(self) -> bool:
        """Return whether :meth:`turn` is due."""
        return self._length > self._limit

    def turn(self, *bodies: Body) -> None:
        """
        Put the file aside and go on in a fresh one that begins with the given entries.

        :raises LedgerError: when that cannot be done; every entry is still there then.
        """
        last, lines = lines_of(self._last, bodies)
        try:
            self._put_aside('full', b''.join(lines), last)
            self._make_room()
        except OSError as error:
            raise LedgerError(f'the ledger cannot be put aside: {error}') from error

    def _make_room(self) -> None:
        """
        Delete the oldest files put aside until there is room; say so in the ledger first.

        :raises OSError: when that cannot be done.
        """
        doomed = surplus(self.path, self._room.aside)
        if not doomed:
            return
        left = [part for part in put_aside(self.path, 'full') if part not in doomed]
        self.append({'kind': 'deleted', 'files': [part.name for part in doomed],
                     'bytes': sum(part.stat().st_size for part in doomed),
                     'begins_after': begins_after((left or [self.path])[0]) or self._last})
        for part in doomed:
            part.unlink(missing_ok=True)
        flush(self.path.parent)

    def close(self) -> None:
        """Close the file, which gives up the lock."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
