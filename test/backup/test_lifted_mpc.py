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

"""The backup of described systems: a solution now and next, optimal, and stable."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.linalg import solve_discrete_lyapunov
from scpo_ros.backup.lifted_mpc import LiftedMpc, planned_set
from scpo_ros.exceptions import ConfigurationError
from system_samples import all_vertices, EDGE, SYSTEMS, task_of
from test_warm_program import reference

SMALL = 1e-9
RELAXED = 1.2e-7  # the rows of the backup, and what its solver may exceed them by


@pytest.fixture(scope='module', params=(*SYSTEMS, 'axis'))
def backup(request):
    """Return the backup of the first decoupled part of a system."""
    return task_of(request.param).policy.filters[0].backup


@pytest.mark.parametrize('changed, name', [
    ({'contraction': 0.999999}, 'contraction'), ({'contraction': np.nan}, 'contraction'),
    ({'horizon': 0}, 'horizon')])
def test_a_set_that_cannot_pay_for_the_relaxed_rows_is_refused(changed, name):
    backup = task_of('axis').policy.filters[0].backup
    with pytest.raises(ConfigurationError, match=name):
        LiftedMpc(backup.block, replace(backup.safe_set, **changed))
    LiftedMpc(backup.block, replace(backup.safe_set, contraction=0.9999))


def states(backup, count, seed=0):
    """Return states of the safe set, half of them on its boundary."""
    return EDGE * backup.safe_set.sample(count, np.random.default_rng(seed))


def value(backup, z, plans):
    """Return the cost of plans (N, horizon m) with the least slack that they need."""
    block, horizon = backup.block, backup.safe_set.horizon
    gain = backup.safe_set.gain
    closed = block.A - block.B @ gain
    P = solve_discrete_lyapunov(closed.T, block.state_weight + gain.T @ block.input_weight @ gain)
    weight = block.input_weight + block.B.T @ P @ block.B
    weight = weight / np.max(np.diag(weight))
    c = plans.reshape(len(plans), horizon, block.m)
    slack = np.zeros(len(z))
    if backup.planned is not None:
        slack = np.maximum(
            0.0, np.max(np.hstack([z, plans]) @ backup.planned.rows.T - 1, axis=1))
    cost = np.einsum('nki,ij,nkj->n', c, weight, c) + 10 * slack + 100 * slack**2
    return cost, np.einsum('ni,ij,nj->n', c[:, 0], weight, c[:, 0]), slack


def without_solution(backup, z):
    """Return how many states (N, n) have no plan that keeps the lifted set and its first input."""
    plans = backup.plans(z)
    kept = np.all(np.hstack([z, plans]) @ backup.safe_set.rows.T <= 1 + RELAXED, axis=1)
    v = backup.inputs(z, plans)
    kept &= np.all(v @ backup.block.input_rows.T <= 1 + RELAXED, axis=1)
    return int(np.sum(~kept))


def followers(backup, z, factor=1.0):
    """Return the next states under the backup, of every vertex of the disturbance."""
    block = backup.block
    after = z @ block.A.T + backup.inputs(z, backup.plans(z)) @ block.B.T
    return (after[:, None] + factor * all_vertices(block)).reshape(-1, block.n)


def test_a_solution_exists_in_the_safe_set_and_in_every_next_state(backup):
    z = states(backup, 120)
    assert without_solution(backup, z) == 0
    following = followers(backup, z)
    assert without_solution(backup, following) == 0
    gauges = backup.safe_set.gauge(following[::7])
    assert np.all(gauges <= backup.safe_set.contraction + 1e-6)
    assert np.any(gauges > 0.8)  # the states that were tried are demanding


def test_a_disturbance_beyond_its_bound_is_seen(backup):
    """The same check, twenty times the disturbance on the boundary."""
    z = EDGE * backup.safe_set.boundary(60)
    assert without_solution(backup, followers(backup, z, 20.0)) > 0


def test_outside_the_set_there_is_no_answer_and_no_input(backup):
    z = 1.001 * backup.safe_set.boundary(30)
    plans = backup.plans(np.vstack([z, 0 * z[:1]]))
    assert np.all(np.isnan(plans[:-1])) and np.all(plans[-1] == 0)
    assert np.all(np.isnan(backup.inputs(z, plans[:-1])))


@pytest.mark.parametrize('bad', [np.nan, np.inf, -np.inf, 1e300])
def test_what_is_no_state_has_no_answer(backup, bad):
    z = np.zeros((2, backup.block.n))
    z[0, -1] = bad
    with np.errstate(invalid='ignore', over='ignore'):
        plans = backup.plans(z)
    assert np.all(np.isnan(plans[0])) and np.all(plans[1] == 0)


def test_the_answer_without_a_program_is_that_of_the_program(backup):
    z = 0.4 * states(backup, 200)
    sets = [found for found in (backup.safe_set, backup.planned) if found is not None]
    linear = np.all([np.all(z @ one.state_rows.T <= 1, axis=1) for one in sets], axis=0)
    assert 10 < linear.sum() and np.all(backup.plans(z)[linear] == 0)
    solved = backup.program.many(z[linear])
    assert np.max(np.abs(solved)) <= 1e-8  # c, and s where there is one


def test_the_answer_is_the_optimum_of_an_independent_solver(backup):
    z = states(backup, 200, 3)
    plans = backup.plans(z)
    hard = np.flatnonzero(np.any(plans != 0, axis=1))[:12]
    assert len(hard) >= 8
    for place in hard:
        expected = reference(backup.program._qp, z[place])[:plans.shape[1]]
        assert np.max(np.abs(plans[place] - expected)) <= 1e-7
        best = value(backup, z[[place]], expected[None])[0]
        found = value(backup, z[[place]], plans[[place]])[0]
        assert abs(best - found) <= SMALL * max(1.0, best[0])


def falls(backup, steps=40, sign=1.0):
    """Return the largest of V(z+) - V(z) + c_0'W c_0 along undisturbed loops, and the ends."""
    z, worst, largest = states(backup, 40, 5), -np.inf, 0.0
    start = np.linalg.norm(z, axis=1)
    cost, first, _ = value(backup, z, backup.plans(z))
    for _ in range(steps):
        plans = backup.plans(z)
        z = z @ backup.block.A.T + sign * backup.inputs(z, plans) @ backup.block.B.T
        before, used = cost, first
        cost, first, _ = value(backup, z, backup.plans(z))
        worst = np.maximum(worst, np.max(cost - before + used))  # NaN stays
        largest = max(largest, float(np.max(before)))
    return worst, largest, start, z


def test_without_disturbance_the_cost_falls_by_what_is_used(backup):
    worst, largest, start, end = falls(backup)
    assert worst <= 1e-7 * max(1.0, largest) and largest > 1e-3
    assert np.all(np.linalg.norm(end, axis=1) <= 0.5 * start + 0.02)


def test_the_comparison_of_costs_can_fail(backup):
    with np.errstate(invalid='ignore'):
        worst, *_ = falls(backup, 3, -1.0)
    assert not worst <= 1e-7


@pytest.mark.parametrize('name', ['axis', 'uneven'])
def test_planned_limits_are_nearly_kept_where_they_can_be(name):
    """They are soft: where a plan keeps both sets, a few per cent buy smaller inputs."""
    backup = task_of(name).policy.filters[0].backup
    both = replace(
        backup.safe_set, rows=np.vstack([backup.safe_set.rows, backup.planned.rows]))
    z = EDGE * both.sample(80, np.random.default_rng(0))
    for _ in range(30):
        plans = backup.plans(z)
        assert np.max(value(backup, z, plans)[2]) <= 0.05
        z = z @ backup.block.A.T + backup.inputs(z, plans) @ backup.block.B.T
    outer = EDGE * backup.safe_set.boundary(40)
    assert np.max(value(backup, outer, backup.plans(outer))[2]) > 0.1


def test_without_planned_limits_they_are_exceeded():
    """Control: the same states, a backup that plans nothing."""
    backup = task_of('axis').policy.filters[0].backup
    plain = LiftedMpc(backup.block, backup.safe_set)
    outer = EDGE * backup.safe_set.boundary(40)
    with_plan, without = (
        value(backup, outer, law.plans(outer))[2].mean() for law in (backup, plain))
    assert with_plan < without - 1e-3


def test_the_planned_set_is_that_of_the_planned_limits():
    """A double integrator at 0.2 m/s of 0.6 m/s, 0.3 m/s^2 of 1 m/s^2."""
    backup = task_of('axis').policy.filters[0].backup
    speed, force = 0.2 / 0.6, 0.3
    low, high = backup.planned.box
    assert np.allclose(low, -high, atol=1e-6)
    assert 0.8 < high[0] <= 0.9 + 1e-7 and abs(high[1] - speed) <= 1e-6
    nearer = planned_set(backup.block, backup.safe_set, {0: 0.5, 1: speed}, {0: force})
    assert 0.45 < nearer.box[1][0] <= 0.5 + 1e-7
    wider = planned_set(backup.block, backup.safe_set, {1: speed}, {0: 2 * force})
    assert np.all(wider.gauge(backup.planned.boundary(50)) <= 1 + 1e-6)
    assert wider.box[1][0] > high[0] + 0.005


def test_uneven_limits_and_constraint_rows_bound_the_safe_set():
    backup = task_of('uneven').policy.filters[0].backup
    edge = backup.safe_set.boundary(200) * backup.block.scale
    assert edge[:, 0].max() <= 0.5 + 1e-7 and edge[:, 0].min() < -0.9
    assert edge[:, 1].min() >= -0.4 - 1e-7 and edge[:, 1].max() > 0.5
    assert np.max(edge.sum(axis=1)) <= 0.8 + 1e-7
