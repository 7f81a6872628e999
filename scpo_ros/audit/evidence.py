"""What a bag holds of one namespace, read and put in order; what cannot be read is a finding."""

from dataclasses import dataclass, field

import numpy as np
from scpo_ros.exceptions import InvalidArrayError
from scpo_ros.interface.messages import (
    read_active, read_command, read_policy, read_state, read_trajectory, seconds)


_DELIVERY_S = 0.05  # what takes longer from its stamp to the recorder was latched [s]


@dataclass(frozen=True)
class Finding:
    """Something that does not hold."""

    time: float  # of the message, seconds after the bag's first one
    topic: str
    sentence: str


@dataclass(frozen=True)
class Seen:
    """A message and what it says."""

    time: float  # of its recording, seconds after the bag's first message
    topic: str
    value: object
    stamp: float  # that the message carries [s], NaN without one
    clock: float  # what the clock of the stamps showed when it was recorded [s]
    raw: bytes


@dataclass
class Evidence:
    """What was recorded of one namespace."""

    namespace: str
    began: float  # when the recording began, on the clock of the stamps [s]
    states: list = field(default_factory=list)  # Seen State; repetitions left out
    commands: list = field(default_factory=list)  # Seen Command; repetitions left out
    policies: list = field(default_factory=list)  # Seen PolicyRecord
    actives: list = field(default_factory=list)  # Seen (Acknowledgement, PolicyRecord)
    rollouts: list = field(default_factory=list)  # Seen (first time, states, inputs)
    misses: list = field(default_factory=list)  # Seen total of missed deadlines
    versions: list = field(default_factory=list)  # Seen version, that the adapter says
    violations: list = field(default_factory=list)  # Seen total of limit violations
    findings: list = field(default_factory=list)  # malformed messages

    def __post_init__(self):
        """Index the states."""
        self.by_time = {}  # {stamp of a state: Seen}

    @property
    def late(self):
        """
        Return whether policies were published before the recorder heard them.

        Then the first one is a latched message: older than the recording, or than its own arrival.
        """
        if not self.policies:
            return False
        first = self.policies[0]
        return first.stamp < max(self.began - 1e-6, first.clock - _DELIVERY_S)

    def topic(self, name):
        """Return the full name of a topic."""
        return self.namespace + name


def _read_active(message):
    return read_active(message), read_policy(message)


def _read_rollout(message):
    _, states, inputs = read_trajectory(message)
    return states, inputs


def _read_number(message):
    if not np.isfinite(message.data):
        raise InvalidArrayError('the number', message.data, 'must be finite')
    return float(message.data)


# What is read, by topic: how, and the list it joins; other metrics must be finite too.
_TOPICS = {
    'joint_states': (read_state, 'states'), 'joint_command': (read_command, 'commands'),
    'policy': (read_policy, 'policies'), 'controller/active_policy': (_read_active, 'actives'),
    'adapter/rollouts': (_read_rollout, 'rollouts'),
    'plant/metrics/deadline_misses': (_read_number, 'misses'),
    'plant/metrics/limit_violations': (_read_number, 'violations'),
    'adapter/metrics/policy_version': (_read_number, 'versions')}
_METRICS = tuple(f'{node}/metrics/' for node in ('plant', 'controller', 'adapter'))
_NUMBER = 'std_msgs/msg/Float64'


def gather(bag, namespace):
    """Return the :class:`Evidence` of one namespace (with slashes around it) of a bag."""
    clock = next((seconds(m.message.clock) for m in bag.messages if m.topic == '/clock'), None)
    simulated = clock is not None
    evidence = Evidence(namespace, clock if simulated else bag.start)
    for item in bag.messages:
        if item.topic == '/clock':
            clock = seconds(item.message.clock)
        now = clock if simulated else bag.start + item.time
        if item.topic.startswith(namespace):
            name = item.topic.removeprefix(namespace)
            if name in _TOPICS:
                _take(evidence, item, now, *_TOPICS[name])
            elif name.startswith(_METRICS) and bag.types[item.topic] == _NUMBER:
                _take(evidence, item, now, _read_number, None)
    return evidence


def _take(evidence, item, now, read, name):
    message = item.message
    try:
        value = read(message)
        _require_finite(value, name)
    except InvalidArrayError as error:
        evidence.findings.append(Finding(item.time, item.topic, f'malformed: {error}'))
        return
    seen = Seen(item.time, item.topic, value, _stamp(message), now, item.raw)
    if name == 'states':
        _take_state(evidence, seen)
    elif name == 'commands':
        _take_command(evidence, seen)
    elif name is not None:
        getattr(evidence, name).append(seen)


def _require_finite(value, name):
    numbers = {'states': lambda: [*value.x, value.applied], 'commands': lambda: [value.u]}
    if name in numbers and not np.all(np.isfinite(numbers[name]())):
        raise InvalidArrayError('the numbers', numbers[name](), 'must be finite')


def _stamp(message):
    carrier = getattr(message, 'header', message)
    return seconds(carrier.stamp) if hasattr(carrier, 'stamp') else np.nan


def _take_state(evidence, seen):
    """Add a state, unless the plant repeated it while it waited."""
    before = evidence.by_time.get(seen.stamp)
    if before is None:
        evidence.by_time[seen.stamp] = seen
        evidence.states.append(seen)
    elif before.raw != seen.raw:
        evidence.findings.append(Finding(
            seen.time, seen.topic, f'another state carries the same stamp {seen.stamp:.9f}'))


def _take_command(evidence, seen):
    """Add a command, unless the controller repeated it because the state came again."""
    before = next((c for c in reversed(evidence.commands[-20:]) if c.stamp == seen.stamp), None)
    if before is None:
        evidence.commands.append(seen)
    elif before.raw != seen.raw:
        evidence.findings.append(Finding(
            seen.time, seen.topic, f'another command answers the state of {seen.stamp:.9f}'))
