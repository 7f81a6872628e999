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

"""The controller as a lifecycle node: it answers states while it is active, and only then."""

from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rclpy.qos import QoSProfile
from sensor_msgs.msg import JointState


def said(probe):
    """Return the newest diagnosis of the controller, ''."""
    found = [status.message for array in probe.seen['/diagnostics'] for status in array.status
             if status.name.endswith('controller: policy')]
    return found[-1] if found else ''


def test_a_lifecycle_manager_decides_when_states_are_answered(processes, probe):
    for kind, topic in ((JointState, 'joint_states'), (JointState, 'joint_command'),
                        (DiagnosticArray, '/diagnostics')):
        probe.watch(kind, topic, QoSProfile(depth=100))
    client = probe.create_client(ChangeState, 'controller/change_state')

    def change(number):
        future = client.call_async(ChangeState.Request(transition=Transition(id=number)))
        assert probe.wait(lambda: future.result() if future.done() else None).success

    processes.start('plant')
    controller = processes.start('controller', autostart=False)
    probe.wait(lambda: said(probe).startswith('inactive: no state is answered'))
    commands, states = probe.seen['joint_command'], probe.seen['joint_states']
    probe.wait(lambda: len(states) > 2)
    assert not commands
    change(Transition.TRANSITION_CONFIGURE)
    count = len(states)
    probe.wait(lambda: len(states) > count + 2)
    assert not commands
    change(Transition.TRANSITION_ACTIVATE)
    probe.wait(lambda: len(commands) > 10)
    change(Transition.TRANSITION_DEACTIVATE)
    count, told = len(states), len(commands)
    probe.wait(lambda: len(states) > count + 15)  # the plant goes on, by what it does in silence
    assert len(commands) <= told + 1  # one may have been on its way
    change(Transition.TRANSITION_ACTIVATE)
    probe.wait(lambda: len(commands) > told + 10)
    assert processes.interrupt(controller) == 0
