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

from dataclasses import dataclass, replace

import numpy as np
import pytest
from scpo_ros.policy.residual_bound import ResidualBound
from scpo_ros.simulation.filtered_rollout import FilteredSimulator
from scpo_ros.systems.system_scenarios import vertex_scenarios
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


def residuals(task, thetas, x):
    """Return what policies add to the backup (P, N, m), and their bound (N, m)."""
    backup, plans = task.policy.around(x)
    outputs = task.policy.network(thetas, x)
    return (np.array([task.policy.residual(each, x, backup, plans) for each in outputs]),
            task.policy.bound(x, backup, plans))


def test_no_weights_exceed_the_bound(task):
    thetas, x = hostile(task, 12), task.safe_set.sample(200, np.random.default_rng(1)) * EDGE
    found, bound = residuals(task, thetas, x)
    assert np.all(np.abs(found) <= bound) and np.max(np.abs(found) / bound) > 0.99
    assert np.any(np.abs(task.policy.network(thetas, x)) > bound)
    backup, at = task.policy.at(x)
    assert np.allclose(at(thetas), found, atol=1e-12)
    assert np.array_equal(backup, task.policy.backup(x))


def test_the_residual_vanishes_at_the_origin_and_for_the_first_weights(task):
    x = task.system.state_scale * np.random.default_rng(0).uniform(-0.1, 0.1, (20, task.system.n))
    assert np.all(residuals(task, hostile(task, 8), 0 * x[:1])[0] == 0)
    assert np.all(residuals(task, task.initial_theta[None], x)[0] == 0)


def test_what_is_not_bounded_is_the_network_s():
    task = task_of('uneven')
    x, outputs = 0.3 * task.safe_set.boundary(3), np.array([[9.0], [np.inf], [0.1]])
    backup, plans = task.policy.around(x)
    assert task.policy.bound(x, backup, plans) is None
    assert task.policy.residual(outputs, x, backup, plans) is outputs


def acted(task, factor, starts=12, horizon=30):
    """Return the largest share of steps at which the filter acts, under hostile weights."""
    @dataclass(frozen=True)
    class Wider(ResidualBound):

        def __call__(self, z, v, plans):
            return factor * super().__call__(z, v, plans)
    rng = np.random.default_rng(4)
    states = task.safe_set.sample(starts, rng) * EDGE
    scenarios = vertex_scenarios(task.system, task.safe_set, states, horizon, rng)
    policy = replace(task.policy, bounds=tuple(map(Wider, task.policy.filters)))
    summary = FilteredSimulator(policy).summarise(hostile(task, 8), scenarios)
    assert not np.any(summary.left)
    return float(np.max(summary.acted))


def test_in_closed_loop_the_filter_never_acts_whatever_the_weights_are(task):
    assert acted(task, 1.0) == 0


def test_in_closed_loop_a_wider_bound_makes_it_act(task):
    assert acted(task, 1.05) > 0


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
