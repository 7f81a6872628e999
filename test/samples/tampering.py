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

"""Kinds of tampering with a recorded run: each returns other entries than it was given."""

from dataclasses import dataclass, replace

import numpy as np
from recorded_run import parameter, stamp
from scpo_ros.arrays import digest
from scpo_ros.recording.bag import TYPES


POLICY, ACTIVE = '/scpo/policy', '/scpo/controller/active_policy'
STATES, COMMANDS = '/scpo/joint_states', '/scpo/joint_command'


@dataclass(frozen=True)
class Tampering:
    """What is done, where it must be found, and a part of the sentence."""

    name: str
    apply: object  # entries -> entries
    topic: str
    part: str


def value(entry, name):
    """Return a value of a ParameterEvent."""
    found = next(p.value for p in entry.message.changed_parameters if p.name == name)
    return {2: found.integer_value, 3: found.double_value, 4: found.string_value,
            8: found.double_array_value}[found.type]


def indices(entries, topic, **wanted):
    """Return where the messages of a topic are that have the wanted values."""
    return [i for i, entry in enumerate(entries) if entry.topic == topic and all(
        value(entry, name.replace('__', '.')) == item for name, item in wanted.items())]


def altered(entries, index, change):
    """Return the entries with change(message) done to a copy of one message."""
    entry = entries[index]
    message = TYPES.deserialize_cdr(TYPES.serialize_cdr(entry.message, entry.kind), entry.kind)
    change(message)
    return (*entries[:index], replace(entry, message=message), *entries[index + 1:])


def setting(name, make):
    """Return the change that replaces a value of a ParameterEvent by make(value)."""
    def change(message):
        for place, item in enumerate(message.changed_parameters):
            if item.name == name:
                old = {2: item.value.integer_value, 3: item.value.double_value,
                       4: item.value.string_value,
                       8: np.array(item.value.double_array_value)}[item.value.type]
                message.changed_parameters[place] = parameter(name, make(old))
    return change


def policy(name, make, version=4, topic=POLICY):
    """Return the tampering that alters one value of one policy."""
    return lambda entries: altered(
        entries, indices(entries, topic, policy__version=version)[0], setting(name, make))


def field(topic, name, make, index=20):
    """Return the tampering that alters an array of the n-th message of a topic."""
    def change(message):
        setattr(message, name, make(np.array(getattr(message, name))))
    return lambda entries: altered(entries, indices(entries, topic)[index], change)


def header(topic, make, index=20):
    """Return the tampering that alters the frame of the n-th message of a topic."""
    def change(message):
        message.header.frame_id = make(message.header.frame_id)
    return lambda entries: altered(entries, indices(entries, topic)[index], change)


def dropped(topic, index=0, **wanted):
    """Return the tampering that leaves out a message."""
    def apply(entries):
        at = indices(entries, topic, **wanted)[index]
        return (*entries[:at], *entries[at + 1:])
    return apply


def silenced(topic):
    """Return the tampering that leaves out a topic."""
    return lambda entries: tuple(entry for entry in entries if entry.topic != topic)


def swapped(entries, first=6, second=7):
    """Exchange the contents of two policy messages."""
    a, b = (indices(entries, POLICY, policy__version=v)[0] for v in (first, second))
    found = list(entries)
    found[a], found[b] = (replace(entries[a], message=entries[b].message),
                          replace(entries[b], message=entries[a].message))
    return tuple(found)


def forged(entries, version, make, topics):
    """Replace the weights of a version, with digests that fit, wherever it is named."""
    theta = make(np.array(value(
        entries[indices(entries, POLICY, policy__version=version)[0]], 'policy.theta')))
    for topic in topics:
        for index in indices(entries, topic, policy__version=version):
            for name, item in (('policy.theta', theta), ('policy.digest', digest(theta)),
                               ('certificate.theta_digest', digest(theta))):
                entries = altered(entries, index, setting(name, lambda _, item=item: item))
    return entries


def duplicated(entries, version=6):
    """Publish a version once more, with other weights that have their digests."""
    at = indices(entries, POLICY, policy__version=version)[0]
    again = forged((entries[at],), version, lambda theta: theta + 1e-3, (POLICY,))[0]
    return (*entries[:at + 1], replace(again, time=again.time + 1e-5), *entries[at + 1:])


def early(entries):
    """Let a policy run ten steps before it was swapped in: commands say so, and so do inputs."""
    names = [e.message.header.frame_id for e in entries if e.topic == COMMANDS]
    first = names.index('policy/7')
    for index in range(first - 5, first):
        entries = header(COMMANDS, lambda _: 'policy/7', index)(entries)
    return entries


def late_stamp(entries):
    """Let a policy claim to be older than the one before it."""
    def change(message):
        message.stamp = stamp(1000.5)
    return altered(entries, indices(entries, POLICY, policy__version=8)[0], change)


def bit(array):
    """Return an array with the last bit of one entry changed."""
    array[17] = np.nextafter(array[17], np.inf)
    return array


def _plus(amount, index=0):
    def make(array):
        array[index] += amount
        return array
    return make


def _nan(array):
    array[0] = np.nan
    return array


def _both(version, make):
    return lambda entries: forged(entries, version, make, (POLICY, ACTIVE))


def _scaled(factor):
    return lambda theta: theta * factor


def _exchanged(text):
    return ('0' if text[0] != '0' else '1') + text[1:]


TAMPERINGS = (
    Tampering('weights', policy('policy.theta', bit), POLICY, 'digest is not that of theta'),
    Tampering('weights of another shape', policy('policy.theta', lambda a: a[:-1]), POLICY,
              'shape'),
    Tampering('weights with fitting digests', lambda e: forged(e, 4, bit, (POLICY,)), POLICY,
              'parent digest'),
    Tampering('weights of the newest, digests too', lambda e: forged(
        e, 13, _scaled(1.01), (POLICY,)), POLICY, 'not those of its weights'),
    Tampering('weights everywhere, digests too', _both(13, _scaled(1.01)), COMMANDS,
              'but at this state it is'),
    Tampering('unsafe weights everywhere', _both(13, _scaled(30.0)), ACTIVE, 'does not verify'),
    Tampering('weights of the backup', policy('policy.theta', bit, 0), POLICY, 'digest'),
    Tampering('margin lower', policy('certificate.margin', lambda m: m / 2), POLICY, 'margin'),
    Tampering('margin higher', policy('certificate.margin', lambda m: np.nextafter(m, 1)), POLICY,
              'margin'),
    Tampering('metric higher', policy('certificate.g', _plus(1.0, 30)), POLICY, 'a metric is'),
    Tampering('metric lower', policy('certificate.g', _plus(-0.01, 60)), POLICY,
              'not those of its weights'),
    Tampering('metric of the whole safe set lower', policy(
        'certificate.g', _plus(-1e-6, 2)), POLICY, 'not those of its weights'),
    Tampering('kind', policy('certificate.kind', lambda k: 'sampled'), POLICY, "'proved'"),
    Tampering('bound', policy('certificate.bound', _plus(-10.0, 30)), POLICY, 'above its bound'),
    Tampering('duality gap', policy('certificate.duality_gap', lambda g: 0.1), POLICY, 'gap'),
    Tampering('digest', policy('policy.digest', _exchanged), POLICY, 'digest'),
    Tampering('digest in the certificate', policy('certificate.theta_digest', _exchanged), POLICY,
              'digest'),
    Tampering('parent', policy('policy.parent', lambda v: v - 1), POLICY, 'parent'),
    Tampering('parent digest', policy('policy.parent_digest', _exchanged), POLICY, 'parent'),
    Tampering('version', policy('policy.version', lambda v: v + 20), POLICY, 'missing'),
    Tampering('specification', policy('policy.spec_digest', _exchanged), POLICY,
              'another specification'),
    Tampering('certificate of the backup', policy(
        'certificate.verification_max', lambda m: 0.5, 0), POLICY, 'verified metric'),
    Tampering('policy dropped', dropped(POLICY, policy__version=6), POLICY, 'version 6'),
    Tampering('first policy dropped', dropped(POLICY), POLICY, 'missing'),
    Tampering('newest policy dropped', dropped(POLICY, -1), ACTIVE, 'never published'),
    Tampering('policies swapped', swapped, POLICY, 'older than the policy'),
    Tampering('version twice', duplicated, POLICY, 'another policy of its number'),
    Tampering('policy antedated', late_stamp, POLICY, 'older'),
    Tampering('active weights', policy('policy.theta', bit, 4, ACTIVE), ACTIVE, 'digest'),
    Tampering('active weights, digests too', lambda e: forged(e, 4, bit, (ACTIVE,)), ACTIVE,
              'differs from what was published'),
    Tampering('active version', policy('policy.version', lambda v: 5, 4, ACTIVE), ACTIVE,
              'version 5'),
    Tampering('active claim', policy('claim.kind', lambda k: 'sampled', 4, ACTIVE),
              ACTIVE, "runs on a claim of the kind 'sampled'"),
    Tampering('command', field(COMMANDS, 'effort', _plus(1e-6)), COMMANDS, 'but at this state'),
    Tampering('law of a command', header(COMMANDS, lambda f: f.replace('policy', 'guard')),
              COMMANDS, 'but at this state it is policy'),
    Tampering('version of a command', header(COMMANDS, lambda _: 'policy/12'), COMMANDS, 'runs'),
    Tampering('refused version runs', header(COMMANDS, lambda _: 'policy/5', 31), COMMANDS,
              'never let through'),
    Tampering('swapped too early', early, COMMANDS, 'after the swap before'),
    Tampering('command dropped', dropped(COMMANDS, 20), STATES, 'no command was recorded'),
    Tampering('position', field(STATES, 'position', _plus(1e-6)), STATES, 'model'),
    Tampering('velocity', field(STATES, 'velocity', _plus(0.01)), STATES, 'model'),
    Tampering('applied input', field(STATES, 'effort', _plus(0.01)), STATES, 'was commanded'),
    Tampering('beyond a limit', field(STATES, 'velocity', _plus(1.0)), STATES,
              'outside the limits'),
    Tampering('state dropped', dropped(STATES, 20), STATES, '1 state before it not recorded'),
    Tampering('NaN in a state', field(STATES, 'position', _nan), STATES, 'finite'),
    Tampering('NaN in a command', field(COMMANDS, 'effort', _nan), COMMANDS, 'finite'),
    Tampering('NaN in weights', policy('policy.theta', _nan), POLICY, 'not finite'),
    Tampering('NaN in a certificate', policy('certificate.g', _nan), POLICY, 'finite'),
    Tampering('NaN in a number', lambda e: altered(
        e, indices(e, '/scpo/adapter/metrics/loss')[3],
        lambda m: setattr(m, 'data', np.nan)), '/scpo/adapter/metrics/loss', 'finite'),
    Tampering('missed deadline unsaid', silenced('/scpo/plant/metrics/deadline_misses'), STATES,
              'nothing says that its deadline was missed'),
    Tampering('missed deadline uncounted', lambda e: tuple(
        replace(x, message=TYPES.types['std_msgs/msg/Float64'](0.0))
        if x.topic == '/scpo/plant/metrics/deadline_misses' else x for x in e), STATES,
        'counted no missed deadline'),
    Tampering('policies left out', silenced(POLICY), POLICY, 'no message was recorded'),
    Tampering('commands left out', silenced(COMMANDS), COMMANDS, 'no message was recorded'),
    Tampering('active policy left out', silenced(ACTIVE), ACTIVE, 'no message was recorded'),
    Tampering('rollout', lambda e: altered(
        e, indices(e, '/scpo/adapter/rollouts')[0],
        lambda m: setattr(m.points[3], 'positions', np.array([0.123]))), '/scpo/adapter/rollouts',
        'not what the plant did'),
)
