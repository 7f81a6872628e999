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
Where the states and inputs of a system stand in the messages of a robot under ros2_control.

joint_state_broadcaster names many joints, in any order, and fills NaN where a joint has no such
interface. forward_command_controller takes bare numbers, in the order of its own `joints`. What
the robot calls zero need not be the equilibrium of the description: offsets lie in between,

    x = measured - state_offset,      sent = u + input_offset.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scpo_ros.arrays import Array, frozen
from scpo_ros.config import DriverConfig
from scpo_ros.exceptions import ConfigurationError, InvalidArrayError
from scpo_ros.interface.joint_layout import Fields, JointLayout, numbers_at
from scpo_ros.interface.messages import seconds
from scpo_ros.interface.ros_types import JointStateMessage, Stamp

_WHAT = 'robot state'
_SHOWN = 8  # names of a message in an error


@dataclass(frozen=True, eq=False)
class Reading:
    """What one message of the robot says, in the units of the description."""

    stamp: Stamp
    time: float  # [s]
    x: Array  # (n,); NaN where the robot has no number
    effort: Array  # (m,), the input that the robot says it applies; NaN where it says nothing

    def __post_init__(self) -> None:
        """Freeze the arrays."""
        object.__setattr__(self, 'x', frozen(self.x))
        object.__setattr__(self, 'effort', frozen(self.effort))


@dataclass(frozen=True, eq=False)
class RobotJoints:
    """The places of states and inputs in the robot's messages, and what its zero is."""

    layout: JointLayout  # of the robot's states
    order: tuple[int, ...]  # index of the input that each number of a command is
    state_offset: Array  # (n,)
    input_offset: Array  # (m,)

    def read(self, message: JointStateMessage) -> Reading:
        """
        Return the :class:`Reading` of a JointState.

        :raises InvalidArrayError: for a joint that is missing or named twice, or a field that has
            not one number for each joint.
        """
        return self.reading(message.header.stamp, message.name, {
            'position': message.position, 'velocity': message.velocity, 'effort': message.effort})

    def reading(self, stamp: Stamp, names: Sequence[str], fields: Fields) -> Reading:
        """Return the :class:`Reading` of named joints and their fields; raises as :meth:`read`."""
        if self.layout.any_name and len(names) != 1:
            raise InvalidArrayError(f'{_WHAT}: name', list(names)[:_SHOWN], 'must name one joint, '
                                    'or command_joints must say which of them it is')
        where = self.layout.find(_WHAT, names, self.layout.states)
        x = numbers_at(_WHAT, where, fields, self.layout.states)
        effort = [self._effort(where, fields, joint, field) for joint, field in self.layout.inputs]
        return Reading(stamp, seconds(stamp), x - self.state_offset,
                       np.array(effort) - self.input_offset)

    @staticmethod
    def _effort(where: dict[str, int], fields: Fields, joint: str, field: str) -> float:
        """Return the number of an input; NaN for a joint or a field that the robot leaves out."""
        if joint not in where or not len(fields[field]):
            return np.nan
        return float(numbers_at(_WHAT, where, fields, [(joint, field)])[0])

    def command(self, u: Array) -> list[float]:
        """Return the numbers of a command for inputs (m,), in the robot's order."""
        sent = u + self.input_offset
        return [float(sent[index]) for index in self.order]

    def unknown(self, x: Array) -> str:
        """Return which number of a state (n,) is none, as a sentence; '' for a finite state."""
        for (joint, field), number in zip(self.layout.states, x):
            if not np.isfinite(number):
                return (f'the {field} of the joint {joint!r} is {number}, must be a number: has '
                        f'the joint a state interface {field!r}?')
        return ''


def robot_joints(layout: JointLayout, config: DriverConfig) -> RobotJoints:
    """
    Return the :class:`RobotJoints` of a layout and a configuration.

    :raises ConfigurationError: for joints that are not those with an input, each once, a joint
        with two inputs, or offsets that are not as many as states or inputs.
    """
    named = () if config.command_joints == ('',) else config.command_joints
    if layout.any_name and named:
        layout = _renamed(layout, named)
    joints = [joint for joint, _ in layout.inputs]
    if len(set(joints)) != len(joints):
        raise ConfigurationError('system.description', joints, 'must have one input for each '
                                 'joint: a command of ros2_control has one number for each')
    ordered = named or tuple(joints)
    if sorted(ordered) != sorted(joints):
        raise ConfigurationError('command_joints', list(ordered), 'must be the joints that have '
                                 f'an input, each once, in the order of the robot: {joints}')
    return RobotJoints(layout, tuple(joints.index(joint) for joint in ordered),
                       _offset('state_offset', config.state_offset, len(layout.states)),
                       _offset('input_offset', config.input_offset, len(joints)))


def _renamed(layout: JointLayout, named: Sequence[str]) -> JointLayout:
    """Return the layout of a system whose only joint has any name, with the one given."""
    if len(named) != 1:
        raise ConfigurationError(
            'command_joints', list(named), 'must name the one joint of the double integrator')
    return JointLayout(tuple((named[0], field) for _, field in layout.states),
                       tuple((named[0], field) for _, field in layout.inputs))


def _offset(name: str, given: tuple[float, ...], count: int) -> Array:
    """Return an offset (count,); a single 0 stands for none."""
    if given == (0.0,):
        return frozen(np.zeros(count))
    if len(given) != count:
        raise ConfigurationError(name, list(given), f'must have {count} entries, or a single 0')
    return frozen(given)
