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

"""The messages of one robot in a bag, read and in order; a malformed one is a finding."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.exceptions import InvalidArrayError
from scpo_ros.interface.acknowledgement import Acknowledgement
from scpo_ros.interface.joint_layout import JointLayout
from scpo_ros.interface.messages import (
    Command, read_active, read_command, read_policy, read_state, read_trajectory, seconds, State)
from scpo_ros.interface.policy_record import PolicyRecord
from scpo_ros.recording.bag import Bag, Recorded
from scpo_ros.recording.robots import Robot


_DELIVERY_S = 0.05  # a message that takes longer from its stamp to the recorder was latched [s]
_REPEATED = 20  # newest commands among which a repetition is looked for

T = TypeVar('T')


@dataclass(frozen=True)
class Finding:
    """A message that shows that something does not hold, and a sentence that says what."""

    time: float  # of the message, seconds after the bag's first one
    topic: str
    sentence: str


@dataclass(frozen=True)
class Seen(Generic[T]):
    """A recorded message and the value that was read from it."""

    time: float  # of its recording, seconds after the bag's first message
    topic: str
    value: T
    stamp: float  # that the message carries [s], NaN without one
    clock: float  # time of its recording, on the clock of the stamps [s]
    raw: bytes

    def finding(self, sentence: str) -> Finding:
        """Return the finding that this message shows."""
        return Finding(self.time, self.topic, sentence)


class Running(NamedTuple):
    """The controller's word on the policy that runs, as a message carries it."""

    said: Acknowledgement
    policy: PolicyRecord


class Rollout(NamedTuple):
    """A rollout that the adapter collected."""

    states: Array  # (k, n)
    inputs: Array  # (k, m)


@dataclass
class Evidence:
    """The messages of one robot, by topic, in the order of recording."""

    robot: Robot
    began: float  # when the recording began, on the clock of the stamps [s]
    states: list[Seen[State]] = field(default_factory=list)  # repetitions left out
    by_time: dict[float, Seen[State]] = field(default_factory=dict)  # the same, by their stamp
    commands: list[Seen[Command]] = field(default_factory=list)  # repetitions left out
    policies: list[Seen[PolicyRecord]] = field(default_factory=list)
    actives: list[Seen[Running]] = field(default_factory=list)
    rollouts: list[Seen[Rollout]] = field(default_factory=list)
    misses: list[Seen[float]] = field(default_factory=list)  # total of missed deadlines
    versions: list[Seen[float]] = field(default_factory=list)  # newest version of the adapter
    violations: list[Seen[float]] = field(default_factory=list)  # total of limit violations
    findings: list[Finding] = field(default_factory=list)  # malformed messages

    @property
    def late(self) -> bool:
        """
        Return whether policies were published before the recorder heard them.

        Then the first one is a latched message: older than the recording, or than its own arrival.
        """
        if not self.policies:
            return False
        first = self.policies[0]
        return first.stamp < max(self.began - 1e-6, first.clock - _DELIVERY_S)

    def topic(self, name: str) -> str:
        """Return the topic that carries a name of the stack."""
        return self.robot.topic(name)

    def add_state(self, seen: Seen[State]) -> None:
        """Add a state, unless the plant repeated it while it waited."""
        before = self.by_time.get(seen.stamp)
        if before is None:
            self.by_time[seen.stamp] = seen
            self.states.append(seen)
        elif before.raw != seen.raw:
            self.findings.append(seen.finding(
                f'another state carries the same stamp {seen.stamp:.9f}'))

    def add_command(self, seen: Seen[Command]) -> None:
        """Add a command, unless the controller repeated it because the state came again."""
        recent = reversed(self.commands[-_REPEATED:])
        before = next((command for command in recent if command.stamp == seen.stamp), None)
        if before is None:
            self.commands.append(seen)
        elif before.raw != seen.raw:
            self.findings.append(seen.finding(
                f'another command answers the state of {seen.stamp:.9f}'))


def _read_finite_state(message: Any, layout: JointLayout) -> State:
    state: State = read_state(message, layout)
    _require_finite([*state.x, *np.where(np.isnan(state.applied), 0.0, state.applied)])
    return state


def _read_finite_command(message: Any, layout: JointLayout) -> Command:
    command: Command = read_command(message, layout)
    _require_finite([*command.u])
    return command


def _require_finite(numbers: list[float]) -> None:
    """Raise InvalidArrayError for numbers that are not all finite."""
    if not np.all(np.isfinite(numbers)):
        raise InvalidArrayError('the numbers', numbers, 'must be finite')


def _read_running(message: Any) -> Running:
    return Running(read_active(message), read_policy(message))


def _read_rollout(message: Any, layout: JointLayout) -> Rollout:
    _, states, inputs = read_trajectory(message, layout)
    return Rollout(states, inputs)


def _read_number(message: Any) -> float:
    if not np.isfinite(message.data):
        raise InvalidArrayError('the number', message.data, 'must be finite')
    return float(message.data)


_Taker = Callable[[Evidence, Recorded, float], None]


def _taker(read: Callable[[Any], T], add: Callable[[Evidence, Seen[T]], None]) -> _Taker:
    """
    Return the function that takes a message into the evidence, or notes that it is malformed.

    :param read: message -> value; raises InvalidArrayError. :param add: where the value goes.
    """
    def take(evidence: Evidence, item: Recorded, now: float) -> None:
        message = item.message
        try:
            value = read(message)
        except InvalidArrayError as error:
            evidence.findings.append(Finding(item.time, item.topic, f'malformed: {error}'))
            return
        add(evidence, Seen(item.time, item.topic, value, _stamp(message), now, item.raw))

    return take


def _stamp(message: Any) -> float:
    """Return the stamp of a message [s], NaN without one."""
    carrier = getattr(message, 'header', message)
    return seconds(carrier.stamp) if hasattr(carrier, 'stamp') else float('nan')


_TAKERS = {
    'policy': _taker(read_policy, lambda evidence, seen: evidence.policies.append(seen)),
    'controller/active_policy':
        _taker(_read_running, lambda evidence, seen: evidence.actives.append(seen)),
    'plant/metrics/deadline_misses':
        _taker(_read_number, lambda evidence, seen: evidence.misses.append(seen)),
    'plant/metrics/limit_violations':
        _taker(_read_number, lambda evidence, seen: evidence.violations.append(seen)),
    'adapter/metrics/policy_version':
        _taker(_read_number, lambda evidence, seen: evidence.versions.append(seen))}
_METRICS = tuple(f'{node}/metrics/' for node in ('plant', 'controller', 'adapter'))
_NUMBER = 'std_msgs/msg/Float64'
_take_other_metric = _taker(_read_number, lambda evidence, seen: None)  # must be finite too


def _of_joints(layout: JointLayout) -> dict[str, _Taker]:
    """Return the takers of the messages that name joints."""
    return {
        'joint_states': _taker(
            lambda message: _read_finite_state(message, layout), Evidence.add_state),
        'joint_command': _taker(
            lambda message: _read_finite_command(message, layout), Evidence.add_command),
        'adapter/rollouts': _taker(
            lambda message: _read_rollout(message, layout),
            lambda evidence, seen: evidence.rollouts.append(seen))}


def gather(bag: Bag, robot: Robot, layout: JointLayout) -> Evidence:
    """
    Return the :class:`Evidence` of one robot of a bag.

    :param layout: where states and inputs stand in its messages.
    """
    takers = {**_TAKERS, **_of_joints(layout)}
    clock = next((seconds(m.message.clock) for m in bag.messages if _is_clock(m)), None)
    evidence = Evidence(robot, bag.start if clock is None else clock)
    evidence.findings += [Finding(0.0, *found) for found in robot.mistyped(bag)]
    for item in bag.messages:
        if _is_clock(item):
            clock = seconds(item.message.clock)
        now = bag.start + item.time if clock is None else clock
        name = robot.reads(item)
        if name in takers:
            takers[name](evidence, item, now)
        elif name is not None and name.startswith(_METRICS) and item.kind == _NUMBER:
            _take_other_metric(evidence, item, now)
    return evidence


def _is_clock(item: Recorded) -> bool:
    return item.topic == '/clock' and item.kind == 'rosgraph_msgs/msg/Clock'
