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

"""Laws of the block network: every part sees its own states, and nothing else."""

import numpy as np
import pytest
from scpo_ros.policy.block_network import BlockNetwork
from scpo_ros.policy.residual_policy import ResidualNetwork
from scpo_ros.systems.decoupling import blocks
from system_samples import system_of

SYSTEM = 'double_integrator_3'


@pytest.fixture(scope='module')
def network():
    return BlockNetwork.of(blocks(system_of(SYSTEM)), (12, 12))


@pytest.fixture
def thetas(network):
    rng = np.random.default_rng(1)
    return network.initial(0) + 0.5 * rng.standard_normal((3, network.d))


@pytest.fixture
def x():
    system = system_of(SYSTEM)
    return np.random.default_rng(2).uniform(-1, 1, (7, system.n)) * system.state_scale


def test_no_part_sees_another(network, thetas, x):
    before = network(thetas, x)
    for part in network.parts:
        moved = x.copy()
        others = np.setdiff1d(np.arange(x.shape[1]), part.states)
        moved[:, others] += 0.3
        after = network(thetas, moved)
        assert np.array_equal(after[..., part.inputs], before[..., part.inputs])
        assert not np.array_equal(after, before)


def test_a_part_is_a_network_of_its_own(network, thetas, x):
    for part in network.parts:
        own = part.network(thetas[:, part.weights], x[:, part.states])
        assert np.allclose(network(thetas, x)[..., part.inputs], own, rtol=0, atol=1e-15)


def test_the_weights_are_about_as_many_as_of_one_network():
    system = system_of(SYSTEM)
    one = ResidualNetwork((system.n, 32, 32), system.state_scale, system.m)
    many = BlockNetwork.of(blocks(system), (32, 32))
    assert 0.8 * one.d <= many.d <= 1.1 * one.d
    assert sum(part.network.d for part in many.parts) == many.d == len(many.initial(0))


def test_it_vanishes_at_the_origin_and_everywhere_at_first(network, thetas, x):
    assert np.all(network(thetas, np.zeros((1, x.shape[1]))) == 0)
    assert np.all(network(network.initial(3)[None], x) == 0)


def test_columns_are_the_call(network, thetas, x):
    columns = network.columns(thetas)
    assert np.array_equal(np.moveaxis(columns(x.T), 0, -1), network(thetas, x))
    each = np.stack([x, 0.5 * x, -x])  # another batch for every policy
    found = network.columns(thetas)(np.ascontiguousarray(np.moveaxis(each, -1, 0)))
    for index, theta in enumerate(thetas):
        assert np.allclose(found[:, index].T, network(theta[None], each[index])[0], atol=1e-14)


def test_the_jacobian_is_the_derivative(network, thetas, x):
    theta, step = thetas[0], 1e-6
    rows = network.jacobian(theta, x)
    for at in np.random.default_rng(0).choice(network.d, 40, replace=False):
        ahead, behind = theta.copy(), theta.copy()
        ahead[at] += step
        behind[at] -= step
        slope = (network(ahead[None], x)[0] - network(behind[None], x)[0]) / (2 * step)
        assert np.allclose(rows[:, :, at], slope, atol=1e-7)
