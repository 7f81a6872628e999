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
SCPO, the paper's projection and the alternatives side by side: one command, one page.

Runs what is not yet in the folder of finished runs, then prints the tables and writes them into
docs/results.md, with pictures in docs/figures. It may be stopped and started again.

    python -m scpo_ros.experiments.compare --seeds 20 --baseline-seeds 5 --jobs 2
"""

import argparse
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
import json
from pathlib import Path
from typing import cast

from scpo_ros.config import EXPERTS
from scpo_ros.experiments.comparison_measures import Record
from scpo_ros.experiments.comparison_page import page, put
from scpo_ros.experiments.comparison_picture import draw_experts, draw_methods
from scpo_ros.experiments.double_integrator import CERTIFICATES, METHODS, run
from scpo_ros.experiments.exits import searched
from scpo_ros.experiments.results import source_digest, write_figure, write_json
from scpo_ros.process.program import program

UPDATES = 150
PARTLY_HARMFUL = ('outward_edge', 'wrong_target', 'energy_pump')
COMPARED_ON = ('overspeed', 'outward_edge')  # without the baseline-cost constraint
CERTIFIED_ON = ('benign', 'overspeed', 'outward_edge')  # other certificates
CERTIFIED_SEEDS = 5
SEARCHED_SEEDS = 10  # in whose runs exits are searched for


@dataclass(frozen=True)
class Case:
    """One run of the comparison."""

    expert: str
    method: str
    seed: int
    baseline_cost: bool  # whether the baseline-cost constraint is on

    @property
    def name(self) -> str:
        """Return the name of its file."""
        constraint = 'on' if self.baseline_cost else 'off'
        return f'{self.method}-{self.expert}-{constraint}-{UPDATES}-{self.seed}.json'


def cases(seeds: int, baseline_seeds: int) -> list[Case]:
    """Return every :class:`Case`, those of low seeds first."""
    listed: list[Case] = []
    for seed in range(max(seeds, baseline_seeds)):
        if seed < seeds:
            listed += [Case(expert, 'scpo', seed, True) for expert in EXPERTS]
            listed += [Case(expert, 'scpo', seed, False)
                       for expert in (*PARTLY_HARMFUL, 'overspeed')]
        if seed < baseline_seeds:
            listed += [Case(expert, method, seed, False)
                       for method in METHODS if method != 'scpo' and method not in CERTIFICATES
                       for expert in COMPARED_ON]
        if seed < min(seeds, CERTIFIED_SEEDS):
            listed += [Case(expert, method, seed, True)
                       for method in CERTIFICATES for expert in CERTIFIED_ON]
    return listed


def finished(folder: str | Path, case: Case) -> Record | None:
    """Return the record of a finished run, else None."""
    try:
        with open(Path(folder) / case.name, encoding='utf-8') as file:
            return cast(Record, json.load(file))
    except (OSError, ValueError):
        return None


def perform(folder: str | Path, case: Case) -> str:
    """Run a case and put its record into the folder."""
    result = run(case.expert, case.seed, case.method, UPDATES, case.baseline_cost)
    found: dict[str, int] = {}
    if case.baseline_cost and case.seed < SEARCHED_SEEDS:
        exits, broken = searched(result.problem.task, result.thetas, case.seed)
        found = {'exits': exits, 'long_violations': broken}
    write_json(Path(folder) / case.name,
               {**result.summary(), **found, 'source': source_digest(),
                'losses': [float(f'{x:.6g}') for x in result.losses]})
    return case.name


@program
def main(arguments: Sequence[str] | None = None) -> None:
    """Run what is missing and write the page."""
    parser = argparse.ArgumentParser(description='SCPO and the alternatives, side by side.')
    parser.add_argument('--seeds', type=int, default=20, help='of SCPO')
    parser.add_argument('--baseline-seeds', type=int, default=5)
    parser.add_argument('--jobs', type=int, default=1)
    parser.add_argument('--runs', default='results/compare', help='folder of finished runs')
    parser.add_argument('--page', default='docs/results.md')
    parser.add_argument('--only-page', action='store_true', help='run nothing')
    chosen = parser.parse_args(arguments)
    listed = cases(chosen.seeds, chosen.baseline_seeds)
    if not chosen.only_page:
        missing = [case for case in listed if finished(chosen.runs, case) is None]
        with ProcessPoolExecutor(chosen.jobs) as pool:
            for name in pool.map(perform, [chosen.runs] * len(missing), missing):
                print(name, flush=True)
    records = [record for record in (finished(chosen.runs, case) for case in listed)
               if record is not None]
    text, path = page(records), Path(chosen.page)
    print(text)
    put(path, text)
    figures = path.parent / 'figures'
    write_figure(figures / 'double_integrator_methods.png', draw_methods(records))
    write_figure(figures / 'double_integrator_experts.png', draw_experts(records))


if __name__ == '__main__':
    main()
