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

"""Rollouts in lock-step equal the slow loop; what leaves the safe set never passes for safe."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
import tracemalloc

from control_samples import pushing, states_in, weights
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as hnp
import numpy as np
import pytest
from scpo_ros.sets.admissible_inputs import InputBounds
from scpo_ros.simulation import rollout
from scpo_ros.simulation.rollout import soft_maximum
from scpo_ros.systems.scenario import random_scenarios, Scenarios, switching


def naive(task, theta, x, w):
    """Return (largest violation, last state, mean cost) of one rollout, by the MPC's solver."""
    worst, cost = -np.inf, 0.0
    Q, R = np.diag(task.spec.backup.state_weight), task.spec.backup.input_weight
    for step in w:
        residual = task.policy.network(theta[None], x[None])[0, 0, 0]
        u = float(np.clip(task.mpc.solve(x)[0] + residual, -1.0, 1.0))
        low, up = task.bounds(x)
        worst = max(worst, u - up, low - u)
        cost += x @ Q @ x + R * u * u
        x = task.system.A @ x + task.system.B[:, 0] * u + step
    return worst, x, cost / len(w)


@pytest.fixture
def scenarios(task, rng):
    """Return six scenarios of 40 steps."""
    states = np.vstack([task.safe_set.boundary(3) * (1 - 1e-9), states_in(task.safe_set, 3, rng)])
    return switching(task.system, states, 40, rng)


def test_a_batch_is_the_slow_loop(task, theta0, scenarios, rng):
    thetas = np.vstack([theta0, weights(task, 3, rng, 0.05)])
    summary = task.simulator.summarise(thetas, scenarios)
    assert not np.any(summary.left)
    for i, theta in enumerate(thetas):
        for j in range(len(scenarios)):
            violation, final, cost = naive(task, theta, scenarios.x0[j], scenarios.w[j])
            assert summary.violation[i, j] == pytest.approx(violation, abs=1e-8)
            assert summary.cost[i, j] == pytest.approx(cost, abs=1e-8)
            assert np.allclose(summary.final[i, j], final, rtol=0, atol=1e-8)


def assert_same(first, second, tolerance=0.0):
    """Assert that two summaries agree."""
    for name in rollout.RolloutSummary.__dataclass_fields__:
        a, b = getattr(first, name), getattr(second, name)
        assert a.shape == b.shape and np.allclose(a, b, rtol=0, atol=tolerance), name


@pytest.mark.parametrize('tile, narrowest', [(1, 1), (7, 2), (16, 64), (10**6, 64)])
def test_tiles_change_nothing(task, scenarios, rng, monkeypatch, tile, narrowest):
    thetas = weights(task, 5, rng, 0.5)
    whole = task.simulator.summarise(thetas, scenarios)
    monkeypatch.setattr(rollout, 'TILE', tile)
    monkeypatch.setattr(rollout, 'NARROWEST', narrowest)
    assert_same(task.simulator.summarise(thetas, scenarios), whole, 1e-10)


@given(st.integers(1, 3000), st.integers(1, 3000))
def test_tiles_cover_everything_once_and_are_bounded(policies, scenarios):
    covered = np.zeros((policies, scenarios), dtype=np.int8)
    for rows, columns in rollout.tiles_of(policies, scenarios):
        size = (rows.stop - rows.start) * (columns.stop - columns.start)
        assert 0 < size <= rollout.TILE
        covered[rows, columns] += 1
    assert np.all(covered == 1)


def test_memory_is_bounded_when_scenarios_and_policies_grow(task, theta0):
    """What is held beyond scenarios and results does not grow with their number."""
    peaks = []
    for policies, count in ((1, 8000), (1, 32000), (64, 64), (1024, 64)):
        many = Scenarios(np.zeros((count, 2)), np.zeros((count, 20, 2)))
        thetas = np.tile(theta0, (policies, 1))
        tracemalloc.start()
        task.simulator.summarise(thetas, many)
        peaks.append(tracemalloc.get_traced_memory()[1] - 41 * policies * count)
        tracemalloc.stop()
    assert max(peaks) < 12e6


def test_workers_change_nothing_not_even_the_last_bit(task, rng, monkeypatch):
    monkeypatch.setattr(rollout, 'TILE', 64)
    thetas, start = weights(task, 3, rng, 0.3), states_in(task.safe_set, 60, rng)
    scenarios = switching(task.system, start, 15, rng)
    alone = task.simulator.summarise(thetas, scenarios)
    for workers in (1, 2):
        with rollout.RolloutPool(task.simulator, workers) as pool:
            assert_same(replace(task.simulator, executor=pool).summarise(thetas, scenarios),
                        alone)


def test_any_executor_will_do(task, rng, monkeypatch):
    monkeypatch.setattr(rollout, 'TILE', 64)
    thetas = weights(task, 3, rng, 0.3)
    scenarios = switching(task.system, states_in(task.safe_set, 60, rng), 15, rng)
    with ThreadPoolExecutor(2) as threads:
        shared = replace(task.simulator, executor=threads).summarise(thetas, scenarios)
    assert_same(shared, task.simulator.summarise(thetas, scenarios))


def test_where_everything_is_lost_it_ends_early_with_the_same_answer(task, rng, monkeypatch):
    theta = pushing(task, 30.0)[None]
    start = task.safe_set.boundary(40) * (1 - 1e-9)
    lost = Scenarios(start, np.zeros((40, 50, 2)))
    kept = Scenarios(np.vstack([start, np.zeros((1, 2))]), np.zeros((41, 50, 2)))
    calls, policy = [], task.policy
    counted = replace(task.simulator, policy=replace(
        policy, backup=lambda x: calls.append(1) or policy.backup(x)))
    early = counted.summarise(theta, lost)
    assert np.all(early.left) and len(calls) < 25
    late = task.simulator.summarise(theta, kept)
    assert not late.left[0, -1]
    for name in rollout.RolloutSummary.__dataclass_fields__:
        assert np.allclose(getattr(early, name), getattr(late, name)[:, :-1], rtol=1e-12)


def test_an_answer_does_not_depend_on_its_company(task, scenarios, rng):
    thetas = weights(task, 4, rng, 0.3)
    whole = task.simulator.summarise(thetas, scenarios)
    alone = task.simulator.summarise(thetas[2:3], scenarios.take([4]))
    assert alone.violation[0, 0] == pytest.approx(whole.violation[2, 4], abs=1e-11)
    assert np.allclose(alone.final[0, 0], whole.final[2, 4], rtol=0, atol=1e-11)


def test_a_trajectory_is_the_same_rollout(task, scenarios, rng):
    theta = weights(task, 1, rng, 0.05)[0]
    states, inputs = task.simulator.trajectory(theta, scenarios.x0, scenarios.w)
    summary = task.simulator.summarise(theta[None], scenarios)
    assert states.shape == (6, 41, 2) and inputs.shape == (6, 40, 1)
    assert np.allclose(states[:, -1], summary.final[0], rtol=0, atol=1e-11)
    violation = task.bounds.violation(states[:, :-1], inputs).max(axis=1)
    assert np.allclose(violation, summary.violation[0], rtol=0, atol=1e-11)
    cost = task.simulator.stage_cost(states[:, :-1], inputs).mean(axis=1)
    assert np.allclose(cost, summary.cost[0], rtol=0, atol=1e-11)
    again = task.system.step(states[:, :-1], inputs, scenarios.w)
    assert np.allclose(again, states[:, 1:], rtol=0, atol=1e-14)


def test_input_bounds_are_exact(task, rng):
    """LO <= u <= UP exactly where the next state lies in C whatever the disturbance does."""
    states = states_in(task.safe_set, 5000, rng)
    u = rng.uniform(-1.5, 1.5, 5000)
    low, up = task.bounds(states)
    admissible = (low <= u) & (u <= up)
    after = task.system.step(states, u[:, None])[:, None] + np.array(
        [[-1.0], [0.0], [1.0]]) * task.system.disturbance
    stays = np.all(task.safe_set.gauge(after) <= 1, axis=1)
    sure = np.abs(task.bounds.violation(states, u[:, None])) > 1e-9
    assert np.array_equal(admissible[sure], stays[sure])
    assert np.array_equal(task.bounds.violation(states, u[:, None]) <= 0, admissible)
    assert 100 < stays.sum() < 4900


def test_bounds_without_the_disturbance_are_too_wide(task, rng):
    quiet = type(task.system)(task.system.A, task.system.B, task.system.state_limit,
                              task.system.input_limit, [0.0, 0.0], task.system.dt)
    wide = InputBounds.of(quiet, task.safe_set)
    states = task.safe_set.boundary(500)
    up = wide(states)[1]
    after = task.system.step(states, up[:, None], task.system.disturbance)
    assert np.any(task.safe_set.gauge(after) > 1 + 1e-4)


def test_on_the_whole_set_an_admissible_input_is_left(task, rng):
    states = np.vstack([task.safe_set.vertices, states_in(task.safe_set, 2000, rng)])
    low, up = task.bounds(states)
    reserve = (np.minimum(up, 1) - np.maximum(low, -1)).min()
    assert reserve > 0.25
    assert np.all(task.bounds.violation(states, task.policy.backup(states)) < -0.25)


@pytest.mark.parametrize('poison', [np.nan, np.inf])
def test_an_input_that_is_not_finite_is_never_admissible(task, poison):
    with np.errstate(invalid='ignore'):
        assert not task.bounds.violation(np.zeros(2), np.array([poison])) <= 0
        assert not task.bounds.violation(np.array([poison, 0.0]), np.zeros(1)) <= 0


@given(hnp.arrays(np.float64, (3, 17), elements=st.floats(-50, 50)), st.floats(1, 1000))
def test_the_soft_maximum_lies_just_above_the_maximum(values, sharpness):
    soft, hard = soft_maximum(values, sharpness, 1), values.max(axis=1)
    assert np.all(soft >= hard)
    assert np.all(soft <= hard + np.log(17) / sharpness + 1e-12)


def test_the_soft_maximum_neither_overflows_nor_hides_nan():
    assert soft_maximum(np.array([1e300, 0.0]), 100.0, 0) == 1e300
    assert np.isnan(soft_maximum(np.array([np.nan, 0.0]), 100.0, 0))


def test_what_leaves_the_safe_set_is_marked_and_never_safe(task, theta0, rng):
    scenarios = random_scenarios(task.system, task.safe_set, 60, 60, rng)
    thetas = np.vstack([theta0, pushing(task, 3.0)])
    summary = task.simulator.summarise(thetas, scenarios)
    assert not np.any(summary.left[0]) and np.all(summary.violation[0] <= 0)
    assert np.mean(summary.left[1]) > 0.9
    assert np.all(summary.violation[1][summary.left[1]] > 0)
    assert np.all(np.isfinite(summary.final)) and np.all(np.isfinite(summary.cost))
    assert np.all(summary.soft_violation >= summary.violation)


def test_leaving_in_the_very_last_step_shows_in_the_violation(task):
    theta = pushing(task, 30.0)
    start = Scenarios(task.safe_set.vertices[:1] * (1 - 1e-9), task.system.disturbance[None, None])
    summary = task.simulator.summarise(theta[None], start)
    final = task.system.step(start.x0, task.policy(theta, start.x0), start.w[:, 0])
    assert (summary.violation[0, 0] > 0) == (task.safe_set.gauge(final)[0] > 1)
    assert summary.violation[0, 0] > 0


def test_a_start_outside_is_never_safe(task, theta0):
    outside = Scenarios(task.safe_set.boundary(20) * 1.001, np.zeros((20, 5, 2)))
    summary = task.simulator.summarise(theta0[None], outside)
    assert np.all(summary.left) and np.all(summary.violation > 0)


def test_a_state_that_left_stays_where_it_left(task):
    theta, start = pushing(task, 3.0), task.safe_set.vertices[:1] * 0.99
    finals = [task.simulator.summarise(
        theta[None], Scenarios(start, np.zeros((1, steps, 2)))).final[0, 0] for steps in (40, 60)]
    states, _ = task.simulator.trajectory(theta, start, np.zeros((1, 60, 2)))
    outside = np.flatnonzero(~task.safe_set.contains(states[0]))[0]
    assert np.array_equal(finals[0], finals[1])
    assert np.allclose(finals[0], states[0, outside], rtol=0, atol=1e-12)
    assert np.all(np.isnan(states[0, outside + 1:]))


@pytest.mark.parametrize('at', [0, 100, -1])
def test_one_weight_that_is_nan_spoils_everything_and_only_its_own_policy(
        task, theta0, scenarios, at):
    poisoned = np.array(theta0)
    poisoned[at] = np.nan
    summary = task.simulator.summarise(np.vstack([theta0, poisoned]), scenarios)
    assert not np.any(summary.violation[1] <= 0) and not np.any(np.isfinite(summary.cost[1]))
    assert np.all(summary.violation[0] <= 0)


def test_the_stage_cost_is_written_out(task, rng):
    x, u = rng.normal(size=(8, 2)), rng.normal(size=(8, 1))
    assert np.allclose(task.simulator.stage_cost(x, u),
                       x[:, 0]**2 + .5 * x[:, 1]**2 + .3 * u[:, 0]**2)
