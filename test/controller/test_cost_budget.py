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

"""The account of task cost: its theorem, its rules, and what happens without them."""

from types import SimpleNamespace

import numpy as np
import pytest
from scpo_ros.config import ControllerConfig, Spec
from scpo_ros.config.validation import build
from scpo_ros.controller.cost_budget import CostBudget
from scpo_ros.exceptions import SolverError
from scpo_ros.systems.scenario import interior_states
from scpo_ros.verification.task import ControlTask


EPS = 0.05


@pytest.fixture(scope='module')
def task():
    """Return the control task at the defaults."""
    return ControlTask.build(Spec())


def test_before_the_first_state_nothing_is_admitted(task):
    assert CostBudget(task, EPS).allows(np.zeros(1)) is False


def costly(task, x):
    """Return the admissible input that costs most at a state."""
    low, up = task.bounds(x)
    limit = task.system.input_limit[0]
    options = np.linspace(max(low, -limit), min(up, limit), 9)
    ahead = task.system.step(x, options[:, None])
    return options[[np.nanargmax(
        task.simulator.stage_cost(x, options[:, None]) + task.cost_to_go(ahead))]]


class Run:
    """A plant, an account, and policies whose input is the costliest at every tick."""

    def __init__(self, task, x, budget=True, disturbance=0.0, seed=0):
        self.task, self.x, self.applied = task, np.array(x), np.zeros(1)
        self.budget = CostBudget(task, EPS) if budget else None
        self.time, self.episode, self.cost, self.acted = 0.0, 0, 0.0, 0
        self.balances, self._rng, self._scale = [], np.random.default_rng(seed), disturbance

    def observe(self, valid=True, **changed):
        self.budget.observe(SimpleNamespace(**{
            'time': self.time, 'episode': self.episode, 'x': self.x, 'applied': self.applied,
            **changed}), valid)
        self.balances.append(self.budget.balance)

    def step(self, policy=costly, seen=True, **changed):
        """Go on by one step."""
        if self.budget is not None and seen:
            self.observe(**changed)
        u = policy(self.task, self.x) if policy is not None else None
        if u is None or (self.budget is not None and not self.budget.allows(u)):
            self.acted += u is not None
            u = self.task.policy.backup(self.x[None])[0]
        self.cost += self.task.simulator.stage_cost(self.x, u)
        w = self._rng.uniform(-1, 1, 2) * self.task.system.disturbance * self._scale
        self.x, self.applied = self.task.system.step(self.x, u, w), u
        self.time += self.task.system.dt


@pytest.mark.parametrize('x', interior_states(ControlTask.build(Spec()).safe_set, 12, 4),
                         ids=str)
def test_without_disturbance_no_sequence_costs_more_than_the_budget(task, x):
    value = float(task.cost_to_go(x[None])[0])
    run = Run(task, x)
    credit = run.budget.balance
    for _ in range(150):
        run.step()
    total = run.cost + task.cost_to_go(run.x[None])[0]
    error = 0.012 * value  # of the table
    assert total <= (1 + EPS) * value + credit + error and run.acted > 50
    assert min(run.balances) >= -error
    free = Run(task, x, budget=False)  # negative control
    for _ in range(150):
        free.step()
    assert free.cost > 1.5 * total


def test_under_the_backup_the_balance_stays_but_for_the_cap(task):
    run = Run(task, (0.8, 0.1))
    run.budget.limit = np.inf
    for _ in range(80):
        run.step(policy=None)
    assert np.ptp(run.balances) <= 0.012 * task.cost_to_go(np.array([[0.8, 0.1]]))[0]


def test_with_disturbance_the_balance_leaves_the_bound_by_little(task):
    worst = 0.0
    for seed, x in enumerate(interior_states(task.safe_set, 8, 5)):
        run = Run(task, x, disturbance=1.0, seed=seed)
        for _ in range(200):
            run.step()
        worst = min(worst, *run.balances)
    assert -0.2 * task.cost_to_go.mean < worst


def used_up(task, x=(0.6, 0.1)):
    """Return a run whose credit has been spent."""
    run = Run(task, x)
    for _ in range(40):
        run.step()
    assert run.acted > 10
    return run


def test_a_new_episode_grants_its_share_and_leaves_debts(task):
    run = used_up(task)
    run.observe()
    run.budget.balance = -1.0
    run.episode, run.x, run.applied = 1, np.array([0.5, 0.0]), np.zeros(1)
    run.time += task.system.dt
    run.observe()
    grant = EPS * task.cost_to_go(run.x[None])[0]
    assert run.budget.balance <= -1.0 + grant + 1e-12
    assert not run.budget.allows(costly(task, run.x))


def wasteful(task, x):
    """Return an input that costs a little more than the backup's."""
    return task.policy.backup(x[None])[0] + 0.05


def test_episodes_that_end_at_once_earn_nothing_and_every_step_is_charged(task):
    run, admitted = Run(task, (0.6, 0.0)), 0
    for number in range(200):
        run.episode, run.time, run.x = number, number * 0.1, np.array([0.6, 0.0])
        run.observe()
        admitted += run.budget.allows(wasteful(task, run.x))
    assert 0 < admitted < 20 and not run.budget.allows(wasteful(task, run.x))
    assert max(run.balances) == run.balances[0]


@pytest.mark.parametrize('lost', [2, 3])
def test_lost_states_are_charged_and_earn_nothing(task, lost):
    run = Run(task, (0.6, 0.0))
    run.step()
    for number in range(120):
        before = run.budget.balance
        for part in range(lost):
            run.step(seen=part == lost - 1)
        assert run.budget.balance <= before + 1e-12
    assert run.budget.balance >= -4.0


def test_another_time_line_erases_no_debt(task):
    run = used_up(task)
    run.budget.balance = -0.5
    run.time = 1e6
    run.observe()
    assert run.budget.balance <= -0.5


def test_while_the_model_does_not_hold_no_credit_is_earned(task):
    run = Run(task, (0.6, 0.0), disturbance=5.0)
    run.step(policy=None)
    for _ in range(30):
        before = run.budget.balance
        run.step(policy=None, valid=False)
        assert run.budget.balance <= before + 1e-12


def thrifty(task, x):
    """Return the input of a law that costs less than the backup."""
    return task.system.saturate(-(task.gain @ x))


def test_credit_is_capped(task):
    run = Run(task, (0.3, 0.0))
    for number in range(200):
        run.episode, run.x = number, np.array([0.3, 0.0])
        for _ in range(30):
            run.step(policy=thrifty)
        run.time += 1.0
        assert run.budget.balance <= run.budget.limit + run.budget.pending + 1e-9
    assert run.acted == 0 and run.budget.balance > 0.9 * run.budget.limit


@pytest.mark.parametrize('disturbance', [0.0, 1.0])
def test_in_debt_what_costs_no_more_than_the_backup_is_admitted(task, disturbance):
    run = Run(task, (0.6, 0.1), disturbance=disturbance)
    run.step(policy=None)
    run.budget.balance = -1.0
    for _ in range(40):
        run.step(policy=thrifty)
    assert run.acted < 30 and run.budget.balance > -0.5
    acted = run.acted
    run.step(policy=costly)  # negative control
    assert run.acted == acted + 1


def test_in_debt_no_policy_lowers_the_balance(task):
    run = Run(task, (0.6, 0.1))
    run.step(policy=None)
    run.budget.balance = -0.5

    def sparing(task, x):
        """Return the costliest of the inputs that the budget admits, the backup's if none."""
        inputs = np.append(np.linspace(-1, 1, 41), task.policy.backup(x[None])[0])
        cost = task.simulator.stage_cost(x, inputs[:, None]) + task.cost_to_go(
            task.system.step(x, inputs[:, None]))
        admitted = [k for k in range(len(inputs)) if run.budget.allows(inputs[[k]])]
        return inputs[[max(admitted, key=lambda k: cost[k]) if admitted else -1]]

    for _ in range(100):
        run.step(policy=sparing)
    assert min(run.balances[1:]) >= -0.5 - 0.012 * task.cost_to_go(np.array([[0.6, 0.1]]))[0]


def test_no_balance_at_all_admits_nothing(task):
    run = Run(task, (0.6, 0.1))
    run.observe()
    run.budget.balance = np.nan
    assert not run.budget.allows(thrifty(task, run.x))


def test_a_solver_that_fails_at_the_counterfactual_costs_no_answer(task):
    run = Run(task, (0.6, 0.1))
    run.step(policy=thrifty)
    run.step(policy=thrifty)
    healthy, run.budget._backup = run.budget._backup, failing
    before = run.budget.balance
    run.step(policy=None)
    assert run.budget.balance <= before and np.array_equal(
        run.budget._counterfactual, run.budget._last.x)
    run.budget._backup = healthy
    run.step(policy=thrifty)
    assert run.acted == 0 and np.isfinite(run.budget.balance)


def failing(x):
    raise SolverError('the backup MPC found no solution')


def test_what_was_prepared_is_not_computed_again_and_changes_nothing(task):
    """A state that moves the counterfactual on makes what was prepared before it worthless."""
    asked, backup = [], task.policy.backup

    class Counted:

        def __call__(self, x):
            asked.append(np.array(x[0]))
            return backup(x)

    runs = [Run(task, (0.4, 0.2), disturbance=1.0, seed=3) for _ in range(2)]
    for run in runs:
        run.budget._backup = Counted()
    for _ in range(30):
        runs[0].observe()
        seen = len(asked)
        runs[1].observe()
        assert len(asked) == seen, 'prepared, and asked again'
        runs[1].budget.prepare()
        asked.clear()
        for run in runs:
            run.step(policy=None, seen=False)
    assert runs[0].balances == runs[1].balances
    assert len(set(runs[0].balances)) > 1


@pytest.mark.parametrize('u', [np.nan, np.inf, -np.inf])
def test_what_is_not_a_number_is_not_admitted(task, u):
    run = Run(task, (0.3, 0.0))
    run.observe()
    assert run.budget.allows(thrifty(task, run.x)) and not run.budget.allows(np.array([u]))


@pytest.mark.parametrize('x', [(np.nan, 0.0), (5.0, 5.0), (1e308, -1e308)])
def test_outside_the_safe_set_nothing_is_admitted_and_nothing_lost(task, x):
    run = Run(task, (0.3, 0.0))
    run.step()
    run.observe(x=np.array(x))
    assert not run.budget.allows(np.zeros(1)) and np.isfinite(run.budget.balance)
    run.time += 0.1
    run.observe(x=np.array([0.2, 0.0]))
    assert run.budget.allows(thrifty(task, np.array([0.2, 0.0])))


def test_the_tolerance_is_never_below_that_of_a_certificate():
    config = build(ControllerConfig, {'cost_tolerance': 0.05})
    assert config.cost_tolerance_of(Spec()) == 0.05
    loose = build(Spec, {'metrics.baseline_cost_tolerance': 0.2})
    assert config.cost_tolerance_of(loose) == 0.2
