"""From the core's values to messages; the way back is in :mod:`scpo_ros.interface.messages`."""

from array import array

from builtin_interfaces.msg import Duration, Time
import numpy as np
from rcl_interfaces.msg import Parameter, ParameterEvent, ParameterType, ParameterValue
from rclpy.qos import DurabilityPolicy, QoSProfile
from scpo_ros.interface.messages import (  # noqa: F401 - offered beside what they undo
    identity_values, policy_values, read_active, read_command, read_event, read_policy, read_state,
    read_trajectory, seconds, State)
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint


JOINT = 'slider'
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
# For who must hear every latched message, also when two come before the first is read.
LATCHED_QUEUE = QoSProfile(depth=16, durability=DurabilityPolicy.TRANSIENT_LOCAL)


def stamp_of(time_s):
    """Return a time [s] as a builtin_interfaces Time."""
    nanoseconds = round(time_s * 1e9)
    return Time(sec=nanoseconds // 10**9, nanosec=nanoseconds % 10**9)


def state_message(stamp, episode, x, applied):
    """Return the JointState that the plant publishes."""
    message = JointState(name=[JOINT], position=[float(x[0])], velocity=[float(x[1])],
                         effort=[float(applied)])
    message.header.stamp = stamp
    message.header.frame_id = f'episode/{episode}'
    return message


def command_message(stamp, source, version, u):
    """Return the JointState that answers the state with the given stamp."""
    message = JointState(name=[JOINT], effort=[float(u)])
    message.header.stamp = stamp
    message.header.frame_id = f'{source}/{version}'
    return message


def _value(item):
    if isinstance(item, str):
        return ParameterValue(type=ParameterType.PARAMETER_STRING, string_value=item)
    if isinstance(item, (int, np.integer)):
        return ParameterValue(type=ParameterType.PARAMETER_INTEGER, integer_value=int(item))
    if isinstance(item, (float, np.floating)):
        return ParameterValue(type=ParameterType.PARAMETER_DOUBLE, double_value=float(item))
    return ParameterValue(type=ParameterType.PARAMETER_DOUBLE_ARRAY,
                          double_array_value=array('d', np.asarray(item, dtype=np.float64)))


def event_message(stamp, node, values):
    """Return a ParameterEvent with the given {name: value}: one atomic, typed message."""
    return ParameterEvent(stamp=stamp, node=node, changed_parameters=[
        Parameter(name=name, value=_value(item)) for name, item in values.items()])


def trajectory_message(stamp, frame_id, times, x, u):
    """
    Return a JointTrajectory of states and actions.

    :param times: (T,), seconds from the stamp. :param x: (T, 2). :param u: (T,).
    """
    message = JointTrajectory(joint_names=[JOINT])
    message.header.stamp, message.header.frame_id = stamp, frame_id
    for t, (p, v), effort in zip(times, x, u):
        at = stamp_of(max(t, 0.0))
        message.points.append(JointTrajectoryPoint(
            positions=[float(p)], velocities=[float(v)], effort=[float(effort)],
            time_from_start=Duration(sec=at.sec, nanosec=at.nanosec)))
    return message
