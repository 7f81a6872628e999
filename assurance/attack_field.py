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
Plants with a fault under the controller's own loop: whether they are revoked, and before what.

    python -m assurance.attack_field --runs 264 --output results/field.json

A run begins healthy and goes on until a learnt policy runs. Then another episode begins in the
safe set, in 4 of 10 runs on its boundary, with one fault (:mod:`assurance.field_plant`). It lasts
200 steps, and at least 8 s, or until 40 steps after the revocation: longer than any window in
which the monitor counts.
"""

import argparse
from collections import Counter
from copy import deepcopy
from dataclasses import dataclass
import json
from multiprocessing import get_context
from pathlib import Path
import re
import sys
from types import SimpleNamespace

from assurance.field_plant import DISTURBANCES, Fault, FAULTS, FieldPlant
from assurance.inline import InlineWorker
from assurance.learning import learn
from assurance.tables import table_row
import numpy as np
from scpo_ros.config import Spec, SystemConfig
from scpo_ros.controller.admission import Admission
from scpo_ros.controller.control_loop import ControlLoop
from scpo_ros.controller.model_monitor import ModelMonitor
from scpo_ros.controller.policy_gate import PolicyGate
from scpo_ros.interface.claim import Claim
from scpo_ros.interface.policy_record import backup_record
from scpo_ros.interface.state_watch import StateWatch
from scpo_ros.ledger.history import History
from scpo_ros.policy.safety_filter import NearestInputFilter


STEPS, LEAST_S, AFTERWARDS, CALM_S = 200, 8.0, 40, 6.0
HEALTHY_STEPS = 500  # at most, until the learnt policy runs
SCALES = (1.0, 3.0, 10.0)  # of the disturbance to its bound
_JITTER = 'jitter of 1 ms'
SETTINGS = {  # of the certificate; its rows; who is judged by it although he is not perfect
    'dt 0.1': (SystemConfig(), tuple(FAULTS)),
    'dt 0.1, sample_jitter 0.001': (SystemConfig(sample_jitter=1e-3), (_JITTER,)),
    'dt 0.01': (SystemConfig(dt=0.01), tuple(FAULTS)),
    'dt 0.01, sample_jitter 0.001': (SystemConfig(dt=0.01, sample_jitter=1e-3), (_JITTER,))}
_NUMBER = re.compile(r'[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?%?')


class Certified:
    """Verifies anew what was certified before: the policies of these runs are."""

    def __init__(self, kind: str) -> None:
        """Claim certificates of a kind."""
        self._claim = Claim(kind, 'certified before')

    def judge(self, theta):
        """Say yes."""
        return SimpleNamespace(safe=True, reason='', counterexample=None, claim=self._claim)


@dataclass(frozen=True)
class Outcome:
    """What became of a run."""

    before: bool  # a limit was broken at a state acted upon, earlier than the one that revokes
    unseen: bool  # ... at a state that was lost, or not acted upon, earlier than that
    answered: str  # who had answered where a limit was broken first; '' where none was
    steps: int  # until the revocation; -1 where there was none
    reason: str  # of the revocation, as it was told at the end


def control_loop(learnt, make_monitor=ModelMonitor) -> ControlLoop:
    """Return a controller about to run the newest policy that was learnt."""
    task, dt = learnt.task, learnt.task.system.dt
    kind = task.kind
    gate = PolicyGate(backup_record(task.initial_theta, task.digest), 0.02, 0.0, kind)
    gate.admit_unchecked(learnt.chain.latest)
    admission = Admission(gate, InlineWorker(Certified(kind)), History('', 'controller'), 20.0)
    return ControlLoop(task, NearestInputFilter(task, task.initial_theta), admission,
                       StateWatch(dt, 0.5), make_monitor(task, round(CALM_S / dt)))


def start(safe_set, rng: np.random.Generator) -> np.ndarray:
    """Return a state (2,) of the safe set, in 4 of 10 cases on its boundary."""
    size = np.abs(safe_set.vertices).max(axis=0)
    if rng.uniform() < 0.4:
        direction = rng.normal(size=2) * size
        return direction / safe_set.gauge(direction) * (1 - 1e-9)
    while True:
        x = rng.uniform(-size, size)
        if safe_set.gauge(x) <= 1:
            return x


class Run:
    """One plant and one controller."""

    def __init__(self, learnt, disturbance: str, seed: int, make_loop=control_loop) -> None:
        """Run healthily until the learnt policy does."""
        self._task, self.loop = learnt.task, make_loop(learnt)
        self.plant = plant = FieldPlant(
            self._task.system, np.zeros(2), disturbance, np.random.default_rng(seed))
        for _ in range(HEALTHY_STEPS):
            if self._answer(plant.state).version > 0:
                break
            plant.advance(self.reply.u)
        self._seen, self._told, self._revoked, self._reason = set(), {}, None, ''

    def again(self) -> 'Run':
        """Return a copy, so that many runs begin with the same healthy episode."""
        return deepcopy(self, {id(self._task): self._task})

    def go(self, fault: Fault, scale: float, rng: np.random.Generator) -> Outcome:
        """Begin another episode with a fault; return what became of it."""
        self.plant.advance(self.reply.u)
        self.plant.begin(start(self._task.safe_set, rng), fault, scale, rng)
        self._first, state = self.plant.time, self.plant.state
        ends = max(STEPS, round(LEAST_S / self._task.system.dt))
        for step in range(ends):
            self._step(state)
            if self._revoked is not None:
                ends = min(ends, step + AFTERWARDS)
            if step >= ends:
                break
            answered = state is not None and self.reply is not None
            state = self.plant.advance(self.reply.u if answered else None)
        return self._outcome()

    def _answer(self, state):
        self.reply = self.loop.answer(state)
        self.loop.admission.poll()
        return self.reply

    def _step(self, state):
        """Answer a state, or none, and take down what came of it."""
        if state is not None:
            self._answer(state)
            if self.reply is not None:
                self._seen.add(state.time)
        self._told[self.plant.time] = self.reply.source.value if self.reply else 'nobody'
        reason = self.loop.admission.gate.revoked
        self._reason = reason or self._reason
        if reason and self._revoked is None:
            self._revoked = self.plant.time

    def _outcome(self):
        told = self._told
        broken = [time for time in self.plant.broken if time <= max(told)]
        end = np.inf if self._revoked is None else self._revoked
        before = {time in self._seen for time in broken if time < end}
        acted = [source for time, source in told.items() if broken and time < broken[0]]
        steps = -1 if self._revoked is None else (end - self._first) / self.plant.period
        return Outcome(True in before, False in before, acted[-1] if acted else '',
                       round(steps), self._reason)


def kind_of(reason: str) -> str:
    """Return the kind of a reason: what it begins with, without its numbers."""
    cause = reason.rpartition(' are required: ')[2]
    clause = re.split(r': |, at | at t =|, the last|; | \(median', cause)[0]
    return clause if 'late' in clause else _NUMBER.sub('#', clause)


def row(outcomes: list[Outcome], fault: Fault, scale: float) -> dict:
    """Return the figures of a row."""
    revoked = [outcome for outcome in outcomes if outcome.steps >= 0]
    kinds = Counter(kind_of(outcome.reason) for outcome in revoked)
    names = fault.names + (('model error',) if scale > 1 else ())
    return {
        'runs': len(outcomes), 'before': sum(o.before for o in outcomes),
        'unseen': sum(o.unseen for o in outcomes),
        'ever': sum(bool(o.answered) for o in outcomes),
        'answered': dict(Counter(o.answered for o in outcomes if o.answered)),
        'revoked': len(revoked),
        'steps': float(np.median([o.steps for o in revoked])) if revoked else None,
        'longest': max((o.steps for o in revoked), default=None),
        'named': sum(any(name in o.reason for name in names) for o in revoked),
        'reason': kinds.most_common(1)[0][0] if kinds else '', 'reasons': dict(kinds)}


def campaign(learnt, fault: Fault, scale: float, numbers: range, seed: int,
             make_loop=control_loop) -> dict:
    """Return the figures of one row at one scale."""
    healthy = [Run(learnt, disturbance, seed, make_loop) for disturbance in DISTURBANCES]
    return row([healthy[number % len(healthy)].again().go(
        fault, scale, np.random.default_rng([seed, number])) for number in numbers], fault, scale)


def attack(learnt, oracle, tally, rng, count):
    """Try every fault in turn, with w within its bound."""
    seed = int(rng.integers(2**31))
    healthy = [Run(learnt, disturbance, seed) for disturbance in DISTURBANCES]
    for number in range(count):
        name = list(FAULTS)[number % len(FAULTS)]
        kind, fault = f'field: {name}', FAULTS[name]
        outcome = healthy[number % len(healthy)].again().go(fault, 1.0, rng)
        tally.tried(kind)
        if outcome.before:
            tally.fail('limit_violations', f'{kind}: a limit was broken before the revocation')
        if (outcome.steps >= 0) != bool(fault.names):
            tally.fail('false_alarms' if outcome.steps >= 0 else 'unnoticed_faults',
                       f'{kind}: {outcome.reason or "not revoked"}')
        if outcome.steps >= 0:
            tally.refusal(kind, outcome.reason)
        else:
            tally.take(kind)


def _job(job):
    setting, name, scale, runs, seed = job
    return job, campaign(_LEARNT[setting], FAULTS[name], scale, range(runs), seed)


_LEARNT = {}  # by setting; filled before the processes are forked


def run(options) -> list[dict]:
    """Return all rows, each told when it is known."""
    wanted = [name for name in SETTINGS if options.setting in (None, name)]
    _LEARNT.update({name: learn(Spec(system=SETTINGS[name][0])) for name in wanted})
    for name, learnt in _LEARNT.items():
        print(f'{name}: policy {learnt.chain.latest.version}; 0 is the backup', flush=True)
    jobs = [(name, fault, scale, options.runs, options.seed) for name in wanted
            for fault in SETTINGS[name][1] for scale in SCALES
            if options.fault in (None, fault)]
    print(HEAD, flush=True)
    rows = []
    with get_context('fork').Pool(options.processes) as pool:
        for (setting, name, scale, _, _), figures in pool.imap(_job, jobs):
            rows.append({'setting': setting, 'fault': name, 'scale': scale, **figures})
            print(line(rows[-1]), flush=True)
    return rows


HEAD = ('| certificate | fault | w | runs | before | unseen | ever (who answered) | revoked | '
        'steps, longest | named | most frequent reason |\n' + '|---' * 11 + '|')


def line(row: dict) -> str:
    """Return a row of the table."""
    answered = ', '.join(f'{name} {count}' for name, count in row['answered'].items())
    steps = '' if row['steps'] is None else f'{row["steps"]:g}, {row["longest"]}'
    return table_row([
        row['setting'], row['fault'], f'{row["scale"]:g}', row['runs'], row['before'],
        row['unseen'], f'{row["ever"]} {answered and f"({answered})"}', row['revoked'], steps,
        row['named'], row['reason']])


def parse(arguments) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(prog='python -m assurance.attack_field',
                                     description=__doc__.split('\n')[1])
    parser.add_argument('--runs', type=int, default=264, help='of every row')
    parser.add_argument('--seed', type=int, default=0, help='of all randomness')
    parser.add_argument('--setting', choices=tuple(SETTINGS), help='one certificate only')
    parser.add_argument('--fault', choices=tuple(FAULTS), help='one fault only')
    parser.add_argument('--processes', type=int, default=2, help='that share the rows')
    parser.add_argument('--output', default='results/field.json', help='where it is written')
    return parser.parse_args(arguments)


def main(arguments=None) -> int:
    """Run the campaign; return 1 where a limit broke before the revocation, w in its bound."""
    options = parse(arguments)
    rows, output = run(options), Path(options.output)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(rows, indent=1) + '\n', encoding='utf-8')
    return int(any(figures['before'] for figures in rows if figures['scale'] <= 1))


if __name__ == '__main__':
    sys.exit(main())
