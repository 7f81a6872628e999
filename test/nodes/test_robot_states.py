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

"""States of a robot of one's own: with the reliability and the joint name of its driver."""

import pytest
from rclpy.qos import QoSProfile, ReliabilityPolicy
from scpo_ros.nodes.conversions import command_message, stamp_of, state_message
from scpo_ros.nodes.robot_states import RobotStates
from sensor_msgs.msg import JointState


@pytest.mark.parametrize('offered, later', [
    (ReliabilityPolicy.BEST_EFFORT, None), (ReliabilityPolicy.RELIABLE, None),
    (ReliabilityPolicy.BEST_EFFORT, ReliabilityPolicy.RELIABLE)])
def test_states_are_heard_whatever_the_driver_offers(probe, offered, later):
    heard = []
    states = RobotStates(probe, heard.append, 1, 10000, pytest.fail)
    for k, reliability in enumerate(filter(None, (offered, later))):
        publisher = probe.create_publisher(
            JointState, 'joint_states', QoSProfile(depth=1, reliability=reliability))
        heard.clear()

        def told(publisher=publisher, stamp=stamp_of(float(k))):
            publisher.publish(state_message(stamp, 0, [0.1, 0.0], 0.0))
            return any(message.header.stamp == stamp for message in heard)
        probe.wait(told, timeout=10.0)
        probe.destroy_publisher(publisher)
    states.destroy()
    assert probe.count_subscribers('joint_states') == 0


def test_a_best_effort_publisher_beside_a_reliable_one_does_not_make_states_unreliable(probe):
    states = RobotStates(probe, lambda _: None, 1, 10000, pytest.fail)
    for reliability in (ReliabilityPolicy.BEST_EFFORT, ReliabilityPolicy.RELIABLE):
        probe.create_publisher(
            JointState, 'joint_states', QoSProfile(depth=1, reliability=reliability))
    probe.wait(lambda: probe.count_publishers('joint_states') == 2)
    states._look()
    assert states._subscription.qos_profile.reliability == ReliabilityPolicy.RELIABLE
    states.destroy()


def test_an_answer_names_the_joint_of_its_state():
    assert list(command_message(stamp_of(1.0), 'policy', 0, 0.1, 'arm').name) == ['arm']
    assert list(command_message(stamp_of(1.0), 'policy', 0, 0.1).name) == ['slider']
