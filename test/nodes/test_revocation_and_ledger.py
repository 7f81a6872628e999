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

"""Over DDS: a plant that breaks the model, and processes that are killed with a policy running."""

import itertools
import signal

from diagnostic_msgs.msg import DiagnosticArray
import numpy as np
from rcl_interfaces.msg import Parameter, ParameterEvent, ParameterType, ParameterValue
from rcl_interfaces.srv import SetParameters
import rclpy
from rclpy.qos import DurabilityPolicy, QoSProfile
from scpo_ros.config import Spec
from scpo_ros.interface.messages import read_active, read_policy, read_state, seconds
from scpo_ros.systems.linear_system import double_integrator
from sensor_msgs.msg import JointState
from std_srvs.srv import SetBool, Trigger


DEPTH = QoSProfile(depth=1000)
ALL_LATCHED = QoSProfile(depth=100, durability=DurabilityPolicy.TRANSIENT_LOCAL)
FAST = {'real_time_factor': 3.0}
CONTROLLER = {'swap_dwell_s': 0.5, 'model_calm_s': 3.0}
ADAPTER = {'update_period_s': 0.5, 'min_demonstrations': 20}


def watch(probe):
    probe.watch(JointState, 'joint_states', DEPTH)
    probe.watch(JointState, 'joint_command', DEPTH)
    probe.watch(ParameterEvent, 'policy', ALL_LATCHED)
    probe.watch(ParameterEvent, 'controller/active_policy', ALL_LATCHED)
    probe.watch(DiagnosticArray, '/diagnostics', DEPTH)


def active(probe):
    seen = probe.seen['controller/active_policy']
    return read_active(seen[-1]) if seen else None


def running(probe):
    return active(probe).version if active(probe) else -1


def outside(probe):
    return [m for m in probe.seen['joint_states']
            if abs(m.position[0]) > 1 + 1e-9 or abs(m.velocity[0]) > 0.6 + 1e-9]


def call(probe, kind, name, **request):
    client = probe.create_client(kind, name)
    assert client.wait_for_service(10)
    future = client.call_async(kind.Request(**request))
    return probe.wait(lambda: future.result() if future.done() else None)


def disturb(probe, scale):
    value = ParameterValue(type=ParameterType.PARAMETER_DOUBLE, double_value=scale)
    result = call(probe, SetParameters, 'plant/set_parameters',
                  parameters=[Parameter(name='disturbance_scale', value=value)])
    assert result.results[0].successful


def judged(probe):
    """Return (whether |e| <= bound, source/version of the answer), state by state."""
    answers = {seconds(m.header.stamp): m.header.frame_id for m in probe.seen['joint_command']}
    answered = [read_state(m) for m in probe.seen['joint_states']]
    answered = [state for state in answered if state.time in answers]
    spec = Spec().system
    step, bound = double_integrator(spec).step, double_integrator(spec).disturbance
    return [(np.all(np.abs(state.x - step(before.x, state.applied)) <= bound + 1e-9),
             answers[state.time]) for before, state in itertools.pairwise(answered)
            if before.episode == state.episode
            and abs(state.time - before.time - spec.dt) < 0.1 * spec.dt]  # none lost or repeated


def test_a_disturbance_that_doubles_is_met_and_recovered_from(processes, probe):
    watch(probe)
    processes.start('plant', **FAST)
    processes.start('controller', **CONTROLLER)
    processes.start('adapter', **ADAPTER)
    processes.start('expert', expert='benign')
    probe.wait(lambda: running(probe) >= 2, timeout=60)
    disturb(probe, 2.0)
    states, since = probe.seen['joint_states'], len(probe.seen['joint_states'])
    probe.wait(lambda: active(probe).model_valid == 0)
    assert '|e[1]|' in active(probe).model_reason
    probe.wait(lambda: any(answer.startswith('revoked') for _, answer in judged(probe)))
    found = judged(probe)
    first = next(i for i, (holds, _) in enumerate(found) if not holds)
    assert not any(answer.startswith('revoked') for _, answer in found[:first])
    assert found[first][1] == 'revoked/0'  # the very state that showed it
    probe.wait(lambda: any('certificates revoked' in status.message
                           for m in probe.seen['/diagnostics'] for status in m.status))
    probe.wait(lambda: any('nothing is published' in status.message
                           for m in probe.seen['/diagnostics'] for status in m.status))
    published = len(probe.seen['policy'])
    probe.wait(lambda: len(states) >= since + 90)
    assert len(probe.seen['policy']) <= published + 1  # one may have been on its way
    assert active(probe).model_valid == 0
    disturb(probe, 1.0)
    probe.wait(lambda: active(probe).model_valid == 1, timeout=60)
    version = probe.wait(lambda: running(probe) if running(probe) > 0 else None)
    probe.wait(lambda: running(probe) > version, timeout=60)  # and learning goes on
    assert outside(probe) == []


def test_killed_nodes_go_on_with_the_last_certified_policy(processes, probe, tmp_path):
    watch(probe)
    ledger = {'ledger_dir': str(tmp_path)}
    processes.start('plant', **FAST)
    controller = processes.start('controller', **CONTROLLER, **ledger)
    adapter = processes.start('adapter', **ADAPTER, **ledger)
    expert = processes.start('expert', expert='benign')
    probe.wait(lambda: running(probe) >= 3, timeout=60)
    for process in (expert, adapter, controller):
        process.send_signal(signal.SIGKILL)
        process.wait(10)
    for _ in range(20):  # what they had still said
        rclpy.spin_once(probe, timeout_sec=0.02)
    before, seen = active(probe), len(probe.seen['controller/active_policy'])
    assert before.ready >= 3

    controller = processes.start('controller', **CONTROLLER, **ledger)
    told = probe.seen['controller/active_policy']
    probe.wait(lambda: len(told) > seen and running(probe) >= before.ready)
    assert active(probe).refusals == 0
    policies = len(probe.seen['policy'])
    processes.start('adapter', **ADAPTER, **ledger)
    processes.start('expert', expert='benign')
    probe.wait(lambda: running(probe) > before.ready + 1 and any(
        read_policy(m).version >= 1 for m in probe.seen['policy'][policies:]), timeout=60)
    published = [read_policy(m).version for m in probe.seen['policy'][policies:]]
    assert min(published) >= before.ready  # from its own ledger, not from the beginning
    assert call(probe, SetBool, 'adapter/set_enabled', data=False).success
    first = next(read_policy(m) for m in probe.seen['policy'] if read_policy(m).version >= 1)
    value = ParameterValue(
        type=ParameterType.PARAMETER_INTEGER, integer_value=first.version)
    assert call(probe, SetParameters, 'adapter/set_parameters', parameters=[
        Parameter(name='rollback_version', value=value)]).results[0].successful
    reply = call(probe, Trigger, 'adapter/rollback')
    assert reply.success, reply.message
    probe.wait(lambda: active(probe).digest == first.digest)
    assert outside(probe) == []
    assert processes.interrupt(controller) == 0
