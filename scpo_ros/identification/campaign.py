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
Identification measured on plants whose truth is known.

    python -m scpo_ros.identification.campaign [--sets 200] [--output results/identification.json]

Each data set has a plant, a delay of 0 to 10 steps, a draft whose free entries are wrong by up to
a half, and 25 episodes of 40 steps under random inputs. It is counted in how many the truth lies
in the joint region, a fresh transition exceeds the bound with at most the stated probability, and
the delay is right; the same for regions with a fault built in, which must fail. Then inputs are
made smaller, until the delay is no longer found.
"""

import argparse
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
import json
from pathlib import Path
import sys

import numpy as np
from scipy import stats
from scpo_ros.atomic_file import write_whole
from scpo_ros.identification.confidence import joint_region, Region
from scpo_ros.identification.free_entries import free_entries
from scpo_ros.identification.identified import Identified, identify
from scpo_ros.identification.insufficient import InsufficientDataError
from scpo_ros.identification.least_squares import fit
from scpo_ros.identification.simulated import (
    DISTURBANCES, Experiment, fresh, guess_of, recorded, Truth, truth_of)
from scpo_ros.identification.transitions import transitions, velocities
from scpo_ros.process.program import program
from scpo_ros.systems.loading import load

SYSTEMS = ('double_integrator', 'cart_pole', 'spring_mass_chain_4')
RATIOS = {  # movement of a velocity by the inputs, over its disturbance; 0: inputs of 0
    'double_integrator': (5.0, 1.0, 0.5, 0.2, 0.1, 0.05, 0.0)}
_OTHERS = (5.0, 0.0)
_FRESH = 5000  # transitions
_LONGEST = 10  # delay [steps]


@dataclass(frozen=True)
class DataSet:
    """What came of one data set."""

    inside: bool  # the truth lies in the joint region
    covered: bool  # a fresh transition exceeds the bound as rarely as stated
    delay_right: bool
    inside_single: bool  # control: the region of one entry in place of p
    inside_late: bool  # control: the region that one step more of delay gives


def data_set(truth: Truth, experiment: Experiment, rng: np.random.Generator) -> DataSet:
    """Identify one data set and compare with the truth."""
    record = recorded(truth, experiment, rng)
    found = identify(guess_of(truth.description, rng), record)
    true = free_entries(truth.description).start
    z, following = fresh(truth, _FRESH, rng)
    left = np.abs(following - z @ found.fit.step.T)
    exceeded = float(np.mean(np.any(left > found.bound.sampled, axis=1)))
    single = replace(found.region, radius=float(np.sqrt(
        stats.f.ppf(found.choices.confidence, 1, found.fit.freedom))))
    return DataSet(
        found.region.contains(true), exceeded <= found.probability,
        found.delays.best == truth.delay, single.contains(true),
        _late(found, truth.delay + 1).contains(true))


def _late(found: Identified, delay: int) -> Region:
    """Return the joint region for another delay."""
    data = transitions(found.record, delay)
    return joint_region(fit(found.entries, data, found.limits[:found.draft.n]),
                        found.choices.confidence)


def counted(name: str, kind: str, sets: int, seed: int) -> dict[str, int]:
    """Return in how many data sets each statement held."""
    counts: Counter[str] = Counter()
    for number in range(sets):
        rng = np.random.default_rng([seed, number])
        truth = truth_of(load(name).description, kind, int(rng.integers(_LONGEST + 1)))
        found = data_set(truth, Experiment(), rng)
        counts.update({key: int(value) for key, value in vars(found).items()})
    return dict(counts)


def amplitude_for(truth: Truth, ratio: float) -> float:
    """Return the amplitude of inputs that move a velocity by so many times its disturbance."""
    description = truth.description
    size = np.array([max(-entry.lower, entry.upper) for entry in description.inputs])
    moved = np.abs(truth.step[:, description.n:]) @ size / truth.disturbance
    return float(ratio / np.max(moved[velocities(description)]))


def delays_found(name: str, ratio: float, sets: int, seed: int) -> dict[str, int]:
    """Return in how many data sets the delay was right, wrong, or the recording refused."""
    counts = Counter(right=0, refused=0, wrong=0)
    for number in range(sets):
        rng = np.random.default_rng([seed, number, 1])
        truth = truth_of(load(name).description, 'uniform', int(rng.integers(_LONGEST + 1)))
        record = recorded(truth, Experiment(amplitude=amplitude_for(truth, ratio)), rng)
        try:
            found = identify(guess_of(truth.description, rng), record)
        except InsufficientDataError:
            counts['refused'] += 1
        else:
            counts['right' if found.delays.best == truth.delay else 'wrong'] += 1
    return dict(counts)


@program
def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write; return 0."""
    parser = argparse.ArgumentParser(prog='python -m scpo_ros.identification.campaign')
    parser.add_argument('--sets', type=int, default=200, help='data sets of each kind')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--output', default='results/identification.json')
    given = parser.parse_args(arguments)
    results: dict[str, dict[str, int]] = {}
    for name in SYSTEMS:
        for kind in DISTURBANCES:
            results[f'{name}, {kind}'] = counted(name, kind, given.sets, given.seed)
            print(f'{name}, {kind}: {results[f"{name}, {kind}"]}', flush=True)
        for ratio in RATIOS.get(name, _OTHERS):
            key = f'{name}, delay at ratio {ratio:g}'
            results[key] = delays_found(name, ratio, given.sets, given.seed)
            print(f'{key}: {results[key]}', flush=True)
    output = Path(given.output)
    output.parent.mkdir(parents=True, exist_ok=True)
    write_whole(output, json.dumps({'sets': given.sets, **results}, indent=2) + '\n')
    print(f'results: {output}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
