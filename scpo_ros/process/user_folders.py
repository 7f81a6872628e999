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
The folders below the home directory to which a run writes, where there is no such directory.

ROS 2 does not start without a folder for its logs. Without one for tables every process of a run
computes them anew. No ROS.
"""

import os
from pathlib import Path
import sys
import tempfile

from scpo_ros.config.table_cache import default_cache


_REPLACED: list[tempfile.TemporaryDirectory[str]] = []  # removed when this process ends


def ensure_user_folders() -> None:
    """
    Have logs and tables kept in a temporary folder where theirs cannot be written, and say so.

    Environment variables tell ROS 2, matplotlib, and the processes that are started later.
    """
    logs = _log_folder()
    if not _writable(logs):
        _replace('ROS_LOG_DIR', logs, 'the logs of ROS 2')
        os.environ.setdefault('MPLCONFIGDIR', os.environ['ROS_LOG_DIR'])
    try:
        cache: Path | None = default_cache()
    except FileNotFoundError:
        cache = None
    if not _writable(cache):
        _replace('XDG_CACHE_HOME', cache, 'the tables of backup and proofs')


def _log_folder() -> Path | None:
    """Return the folder in which ROS 2 keeps its logs, None without a home directory."""
    given, home = os.environ.get('ROS_LOG_DIR'), os.environ.get('HOME')
    base = os.environ.get('ROS_HOME') or (f'{home}/.ros' if home else '')
    if given:
        return Path(given)
    return Path(base) / 'log' if base else None


def _writable(folder: Path | None) -> bool:
    """Return whether files can be written to a folder, making it."""
    try:
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            return os.access(folder, os.W_OK | os.X_OK)
    except OSError:
        pass
    return False


def _replace(variable: str, folder: Path | None, what: str) -> None:
    """Put a temporary folder into an environment variable."""
    _REPLACED.append(tempfile.TemporaryDirectory(prefix='scpo_ros_'))
    os.environ[variable] = _REPLACED[-1].name
    why = 'there is no home directory' if folder is None else f'{folder} cannot be written'
    print(f'[scpo_ros] {why}: {what} are kept in {_REPLACED[-1].name}, until this run ends '
          f'({variable} names another folder)', file=sys.stderr, flush=True)
