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

"""The driver node beside a stub that speaks the topics of ros2_control: the loop, and faults."""

from pathlib import Path
import subprocess
import sys

from diagnostic_msgs.msg import DiagnosticArray
from nav_msgs.msg import Odometry
from node_command import NAMESPACE
import pytest
from rclpy.qos import QoSProfile, ReliabilityPolicy
from scpo_ros.interface.joint_layout import JointLayout
from scpo_ros.interface.messages import read_state, seconds
from scpo_ros.nodes.conversions import command_message
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64, Float64MultiArray, String
import yaml

ROOT = Path(__file__).parents[2]
MANY = QoSProfile(depth=1000)
COMMANDS = '/robot/forward_command_controller/commands'
TOPICS = ('-r', 'robot_states:=/robot/joint_states', '-r', f'robot_commands:={COMMANDS}')
LAYOUT = JointLayout((('slider', 'position'), ('slider', 'velocity')), (('slider', 'effort'),))
DT = 0.1


@pytest.fixture
def description(tmp_path):
    """Return the path of a description of the stub's carriage: clock, latency and friction."""
    rail = yaml.safe_load((ROOT / 'config' / 'systems' / 'rail_slider.yaml').read_text())
    rail.update(name='rail', sample_jitter=2e-4, delay_fraction=0.05, on_silence='zero')
    path = tmp_path / 'rail.yaml'
    path.write_text(yaml.safe_dump(rail))
    return str(path)


@pytest.fixture
def robot(processes):
    """Return a function that starts the stub; it is killed at the end of the test."""
    running = []

    def start(*words):
        running.append(subprocess.Popen(
            [sys.executable, 'test/samples/ros2_control_stub.py', *words, '--ros-args', '-r',
             '__ns:=/robot'], cwd=ROOT))
        return running[-1]
    yield start
    for process in running:
        process.kill()
        process.wait()


class Hand:
    """Answers the driver's states in place of a controller, and causes faults."""

    def __init__(self, probe):
        self.probe, self.answering, self.u = probe, True, 0.2
        self.states, self.sent = [], []
        self.to_driver = probe.create_publisher(JointState, 'joint_command', 1)
        self.faults = probe.create_publisher(String, '/robot/fault', 1)
        probe.create_subscription(JointState, 'joint_states', self.on_state, MANY)
        probe.create_subscription(
            Float64MultiArray, COMMANDS, lambda m: self.sent.append(list(m.data)), MANY)
        probe.watch(DiagnosticArray, '/diagnostics', MANY)

    def on_state(self, message):
        self.states.append(message)
        if self.answering:
            self.u = -self.u
            self.to_driver.publish(command_message(
                message.header.stamp, 'backup', 0, [self.u], '', LAYOUT))

    def runs(self):
        """Wait until states are answered and the answers reach the robot."""
        self.probe.wait(lambda: len(self.states) > 10 and len(self.sent) > 5)

    def cause(self, fault):
        """Cause a fault of the robot; forget what was said before it."""
        self.faults.publish(String(data=fault))
        self.probe.seen['/diagnostics'].clear()

    def said(self):
        """Return the newest diagnosis of the driver, ''."""
        found = [status for array in self.probe.seen['/diagnostics'] for status in array.status
                 if 'ros2_control_driver' in status.name]
        return found[-1].message if found else ''


@pytest.fixture
def hand(probe):
    """Return a Hand."""
    return Hand(probe)


@pytest.mark.parametrize('words', [(), ('--effort',), ('--rate', '1000')])
def test_states_and_commands_pass_with_stamps_of_the_robot(
        processes, robot, hand, description, words):
    robot(*words)
    processes.start('ros2_control_driver', *TOPICS, system__description=description)
    hand.runs()
    hand.probe.wait(lambda: len(hand.states) > 30)
    states = [read_state(message, LAYOUT) for message in hand.states[15:]]
    steps = [b.time - a.time for a, b in zip(states, states[1:])]
    assert sum(abs(step - DT) <= 2e-4 for step in steps) >= 0.8 * len(steps)
    applied = [abs(state.applied[0]) for state in states]  # 0: an answer was late, on_silence
    assert set(applied) <= {0.0, 0.2} and sum(applied) >= 0.8 * 0.2 * len(applied)
    assert {message.header.frame_id for message in hand.states} == {'episode/0'}
    assert hand.probe.wait(lambda: hand.said() == 'running')


FAULTS = {
    'silent': 'no state of the robot arrives on /robot/joint_states',
    'nan': "the velocity of the joint 'slider' is nan",
    'frozen_stamps': 'the stamps stand still', 'frozen_numbers': 'the sensors hang',
    'late': 'older than state_age_limit_s', 'other_robot': "must hold the joint 'slider'"}


def test_a_fault_of_the_robot_is_named_and_no_old_state_is_published(
        processes, robot, hand, description):
    robot()
    processes.start('ros2_control_driver', *TOPICS, system__description=description)
    hand.runs()
    for fault, sentence in FAULTS.items():
        hand.cause(fault)
        hand.probe.wait(lambda sentence=sentence: sentence in hand.said())
        hand.probe.wait(lambda: hand.sent[-1] == [0.0])  # on_silence
        count, told = len(hand.states), len(hand.sent)
        hand.probe.wait(lambda told=told: len(hand.sent) > told + 5)
        assert len(hand.states) == count, fault
        hand.cause('')
        hand.probe.wait(lambda count=count: len(hand.states) > count + 3)
    stamps = [seconds(message.header.stamp) for message in hand.states]
    assert stamps == sorted(set(stamps))


def test_without_answers_the_robot_is_told_what_the_description_says(
        processes, robot, hand, description):
    robot()
    processes.start('ros2_control_driver', *TOPICS, system__description=description)
    hand.answering = False
    hand.probe.wait(lambda: len(hand.states) > 20)
    assert hand.sent == []  # nothing before the first command
    hand.probe.wait(lambda: 'waiting for the first command' in hand.said())
    hand.answering = True
    hand.runs()
    hand.answering = False
    hand.probe.wait(lambda: hand.sent[-1] == [0.0])
    hand.probe.wait(lambda: 'had no answer in time' in hand.said())
    hand.probe.wait(lambda: list(hand.states[-1].effort) == [0.0])


def test_two_publishers_of_the_robots_states_are_an_error(
        processes, robot, hand, description, monkeypatch):
    robot()
    processes.start('ros2_control_driver', *TOPICS, system__description=description)
    hand.runs()
    hand.probe.create_publisher(JointState, '/robot/joint_states', 1)
    hand.probe.wait(lambda: '2 nodes publish /robot/joint_states' in hand.said())
    count = len(hand.states)
    hand.probe.wait(lambda: hand.sent[-1] == [0.0])
    assert len(hand.states) <= count + 2


def test_odometry_of_a_best_effort_estimator_becomes_states_of_the_quadrotor(
        processes, probe):
    processes.start('ros2_control_driver', '-r', 'robot_states:=/odom',
                    system__description='quadrotor_3d', source='odometry')
    states = []
    probe.create_subscription(JointState, 'joint_states', states.append, MANY)
    estimator = probe.create_publisher(
        Odometry, '/odom', QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT))

    def publish():
        message = Odometry(child_frame_id='base_link')
        message.header.frame_id = 'odom'
        message.header.stamp = probe.get_clock().now().to_msg()
        message.pose.pose.position.x, message.pose.pose.orientation.w = 0.25, 1.0
        message.twist.twist.linear.z = -0.5
        estimator.publish(message)
        return len(states) > 3
    probe.wait(publish)
    assert list(states[-1].name) == ['x', 'y', 'z']
    assert list(states[-1].position) == [0.25, 0.0, 0.0]
    assert list(states[-1].velocity) == [0.0, 0.0, -0.5]


@pytest.mark.parametrize('parameters, sentence', [
    ({'command_joints': ['arm']}, 'command_joints must be the joints that have an input'),
    ({'source': 'tf'}, 'source must be one of joint_states, odometry'),
    ({'effort_tolerance': 2.0}, 'effort_tolerance must lie in')])
def test_a_bad_configuration_is_one_line(processes, parameters, sentence):
    process = processes.start(
        'ros2_control_driver', system__description='rail_slider', **parameters)
    assert process.wait(40) == 2
    error = process.stderr.read()
    assert sentence in error and error.count('\n') == 1


@pytest.mark.parametrize('words', [
    ('robot_states:=joint_states',), ('robot_commands:=joint_command',),
    ('robot_states:=/robot/joint_states', 'joint_states:=/robot/joint_states')])
def test_a_driver_that_would_hear_itself_does_not_start(processes, words):
    process = processes.start(
        'ros2_control_driver', *(part for word in words for part in ('-r', word)),
        system__description='rail_slider')
    assert process.wait(40) == 2
    error = process.stderr.read()
    assert 'must be another topic than joint_' in error and error.count('\n') == 1


SMALL = {'policy__hidden': [8, 8], 'metrics__design_states': 6,
         'metrics__verification_states': 12, 'metrics__certificate': 'guarded'}


@pytest.mark.timeout(280)
def test_a_policy_is_learned_and_runs_on_a_robot_under_ros2_control(
        processes, robot, probe, description):
    robot('--carried', '8')
    shared = {'system__description': description, **SMALL}
    seen = {}
    probe.create_subscription(JointState, '/robot/joint_states', lambda m: seen.setdefault(
        'worst', []).append(max(abs(m.position[1]) / 1.0, abs(m.velocity[1]) / 0.6)), MANY)
    for topic in ('policy_version', 'judged_share'):
        probe.watch(Float64, f'controller/metrics/{topic}', MANY)
    probe.watch(JointState, 'joint_states', MANY)
    processes.start('ros2_control_driver', *TOPICS, **shared)
    processes.start('controller', model_calm_s=1.0, **shared)
    processes.start('adapter', **shared)
    processes.start('expert', expert='benign', **shared)
    versions = probe.seen['controller/metrics/policy_version']
    probe.wait(lambda: versions and versions[-1].data >= 1, timeout=190)
    count = len(probe.seen['joint_states'])
    probe.wait(lambda: len(probe.seen['joint_states']) > count + 100)
    assert max(seen['worst']) <= 1.0  # at every update of the robot, not at the samples alone
    assert max(m.data for m in probe.seen['controller/metrics/judged_share']) > 0.5
    episodes = {message.header.frame_id for message in probe.seen['joint_states']}
    assert len(episodes) >= 2  # carried elsewhere: a gap of the stamps
    assert NAMESPACE in probe.get_namespace()
