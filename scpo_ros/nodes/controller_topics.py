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

"""What the controller publishes beside its commands: figures, and what became of policies."""

from rcl_interfaces.msg import ParameterEvent
from rclpy.node import Node
from scpo_ros.controller.admission import Admission
from scpo_ros.controller.control_loop import ControlLoop, Reply
from scpo_ros.health.timing import Punctuality
from scpo_ros.interface.messages import State
from scpo_ros.nodes.conversions import event_message, LATCHED
from scpo_ros.nodes.health import Metrics
from scpo_ros.nodes.markers import refused_policy
from scpo_ros.verification.counterexample import Counterexample
from visualization_msgs.msg import MarkerArray


class ControllerFigures:
    """Publishes on ~/metrics what was measured at every answered state."""

    def __init__(self, node: Node, loop: ControlLoop, punctuality: Punctuality) -> None:
        """Create the topics; those of states and inputs have their names."""
        self._loop, self._punctuality = loop, punctuality
        system = loop.task.system
        self._uses = tuple(f'{name}_use' for name in system.states.names)
        self._residuals = ('residual',) if system.m == 1 else tuple(
            f'{name}_residual' for name in system.inputs.names)
        self._metrics = Metrics(
            node, ('policy_version', 'guard_interventions', 'input_margin', *self._residuals,
                   'period_ms', 'latency_ms', *self._uses, 'model_error',
                   'judged_share', 'input_mismatch', 'cost_balance'),
            ('backup_active', 'model_valid'))

    def publish(self, state: State, reply: Reply) -> None:
        """Publish the figures of a state and the answer to it."""
        loop, monitor = self._loop, self._loop.monitor
        margin, residual = loop.figures(loop.lookahead.ahead, reply.u)
        used = loop.task.system.use_of_limits(state.x).tolist()  # +-1 at the limits
        if monitor.judged:
            self._metrics.publish(model_error=monitor.ratio)
        if self._punctuality.period_ms == self._punctuality.period_ms:  # NaN before the first one
            self._metrics.publish(period_ms=self._punctuality.period_ms)
        self._metrics.publish(
            **dict(zip(self._uses, used)), **dict(zip(self._residuals, residual.tolist())),
            policy_version=float(reply.version),
            guard_interventions=float(loop.interventions), input_margin=margin,
            latency_ms=self._punctuality.latency_ms,
            judged_share=monitor.judged_share, input_mismatch=float(monitor.mismatches),
            cost_balance=loop.cost_balance, model_valid=not loop.admission.gate.revoked,
            backup_active=reply.backup)


class Announcement:
    """
    Publishes what runs, what waits for its swap and what was refused last, whenever it changes.

    It goes to ~/active_policy; the rollout that speaks against a refused policy to ~/markers.
    """

    def __init__(self, node: Node, admission: Admission, plane: tuple[int, int]) -> None:
        """Create the topics. :param plane: the two states that are drawn."""
        self._node, self._admission, self._plane = node, admission, plane
        self._active = node.create_publisher(ParameterEvent, '~/active_policy', LATCHED)
        self._markers = node.create_publisher(MarkerArray, '~/markers', LATCHED)
        self._announced: tuple[int, int, int, str] | None = None  # what was published last
        self._drawn: Counterexample | None = None

    def publish(self) -> None:
        """Publish if anything changed since the last time."""
        gate = self._admission.gate
        key = (gate.running.version, gate.newest.version, gate.refusals, gate.revoked)
        if key == self._announced:
            return
        self._announced = key
        stamp = self._node.get_clock().now().to_msg()
        self._active.publish(event_message(
            stamp, self._node.get_fully_qualified_name(), self._admission.announcement()))
        found = gate.refused.counterexample
        if found is not None and found is not self._drawn:
            self._drawn = found
            self._markers.publish(refused_policy(
                stamp, found.states[:, list(self._plane)], gate.refused.reason))
