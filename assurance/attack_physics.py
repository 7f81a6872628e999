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
Plants in MuJoCo under the controller's own loop: which faults are revoked, and before what.

    python -m assurance.attack_physics --seeds 20 --output results/physics.json

A run begins without a fault and goes on until a learnt policy runs. Then another episode begins,
with a fault, and 60 s follow in episodes of 6 s, each from a state of the safe set, half of them
on its boundary; a run ends some time after the first revocation. A limit that is broken is counted
at the true state: earlier than the state that revokes (`before`, also where nothing is revoked),
or at that state (`at`).

*Gap closed* is (J_backup - J) / (J_backup - J_expert), with the mean stage costs J of closed loops
with the model in MuJoCo without a fault: under the backup, under the learnt policy and its filter,
and under the expert through the filter.
"""

import argparse
from collections import Counter
from dataclasses import dataclass
import json
from pathlib import Path
import sys

from assurance.attack_field import CALM_S, Certified, kind_of
from assurance.inline import InlineWorker
from assurance.learning import accepted, Learnt
from assurance.physics_plant import PhysicsPlant, ROWS
from assurance.tables import table_row
import numpy as np
from scpo_ros.adapter.adaptation import Adaptation
from scpo_ros.config import AdapterConfig, SystemSpec
from scpo_ros.config.system_spec import DescriptionConfig
from scpo_ros.controller.admission import Admission
from scpo_ros.controller.control_loop import ControlLoop
from scpo_ros.controller.model_monitor import ModelMonitor
from scpo_ros.controller.policy_gate import PolicyGate
from scpo_ros.experts.specified_experts import experts_of
from scpo_ros.interface.policy_record import backup_record
from scpo_ros.interface.state_watch import StateWatch
from scpo_ros.interface.wiring import wiring_of
from scpo_ros.ledger.history import History
from scpo_ros.physics.body import MujocoBody
from scpo_ros.physics.mjcf import file_of
from scpo_ros.physics.wheel import mujoco
from scpo_ros.systems.loading import shipped

SYSTEMS = ('rail_slider', 'cart_pole_upright', 'planar_quadrotor_hover')
SECONDS, HEALTHY_S, AFTERWARDS_S = 60.0, 12.0, 10.0
STATES, UPDATES = 300, 10  # of learning
STARTS, STEPS = 16, 100  # of the closed loops whose cost is compared


def learn(name: str, updates: int = UPDATES, more: str = '', expert: str = 'benign',
          seed: int = 5) -> Learnt:
    """
    Return what an adapter learns from one expert on a described system.

    :param more: keys that are added to its description.
    """
    spec = SystemSpec(DescriptionConfig(shipped(name).read_text(encoding='utf-8') + more))
    learner = Adaptation(spec, AdapterConfig(seed=seed))
    task, first = learner.task, learner.begin()
    states = task.safe_set.sample(STATES, np.random.default_rng(seed))
    learner.demonstrations.add(states, experts_of(spec).law(expert)(states))
    return Learnt(spec, task, accepted(learner, first, updates))


def control_loop(learnt: Learnt, make_monitor=ModelMonitor) -> ControlLoop:
    """Return a controller about to run the newest policy that was learnt."""
    task, dt = learnt.task, learnt.task.system.dt
    gate = PolicyGate(backup_record(task.initial_theta, task.digest), 0.02, 0.0, task.kind)
    gate.admit_unchecked(learnt.chain.latest)
    admission = Admission(gate, InlineWorker(Certified(task.kind)), History('', 'controller'),
                          20.0)
    return ControlLoop(task, task.law(task.initial_theta), admission, StateWatch(dt, 0.5),
                       make_monitor(task, round(CALM_S / dt)))


@dataclass(frozen=True)
class Outcome:
    """What became of a run."""

    ran: bool  # whether a learnt policy ran when the fault began
    broken: int  # samples at which a limit was broken
    before: bool  # whether one was broken earlier than at the state that revoked, or without one
    at: bool  # whether one was broken at that state, and not before
    seconds: float  # until the first revocation; -1 where there was none
    revocations: int
    reason: str  # of the first revocation, as it was told last


def run(learnt: Learnt, row: str, seed: int, seconds: float = SECONDS,
        afterwards: float = AFTERWARDS_S, make_loop=control_loop) -> Outcome:
    """Run healthily until the learnt policy does, then with a fault."""
    plant, loop = PhysicsPlant(learnt.spec, learnt.task, seed), make_loop(learnt)

    def answer():
        reply = loop.answer(plant.state)
        loop.admission.poll()
        return None if reply is None else reply.u

    for _ in range(round(HEALTHY_S / plant.dt)):
        plant.advance(answer())
        if loop.admission.gate.running.version > 0:
            break
    ran = loop.admission.gate.running.version > 0 and not loop.admission.gate.revocation.count
    plant.begin(ROWS[row].faults)
    first, plant.broken[:] = plant.time, []
    revocation, count, revoked, reason = (
        loop.admission.gate.revocation, loop.admission.gate.revocation.count, None, '')
    while plant.time < min(first + seconds, (revoked or np.inf) + afterwards):
        u = answer()
        if revocation.count == count + 1:
            revoked, reason = revoked or plant.time, revocation.reason or reason
        plant.advance(u)
    before = [time for time in plant.broken if revoked is None or time < revoked]
    return Outcome(ran, len(plant.broken), bool(before), not before and revoked in plant.broken,
                   -1.0 if revoked is None else revoked - first, revocation.count - count, reason)


def costs(learnt: Learnt, expert: str = 'benign', seed: int = 1) -> dict[str, float]:
    """Return the mean stage cost of the closed loops in MuJoCo, and the gap that is closed."""
    task, system = learnt.task, learnt.task.system
    wiring = wiring_of(learnt.spec)
    body, rng = MujocoBody(mujoco(), wiring, file_of(wiring.name, '')), np.random.default_rng(seed)
    starts, law = task.safe_set.sample(STARTS, rng) * 0.95, experts_of(learnt.spec).law(expert)

    def through_the_filter(x):
        _, plans = task.policy.around(x)
        return task.policy.filtered(x, system.saturate(law(x)), plans)

    laws = {'backup': lambda x: task.policy(task.initial_theta, x),
            'learnt': lambda x: task.policy(learnt.chain.latest.theta, x),
            'expert': through_the_filter}
    found = {}
    for name, chosen in laws.items():
        x, total = starts, 0.0
        for _ in range(STEPS):
            u = chosen(x)
            total += float(np.mean(system.stage_cost(x, u)))
            x = np.array([_moved(body, *pair, rng) for pair in zip(x, u)])
        found[name] = total / STEPS
    found['gap closed'] = (found['backup'] - found['learnt']) / (
        found['backup'] - found['expert'])
    return found


def _moved(body, x, u, rng):
    body.begin(x, rng)
    return body.step(u, rng).true


def figures(name: str, row: str, outcomes: list[Outcome]) -> dict:
    """Return the figures of a row."""
    revoked = [outcome for outcome in outcomes if outcome.seconds >= 0]
    kinds = Counter(kind_of(outcome.reason) for outcome in revoked)
    named = [o for o in revoked if any(part in o.reason for part in ROWS[row].names)]
    return {
        'system': name, 'fault': row, 'runs': len(outcomes), 'ran': sum(o.ran for o in outcomes),
        'broken': sum(o.broken for o in outcomes),
        'broken in': sum(o.broken > 0 for o in outcomes),
        'before': sum(o.before for o in outcomes), 'at': sum(o.at for o in outcomes),
        'revoked': len(revoked),
        'seconds': float(np.median([o.seconds for o in revoked])) if revoked else None,
        'longest': max((o.seconds for o in revoked), default=None),
        'revocations': sum(o.revocations for o in outcomes), 'named': len(named),
        'reasons': dict(kinds)}


HEAD = ('| system | fault | runs | samples outside, in runs | before, at the revocation | '
        'revoked | '
        'after (median, longest) | named | most frequent reason |\n' + '|---' * 9 + '|')


def line(row: dict) -> str:
    """Return a row of the table."""
    after = '' if row['seconds'] is None else f'{row["seconds"]:.2f} s, {row["longest"]:.2f} s'
    return table_row([
        row['system'], row['fault'], row['runs'], f'{row["broken"]}, {row["broken in"]}',
        f'{row["before"]}, {row["at"]}', row['revoked'], after, row['named'],
        max(row['reasons'], key=row['reasons'].get, default='')])


def parse(arguments) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(prog='python -m assurance.attack_physics',
                                     description=__doc__.split('\n')[1])
    parser.add_argument('--seeds', type=int, default=20, help='runs of every row')
    parser.add_argument('--seconds', type=float, default=SECONDS, help='of a run, with the fault')
    parser.add_argument('--afterwards', type=float, default=AFTERWARDS_S,
                        help='seconds of a run after its first revocation')
    parser.add_argument('--updates', type=int, default=UPDATES, help='of the learnt policy')
    parser.add_argument('--system', choices=SYSTEMS, help='one system only')
    parser.add_argument('--fault', choices=tuple(ROWS), help='one fault only')
    parser.add_argument('--output', default='results/physics.json', help='where it is written')
    return parser.parse_args(arguments)


def main(arguments=None) -> int:
    """Run the campaign; return 1 where what the description covers broke a limit or a policy."""
    options, rows, gaps = parse(arguments), [], {}
    faults = [row for row in ROWS if options.fault in (None, row)]
    for name in [name for name in SYSTEMS if options.system in (None, name)]:
        learnt = {more: learn(name, options.updates, more)
                  for more in {ROWS[fault].described: None for fault in faults}}
        versions = [one.chain.latest.version for one in learnt.values()]
        print(f'{name}: policies {versions}\n{HEAD}', flush=True)
        for fault in faults:
            outcomes = [run(learnt[ROWS[fault].described], fault, seed, options.seconds,
                            options.afterwards) for seed in range(options.seeds)]
            rows.append(figures(name, fault, outcomes))
            print(line(rows[-1]), flush=True)
        if '' in learnt:
            gaps[name] = {'policy': learnt[''].chain.latest.version, **costs(learnt[''])}
            print(f'{name}: {gaps[name]}', flush=True)
    output = Path(options.output)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps({'gaps': gaps, 'rows': rows}, indent=1) + '\n', encoding='utf-8')
    covered = [row for row in rows if not ROWS[row['fault']].names]
    return int(any(row['broken'] or row['revoked'] for row in covered))


if __name__ == '__main__':
    sys.exit(main())
