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

"""The four nodes together: updates arrive, are applied, and the loop survives the adapter."""

import signal
import time

from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
import numpy as np
from rcl_interfaces.msg import ParameterEvent
from rcl_interfaces.srv import SetParameters
import rclpy
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile
from scpo_ros.arrays import digest
from scpo_ros.nodes.conversions import read_active, read_policy
from scpo_ros.policy.residual_policy import ResidualNetwork
from sensor_msgs.msg import JointState
from std_srvs.srv import SetBool, Trigger


DEPTH = QoSProfile(depth=100)
ALL_LATCHED = QoSProfile(depth=100, durability=DurabilityPolicy.TRANSIENT_LOCAL)
QUICK = {'swap_dwell_s': 0.5}


def start(processes, probe, expert='benign', **adapter):
    probe.watch(JointState, 'joint_states', DEPTH)
    probe.watch(JointState, 'joint_command', DEPTH)
    probe.watch(ParameterEvent, 'policy', ALL_LATCHED)
    probe.watch(ParameterEvent, 'controller/active_policy', ALL_LATCHED)
    return {
        'plant': processes.start('plant', real_time_factor=2.0),
        'controller': processes.start('controller', **QUICK),
        'adapter': processes.start(
            'adapter', update_period_s=0.5, min_demonstrations=20, **adapter),
        'expert': processes.start('expert', expert=expert)}


def running(probe):
    seen = probe.seen['controller/active_policy']
    return read_active(seen[-1]).version if seen else -1


def outside(probe):
    return [m for m in probe.seen['joint_states']
            if abs(m.position[0]) > 1 + 1e-9 or abs(m.velocity[0]) > 0.6 + 1e-9
            or abs(m.effort[0]) > 1 + 1e-9]


def test_updates_arrive_and_are_applied(processes, probe):
    nodes = start(processes, probe)
    probe.wait(lambda: running(probe) >= 3, timeout=60)
    seen = probe.seen['controller/active_policy']
    probe.wait(lambda: read_active(seen[-1]).digest in {
        read_policy(m).digest for m in probe.seen['policy']}, timeout=60)
    published = [read_policy(m) for m in probe.seen['policy']]
    assert all(r.certificate is not None for r in published)
    assert [r.version for r in published] == sorted(r.version for r in published)
    commands = probe.seen['joint_command']  # not latched: the first may come after all of these
    probe.wait(lambda: commands and int(commands[-1].header.frame_id.split('/')[1]) >= 3)
    assert {m.header.frame_id.split('/')[0] for m in commands} == {'policy'}
    assert outside(probe) == []
    assert [processes.interrupt(nodes[name]) for name in nodes] == [0, 0, 0, 0]


def test_one_seed_gives_one_sequence_though_the_teacher_is_late_and_slow(processes, probe):
    probe.watch(ParameterEvent, 'policy', ALL_LATCHED)

    def digests(late):
        """Return {version: digest} of a run; an expert that comes late is stopped for a while."""
        probe.seen['policy'].clear()
        for node, own in (('plant', {'real_time_factor': 10.0}), ('controller', {}),
                          ('adapter', {'min_demonstrations': 20})):
            processes.start(node, use_sim_time=True, **own)
        time.sleep(late)
        expert = processes.start('expert', use_sim_time=True)

        def found():
            return {record.version: record.digest
                    for record in map(read_policy, list(probe.seen['policy']))}

        if late:
            probe.wait(lambda: max(found(), default=0) >= 1, timeout=60)
            expert.send_signal(signal.SIGSTOP)
            time.sleep(2.0)  # the plant goes on by what the adapter allows it
            expert.send_signal(signal.SIGCONT)
        probe.wait(lambda: max(found(), default=0) >= 8, timeout=60)
        result = found()
        processes.stop()
        for _ in range(50):  # what they had still said is not of the next run
            rclpy.spin_once(probe, timeout_sec=0.02)
        return result

    one, other = digests(0.0), digests(3.0)
    common = set(one) & set(other) - {0}
    assert len(common) >= 3 and len({one[version] for version in common}) == len(common)
    assert all(one[version] == other[version] for version in common)


def test_killing_the_adapter_leaves_control_unharmed(processes, probe):
    nodes = start(processes, probe, expert='sign_flip')
    probe.wait(lambda: running(probe) >= 1, timeout=60)
    nodes['adapter'].send_signal(signal.SIGKILL)
    nodes['adapter'].wait(10)
    version, count = running(probe), len(probe.seen['joint_command'])
    probe.wait(lambda: len(probe.seen['joint_command']) >= count + 60)
    assert nodes['controller'].poll() is None
    assert running(probe) >= version
    assert outside(probe) == []
    processes.start('adapter', update_period_s=0.5, min_demonstrations=20)
    before = running(probe)
    probe.wait(lambda: running(probe) > before, timeout=60)  # it goes on from what runs
    assert outside(probe) == []


def test_the_adapter_goes_through_its_lifecycle_while_control_goes_on(processes, probe):
    start(processes, probe)
    probe.wait(lambda: running(probe) >= 1, timeout=60)
    client = probe.create_client(ChangeState, 'adapter/change_state')
    assert client.wait_for_service(10)

    def change(transition):
        request = ChangeState.Request()
        request.transition.id = transition
        future = client.call_async(request)
        assert probe.wait(lambda: future.result() if future.done() else None).success

    change(Transition.TRANSITION_DEACTIVATE)
    seen = [len(probe.seen[topic]) for topic in ('policy', 'joint_command')]
    probe.wait(lambda: len(probe.seen['joint_command']) >= seen[1] + 40)
    assert len(probe.seen['policy']) <= seen[0] + 1  # one may have been on its way
    change(Transition.TRANSITION_CLEANUP)
    change(Transition.TRANSITION_CONFIGURE)
    change(Transition.TRANSITION_ACTIVATE)
    before = running(probe)
    probe.wait(lambda: running(probe) > before, timeout=60)
    assert len(probe.get_publishers_info_by_topic(f'{probe.get_namespace()}/policy')) == 1
    assert outside(probe) == []


def test_services_of_the_adapter(processes, probe, tmp_path):
    start(processes, probe, results_dir=str(tmp_path))
    probe.wait(lambda: running(probe) >= 2 and probe.seen['policy'], timeout=60)

    def call(kind, name, **request):
        client = probe.create_client(kind, f'adapter/{name}')
        assert client.wait_for_service(10)
        future = client.call_async(kind.Request(**request))
        return probe.wait(lambda: future.result() if future.done() else None)

    assert call(SetBool, 'set_enabled', data=False).success
    versions = [read_policy(m).version for m in probe.seen['policy']]
    saved = call(Trigger, 'save_policy')
    assert saved.success
    rolled = call(Trigger, 'rollback')
    assert rolled.success, rolled.message
    target = probe.wait(lambda: next(
        (r for r in map(read_policy, probe.seen['policy']) if r.version > max(versions)), None))
    probe.wait(lambda: running(probe) >= target.version)
    assert call(Trigger, 'reset').success
    backup = digest(ResidualNetwork((2, 16, 16), [1.0, 0.6]).initial(0))
    probe.wait(lambda: read_active(
        probe.seen['controller/active_policy'][-1]).digest == backup)
    check_loading(probe, call, saved.message)


def check_loading(probe, call, saved):
    """Load what was saved, and files that must not be run, with the backup running."""
    active = probe.seen['controller/active_policy']

    def load(path):
        parameter = Parameter('policy_file', value=str(path)).to_parameter_msg()
        assert call(SetParameters, 'set_parameters', parameters=[parameter]).results[0].successful
        return call(Trigger, 'load_policy')

    with np.load(saved) as file:
        values = dict(file)
    theta = values['policy.theta'].copy()
    theta[-16:] += 1.0
    dangerous = {**values, 'policy.theta': theta, 'policy.digest': digest(theta),
                 'certificate.theta_digest': digest(theta)}
    for change, rule in (
            ({'policy.theta': theta}, 'the digest is not that of theta'),
            ({'policy.spec_digest': 'another robot'}, 'another specification'),
            (dangerous, 'metrics fail')):
        np.savez(f'{saved}.bad.npz', **{**values, **change})
        before = len(probe.seen['policy'])
        refused = load(f'{saved}.bad.npz')
        assert not refused.success and f'{saved}.bad.npz' in refused.message
        assert rule in refused.message, refused.message
        assert len(probe.seen['policy']) == before
    assert read_active(active[-1]).digest == digest(
        ResidualNetwork((2, 16, 16), [1.0, 0.6]).initial(0))
    loaded = load(saved)
    assert loaded.success, loaded.message
    probe.wait(lambda: read_active(active[-1]).digest == str(values['policy.digest']))
    assert outside(probe) == []
