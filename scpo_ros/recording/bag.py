"""
Bags: MCAP files with a metadata.yaml, which `ros2 bag` writes and reads as well. No ROS.

Messages are stored as the bytes that came over the wire and decoded when a bag is read, by the
definitions of ROS 2 Jazzy.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from rosbags.interfaces import (
    Connection, ConnectionExtRosbag2, Qos, QosDurability, QosHistory, QosLiveliness,
    QosReliability, QosTime)
from rosbags.rosbag2 import (
    CompressionFormat, CompressionMode, Reader, StoragePlugin, Writer, WriterError)
from rosbags.typesys import get_typestore, Stores, TypesysError
from scpo_ros.exceptions import ScpoRosError


TYPES = get_typestore(Stores.ROS2_JAZZY)
PARAMETERS = 'scpo_ros.parameters'  # key of the parameter file among a bag's own data
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

    @property
    def duration(self) -> float:
        """Return the time from the first message to the last [s]."""
        return self.messages[-1].time if self.messages else 0.0

    @property
    def namespaces(self) -> list[str]:
        """Return the namespaces in which a plant's states were recorded, with a closing /."""
        name = 'joint_states'
        return sorted(topic.removesuffix(name) for topic in self.types
                      if topic.endswith(f'/{name}'))


def read_bag(path: str | Path) -> Bag:
    """
    Return the :class:`Bag` of a folder.

    :raises BagError: when it is no bag, or when it is torn or damaged.
    """
    path = Path(path)
    _check_whole(path)
    try:
        with Reader(path) as reader:
            found = sorted(reader.messages(), key=lambda item: item[1])  # stable
            start = found[0][1] if found else 0
            messages = tuple(
                Recorded(1e-9 * (time - start), connection.topic, connection.msgtype, bytes(raw))
                for connection, time, raw in found)
            count = reader.message_count
            types = {c.topic: c.msgtype for c in reader.connections}
            qos = {c.topic: _profiles(c) for c in reader.connections}
            data = dict(getattr(reader.storage.metadata, 'custom', None) or {})
    except Exception as error:  # no file may end in a traceback
        raise BagError(f'{path} cannot be read: {type(error).__name__}: {error}') from error
    if len(messages) != count:
        raise BagError(f'{path} is damaged: its index promises {count} messages, '
                       f'it holds {len(messages)}')
    return Bag(path, 1e-9 * start, messages, types, qos, data)


def _profiles(connection: Connection) -> list[Qos]:
    """Return the profiles of the publishers of a topic."""
    ext = connection.ext
    return list(ext.offered_qos_profiles) if isinstance(ext, ConnectionExtRosbag2) else []


def _check_whole(path: Path) -> None:
    """Raise BagError for a folder that is no bag, or one that its recorder did not close."""
    if not path.exists():
        raise BagError(f'{path} does not exist')
    if path.is_dir() and not (path / 'metadata.yaml').is_file():
        if any(path.glob('*.mcap*')):
            raise BagError(f'{path} is torn: its recorder was killed before it closed the bag '
                           '(there is no metadata.yaml), so what it holds is not complete')
        raise BagError(f'{path} is no bag: it holds no metadata.yaml')


class BagWriter:
    """Writes a bag, compressed; reading a bag that was never closed fails with that reason."""

    def __init__(self, path: str | Path, data: Mapping[str, str] | None = None) -> None:
        """
        Make the folder of the bag.

        :param data: {key: text} to keep with the messages.
        :raises BagError: when it exists already or cannot be made.
        """
        self._path = Path(path)
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
        """Append the bytes of a message, with the wall-clock time of its arrival [ns]."""
        with self._explained():
            self._writer.write(self._connections[topic], nanoseconds, raw)

    def close(self) -> None:
        """Write index and metadata, which make the bag whole."""
        with self._explained():
            self._writer.close()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn the errors of rosbags and of the disk into a BagError."""
        try:
            yield
        except (WriterError, TypesysError, OSError) as error:
            raise BagError(f'{self._path} cannot be written: {error}') from error


def profile(reliable: bool, latched: bool, depth: int) -> Qos:
    """Return the profile of a publisher as a bag keeps it."""
    never = QosTime(9223372036, 854775807)
    return Qos(
        QosHistory.KEEP_LAST, depth,
        QosReliability.RELIABLE if reliable else QosReliability.BEST_EFFORT,
        QosDurability.TRANSIENT_LOCAL if latched else QosDurability.VOLATILE,
        never, never, QosLiveliness.AUTOMATIC, never, False)
