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
Which of the files of a ledger that were put aside are deleted: the oldest, by number and size.

The file that is written to is never one of them. What stands at that moment (the newest policies,
the one that runs, a revocation) begins that file, so that no deletion can lose it.
"""

from dataclasses import dataclass
from pathlib import Path


MIB = 2**20
_FILE_BYTES = 64 * MIB  # size at which a file is put aside, at most
_FILE_SHARE = 8  # of the whole a file has at most one part in so many
_MOST_FILES = 256  # put aside
_REASONS = ('full', 'damaged')  # why a file is put aside, as its name has it


@dataclass(frozen=True)
class Room:
    """How much disk a ledger may take, the files put aside included."""

    total: int = 1024 * MIB  # [bytes]

    @property
    def file(self) -> int:
        """Return the size at which a file is put aside [bytes]."""
        return min(_FILE_BYTES, self.total // _FILE_SHARE)

    @property
    def aside(self) -> int:
        """
        Return how much the files put aside may take together [bytes].

        The file that is written to may exceed its size by one write, which has the size of a
        file at most.
        """
        return self.total - 2 * self.file


def number_of(part: Path) -> int:
    """Return the number of a file that was put aside; a larger one is younger."""
    return int(part.name.rpartition('-')[2])


def put_aside(path: Path, why: str) -> list[Path]:
    """Return the files of a ledger that were put aside for one reason, oldest first."""
    return sorted((part for part in path.parent.glob(f'{path.name}.{why}-*')
                   if part.name.rpartition('-')[2].isdecimal()), key=number_of)


def surplus(path: Path, room: int, most: int = _MOST_FILES) -> list[Path]:
    """
    Return the files to delete, oldest first, so that the others fit.

    Files of one reason are deleted in the order of their numbers, so that the chain of those that
    stay has no hole.

    :param path: of the ledger. :param room: for the files put aside together [bytes].
    :param most: files put aside at most.
    """
    kinds = [put_aside(path, why) for why in _REASONS]
    looked = {part: part.stat() for parts in kinds for part in parts}
    size, left = sum(entry.st_size for entry in looked.values()), len(looked)
    doomed: list[Path] = []
    while left and not (size <= room and left <= most):
        oldest = min((parts for parts in kinds if parts),
                     key=lambda parts: looked[parts[0]].st_mtime_ns)
        doomed.append(oldest.pop(0))
        size, left = size - looked[doomed[-1]].st_size, left - 1
    return doomed


def begins_after(part: Path) -> str:
    """Return the digest that the first entry of a file goes on from, '' where it has none."""
    with part.open('rb') as stream:
        return stream.read(130)[65:129].decode(errors='replace')
