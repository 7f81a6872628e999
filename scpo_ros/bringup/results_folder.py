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

"""The folder of a run's results: what may stand there, and when it is replaced."""

from collections.abc import Mapping
import fcntl
import os
from pathlib import Path
import shutil

from scpo_ros.atomic_file import write_whole
from scpo_ros.config.arguments import value_of
from scpo_ros.exceptions import ConfigurationError


_WRITTEN = {'bag', 'run.parameters.yaml', 'system.yaml', 'run.png', 'run.partial.png',
            'summary.json', 'summary.json.partial'}
_LEDGERS = ('controller.ledger', 'adapter.ledger')  # and what was put aside of them
_CLAIMED: dict[Path, int] = {}  # descriptors that lock the folders of this process


def bag_path(values: Mapping[str, str]) -> Path:
    """Return the folder of the bag. :param values: {argument: text}."""
    return Path(values['bag_path'] or Path(values['results']) / 'bag')


def check_bag(values: Mapping[str, str]) -> None:
    """
    Do nothing where no bag is recorded, or the bag has a place of its own.

    :param values: {argument: text}.
    :raises ConfigurationError: when its folder exists, or is a part of the results' folder.
    """
    if not value_of('record', values):
        return
    path, results = bag_path(values), Path(values['results'])
    if path.exists() and path != results / 'bag':
        raise ConfigurationError('bag_path', str(path), 'exists already and is not replaced')
    if path != results / 'bag' and results.resolve() in path.resolve().parents:
        raise ConfigurationError('bag_path', str(path), 'must lie outside the results folder, '
                                 'which holds nothing but results')


def prepare(folder: Path) -> None:
    """
    Replace the results folder, so that a stale result is never taken for a new one.

    Until this process ends no other one can replace it; nor while a node keeps a ledger there.

    :raises ConfigurationError: when it holds a file that no run wrote, when another run uses it,
        or when it cannot be made.
    """
    try:
        if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
            raise ConfigurationError('results', str(folder), 'must be a folder of its own')
        if folder.is_dir():
            _require_own(folder)
            _refuse_used(folder)
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
        _CLAIMED[folder.resolve()] = _locked(folder)
    except OSError as error:
        raise ConfigurationError('results', str(folder), f'cannot be made: {error}') from error


def _refuse_used(folder: Path) -> None:
    """
    Give up what this process has claimed of a folder.

    :raises ConfigurationError: when another process uses it.
    """
    claimed = _CLAIMED.pop(folder.resolve(), None)
    if claimed is not None:
        os.close(claimed)
    for path in [folder, *(folder / name for name in _LEDGERS if (folder / name).is_file())]:
        try:
            os.close(_locked(path))
        except BlockingIOError as error:
            raise ConfigurationError(
                'results', str(folder), f'is used by another run, which holds {path.name!r}: not '
                'replaced') from error


def _locked(path: Path) -> int:
    """
    Return a descriptor that locks a file or folder until it is closed.

    :raises BlockingIOError: when another process holds the lock.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise
    except OSError:
        pass  # a file system without such locks
    return descriptor


def _require_own(folder: Path) -> None:
    """Raise ConfigurationError for a folder that holds a file that no run wrote."""
    foreign = [path.name for path in folder.iterdir() if path.name not in _WRITTEN
               and not path.name.startswith(_LEDGERS)]
    if foreign:
        raise ConfigurationError(
            'results', str(folder), f'holds {foreign[0]!r}, which no run wrote: not replaced')


def write_in(path: Path, text: str) -> None:
    """
    Write a file of the results folder, before anything starts.

    :raises ConfigurationError: when it cannot be written.
    """
    try:
        write_whole(path, text)
    except OSError as error:
        raise ConfigurationError(
            'results', str(path.parent), f'cannot be written to: {error}') from error
