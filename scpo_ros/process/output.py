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
Standard output and error: closed, full, or without a reader, they end no program. No ROS.

`python -m scpo_ros.sim | head -1` closes the pipe after a line; the run must not end with it.
"""

from errno import EPIPE
import io
import os
import sys
from typing import TextIO, TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class _Dropping(io.FileIO):
    """A standard stream. After a write that fails, everything that is written to it is dropped."""

    def write(self, data: 'ReadableBuffer') -> int:
        """Write as much as is possible, and say that all was."""
        try:
            return super().write(data)
        except OSError as error:
            _to_nowhere(self.fileno())
            if error.errno != EPIPE and self.fileno() == 1:
                print(f'[scpo_ros] the standard output cannot be written ({error.strerror}): '
                      'the rest is not shown', file=sys.stderr, flush=True)
            return memoryview(data).nbytes


def keep_going() -> None:
    """
    Make standard output and error such that a failing write ends nothing; once per process.

    A closed descriptor (`>&-`) is opened to nowhere: else the next file or socket got its number,
    and text meant for a screen went there. Streams that somebody has replaced are left alone.
    """
    for descriptor, name in enumerate(('stdin', 'stdout', 'stderr')):
        stream = getattr(sys, name)
        try:
            os.fstat(descriptor)
        except OSError:
            _to_nowhere(descriptor)
        if stream is None:
            setattr(sys, name, open(os.devnull, 'w' if descriptor else 'r', encoding='utf-8'))
        elif descriptor and stream is getattr(sys, f'__{name}__'):
            setattr(sys, name, _dropping(descriptor, stream))


def _dropping(descriptor: int, stream: TextIO) -> io.TextIOWrapper:
    """Return a stream like the given one, on whose failing writes nothing ends."""
    return io.TextIOWrapper(
        io.BufferedWriter(_Dropping(descriptor, 'w', closefd=False)), encoding=stream.encoding,
        errors=stream.errors, line_buffering=stream.isatty() or descriptor == 2)


def _to_nowhere(descriptor: int) -> None:
    """Let a descriptor lead to the null device; programs started later inherit it."""
    null = os.open(os.devnull, os.O_RDWR)
    if null == descriptor:
        os.set_inheritable(null, True)
    else:
        os.dup2(null, descriptor)
        os.close(null)
