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

"""Tables (CSV) of a recorded run: states, policies, updates, published numbers."""

from collections.abc import Iterable, Iterator
import csv
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeAlias

from scpo_ros.atomic_file import replacing
from scpo_ros.recording.bag import Bag
from scpo_ros.recording.robots import Robot
from scpo_ros.recording.run_record import RunRecord
from scpo_ros.recording.written_files import WrittenFiles
from scpo_ros.scpo.certificate import Certificate
from scpo_ros.systems.model import Model
from scpo_ros.systems.signals import in_a_name


Cell: TypeAlias = float | int | str  # '' for a number that is not known

_ROWS = {
    'policies': ('version', 'parent', 'time_s', 'ran_from_s', 'ran_until_s', 'fate', 'kind',
                 'margin', 'worst_design_metric', 'worst_verified_metric', 'metrics_verified',
                 'duality_gap', 'digest'),
    'updates': ('time_s', 'accepted_total', 'refused_total', 'loss', 'worst_metric'),
    'numbers': ('recorded_s', 'topic', 'value')}
_NUMBER_TYPES = ('std_msgs/msg/Float64', 'std_msgs/msg/Bool')


class PolicyRow(NamedTuple):
    """A row of the table of policies; '' stands for an unknown entry."""

    version: int
    parent: int
    published: float  # this and the following are times of the plant [s]
    ran_from: float | str
    ran_until: float | str
    fate: str  # 'ran', 'let through', 'refused: WHY'
    kind: str  # of the certificate, as all that follows but the digest
    margin: Cell
    worst_design_metric: Cell
    worst_verified_metric: Cell
    metrics_verified: Cell
    duality_gap: Cell
    digest: str


def write_tables(files: WrittenFiles, bag: Bag, robot: Robot, record: RunRecord) -> None:
    """Write the tables of a robot; times are the plant's [s], '' is what is not known."""
    rows: dict[str, Iterable[Iterable[Cell]]] = {
        'states': state_rows(record), 'policies': policy_rows(record),
        'updates': record.numbers.updates, 'numbers': _number_rows(bag, robot)}
    headers = {'states': state_columns(record.system), **_ROWS}
    for name, header in headers.items():
        files.add(f'{name}.csv', partial(_write_table, header, rows[name]))


def _write_table(header: Iterable[str], rows: Iterable[Iterable[Cell]], path: Path) -> None:
    """Write a table; a number that is none (NaN) was not measured."""
    with replacing(path) as unfinished, unfinished.open(
            'w', newline='', encoding='utf-8') as stream:
        writer = csv.writer(stream, lineterminator='\n')
        writer.writerow(header)
        writer.writerows([('' if cell != cell else cell) for cell in row] for row in rows)


def state_columns(system: Model) -> tuple[str, ...]:
    """Return the names of the columns of :func:`state_rows`; one input is called input."""
    names = ('input',) if system.m == 1 else system.inputs.names
    inputs = [(name, in_a_name(unit)) for name, unit in zip(names, system.inputs.units)]
    return ('time_s', 'episode', *system.states.columns,
            *(f'{name}_applied{unit}' for name, unit in inputs),
            *(f'{name}_commanded{unit}' for name, unit in inputs), 'law', 'policy_version')


def state_rows(record: RunRecord) -> Iterator[tuple[Cell, ...]]:
    """Yield a row for every state, with the command that answered it."""
    unanswered: tuple[Cell, ...] = ('',) * (record.system.m + 2)
    for state in record.states:
        command = record.commands.get(state.time)
        answer: tuple[Cell, ...] = unanswered if command is None else (
            *command.u, command.source, command.version)
        yield f'{state.time:.9f}', state.episode, *state.x, *state.applied, *answer


def policy_rows(record: RunRecord) -> Iterator[PolicyRow]:
    """Yield a row for every published policy: when it ran, its fate, its certificate."""
    spans, fates = _running_times(record), _fates(record)
    for time, policy in record.published:
        begin, end = spans.get(policy.version, ('', ''))
        fate = 'ran' if begin else fates.get(policy.version, '')
        yield PolicyRow(policy.version, policy.parent, time, begin, end, fate,
                        *_certified(policy.certificate), policy.digest)


def _running_times(record: RunRecord) -> dict[int, tuple[float, float]]:
    """Return {version: (first, last)}: the times at which a version answered states."""
    spans: dict[int, tuple[float, float]] = {}
    for time in sorted(record.commands):
        version = record.commands[time].version
        spans[version] = (spans.get(version, (time,))[0], time)
    return spans


def _fates(record: RunRecord) -> dict[int, str]:
    """Return {version: the controller's last word on it}."""
    fates = {}
    for _, seen in record.acknowledged:
        fates[seen.ready] = 'let through'
        if seen.refusals and seen.refused >= 0:
            fates[seen.refused] = f'refused: {seen.refused_reason}'
    return fates


def _certified(certificate: Certificate | None) -> tuple[str, Cell, Cell, Cell, Cell, Cell]:
    """Return the entries of a row that come from the certificate."""
    if not isinstance(certificate, Certificate):
        return ('', '', '', '', '', '')
    c = certificate
    worst = c.g.max() if c.g.size else ''
    return c.kind, c.margin, worst, c.verification_max, c.verification_size, c.duality_gap


def _number_rows(bag: Bag, robot: Robot) -> Iterator[tuple[Cell, ...]]:
    """Yield a row for every number that was published in a robot's namespace."""
    for item in bag.messages:
        if item.kind in _NUMBER_TYPES and robot.reads(item) is not None:
            yield f'{item.time:.6f}', item.topic, float(item.message.data)
