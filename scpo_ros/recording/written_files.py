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

"""Writing the files of a run: each for itself, so that one that fails leaves the others."""

from collections.abc import Callable
from pathlib import Path

from scpo_ros.exceptions import ScpoRosError


class NotWrittenError(ScpoRosError):
    """Files could not be written; the others of the run are in their place."""


class WrittenFiles:
    """The files of one folder: which were written, and why others were not."""

    def __init__(self, folder: str | Path) -> None:
        """Start with none. :param folder: is made with the first file."""
        self.folder = Path(folder)
        self.paths: list[Path] = []
        self.failures: list[str] = []

    def add(self, name: str, write: Callable[[Path], object]) -> None:
        """Write a file. :param write: path -> None; what it raises as OSError is a failure."""
        path = self.folder / name
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write(path)
        except OSError as error:
            self.failures.append(f'{path} cannot be written: {error.strerror or error}')
        else:
            self.paths.append(path)

    def require(self) -> None:
        """Raise NotWrittenError unless every file was written."""
        if self.failures:
            raise NotWrittenError('; '.join(self.failures))
