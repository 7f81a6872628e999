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
Moves a robot safely while it is recorded, by a draft of its description.

    ros2 launch scpo_ros excite.launch.py system:=draft.yaml joint_states:=/arm/states \
        joint_command:=/arm/command recording:=drive.csv

It starts the excite node, which commands the robot in the controller's place. Before that,
arguments and parameter file are checked, and the safe set of the draft is computed. The launch
ends with the node, and with an error where the random inputs ended early: docs/your_robot.md.
"""

from launch import LaunchDescription
from launch.actions import OpaqueFunction
from scpo_ros.bringup.launching import declared, nodes, set_outside, values_of
from scpo_ros.config.arguments import EXCITE_ARGUMENTS
from scpo_ros.excite.preparation import prepared

_TOPICS = ('joint_states', 'joint_command')


def generate_launch_description():
    """Return the declared arguments and what makes a process of their values."""
    return LaunchDescription([*declared(EXCITE_ARGUMENTS), OpaqueFunction(function=_run)])


def _run(context):
    """
    Return the actions of the run.

    :raises ScpoRosError: which ends the launch with an error before anything was started.
    """
    values = values_of(context, EXCITE_ARGUMENTS, __file__)
    path = prepared(values, set_outside(context, values))
    topics = [(topic, values[topic]) for topic in _TOPICS if values[topic] != topic]
    return nodes(('excite',), str(path), values, topics)
