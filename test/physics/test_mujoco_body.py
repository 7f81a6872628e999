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

"""A body in MuJoCo: it moves as described, its faults are what they say, inputs are told."""

import numpy as np
from physics_samples import body_of, needs_mujoco, rail, random_steps
import pytest
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.physics.coverage import linearised
from scpo_ros.physics.mjcf import shipped_files
from scpo_ros.systems.loading import file_of, text_of_file
from scpo_ros.systems.models import model

pytestmark = needs_mujoco
SYSTEMS = ('ball_and_beam', 'cart_pole', 'cart_pole_upright', 'double_integrator',
           'planar_quadrotor', 'planar_quadrotor_hover', 'rail_slider', 'two_link_arm')
NONLINEAR = ('ball_and_beam', 'cart_pole', 'planar_quadrotor')


def moved(body, x, u):
    """Return the :class:`Motion` of one step from a state under an input."""
    rng = np.random.default_rng(0)
    body.begin(np.array(x, dtype=float), rng)
    return body.step(np.array(u, dtype=float), rng)


def test_every_shipped_model_is_for_systems_that_are_shipped_too():
    assert tuple(sorted(shipped_files())) == SYSTEMS


@pytest.mark.parametrize('name', SYSTEMS)
def test_its_linear_part_is_that_of_the_description(name):
    """Masses, lengths and gears are those of the description: nothing is written down twice."""
    system, body = body_of(name, friction_scale=0.0)
    A, B = linearised(body, system)
    # an inner loop that steps by 2 ms does not follow the pull of a ball that rolls exactly
    assert np.allclose(A, system.A, rtol=0, atol=2e-3 if name == 'ball_and_beam' else 1e-6)
    assert np.allclose(B, system.B, rtol=0, atol=1e-6)


def derivative(system):
    """Return x' (n,) of (x, u), by the equations of the description."""
    reference = system.description.dynamics.model
    equations = model(reference.name)
    return lambda x, u: np.array(equations(x, u, reference.parameters), dtype=float).ravel()


def integrated(slope, x, u, dt, steps=200):
    """Return the state dt later, by Runge and Kutta's method."""
    h = dt / steps
    for _ in range(steps):
        a = slope(x, u)
        b = slope(x + h / 2 * a, u)
        c = slope(x + h / 2 * b, u)
        x = x + h / 6 * (a + 2 * b + 2 * c + slope(x + h * c, u))
    return x


@pytest.mark.parametrize('name, tolerance', [
    ('cart_pole', 1e-7), ('planar_quadrotor', 1e-7), ('ball_and_beam', 5e-4)])
def test_without_friction_it_moves_by_the_equations_of_the_description(name, tolerance):
    system, body = body_of(name, friction_scale=0.0)
    slope = derivative(system)
    for x, u in zip(*random_steps(system, 10, size=0.8)):
        motion = moved(body, x, u)
        assert np.allclose(motion.true, integrated(slope, x, u, system.dt), rtol=0,
                           atol=tolerance * system.state_scale)
        assert np.allclose(motion.applied, u, rtol=0, atol=1e-9)


def test_the_numbers_of_a_model_follow_the_description(tmp_path):
    shorter = tmp_path / 'shorter.yaml'
    shorter.write_text(text_of_file(file_of('cart_pole')).replace(
        'lower: -1.0, upper: 1.0', 'lower: -0.4, upper: 0.3').replace(
        'cart_mass: 1.0', 'cart_mass: 3.0'))
    _, body = body_of(shorter)
    assert np.allclose(body.model.joint('cart').range, [-0.4, 0.3])
    assert body.model.body('cart').mass == 3.0


@pytest.mark.parametrize('name', SYSTEMS)
def test_at_rest_it_stays(name):
    system, body = body_of(name)
    x = np.zeros(system.n)
    body.begin(x, np.random.default_rng(0))
    for _ in range(20):
        motion = body.step(np.zeros(system.m), np.random.default_rng(0))
    assert np.allclose(motion.true, 0, rtol=0, atol=1e-9)


def test_a_heavier_carriage_moves_less_and_says_what_its_loop_applied():
    system, body = body_of('rail_slider', mass_scale=1.3, friction_scale=0.0)
    motion = moved(body, [0, 0], [0.8])
    assert motion.applied == pytest.approx([0.8], abs=1e-12)
    assert motion.true == pytest.approx([0.8 / 1.3 * 0.005, 0.8 / 1.3 * 0.1], abs=1e-9)
    heavy = body_of('planar_quadrotor_hover', mass_scale=1.3, friction_scale=0.0)[1]
    assert moved(heavy, np.zeros(6), [0, 0]).true[4] == pytest.approx(
        -9.81 * (1 - 1 / 1.3) * 0.05, abs=1e-6)  # the thrust of hover is for the known mass


@pytest.mark.parametrize('scale', [0.0, 1.0, 5.0])
def test_friction_brakes_by_its_scale(scale):
    _, body = body_of('rail_slider', friction_scale=scale)
    v = moved(body, [0, 0.4], [0]).true[1]
    assert v == pytest.approx(0.4 - scale * 0.1 * (0.03 + 0.01 * 0.4) / 2, abs=2e-5 * (1 + scale))


def test_noise_is_in_what_is_measured_and_not_in_the_motion():
    system, noisy = body_of('rail_slider', sensor_noise=0.01)
    _, clean = body_of('rail_slider')
    rng, seen = np.random.default_rng(3), []
    for _ in range(200):
        measured = noisy.begin(np.zeros(2), rng)
        motion = noisy.step(np.array([0.5]), rng)
        assert np.array_equal(motion.true, moved(clean, [0, 0], [0.5]).true)
        seen += [measured / system.state_scale, (motion.x - motion.true) / system.state_scale]
    assert 0.009 < np.max(np.abs(seen), axis=0).min() and np.max(np.abs(seen)) <= 0.01


@pytest.mark.parametrize('delay', [0, 1, 3])
def test_a_delay_is_told_as_what_was_applied(delay):
    system, body = body_of('rail_slider', actuation_delay=delay)
    rng, asked = np.random.default_rng(0), np.linspace(-1, 1, 12)
    for _ in range(2):  # an episode applies nothing of the one before
        body.begin(np.zeros(2), rng)
        applied = [body.step(np.array([u]), rng).applied[0] for u in asked]
        assert np.allclose(applied, [0] * delay + list(asked[:len(asked) - delay]), atol=1e-12)


def test_what_a_motor_cannot_do_is_not_told_as_applied():
    system, body = body_of('rail_slider', mass_scale=1.0, friction_scale=0.0)
    weak = body.model.actuator('slider').ctrlrange
    weak[:] = [-1.0, 1.0]  # 1 N on 2 kg
    motion = moved(body, [0, 0], [0.9])
    assert motion.applied == pytest.approx([0.5], abs=1e-9)
    assert motion.true == pytest.approx([0.5 * 0.005, 0.05], abs=1e-9)


def test_an_end_stop_holds_the_carriage():
    system, body = body_of('rail_slider')
    rng = np.random.default_rng(0)
    body.begin(np.array([0.9, 0.5]), rng)
    seen = np.array([body.step(np.array([1.0]), rng).true for _ in range(40)])
    assert np.any(seen[:, 0] > 1.0) and seen[:, 0].max() < 1.02  # it is a violation, and it stops
    assert abs(seen[-1, 1]) < 1e-3


def test_one_seed_gives_one_motion():
    def history(seed):
        system, body = body_of('cart_pole_upright', sensor_noise=1e-3, actuation_delay=1)
        rng = np.random.default_rng(seed)
        body.begin(np.array([0.1, 0.02, 0, 0]), rng)
        return np.array([body.step(np.array([np.sin(k)]), rng).x for k in range(20)])

    assert np.array_equal(history(1), history(1)) and not np.allclose(history(1), history(2))


def test_a_body_that_flies_apart_is_shown_as_it_is(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    _, body = body_of('cart_pole')
    motion = moved(body, [0, 0.1, np.nan, 0], [1.0])
    assert not np.all(np.isfinite(motion.true)) and not np.all(np.isfinite(motion.x))
    assert 'MuJoCo' in capfd.readouterr().err and not list(tmp_path.iterdir())  # no log of its own


def test_a_model_of_a_users_own_takes_the_place_of_the_shipped_one(tmp_path):
    system, body = body_of('rail_slider', rail(tmp_path / 'own.xml'))
    assert body.steps == 10
    assert moved(body, [0, 0], [1.0]).true == pytest.approx([0.005, 0.1], abs=1e-12)
    forces = rail(tmp_path / 'forces.xml', texts='')
    assert moved(body_of('rail_slider', forces)[1], [0, 0], [1.0]).true == pytest.approx(
        [0.0025, 0.05], abs=1e-12)  # 1 N on 2 kg


def test_names_may_differ_and_the_equilibrium_may_be_a_keyframe(tmp_path):
    path = rail(tmp_path / 'own.xml', actuator='<motor name="drive" joint="slider"/>',
                texts='<text name="actuator/slider" data="drive"/>',
                rest='<keyframe><key name="equilibrium" qpos="0.7"/></keyframe>')
    _, body = body_of('rail_slider', path)
    assert moved(body, [0.1, 0], [0]).true == pytest.approx([0.1, 0], abs=1e-12)
    assert body.data.qpos == pytest.approx([0.8])


@pytest.mark.parametrize('changes, parts', [
    ({'texts': '<text name="inputs" data="volts"/>'}, ['volts', 'accelerations']),
    ({'texts': '<text name="joint/slider" data="rail"/>'}, ['joint', "'rail'"]),
    ({'actuator': ''}, ['actuator', "'slider'"]),
    ({'actuator': '<position name="slider" joint="slider" kp="5"/>'}, ['motor']),
    ({'joint': 'type="ball"'}, ['MuJoCo']),
    ({'rest': '<option gravity="1 0 0"/>'}, ['equilibrium', 'at rest']),
    ({'rest': '<option timestep="0.2"/>'}, ['timestep', '0.1']),
    ({'rest': '<nonsense/>'}, ['MuJoCo', 'nonsense']),
    ({'joint': 'range="${travel} 1"'}, ['placeholder', 'travel', 'position_lower']),
    ({'joint': 'range="$ 1"'}, ['placeholder']),
])
def test_a_model_that_does_not_fit_is_refused_in_one_line(tmp_path, changes, parts):
    if 'gravity' in changes.get('rest', ''):
        changes = {**changes, 'actuator': '<motor name="slider" joint="slider" gear="0"/>',
                   'texts': ''}
    with pytest.raises(ConfigurationError) as caught:
        body_of('rail_slider', rail(tmp_path / 'own.xml', **changes))
    assert all(part in str(caught.value) for part in parts) and '\n' not in str(caught.value)


@pytest.mark.parametrize('name', ['missing.xml', ''])
def test_a_file_that_cannot_be_read_is_named(tmp_path, name):
    with pytest.raises(ConfigurationError, match='mujoco_model'):
        body_of('rail_slider', tmp_path / name)
