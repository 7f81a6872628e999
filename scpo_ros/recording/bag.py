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
Bags: MCAP files with a metadata.yaml, which `ros2 bag` writes and reads as well. No ROS.

Messages are stored as the bytes that came over the wire and decoded when a bag is read, by the
definitions of ROS 2 Jazzy.
"""

from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from rosbags.interfaces import (
    Connection, ConnectionExtRosbag2, Qos, QosDurability, QosHistory, QosLiveliness,
    QosReliability, QosTime)
from rosbags.rosbag2 import (
    CompressionFormat, CompressionMode, Reader, StoragePlugin, Writer, WriterError)
from rosbags.typesys import get_typestore, Stores, TypesysError
from scpo_ros.exceptions import in_words, ScpoRosError


TYPES = get_typestore(Stores.ROS2_JAZZY)
PARAMETERS = 'scpo_ros.parameters'  # key of the parameter file among a bag's own data
DESCRIPTION = 'scpo_ros.system'  # key of the description of the system there
_VERSION: Final[Literal[9]] = 9  # of the bag format, that of Jazzy


class BagError(ScpoRosError):
    """A bag cannot be read or written; the message says which and why."""


@dataclass(frozen=True)
class Recorded:
    """A message of a bag."""

    time: float  # when it was recorded, seconds after the bag's first message
    topic: str
    kind: str  # name of its type
    raw: bytes  # as it came over the wire

    @property
    def message(self) -> Any:
        """
        Return the message, decoded anew each time: a long bag would not fit into memory.

        rosbags makes its class while the program runs, so it has no type that could be named. It
        has the attributes of its message type; it is None for a type that is not one of Jazzy's.

        :raises BagError: when the bytes are not those of a message of the type.
        """
        if self.kind not in TYPES.types:
            return None
        try:
            return TYPES.deserialize_cdr(self.raw, self.kind)
        except Exception as error:  # no bytes may end in a traceback
            raise BagError(f'a message of {self.topic} at {self.time:.3f} s cannot be decoded: '
                           f'{error}') from error


@dataclass(frozen=True)
class Bag:
    """A recording that has been read: its messages in the order of recording, and their types."""

    path: Path
    start: float  # when the first message was recorded, wall clock [s]
    messages: tuple[Recorded, ...]
    types: dict[str, str]  # {topic: name of its type}
    qos: dict[str, list[Qos]]  # {topic: the publishers' profiles}
    data: dict[str, str] = field(default_factory=dict)  # texts that the recorder added
    notes: tuple[str, ...] = ()  # sentences on what could not be made sure of

    @property
    def duration(self) -> float:
        """Return the time from the first message to the last [s]."""
        return self.messages[-1].time if self.messages else 0.0

    @cached_property
    def kinds(self) -> dict[str, set[str]]:
        """Return {topic: names of all its types}: a topic may have been published with several."""
        kinds = {topic: {kind} for topic, kind in self.types.items()}
        for item in self.messages:
            kinds.setdefault(item.topic, set()).add(item.kind)
        return kinds


class _Part(NamedTuple):
    """What one folder, or one file without its metadata.yaml, holds."""

    messages: list[tuple[int, str, str, bytes]]  # time [ns], topic, type, bytes
    types: dict[str, str]
    qos: dict[str, list[Qos]]
    data: dict[str, str]


def read_bag(path: str | Path) -> Bag:
    """
    Return the :class:`Bag` of a folder, or of one of its files.

    A folder without metadata.yaml is read from its files, when each of them was closed.

    :raises BagError: when it is no bag, or when it is torn or damaged, with what may help.
    """
    path = Path(path)
    files = _files_of(path)
    parts = [_read(path, file) for file in files or [path]]
    found = sorted((item for part in parts for item in part.messages), key=lambda item: item[0])
    start = found[0][0] if found else 0
    messages = tuple(Recorded(1e-9 * (time - start), topic, kind, raw)
                     for time, topic, kind, raw in found)
    notes = () if not files else (
        f'there is no metadata.yaml: read from {", ".join(file.name for file in files)} alone, '
        'and whether there was another file is not known',)
    return Bag(path, 1e-9 * start, messages,
               dict(ChainMap(*(part.types for part in parts))),
               dict(ChainMap(*(part.qos for part in parts))),
               dict(ChainMap(*(part.data for part in parts))), notes)


def _read(path: Path, source: Path) -> _Part:
    """Return what a folder or file holds; raise BagError. :param path: of the bag."""
    try:
        with Reader(source) as reader:
            messages = [(time, connection.topic, connection.msgtype, bytes(raw))
                        for connection, time, raw in reader.messages()]
            count = reader.message_count
            types = {str(c.topic): str(c.msgtype) for c in reader.connections}
            qos = {str(c.topic): _profiles(c) for c in reader.connections}
            data = {str(key): str(text) for key, text in dict(
                getattr(reader.storage.metadata, 'custom', None) or {}).items()}
    except Exception as error:  # no file may end in a traceback
        raise BagError(_unreadable(path, source, error)) from error
    if len(messages) != count:
        raise BagError(f'{path} is damaged: its index promises {count} messages, '
                       f'it holds {len(messages)}')
    return _Part(messages, types, qos, data)


def _profiles(connection: Connection) -> list[Qos]:
    """Return the profiles of the publishers of a topic."""
    ext = connection.ext
    return list(ext.offered_qos_profiles) if isinstance(ext, ConnectionExtRosbag2) else []


def _files_of(path: Path) -> list[Path]:
    """Return the files of a folder without metadata.yaml, none for any other; raise BagError."""
    if not path.exists():
        raise BagError(f'{path} does not exist')
    if path.is_file() or (path / 'metadata.yaml').is_file():
        return []
    files = sorted(file for pattern in ('*.mcap', '*.db3') for file in path.glob(pattern))
    packed = sorted(file.name for file in path.glob('*.zstd'))
    if packed:
        raise BagError(f'{path} is torn: it holds no metadata.yaml, and {packed[0]} is compressed '
                       'as a file: unpack it with `zstd -d`, and give the unpacked file')
    if not files:
        raise BagError(f'{path} is no bag: it holds no metadata.yaml, no *.mcap and no *.db3')
    waiting = next((file for file in path.glob('*.db3-wal') if file.stat().st_size), None)
    if waiting is not None:
        raise BagError(f'{path} is torn: its recorder was killed, and {waiting.name} holds some '
                       f'of it: `ros2 bag reindex -s sqlite3 {path}` makes a bag of what was kept')
    return files


def _unreadable(path: Path, source: Path, error: Exception) -> str:
    """Return why a bag cannot be read, and how to read what is left of it, in one line."""
    torn = path.is_dir() and source != path  # without metadata.yaml
    files = [source] if source.is_file() else sorted(path.glob('*.mcap')) + sorted(
        path.glob('*.db3'))
    name = files[0].name if files else ''
    help_ = {'.mcap': f'`mcap recover {name} -o whole.mcap` keeps the messages before the damage; '
                      'then give whole.mcap in place of the bag',
             '.db3': f'`ros2 bag reindex -s sqlite3 {path}` makes a bag of what was kept',
             '': 'nothing of it can be read'}[Path(name).suffix]
    state = ('is torn: its recorder was killed before it closed the bag (there is no '
             'metadata.yaml)' if torn else 'cannot be read')
    return f'{path} {state}: {in_words(error)}: {help_}'


class BagWriter:
    """Writes a bag, compressed; reading a bag that was never closed fails with that reason."""

    def __init__(self, path: str | Path, data: Mapping[str, str] | None = None) -> None:
        """
        Make the folder of the bag, and those above it.

        :param data: {key: text} to keep with the messages.
        :raises BagError: when it exists already or cannot be made.
        """
        self._path, self._failed = Path(path), False
        self._connections: dict[str, Connection] = {}
        with self._explained():
            self._writer = Writer(self._path, version=_VERSION, storage_plugin=StoragePlugin.MCAP)
            self._writer.set_compression(CompressionMode.STORAGE, CompressionFormat.ZSTD)
            for key, text in (data or {}).items():
                self._writer.set_custom_data(key, text)
            self._writer.open()

    def add(self, topic: str, kind: str, qos: Iterable[Qos] = ()) -> None:
        """Add a topic, with the profiles (rosbags' Qos) of its publishers."""
        if topic not in self._connections:
            with self._explained():
                self._connections[topic] = self._writer.add_connection(
                    topic, kind, typestore=TYPES, offered_qos_profiles=tuple(qos))

    def write(self, topic: str, nanoseconds: int, raw: bytes) -> None:
        """
        Append the bytes of a message, with the wall-clock time of its arrival [ns].

        :raises BagError: when it cannot be written; all later messages are dropped in silence.
        """
        if self._failed:
            return
        with self._explained():
            self._writer.write(self._connections[topic], nanoseconds, raw)

    def close(self) -> None:
        """Write index and metadata, which make the bag whole; nothing after a failed write."""
        if self._failed:
            with suppress(Exception):  # what the disk refused is tried once more
                self._writer.abort()
            return
        with self._explained():
            self._writer.close()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn the errors of rosbags and of the disk into a BagError."""
        try:
            yield
        except (WriterError, TypesysError, OSError) as error:
            self._failed = True
            raise BagError(f'{self._path} cannot be written: {error}') from error


def profile(reliable: bool, latched: bool, depth: int) -> Qos:
    """Return the profile of a publisher as a bag keeps it."""
    never = QosTime(9223372036, 854775807)
    return Qos(
        QosHistory.KEEP_LAST, depth,
        QosReliability.RELIABLE if reliable else QosReliability.BEST_EFFORT,
        QosDurability.TRANSIENT_LOCAL if latched else QosDurability.VOLATILE,
        never, never, QosLiveliness.AUTOMATIC, never, False)
