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

"""Names, units and symbols of states and inputs come from the system."""

import numpy as np
import pytest
from scpo_ros.config import SystemConfig
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.systems.linear_system import double_integrator, LinearSystem
from scpo_ros.systems.signals import in_a_name, listed, Signals
from two_inputs import two_carts


def test_the_double_integrator_is_named():
    system = double_integrator(SystemConfig())
    assert system.state_names == ('position', 'velocity') and system.state_units == ('m', 'm/s')
    assert system.input_names == ('acceleration',) and system.input_units == ('m/s^2',)
    assert system.states.axes == ('position p [m]', 'velocity v [m/s]')
    assert system.states.columns == ('position_m', 'velocity_m_s')
    assert system.states.values(np.array([0.5, -0.25]), '.3f') == 'p = 0.500, v = -0.250'


def test_without_names_they_are_numbered():
    system = LinearSystem(np.eye(3), np.ones((3, 2)), np.ones(3), np.ones(2), np.zeros(3), 0.1)
    assert system.state_names == ('x1', 'x2', 'x3') and system.input_names == ('u1', 'u2')
    assert system.state_units == ('',) * 3 and system.states.axes[0] == 'x1'
    one = LinearSystem(np.eye(1), np.ones((1, 1)), np.ones(1), np.ones(1), np.zeros(1), 0.1)
    assert one.input_names == ('u',) and one.states.columns == ('x',)


@pytest.mark.parametrize('unit, word', [
    ('', ''), ('m', '_m'), ('m/s', '_m_s'), ('m/s^2', '_m_s2'), ('N m', '_N_m'), ('1/s', '_1_s')])
def test_a_unit_in_a_name(unit, word):
    assert in_a_name(unit) == word


def test_numbers_as_the_entries_of_a_vector():
    assert listed(np.array([0.1, -2.0]), '.2f') == '0.10, -2.00' and listed([0.5], '.6g') == '0.5'


@pytest.mark.parametrize('names, units, symbols', [
    (('a',), (), ('a',)), (('a', 'b'), ('', ''), ('a',)), (('a', 'a'), ('', ''), ('a', 'b')),
    (('a', 'b'), ('', ''), ('c', 'c')), (('two words',), ('',), ('a',)), (('',), ('',), ('a',)),
    (('1st',), ('',), ('a',)), (('pos/ition',), ('',), ('a',))])
def test_names_that_do_not_tell_entries_apart_are_refused(names, units, symbols):
    with pytest.raises(ConfigurationError):
        Signals(names, units, symbols)


def test_names_for_another_number_of_states_are_refused():
    with pytest.raises(ConfigurationError, match='inputs must be 2 names'):
        LinearSystem(np.eye(3), np.ones((3, 2)), np.ones(3), np.ones(2), np.zeros(3), 0.1,
                     inputs=Signals(('force',), ('N',), ('f',)))


def test_other_systems_have_names_of_their_own():
    system = two_carts()
    assert system.states.values(np.arange(4.0), 'g') == 'x1 = 0, v1 = 1, x2 = 2, v2 = 3'
    assert system.inputs.columns == ('front_force_N', 'rear_force_N')
