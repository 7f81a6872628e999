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
Tables that take seconds to compute, kept on disk.

The file's name is the digest of all the table depends on; it appears by renaming, so that a
half-written file is never read. Beside the arrays it holds their *seal*, a digest of names, types,
shapes and bytes. A file that is there and does not hold what its seal says, for whatever reason,
costs one computation and one line at WARNING; so does a folder that cannot be written.
"""

from collections.abc import Callable, Iterable, Mapping
import hashlib
import logging
import os
from pathlib import Path
import stat
from typing import TypeAlias

import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.atomic_file import replacing

Cache: TypeAlias = Path | None  # folder of tables, None for the default

_SEAL = 'seal'  # name of the array that holds it, 32 bytes
_LOG = logging.getLogger(__name__)
_LONGEST = 200  # characters of a reason: a file may hold anything


class _BadTable(Exception):
    """A file does not hold the arrays that it should."""


def default_cache() -> Path:
    """
    Return the folder of cached tables: $XDG_CACHE_HOME/scpo_ros or ~/.cache/scpo_ros.

    :raises FileNotFoundError: for a user without a home directory.
    """
    try:
        return Path(os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache') / 'scpo_ros'
    except RuntimeError as error:
        raise FileNotFoundError('there is no home directory: set XDG_CACHE_HOME') from error


def cached(kind: str, key: str, names: Iterable[str], compute: Callable[[], Mapping[str, Array]],
           folder: str | os.PathLike[str] | None = None,
           check: Callable[[Mapping[str, Array]], object] = lambda arrays: None
           ) -> Mapping[str, Array]:
    """
    Return {name: array} from the cache, or compute it, once, and put it there.

    :param kind: word that the file's name begins with. :param key: digest (str).
    :param names: of the arrays. :param compute: callable without arguments that returns the dict.
    :param folder: None for :func:`default_cache`. :param check: raises what is wrong with arrays
        that were read; they are computed anew then.
    """
    names = tuple(names)
    try:
        path = Path(folder or default_cache()) / f'{kind}-{key[:32]}.npz'
    except FileNotFoundError as error:
        _LOG.warning('%s', _told(f'the {kind} table', '', error))
        return compute()
    unread = ''
    try:
        read = _read(path, names)
        check(read)
        return read
    except FileNotFoundError:
        pass
    except Exception as error:  # noqa: B902 - whatever is wrong with a file: make it anew
        unread = f' cannot be read ({_reason(error)}) and is made anew'
    arrays = compute()
    unkept = _write(path, {name: arrays[name] for name in names})
    if unread or unkept is not None:
        _LOG.warning('%s', _told(f'the table {path}', unread, unkept))
    return arrays


def _told(table: str, unread: str, unkept: Exception | None) -> str:
    """Return the one line that says what is wrong with a table's file."""
    rest = '' if unkept is None else f' is not kept ({_reason(unkept)}): the next start makes it'
    return table + unread + (',' if unread and rest else '') + rest


def _reason(error: Exception) -> str:
    """Return an error as a part of one line."""
    return ' '.join(f'{error or type(error).__name__}'.split())[:_LONGEST]


def _read(path: Path, names: tuple[str, ...]) -> Mapping[str, Array]:
    """
    Return the arrays of a file.

    :raises Exception: of any kind, when the file does not hold them.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise _BadTable('it is no file')  # opening a pipe would wait for ever
    with path.open('rb') as stream, np.load(stream, allow_pickle=False) as data:
        if set(data.files) != {*names, _SEAL}:
            raise _BadTable('it holds other arrays')
        arrays = {name: data[name] for name in names}
        if bytes(data[_SEAL]) != _seal(arrays):
            raise _BadTable('its seal is not that of its arrays')
    return arrays


def _write(path: Path, arrays: Mapping[str, Array]) -> Exception | None:
    """Put arrays into a file; return why that could not be done, or None."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write: Callable[..., None] = np.savez  # takes the arrays as keywords
        with replacing(path) as partial:
            write(partial, **arrays, **{_SEAL: np.frombuffer(_seal(arrays), np.uint8)})
    except Exception as error:  # noqa: B902 - a table that is not kept only costs time
        return error
    return None


def _seal(arrays: Mapping[str, Array]) -> bytes:
    """Return the digest of names, types, shapes and bytes."""
    sha = hashlib.sha256()
    for name, item in arrays.items():
        array = np.asarray(item)
        sha.update(f'{name}:{array.dtype.str}:{array.shape}:'.encode())
        sha.update(array.tobytes())
    return sha.digest()
