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

"""A description as the text of a file."""

from collections.abc import Iterable, Mapping

import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.systems.description import InputEntry, StateEntry, SystemDescription


def description_text(description: SystemDescription, comments: Iterable[str] = ()) -> str:
    """
    Return the text of a file that holds a description, with all of its keys.

    :param comments: lines at its beginning, without '#'.
    """
    lines = [f'# {_printable(line)}'.rstrip() for line in comments]
    lines += [f'name: {description.name}', f'dt: {description.dt!r}  # s', 'states:']
    lines += [f'  - {{{_entry(entry)}}}' for entry in description.states]
    lines += ['inputs:', *(f'  - {{{_entry(entry)}}}' for entry in description.inputs)]
    lines += ['dynamics:', *_dynamics(description), *_constraints(description)]
    lines += _options(description)
    lines += [f'cost: {{Q: {_weight(description.state_weight)}, '
              f'R: {_weight(description.input_weight)}}}',
              f'backup: {{horizon: {description.horizon}{_planned(description.planned)}}}',
              f'contraction: {description.contraction or "auto"!s}']
    return '\n'.join(lines) + '\n'


def _printable(line: str) -> str:
    """Return a comment on one line: the name of a file may hold any character."""
    return ''.join(letter if letter.isprintable() else '?' for letter in line)


def _entry(entry: StateEntry | InputEntry) -> str:
    words = [f'name: {entry.name}', f'unit: {_quoted(entry.unit)}']
    words += [f'{limit}: {value!r}' for limit, value in (
        ('lower', entry.lower), ('upper', entry.upper)) if np.isfinite(value)]
    if isinstance(entry, StateEntry):
        words += [f'disturbance: {entry.disturbance!r}',
                  f'measurement_error: {entry.measurement_error!r}']
    return ', '.join([*words, f'joint: {entry.joint}', f'field: {entry.field}'])


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _dynamics(description: SystemDescription) -> list[str]:
    """Return the lines below `dynamics`; a model is written as its linearisation."""
    dynamics = description.dynamics
    kind = 'discrete' if dynamics.kind == 'discrete' else 'continuous'
    lines = [f'  {kind}:']
    for name, matrix in (('A', dynamics.A), ('B', dynamics.B)):
        lines += [f'    {name}:', *(f'      - {_list(row)}' for row in matrix)]
    return lines


def _list(row: Array) -> str:
    return '[' + ', '.join(map(_number, row.tolist())) + ']'


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) and abs(value) < 1e6 else repr(value)


def _constraints(description: SystemDescription) -> list[str]:
    if not len(description.constraint_bounds):
        return []
    return ['constraints:', '  F:', *(
        f'    - {_list(row)}' for row in description.constraint_rows),
            f'  f: {_list(description.constraint_bounds)}']


def _options(description: SystemDescription) -> list[str]:
    """Return the lines of keys with one value, whether at their default or not."""
    return [f'delay_steps: {description.delay_steps}',
            f'delay_fraction: {description.delay_fraction!r}',
            f'sample_jitter: {description.sample_jitter!r}  # s',
            f'deadline: {description.deadline!r}  # of dt',
            f'between_ticks: {str(description.between_ticks).lower()}',
            f'on_silence: {description.on_silence}']


def _weight(weight: Array) -> str:
    if np.array_equal(weight, np.diag(np.diag(weight))):
        return _list(np.diag(weight))
    return '[' + ', '.join(map(_list, weight)) + ']'


def _planned(planned: Mapping[str, float] | None) -> str:
    if not planned:
        return ''
    return ', planned: {' + ', '.join(f'{name}: {value!r}' for name, value in planned.items()
                                      ) + '}'
