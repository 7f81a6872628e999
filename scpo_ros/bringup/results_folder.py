"""The folder of a run's results: what may stand there, and when it is replaced."""

from collections.abc import Mapping
from pathlib import Path
import shutil

from scpo_ros.config.arguments import value_of
from scpo_ros.exceptions import ConfigurationError


_WRITTEN = {'bag', 'run.parameters.yaml', 'run.png', 'run.partial.png', 'summary.json',
            'summary.json.partial'}
_LEDGERS = ('controller.ledger', 'adapter.ledger')  # and what was put aside of them


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

    :raises ConfigurationError: when it holds a file that no run wrote, or cannot be made.
    """
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise ConfigurationError('results', str(folder), 'must be a folder of its own')
    if folder.is_dir():
        foreign = [path.name for path in folder.iterdir() if path.name not in _WRITTEN
                   and not path.name.startswith(_LEDGERS)]
        if foreign:
            raise ConfigurationError(
                'results', str(folder), f'holds {foreign[0]!r}, which no run wrote: not replaced')
        shutil.rmtree(folder)
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise ConfigurationError('results', str(folder), f'cannot be made: {error}') from error
