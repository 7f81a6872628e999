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

"""The controller refuses forged and damaged policy messages, with a reason, and flies on."""

from dataclasses import replace

import numpy as np
import pytest
from rcl_interfaces.msg import ParameterEvent
from rclpy.qos import QoSProfile
from scpo_ros.adapter.adaptation import Adaptation
from scpo_ros.adapter.policy_chain import PolicyChain
from scpo_ros.arrays import digest
from scpo_ros.config import AdapterConfig, Spec
from scpo_ros.experts.catalogue import ExpertCatalogue
from scpo_ros.interface.policy_record import PolicyRecord
from scpo_ros.nodes.conversions import (
    event_message, LATCHED, policy_values, read_active, seconds, stamp_of, state_message)
from scpo_ros.systems.scenario import interior_states
from sensor_msgs.msg import JointState


@pytest.fixture(scope='module')
def records():
    """Return the record of the backup and of one certified child."""
    learner = Adaptation(Spec(), AdapterConfig())
    task = learner.task
    states = interior_states(task.safe_set, 200, 3)
    law = ExpertCatalogue(task.system, task.gain).law('benign')
    learner.demonstrations.add(states, law(states))
    chain, first = PolicyChain(task.digest), learner.begin()
    backup = chain.append(first.theta, first.certificate)
    report = learner.update()
    assert report.outcome == 'ACCEPTED'
    return backup, chain.append(report.theta, report.certificate)


class RestingPlant:
    """A plant at the origin: publishes its next state once the one before was answered."""

    def __init__(self, states, commands):
        self._states, self._commands, self._step = states, commands, 0

    def tick(self):
        """Publish a state, or the last one again: it may be found late."""
        answered = self._commands and seconds(self._commands[-1].header.stamp)
        if not self._step or answered and abs(answered - self._time) < 1e-6:
            self._step += 1
        self._states.publish(state_message(stamp_of(self._time), 0, [0.0, 0.0], 0.0))

    @property
    def _time(self):
        return 1000 + 0.1 * self._step


def altered(record, **changes):
    """Return the values of a record with some replaced; None removes one."""
    values = {**policy_values(record), **changes}
    return {name: item for name, item in values.items() if item is not None}


def unsafe(record):
    """Return a record with dangerous weights and every digest and number in order."""
    theta = np.array(record.theta)
    theta[-16:] = 1.0
    certificate = replace(record.certificate, theta_digest=digest(theta))
    return PolicyRecord(theta, record.version, record.parent, digest(theta),
                        record.parent_digest, record.spec_digest, certificate)


def damaged(record):
    """Yield (values, a part of the reason) of what must be refused."""
    theta = np.array(record.theta)
    theta[5] += 1e-12
    yield altered(record, **{'policy.theta': theta}), 'digest'
    theta = np.array(record.theta)
    theta[7] = np.nan
    yield altered(record, **{'policy.theta': theta}), 'not finite'
    yield altered(record, **{'policy.theta': record.theta[:-1]}), 'shape'
    yield altered(record, **{'policy.theta': None}), 'must be there'
    yield altered(record, **{'policy.version': 0}), 'version'
    yield altered(record, **{'policy.parent': 7, 'policy.version': 9}), 'unknown'
    yield altered(record, **{'policy.parent_digest': 'f' * 64}), 'parent digest'
    yield altered(record, **{'policy.spec_digest': '0' * 64}), 'specification'
    yield altered(record, **{'certificate.margin': 0.001}), 'margin'
    yield altered(record, **{'certificate.g': record.certificate.g + 1.0}), 'margin'
    yield altered(record, **{'certificate.duality_gap': 1.0}), 'gap'
    yield altered(record, **{'certificate.margin': float('nan')}), 'finite'
    yield altered(record, **{'certificate.kind': 'promised'}), 'kind'
    yield {name: item for name, item in policy_values(record).items()
           if not name.startswith('certificate.')}, 'no certificate'
    yield policy_values(unsafe(record)), 'from x0 = '


def test_forged_and_damaged_messages_are_refused_and_the_good_one_runs(
        processes, probe, records):
    _, good = records
    probe.watch(ParameterEvent, 'controller/active_policy', LATCHED)
    probe.watch(JointState, 'joint_command', QoSProfile(depth=100))
    controller = processes.start('controller')
    publisher = probe.create_publisher(ParameterEvent, 'policy', LATCHED)
    states = probe.create_publisher(JointState, 'joint_states', 1)
    stamp = probe.get_clock().now().to_msg()

    def active():
        seen = probe.seen['controller/active_policy']
        return read_active(seen[-1]) if seen else None

    probe.wait(active)
    probe.wait(lambda: publisher.get_subscription_count() == 1)
    for number, (values, part) in enumerate(damaged(good), start=1):
        publisher.publish(event_message(stamp, 'forger', values))
        probe.wait(lambda number=number: active().refusals == number)
        assert part in active().refused_reason, active().refused_reason
        assert (active().version, active().ready) == (0, 0)
    publisher.publish(event_message(stamp, 'adapter', policy_values(good)))
    probe.wait(lambda: active().ready == 1)
    assert active().version == 0  # it swaps at a tick, and none has come yet
    commands = probe.seen['joint_command']
    plant = RestingPlant(states, commands)
    probe.wait(lambda: plant.tick() or active().version == 1)
    probe.wait(lambda: plant.tick() or commands[-1].header.frame_id == 'policy/1')
    sources = [command.header.frame_id for command in commands]
    assert sources == sorted(sources) and set(sources) == {'policy/0', 'policy/1'}
    assert processes.interrupt(controller) == 0
