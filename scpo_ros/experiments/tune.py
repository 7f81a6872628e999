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
Tuning of every method with the same effort: as many settings, experts, seeds and updates for each.

A method's first parameter is searched on a logarithmic grid, then its second one; a grid is
extended while its best value is at an edge and fewer than SETTINGS settings were tried. A setting
is scored by what it closes of the gap before its first unsafe iterate, if there is one: the mean
over both experts and both seeds, which are no reporting seeds. What was tried, and what was
chosen, is written into config/double_integrator_tuning.json; the results page shows it, and a test
compares the methods' defaults to it. It may be stopped and started again.

    python -m scpo_ros.experiments.tune --jobs 2
"""

import argparse
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
import inspect
import json
from pathlib import Path
from typing import TypeAlias, TypedDict

import numpy as np
from scpo_ros.config import AdapterConfig
from scpo_ros.experiments.double_integrator import gap_closed, METHODS, trained
from scpo_ros.experiments.held_out import unsafe_iterates
from scpo_ros.experiments.imitation_problem import ImitationProblem
from scpo_ros.experiments.optimum import known_optimum
from scpo_ros.experiments.results import write_json
from scpo_ros.process.program import program

TABLE = 'config/double_integrator_tuning.json'
SETTINGS, UPDATES = 6, 150  # the horizon of the comparison
MATTERS = 0.005  # difference of scores below which the default stays
SEEDS, EXPERTS = (10, 11), ('overspeed', 'outward_edge')  # baseline cost off


@dataclass(frozen=True)
class Parameter:
    """One setting of a method, searched on a logarithmic grid."""

    name: str
    values: tuple[float, ...]  # ascending
    factor: float  # by which the grid is extended


Settings: TypeAlias = dict[str, float]
Key: TypeAlias = tuple[tuple[str, float], ...]  # settings as sorted items
Case: TypeAlias = tuple[str, int]  # expert, seed
# Part of the gap closed before the first unsafe iterate, and whether there was one.
Outcome: TypeAlias = tuple[float, bool]


# `map`, or that of an executor.
Run: TypeAlias = Callable[[Callable[[Case], Outcome], Iterable[Case]], Iterable[Outcome]]


class Tried(TypedDict):
    """One setting of a method, and how it did."""

    settings: Settings
    score: float
    unsafe_runs: int


class Choice(TypedDict):
    """What was tried for a method, and what was chosen."""

    updates: int
    tried: list[Tried]
    chosen: Settings


class Tuned(Choice, total=False):
    """A choice, with a note where there is something to say about it."""

    note: str


GRIDS = {
    'scpo': (Parameter('centering', (0.001, 0.003, 0.01, 0.03), 3.0),),
    'scpo-paper': (Parameter('smoothness', (0.1, 1.0, 10.0), 10.0),
                   Parameter('step_size', (10.0, 30.0, 100.0), 3.0)),
    'scpo-paper-aggregated': (Parameter('smoothness', (0.1, 1.0, 10.0), 10.0),
                              Parameter('step_size', (10.0, 30.0, 100.0), 3.0)),
    'scpo-paper-plain': (Parameter('smoothness', (1.0, 10.0, 100.0), 10.0),
                         Parameter('step_size', (10.0, 30.0, 100.0), 3.0)),
    'scpo-paper-adaptive': (Parameter('step_size', (3.0, 10.0, 30.0, 100.0), 3.0),),
    'unconstrained': (Parameter('trust_radius', (0.03, 0.1, 0.3, 1.0), 3.0),),
    'lagrangian': (Parameter('rate', (1.0, 10.0, 100.0), 10.0),
                   Parameter('trust_radius', (0.03, 0.1, 0.3), 3.0)),
    'lb-sgd': (Parameter('barrier', (1e-4, 1e-3, 1e-2), 10.0),
               Parameter('constant', (0.3, 1.0, 3.0), 3.0)),
    'szo-qq': (Parameter('constant', (0.1, 1.0, 10.0, 100.0), 10.0),),
    'line-search': (Parameter('trust_radius', (0.1, 0.3, 1.0, 3.0), 3.0),),
    'scpo-unverified': (Parameter('initial', (0.1, 1.0, 10.0, 100.0), 10.0),),
}


def search(score: Callable[[Settings], float], parameters: Sequence[Parameter],
           budget: int = SETTINGS) -> dict[Key, float]:
    """
    Return {settings as sorted items: score}, at most `budget` of them, in the order tried.

    :param score: callable settings dict -> float, larger is better.
    :param parameters: of :class:`Parameter`, searched one after the other; those that come later
        stand at the middle of their grid.
    """
    tried: dict[Key, float] = {}
    fixed = {p.name: p.values[len(p.values) // 2] for p in parameters}
    for place, parameter in enumerate(parameters):
        later = sum(len(other.values) - 1 for other in parameters[place + 1:])
        values = list(parameter.values)

        def attempt(value: float, name: str = parameter.name) -> float:
            settings = {**fixed, name: value}
            key = tuple(sorted(settings.items()))
            if key not in tried:
                tried[key] = score(settings)
            return tried[key]

        scores = [attempt(value) for value in values]
        while len(tried) < budget - later and int(np.argmax(scores)) in (0, len(values) - 1):
            if np.argmax(scores) == 0:
                values.insert(0, float(f'{values[0] / parameter.factor:.6g}'))
                scores.insert(0, attempt(values[0]))
            else:
                values.append(float(f'{values[-1] * parameter.factor:.6g}'))
                scores.append(attempt(values[-1]))
        fixed[parameter.name] = values[int(np.argmax(scores))]
    return tried


def default(method: str) -> Settings:
    """Return the settings dict that a method has by default, of the parameters searched."""
    signature = inspect.signature(METHODS[method]).parameters
    return {p.name: getattr(AdapterConfig(), p.name) if method == 'scpo'
            else signature[p.name].default for p in GRIDS[method]}


def best(tried: Mapping[Key, float], present: Settings | None = None) -> Settings:
    """
    Return the settings dict with the largest score; the present one unless another beats it.

    :param present: settings dict; what is better by less than MATTERS changes nothing.
    """
    found = max(tried, key=lambda key: tried[key])
    key = tuple(sorted((present or {}).items()))
    return dict(key if tried.get(key, -np.inf) > tried[found] - MATTERS else found)


def trial(folder: str | Path, method: str, settings: Settings, updates: int, case: Case
          ) -> Outcome:
    """
    Return (gap closed before the first unsafe iterate, whether there was one), from the folder.

    :param case: (expert, seed).
    """
    written = '-'.join(f'{name}={value:g}' for name, value in sorted(settings.items()))
    path = Path(folder) / f'{method}-{written}-{case[0]}-{updates}-{case[1]}.json'
    try:
        with open(path, encoding='utf-8') as file:
            record = json.load(file)
    except (OSError, ValueError):
        record = _trained(method, settings, updates, *case)
        write_json(path, record)
    return record['gap'], record['unsafe']


def _trained(method: str, settings: Settings, updates: int, expert: str, seed: int
             ) -> dict[str, float | bool]:
    problem = ImitationProblem.build(expert, seed, baseline_cost=False)
    thetas, _, _ = trained(METHODS[method](problem, **settings), problem, updates)
    unsafe = unsafe_iterates(problem.evaluation(), thetas)
    safe = thetas[:int(np.argmax(unsafe))] if np.any(unsafe) else thetas
    losses = [problem.loss(theta) for theta in safe] or [problem.loss(thetas[0])]
    return {'gap': gap_closed(problem.loss(thetas[0]), min(losses), known_optimum(problem)),
            'unsafe': bool(np.any(unsafe))}


def tuned(method: str, folder: str | Path, updates: int = UPDATES, run: Run = map) -> Tuned:
    """
    Return {'updates', 'tried': [{'settings', 'score', 'unsafe_runs'}, ...], 'chosen'}.

    :param run: `map`, or that of an executor.
    """
    cases = [(expert, seed) for expert in EXPERTS for seed in SEEDS]
    unsafe: dict[Key, int] = {}

    def score(settings: Settings) -> float:
        found = list(run(partial(trial, folder, method, settings, updates), cases))
        unsafe[tuple(sorted(settings.items()))] = sum(bad for _, bad in found)
        return float(np.mean([gap for gap, _ in found]))

    tried = search(score, GRIDS[method])
    return {'updates': updates,
            'tried': [{'settings': dict(key), 'score': round(value, 4),
                       'unsafe_runs': unsafe[key]} for key, value in tried.items()],
            'chosen': best(tried, default(method))}


@program
def main(arguments: Sequence[str] | None = None) -> None:
    """Tune and write the table."""
    parser = argparse.ArgumentParser(description='Tuning of every method, with equal effort.')
    parser.add_argument('--methods', nargs='+', choices=tuple(GRIDS), default=tuple(GRIDS))
    parser.add_argument('--runs', default='results/tune', help='folder of finished runs')
    parser.add_argument('--table', default=TABLE)
    parser.add_argument('--updates', type=int, default=UPDATES, help='of every run')
    parser.add_argument('--jobs', type=int, default=1)
    chosen = parser.parse_args(arguments)
    with ProcessPoolExecutor(chosen.jobs) as pool:
        for method in chosen.methods:
            result = tuned(method, chosen.runs, chosen.updates, pool.map)
            try:
                table = json.loads(Path(chosen.table).read_text(encoding='utf-8'))
            except (OSError, ValueError):
                table = {}
            write_json(chosen.table, {**table, method: result})
            print(method, result['chosen'], max(t['score'] for t in result['tried']), flush=True)


if __name__ == '__main__':
    main()
