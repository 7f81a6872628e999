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

"""The linear system: linear, saturated idempotently, and nothing that is NaN keeps the limits."""

import numpy as np
import pytest
from scpo_ros.config import SystemConfig
from scpo_ros.exceptions import ConfigurationError, InvalidArrayError
from scpo_ros.systems.linear_system import double_integrator, LinearSystem

GOOD = {'A': np.eye(2), 'B': np.ones((2, 1)), 'state_limit': [1.0, 1.0], 'input_limit': [1.0],
        'disturbance': [0.0, 0.1], 'dt': 0.1}


@pytest.mark.parametrize('dt', [0.02, 0.1, 0.5])
def test_the_double_integrator_is_the_exact_motion_under_constant_acceleration(dt, rng):
    system = double_integrator(SystemConfig(dt=dt, disturbance=0.2))
    for p, v, u, w in rng.uniform(-1, 1, (20, 4)):
        x = system.step(np.array([p, v]), np.array([u]), np.array([0.0, w]))
        assert np.allclose(x, [p + dt * v + dt * dt * u / 2, v + dt * u + w], rtol=0, atol=1e-15)
    assert np.allclose(system.disturbance, [0.0, 0.2 * dt])
    assert (system.n, system.m, system.dt) == (2, 1, dt)


def test_two_half_steps_are_one_step(rng):
    whole, half = (double_integrator(SystemConfig(dt=dt)) for dt in (0.1, 0.05))
    x, u = rng.normal(size=(50, 2)), rng.normal(size=(50, 1))
    assert np.allclose(whole.step(x, u), half.step(half.step(x, u), u))


def test_a_step_is_linear_and_batched_equals_single(task, rng):
    system = task.system
    x, y, u, v, w = (rng.normal(size=(3, 4, n)) for n in (2, 2, 1, 1, 2))
    assert np.allclose(system.step(2 * x - y, 2 * u - v, 2 * w),
                       2 * system.step(x, u, w) - system.step(y, v))
    assert np.allclose(system.step(x, u, w)[1, 2], system.step(x[1, 2], u[1, 2], w[1, 2]))


def test_saturation_is_a_projection_on_the_input_limits(task, rng):
    u = rng.normal(0, 3, (200, 1))
    clipped = task.system.saturate(u)
    inside = np.abs(u) <= 1.0
    assert np.all(np.abs(clipped) <= 1.0)
    assert np.array_equal(clipped[inside], u[inside])
    assert np.array_equal(clipped[~inside], np.sign(u[~inside]))
    assert np.array_equal(task.system.saturate(clipped), clipped)
    assert np.array_equal(task.system.saturate(-u), -clipped)
    assert np.all(np.isnan(task.system.saturate(np.full((3, 1), np.nan))))


@pytest.mark.parametrize('x, u, kept', [
    ([1.0, 0.6], 1.0, True), ([-1.0, -0.6], -1.0, True), ([0.0, 0.0], 0.0, True),
    ([1.0 + 1e-6, 0.0], 0.0, False), ([0.0, -0.6 - 1e-6], 0.0, False), ([0.0, 0.0], 1.1, False),
    ([np.nan, 0.0], 0.0, False), ([0.0, np.nan], 0.0, False), ([0.0, 0.0], np.nan, False),
    ([np.inf, 0.0], 0.0, False), ([0.0, 0.0], -np.inf, False),
])
def test_limits(task, x, u, kept):
    assert bool(task.system.within_limits(np.array(x), np.array([u]))) is kept
    batch = task.system.within_limits(np.array([[0.0, 0.0], x]), np.array([[0.0], [u]]))
    assert batch.tolist() == [True, kept]


@pytest.mark.parametrize('name, value, error', [
    ('A', np.eye(3)[:2], InvalidArrayError), ('A', 1.0, InvalidArrayError),
    ('A', np.full((2, 2), np.nan), InvalidArrayError), ('B', np.ones(2), InvalidArrayError),
    ('B', np.ones((3, 1)), InvalidArrayError), ('state_limit', [1.0], InvalidArrayError),
    ('state_limit', [1.0, 0.0], ConfigurationError),
    ('state_limit', [1.0, np.inf], InvalidArrayError),
    ('input_limit', [-1.0], ConfigurationError), ('input_limit', [1.0, 1.0], InvalidArrayError),
    ('disturbance', [0.0, -1e-9], ConfigurationError),
    ('disturbance', [0.0, np.nan], InvalidArrayError),
    ('dt', 0.0, ConfigurationError), ('dt', np.nan, ConfigurationError),
])
def test_a_bad_system_is_refused_by_name(name, value, error):
    LinearSystem(**GOOD)
    with pytest.raises(error) as caught:
        LinearSystem(**{**GOOD, name: value})
    assert caught.value.name == name


def test_the_arrays_are_read_only(task):
    for name in ('A', 'B', 'state_limit', 'input_limit', 'disturbance'):
        with pytest.raises(ValueError, match='read-only'):
            getattr(task.system, name)[0] = 5.0
