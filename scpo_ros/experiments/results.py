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

"""Results on disk: every file appears by renaming, complete or not at all."""

from collections.abc import Mapping
from functools import lru_cache
import hashlib
import json
from pathlib import Path

import scpo_ros
from scpo_ros.atomic_file import replacing, write_whole
from scpo_ros.recording.figures import Figure, own_style


@lru_cache(maxsize=1)
def source_digest() -> str:
    """Return a digest of the package's source: results of different versions do not mix unseen."""
    folder, text = Path(scpo_ros.__file__).parent, hashlib.sha256()
    for path in sorted(folder.rglob('*.py')):
        text.update(f'{path.relative_to(folder)}\0'.encode() + path.read_bytes())
    return text.hexdigest()[:16]


def write_json(path: str | Path, mapping: Mapping[str, object]) -> None:
    """
    Write a mapping as JSON, in its own order, making the folder.

    :raises ValueError: for NaN and infinities, which JSON does not have.
    """
    text = json.dumps(mapping, indent=2, allow_nan=False) + '\n'
    write_whole(_with_folder(path), text)


@own_style()
def write_figure(path: str | Path, figure: Figure) -> None:
    """Write a matplotlib figure in the format of the path's suffix, making the folder."""
    with replacing(_with_folder(path)) as partial:
        figure.savefig(partial, dpi=120)


def _with_folder(path: str | Path) -> Path:
    """Return the path after making the folder that it is in."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
