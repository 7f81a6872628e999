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
Policies that all pass, exchanged so that together they cost most.

Every policy of the pool passes the controller's own verification. The adversary sees the state and
at every `period` ticks puts the policy in force that costs most: the sum of the stage costs of
the period, with the policy held and w = 0, and of a terminal cost. This is the backup's cost-to-go
(*greedy*) or the largest cost that the pool can cause from there over 80 steps, by value
iteration (*farsighted*). The *cyclic* adversary exchanges them in turn. All of it goes through the
controller's :class:`~scpo_ros.controller.control_loop.ControlLoop`, one for each start, in
lock-step; the cost of the backup under the same disturbances is computed apart from the budget.
"""

from dataclasses import dataclass
from types import SimpleNamespace

from assurance.learning import learn
import numpy as np
from scpo_ros.arrays import digest
from scpo_ros.backup.planar.cost_to_go import CostToGo, nodes, table_of
from scpo_ros.config import ControllerConfig, EXPERTS
from scpo_ros.controller.admission import Admission
from scpo_ros.controller.control_loop import ControlLoop
from scpo_ros.controller.cost_budget import CostBudget
from scpo_ros.controller.model_monitor import ModelMonitor
from scpo_ros.controller.policy_gate import PolicyGate
from scpo_ros.interface.policy_record import backup_record, PolicyRecord
from scpo_ros.interface.state_watch import StateWatch
from scpo_ros.ledger.history import History
from scpo_ros.policy.safety_filter import NearestInputFilter, Source
from scpo_ros.systems.scenario import random_scenarios
from scpo_ros.verification.verifier import Verifier

MOST = 1.10  # admitted mean over the starts of the cost over the backup's
STRATEGIES = (('greedy', 1), ('farsighted', 1), ('greedy', 2), ('greedy', 5), ('greedy', 10),
              ('greedy', 30), ('cyclic', 1), ('cyclic', 10))
STEPS = 300  # of a run
_AT_REST = 30  # ticks before the policies come
_ITERATIONS = 80  # of the farsighted adversary


@dataclass(frozen=True)
class Spent:
    """What runs from S starts cost."""

    cost: np.ndarray  # (S,)
    backup: np.ndarray  # (S,), the backup's under the same disturbances
    share: float  # of the ticks at which the budget acted

    @property
    def ratios(self):
        """Return the cost over the backup's, by start."""
        return self.cost / self.backup

    def summary(self):
        """Return mean and largest ratio, ratio of the sums, and share of the budget's ticks."""
        return {'mean': round(float(self.ratios.mean()), 4),
                'largest': round(float(self.ratios.max()), 4),
                'of_sums': round(float(self.cost.sum() / self.backup.sum()), 4),
                'budget_acts': round(self.share, 4)}


def pool_of(task, rng, updates=30, each=3):
    """Return weights (P, d), learnt from all experts or random, that pass the verification."""
    spec, verifier = task.spec, Verifier(task.spec, ControllerConfig().certified_margin)
    found = [*bisected(task, verifier, rng)]
    for expert in EXPERTS:
        chain = learn(spec, updates, expert).chain
        for version in np.unique(np.linspace(1, chain.latest.version, each).astype(int)):
            theta = chain[version].theta
            if verifier.judge(theta).safe:
                found.append(theta)
    return np.array(found)


def bisected(task, verifier, rng, count=16):
    """
    Return weights (count, d): residuals in random directions, as large as pass the verification.

    :param verifier: Verifier, who must pass the backup.
    """
    found, outputs = [], task.policy.network.widths[-1]
    for _ in range(count):
        direction = np.zeros(task.initial_theta.size)
        direction[-outputs:] = rng.normal(size=outputs)
        low, high = 0.0, 1.0
        for _ in range(7):
            middle = (low + high) / 2
            passes = verifier.judge(task.initial_theta + middle * direction).safe
            low, high = (middle, high) if passes else (low, middle)
        found.append(task.initial_theta + low * direction)
    return np.array(found)


class Adversary:
    """Chooses among the policies of a pool."""

    def __init__(self, task, pool):
        """Prepare the inputs of all policies. :param pool: (P, d)."""
        self.task, self.pool = task, np.vstack([pool, task.initial_theta])
        self._count = 0

    def inputs(self, x):
        """Return the inputs (P, S) of all policies at states (S, n) or (P, S, n)."""
        backup = self.task.policy.backup(x)
        return self.task.system.saturate(
            backup + self.task.policy.network(self.pool, x))[..., 0]

    def after(self, x):
        """Return stage costs (P, S) and next states (P, S, n) with w = 0."""
        u = self.inputs(x)
        u = u[..., None]
        return self.task.simulator.stage_cost(x, u), self.task.system.step(x, u)

    def choose(self, strategy, period, x):
        """Return the indices (S,) of the policies for the next period at states (S, n)."""
        self._count += 1
        if strategy == 'cyclic':
            return np.full(len(x), self._count % len(self.pool))
        worth = self.task.cost_to_go if strategy == 'greedy' else self.farsighted
        cost, ahead = self.after(x)
        for _ in range(period - 1):
            stage, ahead = self.after(ahead)
            cost = cost + stage
        value = worth(ahead.reshape(-1, x.shape[-1])).reshape(cost.shape)
        return np.argmax(np.nan_to_num(cost + value, nan=-np.inf), axis=0)

    @property
    def farsighted(self):
        """Return the largest cost that the pool can cause, a callable of states (N, n)."""
        if not hasattr(self, '_farsighted'):
            self._farsighted = self._iterated()
        return self._farsighted

    def _iterated(self, gauges=24, angles=96):
        safe_set = self.task.safe_set
        states, gauge = nodes(safe_set, gauges, angles)
        stage, ahead = self.after(states)
        flat, value = ahead.reshape(-1, 2), self.task.cost_to_go
        for _ in range(_ITERATIONS):
            best = np.nanmax(stage + value(flat).reshape(stage.shape), axis=0)
            value = CostToGo(safe_set, table_of(best, gauge))
        return value


def loop_of(task):
    """Return a control loop that runs the backup, and has judged so much that policies may run."""
    gate = PolicyGate(backup_record(task.initial_theta, task.digest), 0.0, 0.0,
                      task.kind)
    dt = task.system.dt
    loop = ControlLoop(
        task, NearestInputFilter(task, task.initial_theta),
        Admission(gate, None, History('', 'controller'), 20.0), StateWatch(dt, 0.5),
        ModelMonitor(task, 60),
        budget=CostBudget(task, ControllerConfig().cost_tolerance_of(task.spec)))
    for k in range(-_AT_REST, 0):
        loop.answer(SimpleNamespace(
            time=k * dt, episode=-1, x=np.zeros(task.system.n),
            applied=np.zeros(task.system.m)))
    return loop


def run(adversary, strategy, period, scenarios, budget=True):
    """
    Return what the adversary makes the runs of scenarios cost: :class:`Spent`.

    :param budget: False lets the policies act by themselves: the negative control.
    """
    task, x, reference = adversary.task, scenarios.x0.copy(), scenarios.x0.copy()
    controller = (_Budgeted if budget else _Free)(adversary, len(x))
    cost, backup = np.zeros(len(x)), np.zeros(len(x))
    for k in range(scenarios.horizon):
        if k % period == 0:
            chosen = adversary.choose(strategy, period, x)
        u, base = controller.answer(k, x, chosen), task.policy.backup(reference)
        cost += task.simulator.stage_cost(x, u[:, None])
        backup += task.simulator.stage_cost(reference, base)
        x = task.system.step(x, u[:, None], scenarios.w[:, k])
        reference = task.system.step(reference, base, scenarios.w[:, k])
    return Spent(cost, backup, controller.acted / (len(x) * scenarios.horizon))


class _Free:
    """The chosen policies without a controller; they keep the limits, for that is proved."""

    acted = 0

    def __init__(self, adversary, count):
        self._adversary = adversary

    def answer(self, k, x, chosen):
        """Return the inputs (S,) at tick k."""
        return self._adversary.inputs(x)[chosen, np.arange(len(x))]


class _Budgeted:
    """A control loop for each start."""

    def __init__(self, adversary, count):
        self._adversary, self._applied = adversary, np.zeros((count, 1))
        self._loops = [loop_of(adversary.task) for _ in range(count)]
        self._identities = [digest(theta) for theta in adversary.pool]

    def answer(self, k, x, chosen):
        """Return the inputs (S,) at tick k."""
        dt, pool = self._adversary.task.system.dt, self._adversary.pool
        for loop, index in zip(self._loops, chosen):
            put_in_force(loop, pool[index], self._identities[index])
        self._applied = np.array([loop.answer(SimpleNamespace(
            time=k * dt, episode=0, x=state, applied=u)).u
            for loop, state, u in zip(self._loops, x, self._applied)])
        return self._applied[:, 0]

    @property
    def acted(self):
        """Return at how many ticks the budget acted."""
        return sum(loop.counts[Source.BUDGET] for loop in self._loops)


def put_in_force(loop, theta, identity):
    """Let a policy run from the next tick on, if another one does now."""
    gate = loop.admission.gate
    if gate.running.digest != identity:
        gate.admit_unchecked(PolicyRecord(
            theta, gate.newest.version + 1, 0, identity, '', loop.task.digest, None))


def attack(learnt, oracle, tally, rng, count):
    """
    Try every strategy from `count` starts; the mean over them must not exceed :data:`MOST`.

    What it costs without the budget stands beside it.
    """
    task = learnt.task
    adversary = Adversary(task, pool_of(task, rng))
    scenarios = random_scenarios(task.system, task.safe_set, count, STEPS, rng)
    figures = {'policies': len(adversary.pool)}
    for strategy, period in STRATEGIES:
        name = f'{strategy}, every {period} ticks'
        tally.tried(f'cost: {name}', count)
        with_it = run(adversary, strategy, period, scenarios)
        without = run(adversary, strategy, period, scenarios, budget=False)
        figures[name] = {'with': with_it.summary(), 'without': without.summary()}
        if not with_it.ratios.mean() <= MOST:  # NaN is not
            tally.fail('task_cost_exceeded', f'{name}: {with_it.ratios.mean():.4f} times the '
                       f"backup's, at most {MOST} is admitted")
    tally.figure('task_cost', figures)
