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

"""
Actuation delay: the state at which a command acts is predicted, and certificates speak of it.

    z_k = A^q y_k + sum_{i=1..q} A^(i-1) B u_{k-i},    z_{k+1} = A z_k + B u_k + A^q d_k
"""

from dataclasses import replace
from functools import lru_cache
from types import SimpleNamespace

import numpy as np
import pytest
from real_plants import described, RealPlants
from scpo_ros.systems import load
from scpo_ros.systems.lookahead import Lookahead
from scpo_ros.verification.system_task import SystemTask
from system_samples import spec_of

ERRORS = {'double_integrator_2': [5e-4, 1e-3] * 2, 'cart_pole': [5e-5, 5e-5, 5e-4, 5e-4],
          'vehicle_lateral': [1e-3, 5e-4, 1e-4, 5e-4]}
RUNS = 40


def mapping(name, delay, noisy=False):
    """Return the description of a shipped system with a delay."""
    return described(name, ERRORS[name] if noisy else None, delay_steps=delay)


@lru_cache(maxsize=None)
def task_of(name, delay, noisy=False):
    """Return the task of a shipped system with a delay, and with measurement errors."""
    return SystemTask.build(load(mapping(name, delay, noisy)), spec_of())


def hold(x, last):
    """Hold the last input."""
    return last


def state(k, x, applied, episode=0, dt=0.1):
    """Return a state as the controller reads it."""
    return SimpleNamespace(time=1000 + dt * k, episode=episode, x=np.array(x, dtype=float),
                           applied=np.array(applied, dtype=float))


def predicted(system, y, under_way):
    """Return z (S, n) by the sum itself, for inputs under way (S, m), oldest first."""
    z = y @ np.linalg.matrix_power(system.A, len(under_way)).T
    for i, u in enumerate(reversed(under_way), start=1):
        z = z + u @ (np.linalg.matrix_power(system.A, i - 1) @ system.B).T
    return z


# Prediction -------------------------------------------------------------------------------------


@pytest.mark.parametrize('delay', [1, 2, 5])
@pytest.mark.parametrize('name', sorted(ERRORS))
def test_what_is_predicted_obeys_the_model_up_to_its_disturbance(name, delay, rng):
    """Both bounds are exceeded by nothing, and reached by vertices."""
    system = load(mapping(name, delay, noisy=True))
    plant, e = system.plant, system.measurement_error
    count = 20000
    x = rng.uniform(-1, 1, (count, system.n)) * system.state_scale
    inputs = rng.uniform(-1, 1, (delay + 1, count, system.m)) * system.input_scale
    signs = rng.choice((-1.0, 1.0), (delay + 2, count, system.n))
    y = x + signs[0] * e
    z = predicted(system, y, list(inputs[:-1]))
    following = system.step(x, inputs[0], signs[1] * plant.disturbance)
    z_next = predicted(system, following + signs[2] * e, list(inputs[1:]))
    error = np.abs(z_next - system.step(z, inputs[-1])).max(axis=0)
    assert np.all(error <= system.disturbance * (1 + 1e-9) + 1e-12)
    assert np.all(error >= 0.98 * system.disturbance)
    for k in range(delay):
        x = system.step(x, inputs[k], signs[1 + k] * plant.disturbance)
    apart = np.abs(x - z).max(axis=0)
    tightened = plant.state_upper - system.state_upper
    assert np.all(apart <= tightened * (1 + 1e-9) + 1e-12)
    assert np.all(apart >= 0.8 * tightened)


def test_the_look_ahead_is_the_sum_and_follows_episodes_and_answers(rng):
    system = load(mapping('double_integrator_2', 2))
    ahead, sent, x = Lookahead(system, hold), [], np.array([0.1, 0.0, -0.1, 0.2])
    for k in range(6):
        under_way = ([np.zeros(2)] * 2 + sent)[-2:]
        found = ahead.see(state(k, x, np.zeros(2)))
        assert np.allclose(found, predicted(system, x[None], [u[None] for u in under_way])[0])
        assert ahead.known is (k >= 2)
        sent.append(rng.uniform(-1, 1, 2))
        ahead.answered(sent[-1])
    found = ahead.see(state(6, x, np.zeros(2), episode=1))
    assert np.allclose(found, np.linalg.matrix_power(system.A, 2) @ x) and ahead.known


def test_a_state_that_was_lost_leaves_what_acts_in_silence_under_way():
    system = load(mapping('double_integrator_2', 3))
    ahead, x, u = Lookahead(system, lambda x, last: 0.5 * last), np.ones(4) / 4, np.ones(2) / 2
    for k in (0, 1, 2, 3):
        ahead.see(state(k, x, u))
        ahead.answered(u * (k + 1) / 4)
    assert ahead.known
    found = ahead.see(state(5, x, u))  # nobody answered state 4
    wanted = x
    for acting in (u * 3 / 4, u, 0.5 * u):
        wanted = system.step(wanted, acting)
    assert np.allclose(found, wanted) and not ahead.known
    for k in (6, 7, 8):
        ahead.answered(u)
        ahead.see(state(k, x, u))
    assert ahead.known


@pytest.mark.parametrize('lost', [1, 2, 4])
def test_an_episode_begins_with_nothing_under_way_also_where_states_were_lost_before_it(lost):
    """The silent law was taken to be under way: 1.5 rad/s off, and an unsafe answer."""
    system = load(mapping('double_integrator_2', 2))
    ahead, x, u = Lookahead(system, lambda x, last: 0.5 * last), np.ones(4) / 4, np.ones(2) / 2
    for k in range(3):
        ahead.see(state(k, x, u))
        ahead.answered(u)
    begun = state(3 + lost, -x, np.zeros(2), episode=1)
    expected = np.linalg.matrix_power(system.A, 2) @ -x
    np.testing.assert_allclose(ahead.see(begun), expected, atol=1e-12)
    assert not ahead.known  # it may have begun before


def test_without_a_delay_what_is_measured_is_returned_as_it_is():
    ahead, seen = Lookahead(load('cart_pole'), hold), state(0, np.ones(4), np.zeros(1))
    assert ahead.see(seen) is seen.x and ahead.known


# Closed loops -----------------------------------------------------------------------------------


def outcome(name, task, delay, seed=0, noisy=False, believed=None):
    """
    Return what becomes of a plant with a delay under a task's filter.

    :param believed: delay of which the filter is told; None: the true one.
    """
    plants = RealPlants(mapping(name, delay, noisy), RUNS, seed)
    told = delay if believed is None else believed

    def predict(y, under_way):
        return predicted(task.system, y, under_way[len(under_way) - told:])
    return plants.run(task, predict=predict)


@pytest.mark.parametrize('noisy', [False, True])
@pytest.mark.parametrize('name, delay', [
    ('double_integrator_2', 1), ('double_integrator_2', 3), ('cart_pole', 1), ('cart_pole', 2),
    ('vehicle_lateral', 1)])
def test_the_states_keep_the_limits_under_a_delay(name, delay, noisy):
    found = outcome(name, task_of(name, delay, noisy), delay, noisy=noisy)
    assert found.broken == 0 and found.used.max() > 0.97


@pytest.mark.parametrize('name', sorted(ERRORS))
def test_a_delay_that_is_not_in_the_model_breaks_limits(name):
    assert outcome(name, task_of(name, 0), 1, believed=0).broken > 0.1


@pytest.mark.parametrize('name', ['double_integrator_2', 'vehicle_lateral'])
def test_a_delay_of_one_more_step_breaks_limits(name):
    assert outcome(name, task_of(name, 1), 2, believed=1).broken > 0


def test_limits_that_are_not_tightened_are_broken():
    task = task_of('double_integrator_2', 3)
    plant = task.system.plant
    wide = SystemTask.build(replace(
        task.system, state_lower=plant.state_lower, state_upper=plant.state_upper), spec_of())
    found = outcome('double_integrator_2', wide, 3)
    assert found.broken > 0 and not np.any(found.lost)


def test_a_disturbance_that_does_not_grow_with_the_delay_loses_the_safe_set():
    task = task_of('cart_pole', 2, True)
    narrow = SystemTask.build(replace(
        task.system, disturbance=task.system.plant.disturbance), spec_of())
    assert outcome('cart_pole', narrow, 2, noisy=True).broken > 0
