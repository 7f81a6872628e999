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


Cell: TypeAlias = float | int | str  # '' for a number that is not known

_ROWS = {
    'states': ('time_s', 'episode', 'position_m', 'velocity_m_s', 'input_applied_m_s2',
               'input_commanded_m_s2', 'law', 'policy_version'),
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
    for name, header in _ROWS.items():
        files.add(f'{name}.csv', partial(_write_table, header, rows[name]))


def _write_table(header: Iterable[str], rows: Iterable[Iterable[Cell]], path: Path) -> None:
    """Write a table; a number that is none (NaN) was not measured."""
    with replacing(path) as unfinished, unfinished.open(
            'w', newline='', encoding='utf-8') as stream:
        writer = csv.writer(stream, lineterminator='\n')
        writer.writerow(header)
        writer.writerows([('' if cell != cell else cell) for cell in row] for row in rows)


def state_rows(record: RunRecord) -> Iterator[tuple[Cell, ...]]:
    """Yield a row for every state, with the command that answered it."""
    for state in record.states:
        command = record.commands.get(state.time)
        answer: tuple[Cell, ...] = ('', '', '') if command is None else (
            command.u, command.source, command.version)
        yield (f'{state.time:.9f}', state.episode, state.x[0], state.x[1], state.applied,
               *answer)


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
