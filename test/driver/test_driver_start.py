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

"""The driver's parameters are checked before any node starts."""

from pathlib import Path

import pytest
from scpo_ros.bringup.preparation import make_ready
from scpo_ros.config.arguments import ADAPT_ARGUMENTS
from scpo_ros.config.configuration import node_parameters
from scpo_ros.exceptions import ConfigurationError

FILE = Path(__file__).parents[2] / 'config' / 'scpo.yaml'
NODES = ('controller', 'adapter', 'ros2_control_driver')


def parameters_of(tmp_path, text, **arguments):
    path = tmp_path / 'own.yaml'
    path.write_text('/**/ros2_control_driver: {ros__parameters: {' + text + '}}')
    values = {'params_file': str(path), 'namespace': 'scpo', **arguments}
    return node_parameters(path, values, ADAPT_ARGUMENTS, NODES)


def test_the_driver_gets_its_parameters_and_those_of_all_nodes(tmp_path):
    parameters, _ = parameters_of(
        tmp_path, 'command_joints: [slider], effort_tolerance: 0.1', system='rail_slider')
    own = parameters['ros2_control_driver']
    assert own['command_joints'] == ['slider'] and own['effort_tolerance'] == 0.1
    assert own['system.description'] == 'rail_slider' and own['state_offset'] == [0.0]


@pytest.mark.parametrize('text, system, name', [
    ('command_joints: [a, b]', 'rail_slider', 'command_joints'),
    ('command_joints: [a, b]', 'double_integrator', 'command_joints'),
    ('state_offset: [1.0, 2.0, 3.0]', 'rail_slider', 'state_offset')])
def test_joints_and_offsets_that_do_not_fit_are_refused_before_anything_is_computed(
        tmp_path, text, system, name):
    parameters, spec = parameters_of(tmp_path, text, system=system)
    with pytest.raises(ConfigurationError) as caught:
        make_ready(spec, parameters)
    assert caught.value.name == name


@pytest.mark.parametrize('text, rule', [
    ('source: tf', 'must be one of joint_states, odometry'),
    ('command_joints: slider', 'must be a non-empty list'),
    ('joints: [a]', "did you mean 'command_joints'")])
def test_a_bad_parameter_is_named(tmp_path, text, rule):
    with pytest.raises(ConfigurationError, match=rule):
        parameters_of(tmp_path, text, system='rail_slider')
