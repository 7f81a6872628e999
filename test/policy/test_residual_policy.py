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

"""The residual policy: nothing at the start and at the origin, exact Jacobian, saturated."""

from control_samples import states_in, weights
from hypothesis import given, settings, strategies as st
import numpy as np
import pytest
from scpo_ros.policy.residual_policy import ResidualNetwork


def network_of(*widths):
    """Return a network on two states."""
    return ResidualNetwork((2, *widths), np.array([1.0, 0.6]))


def by_hand(widths, scale, theta, x):
    """Return r_theta(x) of one state, weight by weight, as the module's docstring orders them."""
    def raw(z):
        values, at = list(z), 0
        for a, b in zip(widths, widths[1:]):
            sums = [theta[at + a * b + j] + sum(values[i] * theta[at + i * b + j]
                                                for i in range(a)) for j in range(b)]
            values, at = [np.tanh(s) for s in sums], at + (a + 1) * b
        return sum(v * theta[at + i] for i, v in enumerate(values))

    return raw([a / b for a, b in zip(x, scale)]) - raw([0.0] * len(x))


@pytest.mark.parametrize('widths', [(16, 16), (1,), (3, 2, 4)])
def test_it_is_the_written_function(widths, rng):
    network = network_of(*widths)
    assert network.d == sum((a + 1) * b for a, b in zip((2, *widths), widths)) + widths[-1]
    theta, states = rng.normal(size=network.d), rng.uniform(-1, 1, (7, 2))
    for x, value in zip(states, network(theta[None], states)[0]):
        assert value == pytest.approx(by_hand((2, *widths), network.scale, theta, x), abs=1e-12)


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1))
def test_the_residual_is_zero_at_the_start_for_every_seed(seed):
    network = network_of(16, 16)
    theta = network.initial(seed)
    states = np.random.default_rng(seed).uniform(-5, 5, (50, 2))
    assert np.all(network(theta[None], states) == 0)
    assert np.any(theta[:-16]) and not theta.flags.writeable
    assert np.array_equal(theta, network.initial(seed))


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.floats(0.01, 100))
def test_the_residual_is_zero_at_the_origin_for_every_theta(seed, scale):
    network = network_of(16, 16)
    thetas = np.random.default_rng(seed).normal(0, scale, (4, network.d))
    assert np.all(network(thetas, np.zeros((1, 2))) == 0)
    assert np.any(network(thetas, np.full((1, 2), 0.1)) != 0)


def test_another_seed_gives_other_weights():
    network = network_of(16, 16)
    assert not np.allclose(network.initial(0), network.initial(1))


@pytest.mark.parametrize('widths', [(16, 16), (5,), (3, 4, 2)])
def test_the_jacobian_agrees_with_finite_differences(widths, rng):
    network = network_of(*widths)
    theta, states = rng.normal(0, 0.7, network.d), rng.uniform(-1, 1, (6, 2))
    step = 1e-6
    moved = theta + step * np.vstack([np.eye(network.d), -np.eye(network.d)])
    values = network(moved, states)[..., 0]
    numeric = (values[:network.d] - values[network.d:]).T / (2 * step)
    exact = network.jacobian(theta, states)[:, 0]
    assert exact.shape == (6, network.d)
    assert np.max(np.abs(exact - numeric)) < 1e-8
    wrong = network.jacobian(theta + 0.01, states)[:, 0]
    assert np.max(np.abs(wrong - numeric)) > 1e-4


def test_many_weights_at_once_are_each_one_alone(rng):
    network = network_of(16, 16)
    thetas, states = rng.normal(size=(5, network.d)), rng.uniform(-1, 1, (5, 9, 2))
    each = np.array([network(theta[None], x)[0] for theta, x in zip(thetas, states)])
    assert np.allclose(network(thetas, states), each, rtol=0, atol=1e-12)
    assert np.allclose(network(thetas, states[0])[3], network(thetas[3:4], states[0])[0],
                       rtol=0, atol=1e-12)
    assert np.array_equal(network.prepare(thetas)(states), network(thetas, states))


def test_nothing_that_comes_in_is_changed(rng):
    network = network_of(16, 16)
    thetas, states = rng.normal(size=(2, network.d)), rng.normal(size=(4, 2))
    copies = thetas.copy(), states.copy()
    network(thetas, states)
    network.jacobian(thetas[0], states)
    assert np.array_equal(thetas, copies[0]) and np.array_equal(states, copies[1])


def test_the_policy_is_the_saturated_sum(task, rng):
    states = states_in(task.safe_set, 300, rng)
    theta = weights(task, 1, rng, 3.0)[0]
    u = task.policy(theta, states)
    total = task.policy.backup(states)[:, 0] + task.policy.network(theta[None], states)[0, :, 0]
    assert u.shape == (300, 1)
    assert np.array_equal(u[:, 0], np.clip(total, -1, 1))
    assert np.any(np.abs(total) > 1) and np.any(np.abs(total) < 1)


def test_at_the_start_the_policy_is_the_backup(task, theta0, rng):
    states = states_in(task.safe_set, 300, rng)
    assert np.array_equal(task.policy(theta0, states), task.policy.backup(states))


def test_outside_the_safe_set_and_for_nan_the_policy_is_undefined(task, theta0, rng):
    states = np.array([[1.5, 0.0], [0.0, 0.7], [np.nan, 0.0], [0.0, 0.0]])
    undefined = np.isnan(task.policy(theta0, states)[:, 0])
    assert undefined.tolist() == [True, True, True, False]
    assert np.all(np.isnan(task.policy(np.full_like(theta0, np.nan), states)))
