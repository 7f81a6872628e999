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

"""The shipped descriptions: all load, and those of the literature have its numbers."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scpo_ros.config import SystemConfig
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.systems import load, shipped_names
from scpo_ros.systems.decoupling import blocks
from scpo_ros.systems.linear_system import double_integrator
from scpo_ros.systems.models import linearised, model, MODELS

SHIPPED = {  # name: states, inputs, decoupled parts
    'afti16': (4, 2, 1), 'ball_and_beam': (4, 1, 1), 'cart_pole': (4, 1, 1),
    'cart_pole_upright': (4, 1, 1), 'double_integrator': (2, 1, 1),
    'double_integrator_2': (4, 2, 2), 'double_integrator_3': (6, 3, 3),
    'mayne_2005': (2, 1, 1), 'planar_quadrotor': (6, 2, 1),
    'planar_quadrotor_hover': (6, 2, 1), 'rail_slider': (2, 1, 1), 'two_link_arm': (4, 2, 2),
    'quadcopter_osqp': (12, 4, 1), 'quadrotor_3d': (6, 3, 3), 'six_joints': (12, 6, 6),
    'spring_mass_chain_12': (12, 3, 1), 'spring_mass_chain_4': (4, 1, 1),
    'spring_mass_chain_8': (8, 2, 1), 'vehicle_lateral': (4, 1, 1)}
PARAMETERS = {'cart_pole': {'cart_mass': 1.0, 'pole_mass': 0.1, 'length': 1.0},
              'ball_and_beam': {'inertia_factor': 5 / 7},
              'planar_quadrotor': {'mass': 0.486, 'inertia': 0.00383, 'arm': 0.25}}
SIZES = {'cart_pole': (4, 1), 'ball_and_beam': (4, 1), 'planar_quadrotor': (6, 2)}


def test_all_are_known():
    assert shipped_names() == sorted(SHIPPED)


@pytest.mark.parametrize('name', SHIPPED)
def test_every_description_loads_and_falls_into_its_parts(name):
    system = load(name)
    parts = blocks(system)
    assert (system.n, system.m, len(parts)) == SHIPPED[name] and system.name == name
    assert sorted(np.concatenate([part.states for part in parts])) == list(range(system.n))
    assert sorted(np.concatenate([part.inputs for part in parts])) == list(range(system.m))
    assert system.description.bounded and np.any(system.disturbance > 0)


def test_the_double_integrator_is_that_of_the_simulation():
    described, simulated = load('double_integrator'), double_integrator(SystemConfig())
    assert np.allclose(described.A, simulated.A, rtol=0, atol=1e-16)
    assert np.allclose(described.B, simulated.B, rtol=0, atol=1e-16)
    assert np.array_equal(described.state_upper, simulated.state_limit)
    assert np.array_equal(described.input_upper, simulated.input_limit)
    assert np.allclose(described.disturbance, simulated.disturbance, rtol=0, atol=1e-18)


def test_the_aircraft_has_the_poles_that_were_published():
    """Bemporad, Casavola, Mosca 1997, section V: 5.4530, -7.6636 and -0.0075 +- 0.0556i."""
    poles = np.linalg.eigvals(load('afti16').description.dynamics.A)
    assert np.allclose(np.sort_complex(poles.round(4)),
                       np.sort_complex([5.4530, -7.6636, -0.0075 - 0.0556j, -0.0075 + 0.0556j]))


def test_the_quadcopter_hovers_between_its_motor_limits():
    system = load('quadcopter_osqp')
    assert np.allclose(system.input_lower, 9.6 - 10.5916)
    assert np.allclose(system.input_upper, 13 - 10.5916)
    together = system.B @ np.ones(4)
    assert np.count_nonzero(np.abs(together) > 1e-12) == 2  # only height and its rate


def test_the_car_follows_from_its_mass_and_tyres():
    m, inertia, front, rear, stiffness, speed = 1573.0, 2873.0, 1.1, 1.58, 80000.0, 20.0
    A = np.zeros((4, 4))
    A[0, 1] = A[2, 3] = 1
    A[1, 1:] = [-4 * stiffness / (m * speed), 4 * stiffness / m,
                2 * stiffness * (rear - front) / (m * speed)]
    A[3, 1:] = [2 * stiffness * (rear - front) / (inertia * speed),
                2 * stiffness * (front - rear) / inertia,
                -2 * stiffness * (front**2 + rear**2) / (inertia * speed)]
    dynamics = load('vehicle_lateral').description.dynamics
    assert np.allclose(dynamics.A, A, rtol=1e-6)
    pushed = [0, 2 * stiffness / m, 0, 2 * stiffness * front / inertia]
    assert np.allclose(dynamics.B[:, 0], pushed, rtol=1e-6)


@pytest.mark.parametrize('name', MODELS)
def test_a_linearisation_is_the_derivative_of_the_motion(name):
    """Near rest the nonlinear motion and that of the matrices differ in second order only."""
    n, m = SIZES[name]
    A, B = linearised(name, PARAMETERS[name], n, m)
    function = model(name)
    rng = np.random.default_rng(3)
    x, u = rng.uniform(-1, 1, n), rng.uniform(-1, 1, m)

    def motion(scale):
        def slope(_, state):
            return np.array(function(state, u * scale, PARAMETERS[name]), dtype=float).ravel()
        return solve_ivp(slope, (0, 0.1), x * scale, rtol=1e-12, atol=1e-15).y[:, -1]

    def linear(scale):
        return solve_ivp(lambda _, state: A @ state + B @ (u * scale), (0, 0.1), x * scale,
                         rtol=1e-12, atol=1e-15).y[:, -1]

    errors = [np.max(np.abs(motion(scale) - linear(scale))) for scale in (1e-2, 1e-3)]
    assert errors[0] > 0 and errors[1] < errors[0] / 50


def test_the_pole_falls_to_the_side_to_which_it_leans():
    A, _ = linearised('cart_pole', PARAMETERS['cart_pole'], 4, 1)
    assert A[3, 1] > 0 and A[2, 1] < 0  # and pushes the cart the other way


def test_a_model_of_a_users_own_is_loaded_by_its_name():
    A, B = linearised('scpo_ros.systems.models:ball_and_beam', PARAMETERS['ball_and_beam'], 4, 1)
    assert np.array_equal(A, linearised('ball_and_beam', PARAMETERS['ball_and_beam'], 4, 1)[0])
    with pytest.raises(ConfigurationError, match='cannot be loaded'):
        linearised('no.such:model', {}, 4, 1)
