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

"""The table of states is headed by the names and units of the system."""

from types import SimpleNamespace

import numpy as np
from scpo_ros.config import SystemConfig
from scpo_ros.interface.messages import Command, State
from scpo_ros.recording.bag_tables import state_columns, state_rows
from scpo_ros.recording.picture import _lines
from scpo_ros.systems.linear_system import double_integrator
from two_inputs import two_carts


def test_the_columns_of_the_double_integrator_stay():
    assert state_columns(double_integrator(SystemConfig())) == (
        'time_s', 'episode', 'position_m', 'velocity_m_s', 'input_applied_m_s2',
        'input_commanded_m_s2', 'law', 'policy_version')


def test_a_row_has_an_entry_for_every_state_and_input():
    system = two_carts()
    assert state_columns(system) == (
        'time_s', 'episode', 'front_m', 'front_speed_m_s', 'rear_m', 'rear_speed_m_s',
        'front_force_applied_N', 'rear_force_applied_N', 'front_force_commanded_N',
        'rear_force_commanded_N', 'law', 'policy_version')
    states = [State(None, time, 3, np.arange(4.0), np.array([0.5, -0.5])) for time in (1.0, 2.0)]
    record = SimpleNamespace(system=system, states=states, commands={
        1.0: Command(1.0, 'policy', 7, np.array([0.25, -0.25]))})
    assert list(state_rows(record)) == [
        ('1.000000000', 3, 0.0, 1.0, 2.0, 3.0, 0.5, -0.5, 0.25, -0.25, 'policy', 7),
        ('2.000000000', 3, 0.0, 1.0, 2.0, 3.0, 0.5, -0.5, '', '', '', '')]
    assert all(len(row) == len(state_columns(system)) for row in state_rows(record))


def test_every_curve_has_a_colour_of_its_own():
    assert len(set(_lines(two_carts()))) == 6
    assert _lines(double_integrator(SystemConfig())) == [
        ('#0072b2', '-'), ('#e69f00', '-'), ('#777777', '-')]
