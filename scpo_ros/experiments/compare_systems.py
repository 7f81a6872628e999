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
SCPO and the alternatives on every shipped system: one command, one table.

Runs what is not yet in the folder of finished runs, then writes the table into docs/results.md. It
may be stopped and started again. See :mod:`.system_comparison` for what is compared.

    python -m scpo_ros.experiments.compare_systems --seeds 3 --updates 8
"""

import argparse
from collections.abc import Callable, Sequence
from functools import lru_cache
import json
from pathlib import Path
from typing import cast

import numpy as np
from scpo_ros.experiments.comparison_page import put
from scpo_ros.experiments.comparison_tables import interval, NEARLY, table
from scpo_ros.experiments.results import source_digest, write_json
from scpo_ros.experiments.system_comparison import (
    chosen, Comparison, grid, METHODS, MORE_UPDATES, Record, safe_gap, Settings, until)
from scpo_ros.process.program import program
from scpo_ros.systems.loading import load, shipped_names

TUNING_SEED = 10  # no reporting seed
HEAD = ['system', 'method', 'seeds', 'gap closed', f'updates to {NEARLY}', f'rollouts to {NEARLY}',
        'unsafe iterates', 'filter share', 'rollouts', 'settings']


class Runs:
    """Finished runs in a folder, and those that are missing."""

    def __init__(self, folder: str | Path, updates: int,
                 told: Callable[[str], object] = print) -> None:
        """
        Use a folder.

        :param updates: of SCPO. :param told: is called with the name of every run that was made.
        """
        self._folder, self._updates, self._told = Path(folder), updates, told
        self._comparison = lru_cache(maxsize=1)(Comparison.build)

    def finished(self, name: str) -> Record | None:
        """Return the record of a finished run, else None."""
        try:
            return cast(Record, json.loads((self._folder / name).read_text(encoding='utf-8')))
        except (OSError, ValueError):
            return None

    def record(self, system: str, method: str, seed: int, settings: Settings,
               rollouts: int | None) -> Record:
        """Return the record of a run; make it where it is missing."""
        words = ''.join(f'-{name}-{value:.3g}' for name, value in settings.items())
        name = f'{system}-{method}{words}-{self._updates}-{seed}.json'
        record = self.finished(name)
        if record is None:
            comparison = self._comparison(system, seed)
            updates = self._updates if rollouts is None else MORE_UPDATES * self._updates
            record = comparison.run(method, settings, updates, rollouts)
            write_json(self._folder / name, {**record, 'source': source_digest()})
            self._told(name)
        return record

    def of_system(self, system: str, seeds: int) -> list[Record]:
        """
        Return the records of all methods, SCPO first.

        A method's settings are those that close most of the gap with TUNING_SEED.
        """
        settings = {method: self._tuned(system, method) for method in METHODS}
        records = []
        for seed in range(seeds):
            scpo = self.record(system, 'scpo', seed, {}, None)
            records += [scpo, *(
                self.record(system, method, seed, settings[method], scpo['rollouts'][-1])
                for method in METHODS if method != 'scpo')]
        return records

    def _tuned(self, system: str, method: str) -> Settings:
        tried = grid(method, load(system))
        if len(tried) == 1:
            return tried[0]
        scpo = self.record(system, 'scpo', TUNING_SEED, {}, None)
        return chosen([self.record(system, method, TUNING_SEED, one, scpo['rollouts'][-1])
                       for one in tried])


def row(records: Sequence[Record]) -> list[str]:
    """Return the cells of one system and method, its seeds together."""
    unsafe = sum(sum(record['unsafe']) for record in records)
    iterates = sum(len(record['unsafe']) for record in records)
    reached = [until(record, NEARLY) for record in records]
    return [
        records[0]['system'], records[0]['method'], str(len(records)),
        interval([safe_gap(record) for record in records], '.2f'),
        *_reached(reached, [float(number) for number in reached if number is not None]),
        *_reached(reached, [float(record['rollouts'][number])
                            for record, number in zip(records, reached) if number is not None]),
        f'{unsafe} of {iterates}', interval([r['filter_share'] for r in records], '.4f'),
        f'{np.median([record["rollouts"][-1] for record in records]):.0f}',
        ', '.join(f'{name} {value:.3g}' for name, value in records[0]['settings'].items()) or '-']


def _reached(reached: Sequence[int | None], values: Sequence[float]) -> list[str]:
    """Return the median as a cell; where some seed never got there, how many did."""
    if not values:
        return ['never']
    some = '' if None not in reached else f' ({len(values)} of {len(reached)} seeds)'
    return [f'{np.median(values):.0f}{some}']


def section(records: Sequence[Record], updates: int, seeds: int) -> str:
    """Return the section on all systems."""
    groups = {(record['system'], record['method']): [
        other for other in records if (other['system'], other['method'])
        == (record['system'], record['method'])] for record in records}
    systems = list(dict.fromkeys(record['system'] for record in records))
    these = '' if systems == shipped_names() else f' --systems {" ".join(systems)}'
    return f"""## Described systems: SCPO and the alternatives, the safety filter in the loop

Written by `python -m scpo_ros.experiments.compare_systems --seeds {seeds}
--updates {updates}{these}`.
The expert is benign, the certificate `guarded`: the filter keeps the limits for all methods.
SCPO makes {updates} updates. Every other method has as many rollouts, or {MORE_UPDATES} times as
many updates, whichever comes first. Its settings are the best of three, chosen for each system
with a seed that is not reported. Numbers are median (minimum, maximum) over seeds. *Gap closed* is
that of the task cost on held-out scenarios, before the first unsafe iterate. An iterate is
*unsafe* where a verification metric is above 0: the filter would move the inputs by more than 1 %
of their range in the mean, the task would cost more than the backup allows, or the state would
not return.

{table(HEAD, [row(group) for group in groups.values()])}
"""


@program
def main(arguments: Sequence[str] | None = None) -> None:
    """Run what is missing and write the table."""
    parser = argparse.ArgumentParser(
        prog='python -m scpo_ros.experiments.compare_systems',
        description='SCPO and the alternatives on every shipped system.')
    parser.add_argument('--systems', nargs='+', choices=shipped_names(), default=shipped_names())
    parser.add_argument('--seeds', type=int, default=3)
    parser.add_argument('--updates', type=int, default=8, help='of SCPO')
    parser.add_argument('--runs', default='results/compare_systems', help='of finished runs')
    parser.add_argument('--page', default='docs/results.md')
    given = parser.parse_args(arguments)
    runs = Runs(given.runs, given.updates)
    records = [record for system in given.systems
               for record in runs.of_system(system, given.seeds)]
    text = section(records, given.updates, given.seeds)
    print(text)
    put(given.page, text, 'every system')


if __name__ == '__main__':
    main()
