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

"""The residual that each state allows: no weights make the filter act, and faults are caught."""

from dataclasses import dataclass, replace
import itertools

import numpy as np
import pytest
from scpo_ros.backup.warm_program import WarmProgram
from scpo_ros.policy.filtered_policy import FilteredPolicy
from scpo_ros.policy.lifted_filter import LiftedFilter
from scpo_ros.policy.residual_at import bounded, ResidualAt
from scpo_ros.policy.residual_bound import bound_of_all, LARGEST, ResidualBound
from scpo_ros.policy.residual_policy import ResidualNetwork
from scpo_ros.systems.decoupling import Block
from system_samples import all_vertices, EDGE, task_of

NAMES = ('uneven', 'double_integrator_2', 'ball_and_beam', 'two_axes', 'pushed')


@pytest.fixture(scope='module', params=NAMES)
def policy(request):
    return task_of(request.param, 'bounded').policy


def states_of_part(part, count=400):
    """Return states of the safe set of a part, in units of its limits."""
    return part.backup.safe_set.sample(count, np.random.default_rng(0)) * EDGE


def states_of(policy, count=400):
    """Return states of the product of the safe sets of a policy, in the units of x."""
    x = np.empty((count, policy.system.n))
    for seed, part in enumerate(policy.filters):
        block, order = part.backup.block, np.random.default_rng(seed).permutation(count)
        x[:, block.states] = states_of_part(part, count)[order] * block.scale
    return x


def moved(policy, bounds, factor=1.0, x=None):
    """
    Return by how much the filter moves an input at most, over its range.

    The residuals are at a bound, times a factor, with all signs.
    """
    x = states_of(policy) if x is None else x
    backup, plans = policy.around(x)
    bound, system = factor * bound_of_all(bounds, x, backup, plans), policy.system
    changed = []
    for signs in itertools.product((-1.0, 1.0), repeat=system.m):
        wanted = system.saturate(backup + signs * bound)
        changed.append(np.abs(policy.filtered(x, wanted, plans) - wanted))
    return np.max(changed / (system.input_upper - system.input_lower))


def test_at_the_bound_the_filter_changes_nothing(policy):
    assert moved(policy, policy.bounds) == 0


def test_it_needs_no_program_for_that(policy, monkeypatch):
    x = states_of(policy)
    backup, plans = policy.around(x)

    def asked(program, points):
        assert not len(points)
        return np.empty((0, len(program._qp.q)))
    monkeypatch.setattr(WarmProgram, 'many', asked)
    monkeypatch.setattr(FilteredPolicy, 'around', lambda self, x: (backup, plans))
    assert moved(policy, policy.bounds, x=x) == 0


def test_from_there_no_disturbance_leaves_the_safe_set(policy):
    """By the gauge of the set, whose linear program knows nothing of the rows' rooms."""
    x = states_of(policy, 40)
    backup, plans = policy.around(x)
    bound = bound_of_all(policy.bounds, x, backup, plans)
    rng = np.random.default_rng(2)
    for sign in (-1.0, 1.0):
        u = policy.system.saturate(backup + sign * bound)
        for part in policy.filters:
            block = part.backup.block
            following = (x[:, block.states] / block.scale @ block.A.T
                         + u[:, block.inputs] / block.input_scale @ block.B.T)
            vertex = all_vertices(block)
            following = following + vertex[rng.integers(len(vertex), size=len(x))]
            assert np.max(part.backup.safe_set.gauge(following)) <= 1 + 1e-6


def test_two_percent_more_is_too_much_somewhere(policy):
    assert moved(policy, policy.bounds, 1.02) > 1e-3


def test_it_is_positive_wherever_there_is_a_plan_and_as_large_as_the_contraction_pays_for(policy):
    x = states_of(policy)
    for bound in policy.bounds:
        block = bound.part.backup.block
        z = x[:, block.states] / block.scale
        plans = bound.part.backup.plans(z)
        found = bound(z, np.clip(bound.part.backup.inputs(z, plans), *limits(block)), plans)
        assert 0 < bound.least <= np.min(found) and np.max(found) <= LARGEST
        assert np.mean(found > 1.5 * bound.least) > 0.2


def limits(block):
    """Return the least and the largest inputs (m,) of a decoupled part."""
    rows = block.input_rows
    return (np.array([1 / rows[rows[:, i] < 0, i].min() for i in range(block.m)]),
            np.array([1 / rows[rows[:, i] > 0, i].max() for i in range(block.m)]))


@dataclass(frozen=True)
class WithoutContraction(ResidualBound):
    """A fault: the room of the present state in place of the next one's, and 2 % more."""

    def __call__(self, z, v, plans):
        safe_set = self.part.backup.safe_set
        room = 1 - z @ safe_set.state_rows.T - plans @ safe_set.lifted_rows.T
        kept = np.maximum(room, 0) + (1 - safe_set.contraction)
        return 1.02 * np.minimum(LARGEST, np.min(kept / self.used, axis=1))


@dataclass(frozen=True)
class OneRowLess(ResidualBound):
    """A fault: a row of one part is left out of the minimum."""

    row: int

    @property
    def used(self):
        used = np.array(super().used)
        used[self.row] = 0.0
        return used


def rows_that_matter(bound, count=4):
    """Return the rows without which the minimum of a part would be larger by most."""
    part, z = bound.part, states_of_part(bound.part)
    plans = part.backup.plans(z)
    room = part.room(z, part.backup.inputs(z, plans), part.shifted(plans))
    share, gain = np.minimum(room / bound.used, LARGEST), np.zeros(len(bound.used))
    order = np.argsort(share, axis=1)
    least, second = np.take_along_axis(share, order[:, :2], axis=1).T
    np.maximum.at(gain, order[:, 0], second - least)
    return np.argsort(-gain)[:count]


@dataclass(frozen=True)
class OfAnotherPart(ResidualBound):
    """A fault: the bound of another part, at its states."""

    other: ResidualBound

    def __call__(self, z, v, plans):
        return self.other(z, v, plans)


class DisturbanceHelps(LiftedFilter):
    """A fault: the disturbance widens the rows."""

    @property
    def allowance(self):
        return -super().allowance


FAULTS = {
    'without the contraction': WithoutContraction,
    'the disturbance with the wrong sign': lambda part: ResidualBound(
        DisturbanceHelps(part.backup))}


@pytest.mark.parametrize('fault', FAULTS)
def test_a_bound_with_a_fault_makes_the_filter_act(policy, fault):
    if fault == 'the disturbance with the wrong sign' and not np.any(
            policy.system.disturbance > 1e-3):
        policy = task_of('pushed', 'bounded').policy
    assert moved(policy, [FAULTS[fault](part) for part in policy.filters]) > 1e-4


def test_without_a_row_of_the_minimum_the_filter_acts(policy):
    """Not without every row: a row may be kept by another plan, which the filter finds."""
    first, *others = policy.bounds
    found = [moved(policy, [OneRowLess(first.part, row), *others])
             for row in rows_that_matter(first)]
    assert max(found) > 0.05


def test_the_bound_of_another_part_makes_the_filter_act():
    policy = task_of('two_axes', 'bounded').policy
    first, second = policy.bounds
    swapped = [OfAnotherPart(first.part, second), OfAnotherPart(second.part, first)]
    assert moved(policy, swapped) > 1e-3
    assert moved(policy, [first, second]) == 0


def test_without_a_plan_there_is_no_residual(policy):
    x = states_of(policy, 4)
    for part in policy.filters:
        block = part.backup.block
        x[3, block.states] = 1.5 * part.backup.safe_set.boundary(1)[0] * block.scale
    backup, plans = policy.around(x)
    first, last = (policy.filters[at].backup.block for at in (0, -1))
    x[1, first.states[0]] = np.nan
    plans[-1][0] = np.nan
    found = bound_of_all(policy.bounds, x, backup, plans)
    assert np.all(found[3] == 0) and np.all(found[2] > 0)
    assert np.all(found[0, last.inputs] == 0) and np.all(found[1, first.inputs] == 0)
    outputs = 1e3 * np.ones_like(found)
    assert np.all(policy.residual(outputs, x, backup, plans)[found == 0] == 0)


def test_a_plan_that_does_not_serve_leaves_what_the_other_one_allows(policy):
    """A plan of nowhere is told by the rows; without a further input the state may be fine."""
    for bound in policy.bounds:
        block, part = bound.part.backup.block, bound.part
        plan = np.full((1, part.backup.safe_set.lifted_rows.shape[1]), 7.0)
        z, v = np.zeros((1, block.n)), np.zeros((1, block.m))
        assert bound(z, v, plan)[0] == bound(z, v, 0 * plan)[0] > 0
        z = part.backup.safe_set.boundary(5)[4:] * 1.5
        assert bound(z, v, plan)[0] == 0


def test_rows_that_the_input_does_not_enter_bound_nothing_and_must_be_kept():
    part = task_of('uneven').policy.filters[0]
    block, safe_set = part.backup.block, part.backup.safe_set
    blind = np.zeros((1, safe_set.rows.shape[1]))
    blind[0, :2] = np.linalg.svd(block.B)[0][:, 1]  # B does not move it

    def with_row(size):
        rows = np.vstack([safe_set.rows, size * blind])
        mpc = type(part.backup)(block, replace(safe_set, rows=rows), part.backup.planned)
        return ResidualBound(LiftedFilter(mpc))
    z = 0.2 * safe_set.boundary(30)
    plans = part.backup.plans(z)
    v = part.backup.inputs(z, plans)
    along = (z @ block.A.T) @ blind[0, :2]
    plain = ResidualBound(part)(z, v, plans)
    harmless = with_row(0.5 / np.max(np.abs(along)))(z, v, plans)
    assert np.allclose(harmless, plain)
    tight = with_row(2 / np.max(along))(z, v, plans)
    assert np.all(tight[along > 0.6 * np.max(along)] == 0)
    assert np.allclose(tight[along < 0.4 * np.max(along)], plain[along < 0.4 * np.max(along)])


def test_the_order_and_number_of_states_change_nothing(policy):
    x = states_of(policy, 300)
    backup, plans = policy.around(x)
    found = bound_of_all(policy.bounds, x, backup, plans)
    some = np.arange(300)[::-7]
    again = bound_of_all(policy.bounds, x[some], backup[some], [plan[some] for plan in plans])
    assert np.allclose(again, found[some], rtol=1e-12, atol=1e-12)


def test_the_shortcut_is_what_the_rows_say(policy):
    for bound in policy.bounds:
        z = 0.5 * bound.part.backup.safe_set.sample(300, np.random.default_rng(3))
        plans = bound.part.backup.plans(z)
        v = np.clip(bound.part.backup.inputs(z, plans), *limits(bound.part.backup.block))
        block = bound.part.backup.block
        following = z @ block.A.T + v @ block.B.T
        assert np.array_equal(bound(z, v, plans), bound._by_rows(following, plans))


def test_it_is_the_room_of_the_rows_over_what_they_move(policy):
    """Row by row, with the room that the filter has."""
    for bound in policy.bounds:
        part, z = bound.part, states_of_part(bound.part)
        plans = part.backup.plans(z)
        v = np.clip(part.backup.inputs(z, plans), *limits(part.backup.block))
        each = [np.min(part.room(z, v, later) / bound.used, axis=1)
                for later in (0 * plans, part.shifted(plans))]
        expected = np.clip(np.max(each, axis=0), 0.0, LARGEST)
        assert np.max(np.abs(bound(z, v, plans) - expected)) <= 2e-9 / np.min(bound.used)


@pytest.fixture
def residual():
    """Return (residual at five states, weights): one state with a bound of 0, one with a large."""
    network = ResidualNetwork((3, 5, 4), np.array([1.0, 2.0, 0.5]), 2)
    rng = np.random.default_rng(0)
    bound = np.abs(rng.normal(0.2, 0.2, (5, 2)))
    bound[1], bound[2] = 0.0, 50.0
    theta = network.initial(0) + 0.7 * rng.standard_normal(network.d)
    return ResidualAt(network, rng.uniform(-1, 1, (5, 3)), bound), theta


def test_no_weights_exceed_the_bound_and_small_residuals_are_the_network_s(residual):
    found, theta = residual
    thetas = np.vstack([theta, 1e3 * theta, 1e300 * theta])
    with np.errstate(over='ignore'):
        values = found(thetas)
    assert np.all(np.abs(values) <= found.bound) and np.all(values[:, 1] == 0)
    assert np.max(np.abs(values[1, 0]) / found.bound[0]) > 0.99
    outputs = found.network(thetas[:1], found.states)
    assert np.allclose(values[0, 2], outputs[0, 2], atol=1e-3)
    plain = ResidualAt(found.network, found.states)
    assert np.array_equal(plain(thetas[:1]), outputs)
    assert np.any(np.abs(outputs[0]) > found.bound)
    assert np.array_equal(bounded(outputs, found.bound), values[:1])


def test_the_derivative_is_that_of_finite_differences(residual):
    found, theta = residual
    rows, step = found.jacobian(theta), 1e-6
    each = step * np.eye(len(theta))
    expected = np.moveaxis((found(theta + each) - found(theta - each)) / (2 * step), 0, -1)
    assert rows.shape == (5, 2, len(theta)) and np.all(rows[1] == 0)
    assert np.max(np.abs(rows - expected)) <= 1e-6 * np.max(np.abs(expected))
    assert np.max(np.abs(found.network.jacobian(theta, found.states) - expected)) > 0.1


def test_the_residual_at_some_of_the_states(residual):
    found, theta = residual
    chosen = np.array([True, False, True, False, True])
    assert np.array_equal(found.at(chosen)(theta[None]), found(theta[None])[:, chosen])
    assert np.array_equal(found.at(chosen).jacobian(theta), found.jacobian(theta)[chosen])


def test_blocks_of_the_samples_differ():
    """Else the bound of another part would be the same."""
    blocks = [part.backup.block for part in task_of('two_axes').policy.filters]
    assert all(isinstance(block, Block) for block in blocks)
    assert not np.allclose(blocks[0].B, blocks[1].B)
