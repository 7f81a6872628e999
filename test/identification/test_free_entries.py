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

"""Which entries a draft leaves free, and how a step depends on them."""

from dataclasses import replace

import numpy as np
import pytest
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.identification.free_entries import free_entries
from scpo_ros.systems import load, shipped_names
from scpo_ros.systems.description import Dynamics
from system_samples import AXIS


def free_in(dynamics, everything=False, dt=0.1):
    """Return the free entries of an axis with other dynamics, as [A, B] of truths."""
    return free_entries(load({**AXIS, 'dt': dt, 'dynamics': dynamics}).description,
                        everything).free.tolist()


def test_what_is_0_stays_and_a_kinematic_row_stays():
    dynamics = {'continuous': {'A': [[0, 1], [0, -0.5]], 'B': [[0], [2]]}}
    assert free_in(dynamics) == [[False] * 3, [False, True, True]]
    assert free_in(dynamics, everything=True) == [[False] * 3, [True] * 3]


def test_a_row_moved_by_an_input_or_by_another_factor_is_not_kinematic():
    dynamics = {'continuous': {'A': [[0, 2], [0, 0]], 'B': [[0], [1]]}}
    assert free_in(dynamics) == [[False, True, False], [False, False, True]]


def test_of_discrete_dynamics_only_the_kinematic_part_of_A_stays():
    dynamics = {'discrete': {'A': [[1, 0.1], [0, 0.9]], 'B': [[0.005], [0.1]]}}
    assert free_in(dynamics) == [[False, False, True], [False, True, True]]
    assert free_in({'discrete': {'A': [[1, 0.2], [0, 0.9]], 'B': [[0.005], [0.1]]}})[0] == [
        True, True, True]


def test_a_model_counts_with_its_linearisation():
    entries = free_entries(load('cart_pole').description)
    assert entries.places == [(2, 1), (2, 4), (3, 1), (3, 4)]


def test_a_draft_without_a_free_entry_is_refused():
    axis = load(AXIS).description
    nothing = replace(axis, dynamics=Dynamics('continuous', axis.dynamics.A, np.zeros((2, 1))))
    with pytest.raises(ConfigurationError, match='must leave an entry free'):
        free_entries(nothing)


@pytest.mark.parametrize('name', shipped_names())
def test_a_step_is_that_of_the_system(name):
    system = load(name)
    entries = free_entries(system.description)
    step = entries.over_a_step(entries.start)
    assert np.allclose(step, np.hstack([system.A, system.B]), rtol=0, atol=1e-12)


@pytest.mark.parametrize('name', ['cart_pole', 'spring_mass_chain_4', 'mayne_2005'])
@pytest.mark.parametrize('everything', [False, True])
def test_the_derivatives_are_those_of_finite_differences(name, everything):
    entries = free_entries(load(name).description, everything)
    theta = entries.start * 1.1 + 0.01
    found = entries.derivatives(theta)
    for number in range(entries.count):
        away = np.zeros(entries.count)
        away[number] = 1e-5
        numeric = (entries.over_a_step(theta + away) - entries.over_a_step(theta - away)) / 2e-5
        assert np.allclose(found[number], numeric, rtol=1e-6, atol=1e-8)
