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
The sets, backups and filters of the shipped descriptions: how large, how fast, and do they hold.

    python -m benchmark.described --systems cart_pole six_joints --output results/described.json

* *set*: processor time of the safe sets of all parts with their proofs, nothing kept on disk.
* *mean radius*: over that of a set that contains every contractive one, of the smallest part.
* *next gauge*: the largest, less lambda, of the next state from boundary states, under the input
  that minimises it and extreme disturbances (:mod:`scpo_ros.sets.contraction_check`).
* *controls*, sets with a fault built in: without what the disturbance takes from the rows, and
  grown by a few per cent. `grown by` is the smallest growth that the same check refuses. A set
  that is smaller than the largest one may bear some growth.
* *law*: processor time of the backup at many states together, for one state.
* *filter*: processor time of one call, 99th percentile, under an adversary: from the boundary, a
  random corner of the inputs for 1 to 10 steps, and a corner of the disturbance at each.
"""

import argparse
from dataclasses import asdict, dataclass, replace
import tempfile
import time

import scpo_ros.nodes  # noqa: F401, I100 - one thread for linear algebra, as in the nodes
from assurance.tables import table_row  # noqa: I100
import numpy as np  # noqa: I100 - which reads it when it is imported
from scpo_ros.config.system_spec import DescribedMetricsConfig, SystemSpec
from scpo_ros.experiments.results import write_json
from scpo_ros.sets.contraction_check import check_contraction
from scpo_ros.sets.lifted_set import LiftedSet
from scpo_ros.sets.system_set import safe_parts
from scpo_ros.systems.loading import load, shipped_names
from scpo_ros.verification.system_task import SystemTask

GROWTHS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
TOLERANCE = 1e-6  # of the next gauge
STARTS, STEPS, LONGEST = 24, 100, 10  # of the adversary; steps of one corner
STATES = 4096  # at which the law is timed
HEAD = ['system (states, inputs)', 'set [s]', 'mean radius', 'next gauge - lambda',
        'states checked', 'no disturbance', 'grown by', 'law [us]', 'filter p99 [ms]',
        'steps', 'left the set', 'no answer']


@dataclass(frozen=True)
class Figures:
    """What was measured of one description."""

    system: str
    set_s: float
    mean_radius: float
    next_gauge: float  # the largest, less lambda
    checked: int  # boundary states
    undisturbed_refused: bool  # whether the control without disturbance was refused
    growth_refused: float  # the smallest growth that was refused; NaN where none was
    law_us: float
    filter_ms: float  # 99th percentile
    steps: int
    left: int  # states of the adversary's runs outside the safe set
    unanswered: int  # calls of the filter without a number


def excess(part, states, safe_set=None):
    """Return the largest next gauge of a part from boundary states, less lambda."""
    found = safe_set or part.safe_set
    points = found.boundary(states)
    return check_contraction(part.block, found, points).worst - found.contraction


def refused(part, states, safe_set):
    """Return whether the check refuses a set in the part's place."""
    return not excess(part, states, safe_set) <= TOLERANCE


def undisturbed(part) -> LiftedSet:
    """Return the set of a part with rows as if there were no disturbance: h_W is left out."""
    rows = part.safe_set.rows
    heights = np.abs(rows[:, :part.block.n]) @ part.block.disturbance
    return replace(part.safe_set, rows=rows / (1 + heights)[:, None])


def growth_refused(parts, states):
    """Return the smallest growth of all sets that the check refuses in one of them; NaN: none."""
    for growth in GROWTHS:
        if any(refused(part, states, replace(
                part.safe_set, rows=part.safe_set.rows / (1 + growth))) for part in parts):
            return growth
    return float('nan')


def law_time(policy, states) -> float:
    """Return the processor time of the backup for one of many states [us]."""
    policy.backup(states[:8])
    started = time.process_time()
    policy.backup(states)
    return 1e6 * (time.process_time() - started) / len(states)


def adversary(task, rng):
    """Return (times of the filter's calls [s], states outside, calls without a number)."""
    system, policy = task.system, task.policy
    corners = np.array([system.input_lower, system.input_upper])
    times, left, unanswered = [], 0, 0
    for x in task.safe_set.sample(2 * STARTS, rng)[:STARTS]:  # the first half: on the boundary
        x, wanted = x[None] * (1 - 1e-9), None
        for step in range(STEPS):
            if wanted is None or rng.uniform() < 2 / (1 + LONGEST):
                wanted = corners[rng.integers(2, size=system.m), np.arange(system.m)][None]
            _, plans = policy.around(x)
            started = time.process_time()
            u = policy.filtered(x, wanted, plans)
            times.append(time.process_time() - started)
            unanswered += not np.all(np.isfinite(u))
            w = rng.choice([-1.0, 1.0], system.n) * system.disturbance
            x = system.step(x, u, w)
            left += not task.safe_set.contains(x[0], 1e-6)
    return np.array(times), left, unanswered


def measure(name, states, rng) -> Figures:
    """Return the figures of a shipped description. :param states: for the check of one part."""
    system = load(name)
    with tempfile.TemporaryDirectory() as empty:
        started = time.process_time()
        parts = safe_parts(system, empty)
        seconds = time.process_time() - started
    different = list({_shape(part): part for part in parts}.values())
    few = max(20, states // 10)
    task = SystemTask.build(system, SystemSpec(
        metrics=DescribedMetricsConfig(certificate='guarded')))
    times, left, unanswered = adversary(task, rng)
    return Figures(
        name, seconds, float(np.min([part.mean_radius for part in parts])),
        float(np.max([excess(part, states) for part in different])), states * len(different),
        any(refused(part, few, undisturbed(part)) for part in different),
        growth_refused(different, few), law_time(task.policy, task.safe_set.sample(STATES, rng)),
        1e3 * float(np.quantile(times, 0.99)), len(times), left, unanswered)


def _shape(part):
    """Return what is equal for equal parts: axes that are alike are checked once."""
    return part.safe_set.rows.tobytes(), part.block.A.tobytes(), part.block.B.tobytes()


def line(found: Figures) -> str:
    """Return a row of the table."""
    system = load(found.system)
    return table_row([
        f'{found.system} ({system.n}, {system.m})', f'{found.set_s:.2f}',
        f'{found.mean_radius:.3f}', f'{found.next_gauge:.1e}', found.checked,
        'refused' if found.undisturbed_refused else 'not refused',
        f'{found.growth_refused:.1%}', f'{found.law_us:.1f}', f'{found.filter_ms:.2f}',
        found.steps, found.left, found.unanswered])


def main(arguments=None):
    """Measure; print a row for each description; return 1 where a set or a filter gave way."""
    parser = argparse.ArgumentParser(
        prog='python -m benchmark.described', description=__doc__.split('\n')[1])
    parser.add_argument('--systems', nargs='+', choices=shipped_names(), default=shipped_names())
    parser.add_argument('--states', type=int, default=1000, help='checked on every boundary')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--output', default='results/described.json')
    options, rows = parser.parse_args(arguments), []
    print(table_row(HEAD) + '\n' + '|---' * len(HEAD) + '|', flush=True)
    for name in options.systems:
        rows.append(measure(name, options.states, np.random.default_rng(options.seed)))
        print(line(rows[-1]), flush=True)
    write_json(options.output, {'rows': [{
        name: item if not isinstance(item, float) or np.isfinite(item) else None
        for name, item in asdict(row).items()} for row in rows]})
    return int(any(not row.next_gauge <= TOLERANCE or row.left or row.unanswered
                   for row in rows))


if __name__ == '__main__':
    raise SystemExit(main())
