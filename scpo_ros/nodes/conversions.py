"""Between messages and the core's values. Malformed messages raise InvalidArrayError."""

from array import array
from dataclasses import dataclass

from builtin_interfaces.msg import Duration, Time
import numpy as np
from rcl_interfaces.msg import Parameter, ParameterEvent, ParameterType, ParameterValue
from rclpy.qos import DurabilityPolicy, QoSProfile
from scpo_ros.arrays import checked
from scpo_ros.exceptions import InvalidArrayError
from scpo_ros.policy_record import PolicyRecord
from scpo_ros.scpo import Certificate
from scpo_ros.session import Acknowledgement
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint


JOINT = 'slider'
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
_CERTIFICATE = {  # field of Certificate: name in the message
    'kind': 'certificate.kind', 'coverage': 'certificate.coverage', 'g': 'certificate.g',
    'bound': 'certificate.bound', 'smoothness': 'certificate.smoothness',
    'margin': 'certificate.margin', 'theta_digest': 'certificate.theta_digest',
    'parent_digest': 'certificate.parent_digest', 'violation': 'certificate.violation',
    'duality_gap': 'certificate.duality_gap',
    'verification_size': 'certificate.verification_size',
    'verification_max': 'certificate.verification_max'}
_POLICY = {
    'theta': 'policy.theta', 'version': 'policy.version', 'parent': 'policy.parent',
    'digest': 'policy.digest', 'parent_digest': 'policy.parent_digest',
    'spec_digest': 'policy.spec_digest'}


def seconds(stamp):
    """Return a builtin_interfaces Time as a float [s]."""
    return stamp.sec + 1e-9 * stamp.nanosec


def stamp_of(time_s):
    """Return a time [s] as a builtin_interfaces Time."""
    nanoseconds = round(time_s * 1e9)
    return Time(sec=nanoseconds // 10**9, nanosec=nanoseconds % 10**9)


@dataclass(frozen=True)
class State:
    """A joint_states message."""

    stamp: Time
    time: float  # [s]
    episode: int
    x: np.ndarray  # (2,), may hold non-finite entries: whoever acts on it checks
    applied: float


def state_message(stamp, episode, x, applied):
    """Return the JointState that the plant publishes."""
    message = JointState(name=[JOINT], position=[float(x[0])], velocity=[float(x[1])],
                         effort=[float(applied)])
    message.header.stamp = stamp
    message.header.frame_id = f'episode/{episode}'
    return message


def read_state(message):
    """
    Return the :class:`State` of a JointState.

    :raises InvalidArrayError: unless there is one joint, with one number each and an episode.
    """
    sizes = (len(message.position), len(message.velocity), len(message.effort))
    if sizes != (1, 1, 1):
        raise InvalidArrayError('joint state', sizes,
                                'must hold one position, one velocity and one effort')
    kind, _, number = message.header.frame_id.partition('/')
    if kind != 'episode' or not number.isdigit():
        raise InvalidArrayError('frame_id', message.header.frame_id, 'must read episode/N')
    stamp = message.header.stamp
    return State(stamp, seconds(stamp), int(number),
                 np.array([message.position[0], message.velocity[0]]), message.effort[0])


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


_READ = {ParameterType.PARAMETER_STRING: lambda v: v.string_value,
         ParameterType.PARAMETER_INTEGER: lambda v: v.integer_value,
         ParameterType.PARAMETER_DOUBLE: lambda v: v.double_value,
         ParameterType.PARAMETER_DOUBLE_ARRAY: lambda v: np.array(v.double_array_value)}


def event_message(stamp, node, values):
    """Return a ParameterEvent with the given {name: value}: one atomic, typed message."""
    return ParameterEvent(stamp=stamp, node=node, changed_parameters=[
        Parameter(name=name, value=_value(item)) for name, item in values.items()])


def read_event(message):
    """
    Return {name: value} of a ParameterEvent.

    :raises InvalidArrayError: for a type that no message of ours has, or a name given twice.
    """
    values = {}
    for parameter in message.changed_parameters:
        if parameter.value.type not in _READ or parameter.name in values:
            raise InvalidArrayError(parameter.name, parameter.value.type,
                                    'must be a string, integer, double or double array, once')
        values[parameter.name] = _READ[parameter.value.type](parameter.value)
    return values


def policy_values(record):
    """Return {name: value} of a :class:`~scpo_ros.policy_record.PolicyRecord`."""
    values = {name: getattr(record, field) for field, name in _POLICY.items()}
    if record.certificate is not None:
        values.update({name: getattr(record.certificate, field)
                       for field, name in _CERTIFICATE.items()})
    return values


def read_policy(message):
    """
    Return the :class:`~scpo_ros.policy_record.PolicyRecord` of a ParameterEvent.

    :raises InvalidArrayError: for a missing or wrongly typed value.
    """
    values = read_event(message)
    fields = {field: _typed(values, name, PolicyRecord, field)
              for field, name in _POLICY.items()}
    certificate = None
    if any(name.startswith('certificate.') for name in values):
        certificate = Certificate(**{
            field: _typed(values, name, Certificate, field)
            for field, name in _CERTIFICATE.items()})
    return PolicyRecord(**fields, certificate=certificate)


def _typed(values, name, kind, field):
    wanted = kind.__dataclass_fields__[field].type
    item = values.get(name)
    if not isinstance(item, wanted):
        raise InvalidArrayError(name, item, f'must be there, of type {wanted.__name__}')
    return item


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


def read_trajectory(message):
    """
    Return the time of the last point [s], states (T, 2) and actions (T, 1).

    :raises InvalidArrayError: for points of wrong size or with non-finite numbers.
    """
    rows = []
    for point in message.points:
        sizes = (len(point.positions), len(point.velocities), len(point.effort))
        if sizes != (1, 1, 1):
            raise InvalidArrayError('trajectory point', sizes,
                                    'must hold one position, one velocity and one effort')
        rows.append([point.positions[0], point.velocities[0], point.effort[0]])
    table = checked('trajectory', np.array(rows).reshape(-1, 3), (None, 3))
    last = message.points[-1].time_from_start if rows else Duration()
    end = seconds(message.header.stamp) + last.sec + 1e-9 * last.nanosec
    return end, table[:, :2], table[:, 2:]


def read_active(message):
    """
    Return the :class:`~scpo_ros.session.Acknowledgement` of a controller's active_policy.

    :raises InvalidArrayError: for a missing or wrongly typed value.
    """
    values = read_event(message)
    names = {'theta': 'policy.theta', 'version': 'policy.version', 'digest': 'policy.digest',
             'ready': 'ready.version', 'refused': 'refused.version',
             'refused_kind': 'refused.kind', 'refused_reason': 'refused.reason',
             'refusals': 'refused.count'}
    return Acknowledgement(**{
        field: _typed(values, name, Acknowledgement, field) for field, name in names.items()})
