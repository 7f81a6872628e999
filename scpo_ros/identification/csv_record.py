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
Reads a recording from a table (CSV).

The first line names the columns: `time` [s], `episode`, and the states and inputs of the
description, in any order; other columns are left alone. A row's input is the one that is applied
from its time on.
"""

from collections.abc import Iterator, Mapping, Sequence
import csv
from pathlib import Path

import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.identification.record import Record, record_of, Sample
from scpo_ros.systems.system import System

_TIME, _EPISODE = 'time', 'episode'
_MISSING = {'': float('nan'), 'nan': float('nan')}


def read_csv(path: Path, system: System) -> Record:
    """
    Return the record of a table.

    :param system: of the draft, whose states and inputs the columns have the names of.
    :raises ConfigurationError: naming file, line, column and rule. :raises OSError: when it cannot
        be read.
    """
    try:
        with path.open(encoding='utf-8-sig', newline='') as file:
            rows = csv.reader(file, strict=True, skipinitialspace=True)
            columns = _columns(path.name, next(rows, []), system)
            return record_of(str(path), _samples(path.name, rows, columns, system), system,
                             _left_alone(columns, system))
    except UnicodeDecodeError as error:
        raise ConfigurationError(path.name, error.reason, 'must be UTF-8 text') from error
    except csv.Error as error:
        raise ConfigurationError(path.name, str(error), 'must be a table (CSV)') from error


def _columns(source: str, names: Sequence[str], system: System) -> dict[str, int]:
    """Return {name: place} of the columns, in the order of the table."""
    found: dict[str, int] = {}
    for place, name in enumerate(map(str.strip, names)):
        if name in found:
            raise ConfigurationError(f'{source}:1', name, 'must not name two columns')
        found[name] = place
    for name in (_TIME, _EPISODE, *system.states.names, *system.inputs.names):
        if name not in found:
            raise ConfigurationError(
                f'{source}:1', list(found), f'must have the column {name!r} of the draft')
    return found


def _left_alone(columns: Mapping[str, int], system: System) -> list[str]:
    known = {_TIME, _EPISODE, *system.states.names, *system.inputs.names}
    others = [name for name in columns if name not in known]
    return [f'columns that the draft does not name are left alone: {", ".join(others)}'
            ] if others else []


def _samples(source: str, rows: Iterator[list[str]], columns: Mapping[str, int], system: System
             ) -> Iterator[Sample]:
    """Yield the samples of all rows; the input that led to one stands in the row before."""
    led: Array = np.full(system.m, np.nan)
    number = 1  # of the line; a cell with a line break in it would be no number
    for row in rows:
        number += 1
        if not any(map(str.strip, row)):
            continue
        if len(row) != len(columns):
            raise ConfigurationError(
                f'{source}:{number}', len(row), f'must have {len(columns)} columns')
        cell = {name: _number(source, number, name, row[place])
                for name, place in columns.items() if name in (
                    _TIME, *system.states.names, *system.inputs.names)}
        yield Sample(cell[_TIME], _episode(source, number, row[columns[_EPISODE]]),
                     np.array([cell[name] for name in system.states.names]), led,
                     f'line {number}')
        led = np.array([cell[name] for name in system.inputs.names])


def _number(source: str, line: int, name: str, text: str) -> float:
    text = text.strip()
    if text.lower() in _MISSING:
        return _MISSING[text.lower()]
    try:
        return float(text)
    except ValueError:
        raise ConfigurationError(f'{source}:{line}: {name}', text, 'must be a number') from None


def _episode(source: str, line: int, text: str) -> int:
    number = _number(source, line, _EPISODE, text)
    if not (np.isfinite(number) and number == int(number)):
        raise ConfigurationError(f'{source}:{line}: {_EPISODE}', text, 'must be an integer')
    return int(number)
