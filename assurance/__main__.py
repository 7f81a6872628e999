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
Attack and break everything; write results/assurance.json; exit with 1 unless nothing gave way.

    python -m assurance --quick --seed 3
"""

import argparse
from pathlib import Path
import sys
import tempfile
import time

from assurance import (
    attack_bags, attack_cost, attack_field, attack_learning, attack_ledger, attack_nodes,
    attack_policy, attack_processes, attack_starts, attack_states, attack_teacher, attack_versions,
    faults,
    field_nodes)
from assurance.fleet import begin_ros
from assurance.learning import learn
from assurance.oracle import Oracle
from assurance.tally import Tally
import numpy as np
import rclpy
from scpo_ros.config import Spec


CORES = (  # campaign, inputs of a full run, of a quick one
    ('states', attack_states.attack, 3500, 400),
    ('clocks', attack_states.attack_clock, 800, 60),
    ('resets', attack_states.attack_reset, 2000, 200),
    ('policies', attack_policy.attack, 2600, 260),
    ('versions', attack_versions.attack, 150, 20),
    ('starts', attack_starts.attack, 100, 10),
    ('ledgers', attack_ledger.attack, 400, 25),
    ('floods', attack_ledger.attack_growth, 4000, 1500),
    ('bags', attack_bags.attack, 500, 40),
    ('demonstrations', attack_learning.attack_demonstrations, 1200, 100),
    ('proposals', attack_learning.attack_proposals, 250, 15),
    ('experts', attack_learning.attack_experts, 240, 26),
    ('task cost', attack_cost.attack, 120, 24),
    ('task cost, teacher', attack_teacher.attack, 20, 3),
    ('plants with a fault', attack_field.attack, 425, 34))
NODES = {'full': 1200, 'quick': 200}
FIELD = {'full': field_nodes.ROWS, 'quick': field_nodes.QUICK}
FIELD_S = 12.0  # with each fault
KILLS = {'full': 200, 'quick': 20}
RUNS = {'full': 40, 'quick': 5}


def parse(arguments):
    """Return the options."""
    parser = argparse.ArgumentParser(
        prog='python -m assurance', description=__doc__.split('\n')[1])
    parser.add_argument('--quick', action='store_true', help='a few minutes: a tenth of it')
    parser.add_argument('--seed', type=int, default=0, help='of all randomness')
    parser.add_argument('--output', default='results/assurance.json', help='where it is written')
    parser.add_argument('--only', choices=('cores', 'nodes', 'faults'), help='one part of it')
    return parser.parse_args(arguments)


def cores(options, learnt, oracle, tally):
    """Attack the cores, for volume."""
    for number, (name, attack, full, quick) in enumerate(CORES):
        began, count = time.monotonic(), quick if options.quick else full
        attack(learnt, oracle, tally, np.random.default_rng([options.seed, number]), count)
        told(tally, f'{name}: {count} in {time.monotonic() - began:.0f} s')


def told(tally, text):
    """Say how far it is and whether anything gave way yet."""
    failed = {name: count for name, count in tally.failures.items() if count}
    print(f'{text}; inputs {sum(tally.inputs.values())}, kills {tally.kills}, '
          f'{"gave way: " + str(failed) if failed else "nothing gave way"}', flush=True)


def main(arguments=None):
    """Run the campaigns; return the exit code."""
    options = parse(arguments)
    tally, began, length = Tally(), time.monotonic(), 'quick' if options.quick else 'full'
    output = Path(options.output)
    oracle = Oracle(Spec())
    learnt = learn(oracle.task.spec)
    begin_ros()
    with tempfile.TemporaryDirectory(prefix='assurance-') as folder:
        if options.only in (None, 'cores'):
            cores(options, learnt, oracle, tally)
        if options.only in (None, 'nodes'):
            attack_nodes.run(learnt, oracle, tally, np.random.default_rng([options.seed, 100]),
                             Path(folder, 'nodes'), NODES[length])
            told(tally, 'nodes')
            field_nodes.attack(tally, Path(folder, 'field'), FIELD[length], FIELD_S, options.seed)
            told(tally, 'drivers with a fault')
        if options.only in (None, 'faults'):
            faults.run(oracle, tally, np.random.default_rng([options.seed, 200]),
                       Path(folder, 'faults'), KILLS[length])
            told(tally, 'faults')
            attack_processes.attack(tally, np.random.default_rng([options.seed, 300]),
                                    Path(folder, 'runs'), RUNS[length])
            told(tally, 'ends of runs')
    rclpy.try_shutdown()
    tally.figure('seed', options.seed)
    tally.figure('wall_s', round(time.monotonic() - began, 1))
    tally.write(output)
    print(f'{output}: {"passed" if tally.passed else "FAILED"}')
    for detail in tally.details:
        print(f'  {detail}')
    return 0 if tally.passed else 1


if __name__ == '__main__':
    sys.exit(main())
