"""
What the stack's messages say. Malformed messages raise InvalidArrayError. No ROS.

A message is anything with the attributes of its type: rclpy delivered it, or it was read from a
bag.
"""

from dataclasses import dataclass

import numpy as np
from scpo_ros.arrays import checked
from scpo_ros.exceptions import InvalidArrayError
from scpo_ros.interface.acknowledgement import Acknowledgement
from scpo_ros.interface.policy_record import LARGEST_VERSION, PolicyRecord
from scpo_ros.interface.refusal import RefusalKind
from scpo_ros.scpo import Certificate


CERTIFICATE_NAMES = {  # field of Certificate: name in the message
    'kind': 'certificate.kind', 'coverage': 'certificate.coverage', 'g': 'certificate.g',
    'bound': 'certificate.bound', 'smoothness': 'certificate.smoothness',
    'margin': 'certificate.margin', 'theta_digest': 'certificate.theta_digest',
    'parent_digest': 'certificate.parent_digest', 'violation': 'certificate.violation',
    'duality_gap': 'certificate.duality_gap',
    'verification_size': 'certificate.verification_size',
    'verification_max': 'certificate.verification_max'}
POLICY_NAMES = {
    'theta': 'policy.theta', 'version': 'policy.version', 'parent': 'policy.parent',
    'digest': 'policy.digest', 'parent_digest': 'policy.parent_digest',
    'spec_digest': 'policy.spec_digest'}


def seconds(stamp):
    """Return a builtin_interfaces Time or Duration as a float [s]."""
    return stamp.sec + 1e-9 * stamp.nanosec


@dataclass(frozen=True)
class State:
    """A joint_states message."""

    stamp: object  # builtin_interfaces Time
    time: float  # [s]
    episode: int
    x: np.ndarray  # (2,), may hold non-finite entries: whoever acts on it checks
    applied: float


def _counts(text):
    """Return whether a text is a natural number of a sensible length."""
    return text.isdecimal() and len(text) < 19


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
    if kind != 'episode' or not _counts(number):
        raise InvalidArrayError('frame_id', message.header.frame_id, 'must read episode/N')
    stamp = message.header.stamp
    return State(stamp, seconds(stamp), int(number),
                 np.array([message.position[0], message.velocity[0]]), float(message.effort[0]))


# By rcl_interfaces/msg/ParameterType; no message of ours has values of other types.
_READ = {4: lambda v: v.string_value, 2: lambda v: int(v.integer_value),
         3: lambda v: float(v.double_value), 8: lambda v: np.array(v.double_array_value)}


@dataclass(frozen=True)
class Command:
    """A joint_command message."""

    time: float  # of the state that it answers [s]
    source: str  # which law acted
    version: int  # of the policy that ran
    u: float


def read_command(message):
    """
    Return the :class:`Command` of a JointState.

    :raises InvalidArrayError: unless it holds one effort and names its source and version.
    """
    if len(message.effort) != 1:
        raise InvalidArrayError('joint command', len(message.effort), 'must hold one effort')
    source, _, version = message.header.frame_id.partition('/')
    if not source or not _counts(version):
        raise InvalidArrayError('frame_id', message.header.frame_id, 'must read SOURCE/VERSION')
    return Command(
        seconds(message.header.stamp), source, int(version), float(message.effort[0]))


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


def identity_values(record):
    """Return {name: value} of a PolicyRecord without its certificate."""
    return {name: getattr(record, field) for field, name in POLICY_NAMES.items()}


def policy_values(record):
    """Return {name: value} of a :class:`~scpo_ros.interface.policy_record.PolicyRecord`."""
    values = identity_values(record)
    if record.certificate is not None:
        values.update({name: getattr(record.certificate, field)
                       for field, name in CERTIFICATE_NAMES.items()})
    return values


def read_policy(message):
    """
    Return the :class:`~scpo_ros.interface.policy_record.PolicyRecord` of a ParameterEvent.

    :raises InvalidArrayError: for a missing or wrongly typed value.
    """
    return policy_of(read_event(message))


def policy_of(values):
    """
    Return the :class:`~scpo_ros.interface.policy_record.PolicyRecord` of :func:`policy_values`.

    :raises InvalidArrayError: for a missing or wrongly typed value.
    """
    fields = {field: _typed(values, name, PolicyRecord, field)
              for field, name in POLICY_NAMES.items()}
    certificate = None
    if any(name.startswith('certificate.') for name in values):
        certificate = Certificate(**{
            field: _typed(values, name, Certificate, field)
            for field, name in CERTIFICATE_NAMES.items()})
    return PolicyRecord(**fields, certificate=certificate)


def _typed(values, name, kind, field):
    wanted = kind.__dataclass_fields__[field].type
    wanted = getattr(wanted, '__origin__', wanted)  # of an array's type the class
    item = values.get(name)
    if not isinstance(item, wanted):
        raise InvalidArrayError(name, item, f'must be there, of type {wanted.__name__}')
    return item


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
    end = seconds(message.header.stamp)
    if rows:
        end += seconds(message.points[-1].time_from_start)
    return end, table[:, :2], table[:, 2:]


def read_demonstration(message):
    """
    Return the name of the law, states (T, 2) and actions (T, 1) of a demonstration.

    :raises InvalidArrayError: as :func:`read_trajectory`.
    """
    return message.header.frame_id, *read_trajectory(message)[1:]


def read_active(message):
    """
    Return what a controller's active_policy says.

    :returns: an :class:`~scpo_ros.interface.acknowledgement.Acknowledgement`.

    :raises InvalidArrayError: for a missing or wrongly typed value, an unknown kind of refusal, or
        a version beyond the largest.
    """
    values = read_event(message)
    names = {'theta': 'policy.theta', 'version': 'policy.version', 'digest': 'policy.digest',
             'ready': 'ready.version', 'refused': 'refused.version',
             'refused_kind': 'refused.kind', 'refused_reason': 'refused.reason',
             'refusals': 'refused.count'}
    later = {'refused_x0': 'refused.x0', 'refused_w': 'refused.w',  # not in version 0.1
             'model_valid': 'model.valid', 'model_reason': 'model.reason',
             'claim_kind': 'claim.kind'}
    names.update({field: name for field, name in later.items() if name in values})
    values['refused.kind'] = _kind(values.get('refused.kind'))
    seen = Acknowledgement(**{
        field: _typed(values, name, Acknowledgement, field) for field, name in names.items()})
    for name, version in (('policy.version', seen.version), ('ready.version', seen.ready)):
        if not 0 <= version <= LARGEST_VERSION:
            raise InvalidArrayError(name, version, f'must be from 0 to {LARGEST_VERSION}')
    return seen


def _kind(word):
    try:
        return RefusalKind(word)
    except ValueError as error:
        raise InvalidArrayError(
            'refused.kind', word, f'must be one of {[kind.value for kind in RefusalKind]}'
        ) from error
