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

"""
A witness: sees every topic from outside and knows what really happened.

A step is *answered* when the plant applied the controller's answer to the state before it and
*deprived* otherwise: the controller was dead or stopped, the message was lost, or came too late. A
sample outside the limits counts against the controller unless the plant was deprived since it was
last inside the safe set; those are counted too, as the cost of having no controller.
"""

from collections import deque

from assurance.fleet import NAMESPACE
from diagnostic_msgs.msg import DiagnosticArray
import numpy as np
from rcl_interfaces.msg import ParameterEvent
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from scpo_ros.exceptions import InvalidArrayError
from scpo_ros.interface.messages import read_active, read_policy, read_state, seconds
from sensor_msgs.msg import JointState


DEPTH = QoSProfile(depth=2000)
ALL_LATCHED = QoSProfile(depth=200, durability=DurabilityPolicy.TRANSIENT_LOCAL)


def _identity(message):
    stamp = message.header.stamp
    return (stamp.sec, stamp.nanosec, message.header.frame_id, repr(list(message.position)),
            repr(list(message.velocity)), repr(list(message.effort)))


class Witness(Node):
    """Keeps the account of one run."""

    def __init__(self, oracle, tally, states='joint_states', commands='joint_command'):
        """Watch the topics of the fleet."""
        super().__init__('witness', namespace=NAMESPACE)
        self._oracle, self._tally, self._task = oracle, tally, oracle.task
        self.active, self.last_command, self.last_state = None, None, None
        self.samples = self.deprived_steps = self.violations_deprived = 0
        self.by_source, self.commands_seen = {}, 0
        self.digests, self.policies, self.messages = {}, [], []
        self._deprived, self._answers, self._forged = False, {}, set()
        self._order = deque(maxlen=400)
        self.create_subscription(JointState, states, self._on_state, DEPTH)
        self.create_subscription(JointState, commands, self._on_command, DEPTH)
        self.create_subscription(ParameterEvent, 'controller/active_policy', self._on_active,
                                 ALL_LATCHED)
        self.create_subscription(ParameterEvent, 'policy', self._on_policy, ALL_LATCHED)
        self.create_subscription(DiagnosticArray, '/diagnostics', self._on_diagnostics, DEPTH)
        self.diagnostics, self.context_note = {}, ''

    def forged(self, message):
        """Know a state or command for what it is: nobody's but the attacker's."""
        self._forged.add(_identity(message))

    def _on_command(self, message):
        if _identity(message) in self._forged:
            return
        self.commands_seen += 1
        self.last_command = self.get_clock().now().nanoseconds * 1e-9
        stamp = round(1e6 * seconds(message.header.stamp))
        source = message.header.frame_id.partition('/')[0]
        self.by_source[source] = self.by_source.get(source, 0) + 1
        u = message.effort[0]
        if not abs(u) <= self._task.system.input_limit[0] + 1e-9:
            self._tally.fail('limit_violations', f'the controller commands u = {u}')
        if stamp not in self._answers:
            self._order.append(stamp)
        self._answers[stamp] = u
        while len(self._answers) > 390:
            self._answers.pop(self._order.popleft(), None)

    def _on_state(self, message):
        if _identity(message) in self._forged:
            return
        try:
            state = read_state(message)
        except InvalidArrayError:
            return
        previous, self.last_state = self.last_state, state
        if previous is None or state.time <= previous.time:
            return
        self.samples += 1
        same = previous.episode == state.episode
        answer = self._answers.get(round(1e6 * previous.time))
        answered = answer is not None and np.all(
            np.abs(answer - state.applied) <= 1e-9)
        if same and not answered:
            self.deprived_steps += 1
            self._deprived = True
        elif not same:
            self._deprived = False
        if self._deprived and answered and self._task.safe_set.contains(state.x):
            self._deprived = False
        if not self._task.system.within_limits(state.x, state.applied):
            if self._deprived:
                self.violations_deprived += 1
            else:
                self._tally.fail('limit_violations', f'x = {state.x.tolist()} at {state.time:.2f} '
                                 f'while the controller answered ({self.context_note})')

    def _on_active(self, message):
        try:
            seen = read_active(message)
        except InvalidArrayError as error:
            self._tally.fail('controller_crashes', f'unreadable active_policy: {error}')
            return
        self.active = seen
        if seen.refusals and not seen.refused_reason.strip():
            self._tally.fail('refusals_without_reason', f'policy {seen.refused}')
        danger = self._oracle.danger(seen.theta)
        if danger:
            self._tally.fail('unsafe_policies_applied', f'version {seen.version}: {danger}')
        known = self.digests.setdefault(seen.version, seen.digest)
        if known != seen.digest:
            self._tally.fail('history_conflicts',
                             f'version {seen.version} has been two different policies')

    def _on_policy(self, message):
        try:
            self.policies.append(read_policy(message).version)
        except (InvalidArrayError, ValueError):
            pass

    def _on_diagnostics(self, message):
        for status in message.status:
            self.diagnostics[status.name.split('/')[-1].split(':')[0]] = (
                status.level, status.message)

    @property
    def ready(self):
        """Return the newest version that the controller let through, -1 before it speaks."""
        return -1 if self.active is None else self.active.ready
