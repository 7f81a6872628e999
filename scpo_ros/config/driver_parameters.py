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

"""The parameters of the driver of a robot under ros2_control."""

from dataclasses import dataclass

from scpo_ros.config.validation import Validated, value


SOURCES = ('joint_states', 'odometry')


@dataclass(frozen=True)
class DriverConfig(Validated):
    """The driver node, which runs beside a robot under ros2_control."""

    source: str = value(
        'joint_states', 'what robot_states holds: sensor_msgs/JointState of '
        'joint_state_broadcaster, or nav_msgs/Odometry of a state estimator, whose joints are '
        'x, y and z', choices=SOURCES)
    command_joints: tuple[str, ...] = value(
        ('',), "joints of the numbers in robot_commands: the list `joints` of the robot's "
        "controller; a single '': those with an input, in the order of the description")
    state_offset: tuple[float, ...] = value(
        (0.0,), 'what the robot measures at the equilibrium, one number for each state in its '
        'unit; a single 0: none [units of x]', -1e6, 1e6)
    input_offset: tuple[float, ...] = value(
        (0.0,), 'what holds the robot at the equilibrium, added to each command, one number for '
        'each input; a single 0: none [units of u]', -1e6, 1e6)
    effort_tolerance: float = value(
        0.0, 'by what part of its limit the effort that the robot reports may differ from the '
        'command and still count as the command [1]', 0.0, 1.0)
    state_age_limit_s: float = value(
        0.1, 'a state whose stamp differs more from the clock is refused; 0: not looked at [s]',
        0.0, 60.0)
    command_timeout_s: float = value(
        0.5, 'of the double integrator of the parameters: without a command for this long it '
        'brakes to standstill; a description has on_silence [s]', 0.0, 60.0)
    realtime_priority: int = value(
        10, 'SCHED_FIFO priority of the node where the system grants it; 0: none', 0, 99)
