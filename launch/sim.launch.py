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
The closed loop: plant, controller, adapter, expert and monitor.

    ros2 launch scpo_ros sim.launch.py expert:=sign_flip duration:=60 seed:=1

Arguments are those of :mod:`scpo_ros.sim`. Before any process is started they and the parameter
file are checked, and the backup is certified; what was checked is written to
RESULTS/run.parameters.yaml, which is all that the nodes read: one value for every parameter, so
that no order of sections decides. The launch ends with the monitor. It also ends, with an error,
when plant or controller end; adapter and expert may die without the robot noticing.
"""

from launch import LaunchDescription
from launch.actions import OpaqueFunction
from scpo_ros.bringup.launching import declared, nodes, observers, set_outside, values_of
from scpo_ros.bringup.observers import ros2_bag_record
from scpo_ros.bringup.preparation import set_up
from scpo_ros.bringup.results_folder import bag_path
from scpo_ros.config import RUN_NODES
from scpo_ros.config.arguments import ARGUMENTS, value_of


def generate_launch_description():
    """Return the declared arguments and what makes processes of their values."""
    return LaunchDescription([*declared(ARGUMENTS), OpaqueFunction(function=_run)])


def _run(context):
    """
    Return the actions of the run.

    :raises ScpoRosError: which ends the launch with an error before anything was started.
    """
    values = values_of(context, ARGUMENTS, __file__)
    recording = None
    if value_of('record', values):
        recording = ros2_bag_record(values, bag_path(values))
    path, viewers = set_up(values, set_outside(context, values))
    return [*observers(recording, viewers, values), *nodes(RUN_NODES, str(path), values)]
