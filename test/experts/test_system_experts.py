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

"""Every law of the catalogue for described systems does what its line says."""

import numpy as np
import pytest
from scpo_ros.config import EXPERTS
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.experts.system_experts import SystemExperts
from scpo_ros.systems import load
from scpo_ros.systems.regulator import lqr
from system_samples import system_of, UNEVEN

NAMES = ('double_integrator_2', 'ball_and_beam', 'uneven')


@pytest.fixture(scope='module', params=NAMES)
def system(request):
    """Return a described system."""
    return system_of(request.param)


def gains(system, factor=1.0):
    """Return K (m, n) and P (n, n) of the task cost. :param factor: on R."""
    P, K = lqr(system.A, system.B, system.description.state_weight,
               factor * system.description.input_weight)
    return K, P


def near(system, count=20):
    """Return states so near to the origin that no law saturates."""
    return 1e-4 * system.state_scale * np.random.default_rng(0).uniform(-1, 1, (count, system.n))


def wide(system, count=200):
    """Return states within the limits."""
    rng = np.random.default_rng(1)
    return system.state_scale * rng.uniform(-1, 1, (count, system.n))


def test_the_gain_is_the_optimal_one(system):
    """The Riccati equation holds, and no gain next to it is cheaper."""
    K, P = gains(system)
    Q, R = system.description.state_weight, system.description.input_weight
    closed = system.A - system.B @ K
    assert np.allclose(closed.T @ P @ closed + Q + K.T @ R @ K, P, rtol=1e-7)
    assert np.max(np.abs(np.linalg.eigvals(closed))) < 1
    cheap, _ = gains(system, 0.01)
    assert np.linalg.norm(cheap) > np.linalg.norm(K)


@pytest.mark.parametrize('name', EXPERTS)
def test_every_law_keeps_the_input_limits_and_the_shape(system, name):
    law = SystemExperts(system).law(name)
    u = law(100 * wide(system))
    assert u.shape == (200, system.m)
    assert np.all(u >= system.input_lower) and np.all(u <= system.input_upper)
    assert np.any(u == system.input_upper)
    assert law(np.zeros((0, system.n))).shape == (0, system.m)
    assert np.all(np.isnan(law(np.full((1, system.n), np.nan))))


def test_benign_overspeed_and_the_two_reversed_ones(system):
    laws, x = SystemExperts(system), near(system)
    benign = -x @ gains(system)[0].T
    assert np.allclose(laws.law('benign')(x), benign)
    assert np.allclose(laws.law('overspeed')(x), -x @ gains(system, 0.01)[0].T)
    assert np.allclose(laws.law('sign_flip')(x), -benign)
    assert np.allclose(laws.law('destabilising_gain')(x), -2 * benign)


def test_outward_edge_is_benign_inside_half_of_the_limits_and_pushes_out_beyond(system):
    laws, x = SystemExperts(system), wide(system)
    edge, benign = laws.law('outward_edge'), laws.law('benign')
    assert np.array_equal(edge(0.5 * x), benign(0.5 * x))
    out = x / np.max(np.abs(x) / system.state_scale, axis=1)[:, None]
    K, P = gains(system)
    push = np.sign(out @ P @ system.B)
    raw = -out @ K.T + 2 * push * system.input_upper
    assert np.allclose(edge(out), system.saturate(raw))
    assert np.any(edge(out) != benign(out))


def test_wrong_target_rests_outside_the_limits(system):
    law = SystemExperts(system).law('wrong_target')
    target = np.zeros((1, system.n))
    target[0, 0] = 1.15 * system.state_scale[0]
    assert np.allclose(law(target), 0)
    assert target[0, 0] > system.state_upper[0]
    assert np.allclose(law(target + near(system)), -near(system) @ gains(system)[0].T)


def test_energy_pump_turns_the_sign_of_the_velocities(system):
    x, K = near(system), gains(system)[0]
    moving = np.array([entry.field == 'velocity' for entry in system.description.states])
    if not moving.any():
        moving = np.array([False, True])
    assert moving.any() and not moving.all()
    sign = np.where(moving, -1.0, 1.0)
    assert np.allclose(SystemExperts(system).law('energy_pump')(x), -(x * sign) @ K.T)


def test_energy_pump_takes_the_second_half_where_no_state_is_a_velocity():
    system = load(UNEVEN)
    assert all(entry.field == 'position' for entry in system.description.states)
    x = np.array([[0.0, 1e-3]])
    assert np.allclose(SystemExperts(system).law('energy_pump')(x), x @ gains(system)[0].T)


def test_an_unknown_name_is_one_line():
    with pytest.raises(ConfigurationError, match='^expert must be one of benign, .*nobody') as e:
        SystemExperts(load(UNEVEN)).law('nobody')
    assert '\n' not in str(e.value)


def test_a_task_that_gives_no_regulator_is_one_line():
    """The position costs nothing and does not decay: no regulator brings it back."""
    system = load({**UNEVEN, 'cost': {'Q': [0.0, 1.0], 'R': [0.3]}})
    with pytest.raises(ConfigurationError, match='must give a stabilising regulator') as caught:
        SystemExperts(system)
    assert '\n' not in str(caught.value) and caught.value.name == 'cost'
