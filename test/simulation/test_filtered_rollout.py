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

"""Rollouts of filtered policies: batches against single steps, and where they end."""

from dataclasses import replace

import numpy as np
import pytest
from scpo_ros.systems.scenario import Scenarios
from scpo_ros.systems.system_scenarios import stress_and_operation
from scpo_ros.verification.system_task import SystemTask
from system_samples import EDGE, spec_of, system_of, task_of

H = 25
NAMES = ('double_integrator_2', 'uneven')


@pytest.fixture(scope='module', params=NAMES)
def case(request):
    """Return (task, weights (3, d), scenarios)."""
    task = task_of(request.param)
    thetas = np.random.default_rng(0).standard_normal((3, task.policy.network.d))
    thetas[0] = task.initial_theta
    return task, thetas, stress_and_operation(task.system, task.safe_set, 6, H, 3)


def by_hand(task, theta, x0, w):
    """Return (states, inputs, wanted) of one policy from one state, step by step."""
    x, states, inputs, wanted = x0[None], [x0], [], []
    for disturbance in w:
        asked = task.policy.without_filter(theta, x)
        u = task.policy(theta, x)
        inputs.append(u[0])
        wanted.append(asked[0])
        x = x @ task.system.A.T + u @ task.system.B.T + disturbance
        states.append(x[0])
    return np.array(states), np.array(inputs), np.array(wanted)


def test_batches_are_what_single_steps_are(case):
    task, thetas, scenarios = case
    summary = task.simulator.summarise(thetas, scenarios)
    width = task.system.input_upper - task.system.input_lower
    Q, R = task.system.description.state_weight, task.system.description.input_weight
    for p, theta in enumerate(thetas):
        states, inputs = task.simulator.trajectory(theta, scenarios.x0, scenarios.w)
        assert states.shape[1:] == (H + 1, task.system.n) and inputs.shape[1:] == (
            H, task.system.m)
        for s in range(0, len(scenarios), 3):
            x, u, wanted = by_hand(task, theta, scenarios.x0[s], scenarios.w[s])
            assert np.allclose(states[s], x, atol=1e-7) and np.allclose(inputs[s], u, atol=1e-7)
            assert np.allclose(summary.final[p, s], x[-1], atol=1e-7)
            change = np.abs(u - wanted) / width
            assert abs(summary.action[p, s] - change.mean()) <= 1e-7
            assert abs(summary.acted[p, s] - np.any(change > 1e-9, axis=1).mean()) <= 1 / H + 1e-9
            cost = np.mean(np.einsum('ki,ij,kj->k', x[:-1], Q, x[:-1])
                           + np.einsum('ki,ij,kj->k', u, R, u))
            assert abs(summary.cost[p, s] - cost) <= 1e-7
    assert not np.any(summary.left)
    assert np.all(summary.acted[0] == 0) and np.max(summary.acted[1:]) > 0


def test_the_stage_cost_is_the_quadratic_one(case):
    task, _, scenarios = case
    u = np.ones((len(scenarios), task.system.m))
    found = task.system.stage_cost(scenarios.x0, u)
    Q, R = task.system.description.state_weight, task.system.description.input_weight
    expected = [x @ Q @ x + v @ R @ v for x, v in zip(scenarios.x0, u)]
    assert np.allclose(found, expected)


def test_the_same_weights_and_scenarios_give_the_same_numbers():
    """Bit by bit, from two tasks that share nothing."""
    answers = []
    for _ in range(2):
        task = SystemTask.build(system_of('uneven'), spec_of())
        scenarios = stress_and_operation(task.system, task.safe_set, 5, H, 3)
        thetas = np.random.default_rng(0).standard_normal((2, task.policy.network.d))
        answers.append(task.simulator.summarise(thetas, scenarios))
    for name in ('action', 'acted', 'final', 'cost', 'left'):
        assert np.array_equal(getattr(answers[0], name), getattr(answers[1], name))


def test_the_order_of_scenarios_changes_nothing(case):
    task, thetas, scenarios = case
    back = np.arange(len(scenarios))[::-1]
    first = task.simulator.summarise(thetas, scenarios)
    second = task.simulator.summarise(thetas[::-1], scenarios.take(back))
    assert np.allclose(first.final, second.final[::-1, ::-1], atol=1e-7)
    assert np.allclose(first.cost, second.cost[::-1, ::-1], atol=1e-7)


@pytest.mark.parametrize('factor, leaves', [(1.0, False), (30.0, True)])
def test_a_disturbance_beyond_its_bound_marks_the_rollout_where_it_leaves(case, factor, leaves):
    """The last state is the one in which the rollout was found outside; later ones are none."""
    task, thetas, scenarios = case
    pushed = replace(scenarios, w=factor * np.sign(scenarios.w) * task.system.disturbance)
    summary = task.simulator.summarise(thetas, pushed)
    assert np.any(summary.left) == leaves
    assert np.all(np.isfinite(summary.final)) and np.all(np.isfinite(summary.cost))
    for p, s in np.argwhere(summary.left):
        states, inputs = task.simulator.trajectory(
            thetas[p], pushed.x0[[s]], pushed.w[[s]])
        kept = task.system.within_limits(states[0, :-1], inputs[0])
        first = int(np.argmin(kept)) if not kept.all() else H
        assert np.allclose(summary.final[p, s], states[0, first], atol=1e-6)


def test_a_state_outside_is_left_at_once_and_the_others_go_on(case):
    task, thetas, scenarios = case
    outside = 1.02 * task.safe_set.boundary(1)
    mixed = scenarios + Scenarios(outside, scenarios.w[:1])
    summary = task.simulator.summarise(thetas, mixed)
    assert np.all(summary.left[:, -1]) and not np.any(summary.left[:, :-1])
    assert np.allclose(summary.final[:, -1], outside)


def test_weights_that_are_no_numbers_leave_everywhere(case):
    task, thetas, scenarios = case
    weights = np.vstack([thetas[:1], np.full_like(thetas[:1], np.nan)])
    summary = task.simulator.summarise(weights, scenarios)
    assert np.all(summary.left[1]) and not np.any(summary.left[0])


def test_a_limit_that_breaks_at_the_last_step_counts():
    task = task_of('uneven')
    x0 = EDGE * task.safe_set.boundary(4)
    w = np.zeros((4, 3, 2))
    w[:, -1] = 5.0
    summary = task.simulator.summarise(task.initial_theta[None], Scenarios(x0, w))
    assert np.all(summary.left)
