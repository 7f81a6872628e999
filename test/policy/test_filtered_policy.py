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

"""Bounded residuals under any weights, and the policy of a whole system."""

from dataclasses import replace

import numpy as np
import pytest
from scpo_ros.policy.filtered_policy import BoundedNetwork
from scpo_ros.simulation.filtered_rollout import FilteredSimulator
from scpo_ros.systems.system_scenarios import vertex_scenarios
from scpo_ros.tolerances import CHANGED
from system_samples import EDGE, task_of

BOUNDED = ('double_integrator_2', 'ball_and_beam', 'uneven')


@pytest.fixture(scope='module', params=BOUNDED)
def task(request):
    """Return a task with a bounded residual."""
    return task_of(request.param, 'bounded')


def hostile(task, count, seed=0):
    """Return weights (count, d): small, large, huge, and with a saturated last layer."""
    rng = np.random.default_rng(seed)
    d = task.policy.network.d
    size = np.resize([0.3, 3.0, 100.0, 1e6], count)[:, None]
    thetas = size * rng.standard_normal((count, d))
    thetas[-1] = np.where(np.arange(d) > d - 10, 1e150, thetas[0])
    return thetas


def test_no_weights_exceed_the_bound(task):
    network, rng = task.policy.network, np.random.default_rng(1)
    x = task.system.state_scale * rng.uniform(-3, 3, (200, task.system.n))
    residuals = network(hostile(task, 12), x)
    assert np.all(np.abs(residuals) <= network.bound)
    assert np.max(np.abs(residuals) / network.bound) > 0.99
    columns = network.columns(hostile(task, 12))(
        np.broadcast_to(x.T[:, None], (task.system.n, 12, 200)))
    assert np.allclose(np.moveaxis(columns, 0, -1), residuals, atol=1e-9)


def test_without_the_bound_they_do(task):
    plain = task.policy.network.network
    x = task.system.state_scale * np.ones((1, task.system.n))
    assert np.any(np.abs(plain(hostile(task, 12), x)) > task.policy.network.bound)


def test_the_residual_vanishes_at_the_origin_and_for_the_first_weights(task):
    network = task.policy.network
    assert np.all(network(hostile(task, 8), np.zeros((1, task.system.n))) == 0)
    x = task.system.state_scale * np.random.default_rng(0).uniform(-1, 1, (20, task.system.n))
    assert np.all(network(task.initial_theta[None], x) == 0)


def test_the_derivative_is_that_of_finite_differences(task):
    network, rng = task.policy.network, np.random.default_rng(2)
    theta = 0.3 * rng.standard_normal(network.d)
    x = task.system.state_scale * rng.uniform(-1, 1, (5, task.system.n))
    step, found = 1e-6, network.jacobian(theta, x)
    moved = np.concatenate([theta + step * np.eye(network.d), theta - step * np.eye(network.d)])
    values = network(moved, x)
    expected = np.moveaxis((values[:network.d] - values[network.d:]) / (2 * step), 0, -1)
    assert found.shape == (5, task.system.m, network.d)
    assert np.max(np.abs(found - expected)) <= 1e-6 * max(1.0, np.max(np.abs(expected)))
    wrong = network.network.jacobian(theta, x)  # without the slope of tanh
    assert np.max(np.abs(wrong - expected)) > 1e-4 * np.max(np.abs(expected))


def at_the_bound(task, factor):
    """Return the largest change by the filter, over the input limits, residuals at the bound."""
    system, rng = task.system, np.random.default_rng(3)
    x = task.safe_set.sample(150, rng) * EDGE
    backup, plans = task.policy.around(x)
    residual = factor * task.policy.network.bound * rng.choice((-1.0, 1.0), backup.shape)
    wanted = system.saturate(backup + residual)
    changed = np.abs(task.policy.filtered(x, wanted, plans) - wanted)
    return float(np.max(changed / (system.input_upper - system.input_lower)))


def test_within_the_bound_the_filter_never_acts(task):
    """Not by the little that a plan of its own would be cheaper by, either."""
    assert at_the_bound(task, 1.0) <= CHANGED


def test_at_three_times_the_bound_it_acts(task):
    assert at_the_bound(task, 3.0) > 1e-3


def acted(task, factor, starts=12, horizon=30):
    """Return the largest share of steps at which the filter acts, under hostile weights."""
    network = task.policy.network
    wider = BoundedNetwork(network.network, factor * network.bound)
    rng = np.random.default_rng(4)
    states = task.safe_set.sample(starts, rng) * EDGE
    scenarios = vertex_scenarios(task.system, task.safe_set, states, horizon, rng)
    summary = FilteredSimulator(replace(task.policy, network=wider)).summarise(
        hostile(task, 8), scenarios)
    assert not np.any(summary.left)
    return float(np.max(summary.acted))


def test_in_closed_loop_the_filter_never_acts_whatever_the_weights_are(task):
    assert acted(task, 1.0) == 0


def test_in_closed_loop_a_wider_bound_makes_it_act(task):
    assert acted(task, 3.0) > 0


@pytest.mark.parametrize('name', ['double_integrator_2', 'uneven'])
def test_the_first_weights_are_the_backup_in_the_units_of_the_system(name):
    task = task_of(name)
    x = task.safe_set.sample(40, np.random.default_rng(5)) * EDGE
    u = task.policy(task.initial_theta, x)
    assert np.allclose(u, task.policy.backup(x), atol=1e-9)
    assert np.array_equal(u, task.policy.filtered(x, u, task.policy.around(x)[1]))
    assert np.allclose(task.policy.without_filter(task.initial_theta, x), u, atol=1e-9)
    inside = 1e-3 * x
    assert np.allclose(task.policy(task.initial_theta, inside), -inside @ task.feedback.T,
                       atol=1e-12)


def test_every_part_gets_its_own_states_and_inputs():
    """The first axis does not change where the second one moves."""
    task = task_of('double_integrator_2')
    x = task.safe_set.sample(20, np.random.default_rng(6)) * EDGE
    moved = x.copy()
    moved[:, 2:] = x[::-1, 2:]
    u, other = task.policy.backup(x), task.policy.backup(moved)
    assert np.allclose(u[:, 0], other[:, 0], atol=1e-9) and np.any(u[:, 1] != other[:, 1])
    assert np.allclose(u[:, 1], other[::-1, 1], atol=1e-9)


@pytest.mark.parametrize('name', ['double_integrator_2', 'uneven'])
def test_where_the_policy_is_undefined_it_says_so(name):
    task = task_of(name)
    x = np.vstack([1.01 * task.safe_set.boundary(5), np.full((1, task.system.n), np.nan)])
    u = task.policy(task.initial_theta, np.vstack([x, 0 * x[:1]]))
    assert np.all(np.any(np.isnan(u[:-1]), axis=1)) and np.all(u[-1] == 0)
    weights = np.full(task.policy.network.d, np.nan)
    inside = 0.1 * task.safe_set.boundary(3)
    assert np.array_equal(task.policy(weights, inside), task.policy.backup(inside))
