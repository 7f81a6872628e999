"""
Tables that take seconds to compute, kept on disk.

The file's name is the digest of all the table depends on; it appears by renaming, so that a
half-written file is never read. A damaged or unwritable cache costs a computation only.
"""

from collections.abc import Callable, Iterable, Mapping
import os
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.atomic_file import replacing


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
           folder: str | os.PathLike[str] | None = None) -> Mapping[str, Array]:
    """
    Return {name: array} from the cache, or compute it and put it there.

    :param kind: word that the file's name begins with. :param key: digest (str).
    :param names: of the arrays. :param compute: callable without arguments that returns the dict.
    :param folder: None for :func:`default_cache`.
    """
    try:
        path = Path(folder or default_cache()) / f'{kind}-{key[:32]}.npz'
    except FileNotFoundError:
        return compute()
    try:
        with path.open('rb') as stream, np.load(stream) as data:
            return {name: data[name] for name in names}
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        arrays = compute()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write: Callable[..., None] = np.savez  # takes the arrays as keywords
        with replacing(path) as partial:
            write(partial, **{name: arrays[name] for name in names})
    except OSError:
        pass  # an unwritable cache only costs the next start some seconds
    return arrays
