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

"""From values to ROS messages; the way back is in :mod:`scpo_ros.interface.messages`."""

from array import array
from collections.abc import Mapping, Sequence

from builtin_interfaces.msg import Duration, Time
import numpy as np
from rcl_interfaces.msg import Parameter, ParameterEvent, ParameterType, ParameterValue
from rclpy.qos import DurabilityPolicy, QoSProfile
from scpo_ros.arrays import Array
from scpo_ros.interface.joint_layout import JointLayout, SLIDER
from scpo_ros.interface.messages import (  # noqa: F401 - offered beside what they undo
    read_active, read_command, read_event, read_policy, read_state, read_trajectory, seconds,
    State)
from scpo_ros.interface.policy_codec import (  # noqa: F401
    identity_values, policy_values, Value)
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint


LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
# For a reader that needs every latched message, also when two come before the first is read.
LATCHED_QUEUE = QoSProfile(depth=16, durability=DurabilityPolicy.TRANSIENT_LOCAL)


def stamp_of(time_s: float) -> Time:
    """Return a time [s] as a builtin_interfaces Time."""
    nanoseconds = round(time_s * 1e9)
    return Time(sec=nanoseconds // 10**9, nanosec=nanoseconds % 10**9)


def _joint_state(stamp: Time, names: Sequence[str], fields: Mapping[str, list[float]]
                 ) -> JointState:
    message = JointState(name=list(names), **fields)
    message.header.stamp = stamp
    return message


def state_message(stamp: Time, episode: int, x: Array, applied: Array,
                  layout: JointLayout = SLIDER) -> JointState:
    """Return the JointState that the plant publishes. :param applied: (m,)."""
    message = _joint_state(stamp, layout.joints, layout.fields_of(layout.joints, x, applied))
    message.header.frame_id = f'episode/{episode}'
    return message


def command_message(stamp: Time, source: str, version: int, u: Array, joint: str = '',
                    layout: JointLayout = SLIDER) -> JointState:
    """
    Return the JointState that answers the state with the given stamp, for the same joints.

    :param u: (m,). :param joint: name of the only joint where any will do, '' for the layout's.
    """
    joints = layout.command_joints
    message = _joint_state(stamp, [joint] if joint and layout.any_name else joints,
                           layout.fields_of(joints, None, u))
    message.header.frame_id = f'{source}/{version}'
    return message


def _value(item: Value) -> ParameterValue:
    if isinstance(item, str):
        return ParameterValue(type=ParameterType.PARAMETER_STRING, string_value=item)
    if isinstance(item, (int, np.integer)):
        return ParameterValue(type=ParameterType.PARAMETER_INTEGER, integer_value=int(item))
    if isinstance(item, (float, np.floating)):
        return ParameterValue(type=ParameterType.PARAMETER_DOUBLE, double_value=float(item))
    return ParameterValue(type=ParameterType.PARAMETER_DOUBLE_ARRAY,
                          double_array_value=array('d', np.asarray(item, dtype=np.float64)))


def event_message(stamp: Time, node: str, values: Mapping[str, Value]) -> ParameterEvent:
    """Return a ParameterEvent with the given {name: value}: one atomic, typed message."""
    return ParameterEvent(stamp=stamp, node=node, changed_parameters=[
        Parameter(name=name, value=_value(item)) for name, item in values.items()])


def trajectory_message(stamp: Time, frame_id: str, times: Sequence[float] | Array, x: Array,
                       u: Array, layout: JointLayout = SLIDER) -> JointTrajectory:
    """
    Return a JointTrajectory of states and actions.

    :param times: (T,), seconds from the stamp. :param x: (T, n). :param u: (T, m).
    """
    message = JointTrajectory(joint_names=list(layout.joints))
    message.header.stamp, message.header.frame_id = stamp, frame_id
    for t, state, action in zip(times, x, u):
        at, fields = stamp_of(max(t, 0.0)), layout.fields_of(layout.joints, state, action)
        message.points.append(JointTrajectoryPoint(
            positions=fields['position'], velocities=fields['velocity'], effort=fields['effort'],
            time_from_start=Duration(sec=at.sec, nanosec=at.nanosec)))
    return message
