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
Measurement error: what is measured of the plant, and what holds for the states behind it.

The certificate is about y = x + e. Limits of x are kept while y keeps tighter ones, under a
disturbance that is wider by e_{k+1} - A e_k.
"""

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
from real_plants import described, RealPlants
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.systems import load
from scpo_ros.systems.uncertainty import Uncertainty
from scpo_ros.verification.system_task import SystemTask
from system_samples import spec_of

ERRORS = {'double_integrator_2': [1e-3, 2e-3] * 2, 'cart_pole': [1e-4, 1e-4, 1e-3, 1e-3],
          'vehicle_lateral': [2e-3, 1e-3, 2e-4, 1e-3]}
RUNS = 40


@lru_cache(maxsize=None)
def task_of(name, errors=True):
    """Return the task of a system, with or without its measurement errors."""
    return SystemTask.build(load(described(name, ERRORS[name] if errors else None)), spec_of())


def outcome(name, task, seed=0, truth=None):
    """Return what becomes of a plant with measurement errors under a task's filter."""
    return RealPlants(truth or described(name, ERRORS[name]), RUNS, seed).run(task)


# Widths -----------------------------------------------------------------------------------------


def test_without_an_error_there_is_one_system():
    system = load('cart_pole')
    assert system.observed is system and system.plant is system
    assert np.array_equal(system.step_disturbance, system.disturbance)


def test_every_width_is_what_the_derivation_says():
    system = load(described('double_integrator_2', ERRORS['double_integrator_2']))
    e, w = np.array([1e-3, 2e-3] * 2), np.array([0, 3e-3] * 2)
    wider = np.array([2e-3 + 0.1 * 2e-3, 4e-3] * 2)  # |e_{k+1}| + |A| |e_k|
    for seen in (system, system.observed):
        assert np.allclose(seen.disturbance, w + wider, atol=1e-15)
        assert np.allclose(seen.step_disturbance, w + wider, atol=1e-15)
    assert np.allclose(system.plant.disturbance, w) and np.allclose(system.measurement_error, e)
    for sign, seen in ((-1, system), (1, system.observed), (0, system.plant)):
        assert np.allclose(seen.state_upper, np.array([1.0, 0.6] * 2) + sign * e)
        assert np.allclose(seen.state_lower, -np.array([1.0, 0.6] * 2) - sign * e)


def test_a_row_of_constraints_is_tightened_by_what_the_error_does_to_it():
    data = described('double_integrator_2', [1e-3, 2e-3] * 2, constraints={
        'F': [[1.0, -1.0, 0.0, 0.0]], 'f': [0.8]})
    system = load(data)
    assert np.allclose(system.constraint_bounds, 0.8 - 3e-3)
    assert np.allclose(system.state_rows[-1], np.array([1, -1, 0, 0]) / 0.797)
    assert np.allclose(system.observed.constraint_bounds, 0.8 + 3e-3)
    assert np.allclose(system.plant.constraint_bounds, 0.8)


def test_no_step_of_what_is_measured_exceeds_the_bound_and_vertices_reach_it(rng):
    system = load(described('vehicle_lateral', ERRORS['vehicle_lateral']))
    e, w, A = system.measurement_error, system.plant.disturbance, system.A
    x = rng.uniform(-1, 1, (20000, 4)) * system.state_scale
    u = rng.uniform(-1, 1, (20000, 1)) * system.input_scale
    signs = rng.choice((-1.0, 1.0), (3, 20000, 4))
    following = system.step(x, u, signs[0] * w)
    error = following + signs[1] * e - system.step(x + signs[2] * e, u)
    largest = np.abs(error).max(axis=0)
    assert np.all(largest <= system.observed.disturbance * (1 + 1e-9))
    assert np.all(largest >= 0.999 * system.observed.disturbance)
    assert np.any(largest > w + e + 1e-4), 'without |A| e the bound would be exceeded'
    assert np.array_equal(
        Uncertainty(A, w, e, 0).observed, w + e + np.abs(A) @ e)


@pytest.mark.parametrize('change, wanted', [
    ({'errors': [1.2, 0, 0, 0]}, 'states.x_position must be more than what measurement error'),
    ({'errors': [1e-1] * 4, 'constraints': {'F': [[1.0, 0, 0, 0]], 'f': [0.05]}},
     r'constraints.f\[0\] must be more than')])
def test_an_error_that_uses_up_a_limit_is_refused_by_name(change, wanted):
    with pytest.raises(ConfigurationError, match=wanted) as caught:
        load(described('double_integrator_2', **change))
    assert '\n' not in str(caught.value)


# Closed loops ------------------------------------------------------------------------------------


@pytest.mark.parametrize('name', sorted(ERRORS))
def test_true_states_keep_the_limits_whatever_is_measured(name):
    for seed in (0, 1):
        found = outcome(name, task_of(name), seed)
        assert found.broken == 0 and found.used.max() > 0.99


@pytest.mark.parametrize('name', sorted(ERRORS))
def test_a_certificate_without_the_error_breaks_limits(name):
    assert outcome(name, task_of(name, errors=False)).broken > 0.1


def changed(task, **changes):
    """Return a task whose system is that of another with changes."""
    return SystemTask.build(replace(task.system, **changes), spec_of())


def test_a_disturbance_without_the_error_before_loses_the_safe_set():
    task = task_of('double_integrator_2')
    plant = task.system.plant
    narrow = changed(task, disturbance=plant.disturbance + plant.measurement_error)
    assert outcome('double_integrator_2', narrow).broken > 0


@pytest.mark.parametrize('sign', [0, 1])  # left out, and with the wrong sign
def test_limits_that_are_not_tightened_are_broken(sign):
    task = task_of('double_integrator_2')
    plant, e = task.system.plant, sign * task.system.measurement_error
    wide = changed(task, state_lower=plant.state_lower - e, state_upper=plant.state_upper + e)
    found = outcome('double_integrator_2', wide)
    assert found.broken > 0 and found.used.max() > 1 and not np.any(found.lost)
