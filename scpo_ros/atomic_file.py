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
The one way in which this package writes a file that others read: complete, or not at all.

The content goes into a temporary file in the same folder, is flushed to the disk, and takes the
name of the file by renaming. After a kill or a loss of power at any instant the name stands for
the old content or the new one. A failure leaves the old file and removes the temporary one; a
kill may leave a temporary file, NAME.PROCESS-NUMBER.partial.SUFFIX, which nothing reads.
"""

from collections.abc import Iterator
from contextlib import contextmanager
import errno
import os
from pathlib import Path
from secrets import token_hex
import stat


_NEW_FILE = 0o666  # permissions before the user's umask
_USABLE = 0o600  # permissions without which the temporary file cannot be written and flushed


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """
    Yield an empty temporary file, which replaces `path` when the block ends without an exception.

    The temporary file has the suffix of `path`, because some writers choose the format by it, and
    the permissions of the file that it replaces. Its name is different each time, so that several
    processes and threads may write the same file: the last one to end wins.

    :param path: of the file; its folder must exist.
    :raises OSError: when the file cannot be written, flushed or renamed, which leaves the old one;
        also when the folder cannot be flushed: then the new file is in place, and a loss of power
        may bring back the old one.
    """
    path = Path(path)
    partial = path.with_name(f'{path.stem}.{os.getpid()}-{token_hex(4)}.partial{path.suffix}')
    os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _NEW_FILE))
    try:
        mode = _mode(path, partial)
        partial.chmod(mode | _USABLE)
        yield partial
        flush(partial)
        partial.chmod(mode)
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    flush(path.parent)


def write_whole(path: str | os.PathLike[str], content: bytes | str) -> None:
    """
    Replace a file as a whole.

    :param path: of the file; its folder must exist. :param content: a text is written as UTF-8.
    :raises OSError: as :func:`replacing`.
    """
    with replacing(path) as partial:
        partial.write_bytes(content.encode() if isinstance(content, str) else content)


def flush(path: Path) -> None:
    """
    Put a file's content, or the names in a folder, on the disk.

    Some file systems (shared folders of virtual machines, network shares) have no such operation
    for folders, which Linux tells by EINVAL: they keep their names in a way of their own.

    :raises OSError: when the disk does not confirm it.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL or not path.is_dir():
            raise
    finally:
        os.close(descriptor)


def _mode(path: Path, fresh: Path) -> int:
    """Return the permissions of a file, those of a fresh one where it does not exist."""
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        return stat.S_IMODE(fresh.stat().st_mode)
