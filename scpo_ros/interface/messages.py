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
What the stack's messages say. Malformed messages raise InvalidArrayError. No ROS.

A message is anything with the attributes of its type: rclpy delivered it, or it was read from a
bag.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scpo_ros.arrays import Array, checked, frozen
from scpo_ros.exceptions import InvalidArrayError
from scpo_ros.interface.acknowledgement import Acknowledgement
from scpo_ros.interface.joint_layout import JointLayout, numbers_at, SLIDER
from scpo_ros.interface.policy_codec import (
    integer, policy_of, text, Value, Values, vector)
from scpo_ros.interface.policy_record import LARGEST_VERSION, PolicyRecord
from scpo_ros.interface.refusal import RefusalKind
from scpo_ros.interface.ros_types import (
    EventMessage, JointStateMessage, ParameterValue, Stamp, TrajectoryMessage)
from scpo_ros.interface.size_limits import (
    checked_size, LONGEST_NAME, LONGEST_TEXT, LONGEST_TRAJECTORY, MOST_VALUES, SizeLimits)


def seconds(stamp: Stamp) -> float:
    """Return a builtin_interfaces Time or Duration as a float [s]."""
    return stamp.sec + 1e-9 * stamp.nanosec


@dataclass(frozen=True, eq=False)
class State:
    """A joint_states message."""

    stamp: Stamp
    time: float  # [s]
    episode: int
    x: Array  # (n,), may hold non-finite entries: the reader checks before acting on it
    applied: Array  # (m,), input over the step that led here; as x
    joint: str = ''  # name of the only joint, which the answer repeats; '' where names are fixed

    def __post_init__(self) -> None:
        """Freeze the arrays."""
        object.__setattr__(self, 'x', frozen(self.x))
        object.__setattr__(self, 'applied', frozen(self.applied))


def _counts(word: str) -> bool:
    """Return whether a word is a natural number of a sensible length."""
    return word.isdecimal() and len(word) < 19


def _fields(message: JointStateMessage) -> dict[str, Sequence[float]]:
    return {'position': message.position, 'velocity': message.velocity, 'effort': message.effort}


def read_state(message: JointStateMessage, layout: JointLayout = SLIDER) -> State:
    """
    Return the :class:`State` of a JointState.

    :param layout: where states and applied inputs stand in it.
    :raises InvalidArrayError: unless the joints of the layout are there, with a number in each of
        their fields, and an episode.
    """
    names, header, n = message.name, message.header, len(layout.states)
    checked_size('frame_id', len(header.frame_id), LONGEST_NAME, 'characters')
    numbers = layout.read('joint state', names, _fields(message), layout.state_places)
    kind, _, number = header.frame_id.partition('/')
    if kind != 'episode' or not _counts(number):
        raise InvalidArrayError('frame_id', header.frame_id, 'must read episode/N')
    return State(header.stamp, seconds(header.stamp), int(number), numbers[:n], numbers[n:],
                 ''.join(names) if layout.any_name else '')


@dataclass(frozen=True, eq=False)
class Command:
    """A joint_command message."""

    time: float  # of the state that it answers [s]
    source: str  # which law acted
    version: int  # of the policy that ran
    u: Array  # (m,), may hold non-finite entries

    def __post_init__(self) -> None:
        """Freeze the input."""
        object.__setattr__(self, 'u', frozen(self.u))


def read_inputs(message: JointStateMessage, layout: JointLayout = SLIDER) -> Array:
    """
    Return the inputs (m,) that a JointState commands; they may be NaN.

    :raises InvalidArrayError: unless the joints of the layout are there, with a number each.
    """
    return layout.read('joint command', message.name, _fields(message), layout.inputs)


def read_command(message: JointStateMessage, layout: JointLayout = SLIDER) -> Command:
    """
    Return the :class:`Command` of a JointState.

    :raises InvalidArrayError: as :func:`read_inputs`, and unless it names its source and version.
    """
    u = read_inputs(message, layout)
    checked_size('frame_id', len(message.header.frame_id), LONGEST_NAME, 'characters')
    source, _, version = message.header.frame_id.partition('/')
    if not source or not _counts(version):
        raise InvalidArrayError('frame_id', message.header.frame_id, 'must read SOURCE/VERSION')
    return Command(seconds(message.header.stamp), source, int(version), u)


_ONE_OF = 'must be a string, integer, double or double array, once'


def _value(name: str, value: ParameterValue, limits: SizeLimits | None) -> Value:
    """Return what a parameter holds, by the numbers of rcl_interfaces/ParameterType."""
    if value.type == 2:
        return int(value.integer_value)
    if value.type == 3:
        return float(value.double_value)
    if value.type == 4:
        checked_size(name, len(value.string_value), LONGEST_TEXT, 'characters')
        return value.string_value
    if value.type == 8:
        if limits is not None:
            checked_size(name, len(value.double_array_value), limits.entries_of(name), 'numbers')
        return np.array(value.double_array_value)
    raise InvalidArrayError(name, value.type, _ONE_OF)


def read_event(message: EventMessage, limits: SizeLimits | None = None) -> dict[str, Value]:
    """
    Return {name: value} of a ParameterEvent.

    :param limits: of the reader's specification; None for what was within them when it was kept.
    :raises InvalidArrayError: for a type that no message of the stack has, a name given twice, or
        what is too large.
    """
    checked_size('changed_parameters', len(message.changed_parameters), MOST_VALUES, 'values')
    values: dict[str, Value] = {}
    for parameter in message.changed_parameters:
        if parameter.name in values:
            raise InvalidArrayError(parameter.name, parameter.value.type, _ONE_OF)
        checked_size('a name', len(parameter.name), LONGEST_NAME, 'characters')
        values[parameter.name] = _value(parameter.name, parameter.value, limits)
    return values


def read_policy(message: EventMessage, limits: SizeLimits | None = None) -> PolicyRecord:
    """
    Return the :class:`~scpo_ros.interface.policy_record.PolicyRecord` of a ParameterEvent.

    :param limits: as in :func:`read_event`.
    :raises InvalidArrayError: for a missing, wrongly typed or too large value.
    """
    return policy_of(read_event(message, limits))


def read_trajectory(message: TrajectoryMessage, layout: JointLayout = SLIDER
                    ) -> tuple[float, Array, Array]:
    """
    Return the time of the last point [s], states (T, n) and actions (T, m).

    :param layout: where states and inputs stand in each point.

    :raises InvalidArrayError: for points of wrong size or with non-finite numbers.
    """
    checked_size('frame_id', len(message.header.frame_id), LONGEST_NAME, 'characters')
    checked_size('trajectory', len(message.points), LONGEST_TRAJECTORY, 'points')
    rows, places, n = [], layout.state_places, len(layout.states)
    where = layout.find('trajectory', message.joint_names, places)
    for point in message.points:
        fields = {'position': point.positions, 'velocity': point.velocities,
                  'effort': point.effort}
        rows.append(numbers_at('trajectory point', where, fields, places))
    table = checked('trajectory', np.reshape(rows, (-1, len(places))), (None, len(places)))
    end = seconds(message.header.stamp)
    if rows:
        end += seconds(message.points[-1].time_from_start)
    return end, table[:, :n], table[:, n:]


def read_demonstration(message: TrajectoryMessage, layout: JointLayout = SLIDER
                       ) -> tuple[str, Array, Array]:
    """
    Return the name of the law, states (T, n) and actions (T, m) of a demonstration.

    :raises InvalidArrayError: as :func:`read_trajectory`.
    """
    _, x, u = read_trajectory(message, layout)
    return message.header.frame_id, x, u


def read_active(message: EventMessage, limits: SizeLimits | None = None) -> Acknowledgement:
    """
    Return what a controller's active_policy says.

    :param limits: as in :func:`read_event`.
    :raises InvalidArrayError: for a missing or wrongly typed value, an unknown kind of refusal, or
        a version beyond the largest.
    """
    values = {**_NOT_IN_VERSION_0_1, **read_event(message, limits)}
    seen = Acknowledgement(
        vector(values, 'policy.theta'), integer(values, 'policy.version'),
        text(values, 'policy.digest'), integer(values, 'ready.version'),
        integer(values, 'refused.version'), _kind(values), text(values, 'refused.reason'),
        integer(values, 'refused.count'), vector(values, 'refused.x0'),
        vector(values, 'refused.w'), integer(values, 'model.valid'),
        text(values, 'model.reason'), text(values, 'claim.kind'))
    for name, version in (('policy.version', seen.version), ('ready.version', seen.ready)):
        if not 0 <= version <= LARGEST_VERSION:
            raise InvalidArrayError(name, version, f'must be from 0 to {LARGEST_VERSION}')
    return seen


_NOT_IN_VERSION_0_1: Values = {
    'refused.x0': frozen(()), 'refused.w': frozen(()), 'model.valid': 1, 'model.reason': '',
    'claim.kind': ''}


def _kind(values: Values) -> RefusalKind:
    word = text(values, 'refused.kind')
    try:
        return RefusalKind(word)
    except ValueError as error:
        raise InvalidArrayError(
            'refused.kind', word, f'must be one of {[kind.value for kind in RefusalKind]}'
        ) from error
