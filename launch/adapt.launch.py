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
Controller and adapter only, for a robot of one's own.

    ros2 launch scpo_ros adapt.launch.py joint_states:=/arm/states joint_command:=/arm/command

The robot publishes `joint_states` and applies `joint_command`; for one under ros2_control,
`driver:=ros2_control` starts a node that translates (docs/ros2_control.md). An expert publishes
`demonstrations`, or another learner publishes `proposals`; docs/driver.md says how. Before any
process is started, arguments and parameter file are checked and the backup is certified. The
launch ends, with an error, when the controller ends; the adapter may die without the robot
noticing.
"""

import os
from pathlib import Path
import tempfile

from launch import LaunchDescription
from launch.actions import OpaqueFunction
from scpo_ros.bringup.launching import declared, nodes, observers, set_outside, values_of
from scpo_ros.bringup.namesakes import Look
from scpo_ros.bringup.observers import ros2_bag_record, viewers
from scpo_ros.bringup.preparation import (
    make_ready, states_of, text_of_description, with_own_description, write_parameters)
from scpo_ros.config.arguments import ADAPT_ARGUMENTS, value_of
from scpo_ros.config.configuration import node_parameters
from scpo_ros.config.resources import share_file
from scpo_ros.exceptions import ConfigurationError

_NODES = ('controller', 'adapter')
_DRIVERS = {'none': (), 'ros2_control': ('ros2_control_driver',)}
_TOPICS = ('joint_states', 'joint_command', 'demonstrations', 'robot_states', 'robot_commands')


def generate_launch_description():
    """Return the declared arguments and what makes processes of their values."""
    return LaunchDescription([*declared(ADAPT_ARGUMENTS), OpaqueFunction(function=_run)])


def _run(context):
    """
    Return the actions of the run.

    :raises ScpoRosError: which ends the launch with an error before anything was started.
    """
    values = values_of(context, ADAPT_ARGUMENTS, __file__)
    driver = _DRIVERS[values['driver']]
    parameters, spec = node_parameters(
        values['params_file'] or share_file('config/scpo.yaml'), values, ADAPT_ARGUMENTS,
        (*_NODES, *driver), set_outside(context, values))
    recording, description = _recording(values), text_of_description(spec)
    alone = [values['joint_command'], 'policy']
    if driver:
        alone += [values['joint_states'], values['robot_commands']]
    with Look(values, (*_NODES, *driver), alone) as look:
        make_ready(spec, parameters)
        look.refuse()
    path = Path(tempfile.mkdtemp(prefix='scpo_ros_'), 'adapt.parameters.yaml')
    write_parameters(path, with_own_description(description, parameters, path.parent), values)
    topics = [(topic, values[topic]) for topic in _TOPICS if values[topic] != topic]
    return [*observers(recording, viewers(values, states_of(spec)), values),
            *nodes((*driver, *_NODES), str(path), values, topics)]


def _recording(values):
    """Return the command line of the recorder, None when nothing is to be recorded."""
    if not value_of('record', values):
        return None
    if values['bag_path'] and os.path.lexists(values['bag_path']):
        raise ConfigurationError(
            'bag_path', values['bag_path'], 'exists already and is not replaced')
    return ros2_bag_record(values, values['bag_path'])
