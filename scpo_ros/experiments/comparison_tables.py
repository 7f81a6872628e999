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

"""The tables of the comparison, from the records of its runs."""

from collections.abc import Mapping, Sequence
import json
from typing import cast

import numpy as np
import numpy.typing as npt
from scpo_ros.arrays import Array
from scpo_ros.config.resources import share_file
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.experiments import tune
from scpo_ros.experiments.comparison_certificates import certificates_rows
from scpo_ros.experiments.comparison_measures import (
    gaps, gaps_of, grouped, Record, references, task_gap_closed)

CHECKPOINTS = (10, 40, 150)
NEARLY = 0.9  # of the gap
SAFETY_HEAD = ['unsafe iterates', 'runs that violate held-out', 'worst of 10,000',
               'iterates that violate held-out']


def interval(values: npt.ArrayLike, form: str = '.3f') -> str:
    """Return 'median (minimum, maximum)'."""
    values = np.asarray(values, dtype=float)
    return (f'{np.median(values):{form}} ({values.min():{form}}, {values.max():{form}})'
            if len(values) else '-')


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = ['| ' + ' | '.join(row) + ' |' for row in (head, ['---'] * len(head), *rows)]
    return '\n'.join(lines)


def at_checkpoints(curves: Sequence[Array]) -> list[str]:
    """Return the interval over curves at every one of CHECKPOINTS, or at a shorter curve's end."""
    return [interval([curve[min(i, len(curve) - 1)] for curve in curves]) for i in CHECKPOINTS]


def safety_cells(group: Sequence[Record]) -> list[str]:
    """Return what broke a limit in a group of runs, in the order of SAFETY_HEAD."""
    iterates = sum(record['accepted'] + 1 for record in group)
    return [f'{sum(r["unsafe_iterates"] for r in group)} of {iterates}',
            f'{sum(r["held_out_violations"] > 0 for r in group)} of {len(group)}',
            str(max(r['held_out_violations'] for r in group)),
            str(sum(r['held_out_unsafe_iterates'] for r in group))]


def experts_table(records: Sequence[Record]) -> str:
    """Return the table of SCPO over all experts."""
    known = references(records)
    rows = []
    for (expert, on), group in grouped(
            [r for r in records if r['method'] == 'scpo'],
            lambda r: (r['expert'], r['no_regret'])).items():
        cost = interval([r['task_cost_final'] / r['task_cost_backup'] for r in group])
        closed = [task_gap_closed(r) for r in group]
        rows.append([
            expert, 'on' if on else 'off', str(len(group)),
            *at_checkpoints(gaps_of(group, known)),
            *safety_cells(group), cost, interval(closed) if np.all(np.isfinite(closed)) else '-',
            f'{np.median([r["rollouts"] for r in group]):.0f}',
            interval([r['seconds'] for r in group], '.0f')])
    head = ['expert', 'baseline cost', 'seeds', *(f'gap closed @{i}' for i in CHECKPOINTS),
            *SAFETY_HEAD, 'task cost over that of the backup',
            'task gap closed', 'rollouts', 'seconds']
    return table(head, rows)


def methods_table(records: Sequence[Record]) -> str:
    """Return the table of all methods without the baseline-cost constraint."""
    known, rows = references(records), []
    chosen = [r for r in records if not r['no_regret']]
    compared = {r['expert'] for r in chosen if r['method'] != 'scpo'}
    chosen = [r for r in chosen if r['expert'] in compared]
    for (expert, method), group in sorted(
            grouped(chosen, lambda r: (r['expert'], r['method'])).items(),
            key=lambda item: item[0][0]):
        rows.append([
            expert, method, str(len(group)), *at_checkpoints(gaps_of(group, known)),
            *safety_cells(group), f'{np.median([r["rollouts"] for r in group]):.0f}'])
    head = ['expert', 'method', 'seeds', *(f'gap closed @{i}' for i in CHECKPOINTS),
            *SAFETY_HEAD, 'rollouts']
    return table(head, rows)


def lead_table(records: Sequence[Record]) -> str:
    """
    Return the table of the gap closed by SCPO less that of every other method, in medians.

    The last lead can be no larger than what the other method leaves open: that is *open*.
    """
    known, rows, last = references(records), [], CHECKPOINTS[-1]
    groups = grouped([r for r in records if not r['no_regret']],
                     lambda r: (r['expert'], r['method']))
    curves = {key: gaps_of(group, known) for key, group in groups.items()}
    medians = {key: [float(np.median([curve[min(i, len(curve) - 1)] for curve in group]))
                     for i in CHECKPOINTS] for key, group in curves.items()}
    for expert, method in medians:
        if method != 'scpo' and (expert, 'scpo') in medians:
            lead = np.subtract(medians[expert, 'scpo'], medians[expert, method])
            rows.append([expert, method, *(f'{value:+.3f}' for value in lead),
                         f'{1 - medians[expert, method][-1]:.3f}',
                         *(updates_until(NEARLY, curves[expert, one])
                           for one in ('scpo', method))])
    return table(['expert', 'against', *(f'lead @{i}' for i in CHECKPOINTS), f'open @{last}',
                  f'updates to {NEARLY}, scpo', 'and the other'], sorted(rows))


def updates_until(level: float, curves: Sequence[Array]) -> str:
    """Return how many updates close so much of the gap, the median over curves, as text."""
    first = [float(np.argmax(curve >= level)) if np.any(curve >= level) else np.inf
             for curve in curves]
    middle = float(np.median(first))
    return f'{middle:.0f}' if np.isfinite(middle) else f'more than {max(map(len, curves)) - 1}'


def tuning_table(tuning: Mapping[str, tune.Tuned]) -> str:
    """Return the table of what was tried for every method, from the mapping that tune wrote."""
    def written(settings: Mapping[str, float]) -> str:
        return ', '.join(f'{name} {value:g}' for name, value in settings.items())

    rows = []
    for method, result in tuning.items():
        for one in result['tried']:
            mark = ' (chosen)' if one['settings'] == result['chosen'] else ''
            rows.append([method, str(result['updates']), written(one['settings']) + mark,
                         f'{one["score"]:.3f}',
                         f'{one["unsafe_runs"]} of {len(tune.EXPERTS) * len(tune.SEEDS)}'])
    notes = ''.join(f'\n\n{method}: {result["note"]}' for method, result in tuning.items()
                    if 'note' in result)
    return table(['method', 'updates', 'setting', 'score', 'runs with an unsafe iterate'],
                 rows) + notes


def known_tuning() -> dict[str, tune.Tuned]:
    """Return what tune wrote, {} if there is nothing."""
    try:
        return cast(dict[str, tune.Tuned],
                    json.loads(share_file(tune.TABLE).read_text(encoding='utf-8')))
    except (ConfigurationError, OSError, ValueError):
        return {}


def certificates_table(records: Sequence[Record]) -> str:
    """Return the table of SCPO under its certificates."""
    known = references(records)
    head, rows = certificates_rows(
        records, lambda record: gaps(record, known[record['expert'], record['no_regret']])[-1])
    return table(head, [[cell if isinstance(cell, str) else interval(cell) for cell in row]
                        for row in rows])


def references_table(records: Sequence[Record]) -> str:
    """Return the table of L0 and L*."""
    return table(['expert', 'baseline cost', 'L(theta_0)', 'L*'], [
        [expert, 'on' if on else 'off', f'{initial:.4f}', f'{optimum:.5f}']
        for (expert, on), (initial, optimum) in references(records).items()])
