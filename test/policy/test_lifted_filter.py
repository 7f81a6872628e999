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

"""The filter of described systems against an adversary, with controls that the check catches."""

from dataclasses import replace

import cvxpy as cp
import numpy as np
import pytest
from scpo_ros.backup.lifted_mpc import LiftedMpc
from scpo_ros.policy import lifted_filter
from scpo_ros.policy.lifted_filter import LiftedFilter
from system_samples import all_vertices, broken, EDGE, inputs_at_the_limits, SYSTEMS, task_of

SMALL = 1e-9


class Silent:
    """A program that never has an answer."""

    def __init__(self, size):
        self.size = size

    def many(self, x):
        return np.full((len(x), self.size), np.nan)


@pytest.fixture(scope='module', params=SYSTEMS)
def part(request):
    """Return the filter of the first decoupled part of a system."""
    return task_of(request.param).policy.filters[0]


def changed(part, rows):
    """Return a filter with other rows of the safe set."""
    return LiftedFilter(LiftedMpc(part.backup.block, replace(part.backup.safe_set, rows=rows)))


def without_solver(part):
    """Return a filter whose programs never have an answer."""
    silent = LiftedFilter(part.backup)
    silent.__dict__['program'] = Silent(part.program._qp.q.size)
    silent.__dict__['plan_program'] = Silent(part.plan_program._qp.q.size)
    return silent


def test_no_limit_breaks_whatever_is_asked_for(part):
    assert broken(part) == 0
    assert broken(part, 20, sign=-1.0) == 0


def test_the_closed_form_alone_keeps_the_set(part):
    assert broken(without_solver(part)) == 0


@pytest.mark.parametrize('name', SYSTEMS)
def test_control_a_filter_that_forgets_the_disturbance(name):
    """The allowance h left out: the disturbance takes the next state out of the set."""
    part = task_of(name).policy.filters[0]
    forgetful = LiftedFilter(part.backup)
    forgetful.__dict__['allowance'] = 0 * part.allowance
    assert broken(forgetful) > 0


@pytest.mark.parametrize('name', SYSTEMS)
def test_control_a_disturbance_subtracted_instead_of_added(name):
    part = task_of(name).policy.filters[0]
    reversed_ = LiftedFilter(part.backup)
    reversed_.__dict__['allowance'] = -part.allowance
    assert broken(reversed_) > 0


@pytest.mark.parametrize('name', SYSTEMS)
def test_control_a_facet_that_is_missing(name):
    """Without the row that the boundary states use most, some limit breaks."""
    part = task_of(name).policy.filters[0]
    rows = part.backup.safe_set.rows
    shares = []
    for place in _used_rows(part):
        shares.append(broken(changed(part, np.delete(rows, place, axis=0)), 60, starts=12))
        if shares[-1]:
            break
    assert max(shares) > 0


def _used_rows(part):
    """Return rows that hold with equality under the adversary, the most used first."""
    z = EDGE * part.backup.safe_set.boundary(40)
    plans = part.backup.plans(z)
    wanted = inputs_at_the_limits(part.backup.block, len(z), np.random.default_rng(0))
    answers = part.program.many(np.hstack([z, wanted]))
    qp = part.program._qp
    tight = answers @ qp.G.T - qp.b - np.hstack([z, wanted]) @ qp.S.T > -1e-7
    assert np.all(np.isfinite(plans))
    return np.argsort(-tight[:, :len(part.backup.safe_set.rows)].sum(axis=0))[:8]


@pytest.mark.parametrize('name', SYSTEMS)
def test_control_a_set_blown_up(name):
    """Rows that are 2 % too wide, from states of the right set."""
    part = task_of(name).policy.filters[0]
    right = part.backup.safe_set
    assert broken(changed(part, right.rows / 1.02), safe_set=right) > 0


def test_what_is_admissible_is_left_alone(part):
    """Admissible: some plan serves. Then the input comes back bit by bit."""
    rng = np.random.default_rng(1)
    z = EDGE * part.backup.safe_set.sample(30, rng)
    wanted = inputs_at_the_limits(part.backup.block, 30, rng) * rng.uniform(0, 1, (30, 1))
    v = part(z, wanted, part.backup.plans(z))
    same = np.all(v == wanted, axis=1)
    served = np.array([_admissible(part, *pair, 1e-6) for pair in zip(z, wanted)])
    refused = np.array([not _admissible(part, *pair, -1e-6) for pair in zip(z, wanted)])
    assert np.all(same[served]) and served.sum() > 5
    assert not np.any(same[refused]) and refused.sum() > 2


def _admissible(part, z, v, room):
    """Return whether some plan keeps every row with that much room."""
    block, found = part.backup.block, part.backup.safe_set
    following = block.A @ z + block.B @ v
    reach = np.abs(found.state_rows) @ (block.disturbance + 1e-6)
    c, t = cp.Variable(found.lifted_rows.shape[1]), cp.Variable()
    problem = cp.Problem(cp.Minimize(t), [
        found.state_rows @ following + found.lifted_rows @ c + reach - 1 <= t])
    problem.solve(solver=cp.CLARABEL)
    return t.value <= -room


def test_the_answer_is_the_nearest_admissible_input(part):
    """Against a program without eps |c'|^2, by an interior-point method."""
    rng, block, found = np.random.default_rng(2), part.backup.block, part.backup.safe_set
    z = EDGE * found.boundary(40)
    wanted = inputs_at_the_limits(block, len(z), rng)
    v = part(z, wanted, part.backup.plans(z))
    moved = np.flatnonzero(np.any(np.abs(v - wanted) > 1e-4, axis=1))[:8]
    assert len(moved) == 8
    for place in moved:
        u, c = cp.Variable(block.m), cp.Variable(found.lifted_rows.shape[1])
        reach = np.abs(found.state_rows) @ (block.disturbance + 1e-6)
        problem = cp.Problem(cp.Minimize(cp.sum_squares(u - wanted[place])), [
            found.state_rows @ (block.A @ z[place] + block.B @ u) + found.lifted_rows @ c
            <= 1 - reach, block.input_rows @ u <= 1])
        problem.solve(solver=cp.CLARABEL, tol_gap_abs=1e-12, tol_gap_rel=1e-12, tol_feas=1e-10)
        assert np.max(np.abs(u.value - v[place])) <= 1e-4


def test_the_closed_form_stays_between_the_backup_and_what_is_asked_for(part):
    rng, block = np.random.default_rng(3), part.backup.block
    z = EDGE * part.backup.safe_set.boundary(40)
    plans = part.backup.plans(z)
    wanted = inputs_at_the_limits(block, len(z), rng)
    backup = part.backup.inputs(z, plans)
    v, nearest = without_solver(part)(z, wanted, plans), part(z, wanted, plans)
    low, high = np.minimum(backup, wanted), np.maximum(backup, wanted)
    assert np.all(v >= low - SMALL) and np.all(v <= high + SMALL)
    further = np.linalg.norm(v - wanted, axis=1) - np.linalg.norm(nearest - wanted, axis=1)
    assert np.all(further >= -1e-6)  # the closed form is sound, the program is nearer
    assert np.any(np.abs(v - wanted) > 1e-3)


@pytest.mark.parametrize('bad', ['plan', 'state'])
def test_what_is_no_number_gives_none_and_the_others_stay(part, bad):
    block, rng = part.backup.block, np.random.default_rng(4)
    z = EDGE * part.backup.safe_set.boundary(6)
    plans, wanted = part.backup.plans(z), inputs_at_the_limits(block, 6, rng)
    expected = part(z, wanted, plans)
    z, wanted, plans = z.copy(), wanted.copy(), plans.copy()
    {'plan': plans, 'state': z}[bad][2] = np.nan
    v = part(z, wanted, plans)
    others = np.arange(6) != 2
    assert np.all(np.isnan(v[2])) and np.max(np.abs(v - expected)[others]) <= SMALL


@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf])
def test_the_backup_acts_where_the_policy_gives_no_number(part, value):
    z = EDGE * part.backup.safe_set.boundary(6)
    plans = part.backup.plans(z)
    wanted = inputs_at_the_limits(part.backup.block, 6, np.random.default_rng(4))
    wanted[2, 0] = value
    v = part(z, wanted, plans)
    assert np.max(np.abs(v[2] - part.backup.inputs(z, plans)[2])) <= 1e-6
    assert np.all(np.isfinite(v))


def test_outside_the_set_nothing_is_let_through(part):
    z = 1.001 * part.backup.safe_set.boundary(20)
    v = part(z, np.zeros((20, part.backup.block.m)), part.backup.plans(z))
    assert np.all(np.isnan(v))


def test_the_plan_one_step_later_drops_its_first_input():
    part = task_of('ball_and_beam').policy.filters[0]
    plans = np.arange(2.0 * part.backup.safe_set.horizon).reshape(2, -1)
    assert np.array_equal(part.shifted(plans),
                          np.column_stack([plans[:, 1:], np.zeros(2)]))


def test_the_room_is_what_the_worst_disturbance_leaves(part):
    """Against the rows at every vertex; the margin of the construction comes on top."""
    block, found = part.backup.block, part.backup.safe_set
    rng = np.random.default_rng(5)
    z, plans = EDGE * found.boundary(5), rng.uniform(-0.1, 0.1, (5, found.lifted_rows.shape[1]))
    v = inputs_at_the_limits(block, 5, rng)
    ends = (z @ block.A.T + v @ block.B.T)[:, None] + all_vertices(block)
    least = np.min(1 - ends @ found.state_rows.T, axis=1) - plans @ found.lifted_rows.T
    margin = lifted_filter.MARGIN * np.abs(found.state_rows).sum(axis=1)
    assert np.allclose(part.room(z, v, plans), least - margin, atol=1e-12)
