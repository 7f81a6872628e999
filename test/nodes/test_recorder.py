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

"""The recorder: what was said before it came and after, a clean close, a torn bag when killed."""

import time

import pytest
from rcl_interfaces.msg import ParameterEvent
import rclpy
from rclpy.qos import QoSProfile, ReliabilityPolicy
from scpo_ros.interface.stack_topics import KEPT_NAMES, names_of
from scpo_ros.nodes.conversions import event_message, LATCHED, stamp_of, state_message
from scpo_ros.recording.bag import BagError, DESCRIPTION, PARAMETERS, read_bag
from scpo_ros.systems.loading import file_of
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64


def heard(publishers):
    """Return whether somebody listens to every publisher."""
    return all(publisher.get_subscription_count() for publisher in publishers)


@pytest.fixture
def publishers(probe):
    """Return publishers of a latched, a reliable and a best-effort topic, and of another robot."""
    return [
        probe.create_publisher(ParameterEvent, 'policy', LATCHED),
        probe.create_publisher(JointState, 'joint_states', 10),
        probe.create_publisher(Float64, 'sensor', QoSProfile(
            depth=10, reliability=ReliabilityPolicy.BEST_EFFORT)),
        probe.create_publisher(Float64, '/elsewhere/number', 10)]


def test_what_is_said_is_recorded_and_the_bag_closed(processes, probe, publishers, tmp_path):
    (tmp_path / 'parameters.yaml').write_text('/**: {}\n')
    policy, states, sensor, elsewhere = publishers
    policy.publish(event_message(stamp_of(1.5), '/a', {'policy.theta': [1.0, 2.0], 'n': 3}))
    process = processes.start('recorder', bag_path=str(tmp_path / 'bag'),
                              parameters_file=str(tmp_path / 'parameters.yaml'))
    probe.wait(lambda: heard(publishers[:3]))
    for step in range(200):
        states.publish(state_message(stamp_of(0.1 * step), 7, [step, 0.5], -0.25))
        if step % 10 == 0:  # the first: the recorder knows the publisher too; then never > depth
            assert states.wait_for_all_acked(rclpy.duration.Duration(seconds=10))
    for _ in range(20):  # best effort: one may come before the recorder knows the publisher
        sensor.publish(Float64(data=4.0))
        rclpy.spin_once(probe, timeout_sec=0.05)
    elsewhere.publish(Float64(data=5.0))
    assert states.wait_for_all_acked(rclpy.duration.Duration(seconds=10))
    assert processes.interrupt(process) == 0
    bag = read_bag(tmp_path / 'bag')
    found = {topic: [m.message for m in bag.messages if m.topic == topic] for topic in bag.types}
    space = probe.get_namespace()
    assert [p.name for p in found[f'{space}/policy'][0].changed_parameters] == [
        'policy.theta', 'n']
    assert [m.position[0] for m in found[f'{space}/joint_states']] == list(range(200))
    assert found[f'{space}/joint_states'][3].header.frame_id == 'episode/7'
    assert {m.data for m in found[f'{space}/sensor']} == {4.0}
    assert '/elsewhere/number' not in bag.types
    assert {q.durability.name for q in bag.qos[f'{space}/policy']} == {'TRANSIENT_LOCAL'}
    assert {q.reliability.name for q in bag.qos[f'{space}/sensor']} == {'BEST_EFFORT'}
    assert bag.data == {PARAMETERS: '/**: {}\n', KEPT_NAMES: f'{{"{space}/": {{}}}}'}


def test_the_description_of_a_system_is_kept_with_the_bag(processes, tmp_path):
    shipped = file_of('cart_pole').read_text()
    (tmp_path / 'system.yaml').write_text(f'# mine\n{shipped}')
    for name, text in (('cart_pole', shipped),
                       (str(tmp_path / 'system.yaml'), f'# mine\n{shipped}')):
        place = tmp_path / f'bag{len(text)}'
        process = processes.start(
            'recorder', bag_path=str(place), **{'system.description': name})
        deadline = time.monotonic() + 30
        while not list(place.glob('*.mcap')):
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        assert processes.interrupt(process) == 0
        assert read_bag(place).data[DESCRIPTION] == text
    (tmp_path / 'system.yaml').unlink()
    process = processes.start('recorder', bag_path=str(tmp_path / 'none'), **{
        'system.description': str(tmp_path / 'system.yaml')})
    _, error = process.communicate(timeout=30)
    assert process.returncode == 2 and 'system.yaml' in error and error.count('\n') == 1, error
    assert not (tmp_path / 'none').exists()


def test_topics_with_other_names_are_recorded_and_their_names_kept(processes, probe, tmp_path):
    arm = probe.create_publisher(JointState, '/arm/states', 10)
    process = processes.start('recorder', '-r', 'joint_states:=/arm/states',
                              bag_path=str(tmp_path / 'bag'))
    probe.wait(lambda: heard([arm]))
    arm.publish(state_message(stamp_of(0.1), 7, [1.0, 0.5], -0.25))
    assert arm.wait_for_all_acked(rclpy.duration.Duration(seconds=10))
    assert processes.interrupt(process) == 0
    bag = read_bag(tmp_path / 'bag')
    space = f'{probe.get_namespace()}/'
    assert names_of(bag.data[KEPT_NAMES]) == {space: {'joint_states': '/arm/states'}}
    assert [m.message.position[0] for m in bag.messages if m.topic == '/arm/states'] == [1.0]


def test_the_bag_of_a_recorder_that_was_killed_is_torn(processes, probe, publishers, tmp_path):
    process = processes.start('recorder', bag_path=str(tmp_path / 'bag'))
    probe.wait(lambda: heard(publishers[1:2]))
    process.kill()
    process.wait(10)
    with pytest.raises(BagError, match='is torn'):
        read_bag(tmp_path / 'bag')


def test_a_bag_that_exists_is_one_line_and_nothing_is_touched(processes, tmp_path):
    (tmp_path / 'bag').mkdir()
    process = processes.start('recorder', bag_path=str(tmp_path / 'bag'))
    _, error = process.communicate(timeout=30)
    assert process.returncode == 2
    assert 'exists already' in error and error.count('\n') == 1, error
    assert list((tmp_path / 'bag').iterdir()) == []
