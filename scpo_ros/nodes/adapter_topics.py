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

"""What the adapter publishes: policies, rollouts, markers and metrics."""

from collections.abc import Iterable
from functools import partial

import numpy as np
from rcl_interfaces.msg import ParameterEvent
from rclpy.node import Node
from scpo_ros.adapter.collection import CollectedRollout
from scpo_ros.adapter.results import Results
from scpo_ros.adapter.session import Session
from scpo_ros.interface.policy_codec import policy_values
from scpo_ros.interface.policy_record import PolicyRecord
from scpo_ros.interface.wiring import Wiring
from scpo_ros.nodes.conversions import event_message, LATCHED, stamp_of, trajectory_message
from scpo_ros.nodes.health import Metrics
from scpo_ros.nodes.markers import phase_plane, PhasePlane
from scpo_ros.process.stopping import stop_each
from trajectory_msgs.msg import JointTrajectory
from visualization_msgs.msg import MarkerArray


_NUMBERS = ('loss', 'worst_metric', 'step_scale', 'accepted_total', 'refused_total',
            'policy_version', 'update_time_ms', 'processed_time')


class AdapterTopics:
    """The topics of a configured adapter, and what is said on them."""

    def __init__(self, node: Node, wiring: Wiring) -> None:
        """Create the publishers; :meth:`destroy` takes them away."""
        self._node, self._system, self._layout = node, wiring.system, wiring.layout
        self._policies = node.create_publisher(ParameterEvent, 'policy', LATCHED)
        self._rollouts = node.create_publisher(JointTrajectory, '~/rollouts', 10)
        self._markers = node.create_publisher(MarkerArray, '~/markers', LATCHED)
        self._metrics = Metrics(node, _NUMBERS, ('model_valid',))

    def destroy(self) -> None:
        """Take the topics away from the node."""
        publishers = (self._policies, self._rollouts, self._markers)
        stop_each(lambda: self._metrics.destroy(self._node),
                  *(partial(self._node.destroy_publisher, made) for made in publishers))

    def publish_policies(self, records: Iterable[PolicyRecord]) -> None:
        """Publish policies, in their order."""
        for record in records:
            self._policies.publish(event_message(
                self._node.get_clock().now().to_msg(), self._node.get_fully_qualified_name(),
                policy_values(record)))

    def publish_rollout(self, rollout: CollectedRollout) -> None:
        """Publish a collected rollout."""
        times = [k * self._system.dt for k in range(len(rollout.u))]
        self._rollouts.publish(trajectory_message(
            stamp_of(rollout.time), 'plant', times, rollout.x, rollout.u, self._layout))

    def publish_results(self, session: Session) -> None:
        """Publish what came of the last question to the learner."""
        results = session.results
        for name in ('loss', 'step_scale'):
            if np.isfinite(getattr(results, name)):
                self._metrics.publish(**{name: float(getattr(results, name))})
        self.publish_worst(results)
        self._metrics.publish(
            policy_version=float(session.publication.version),
            update_time_ms=results.update_time_ms, accepted_total=float(results.accepted),
            refused_total=float(results.refused), model_valid=results.model_valid)
        if session.vertices is not None:
            self._markers.publish(phase_plane(
                self._node.get_clock().now().to_msg(), self._system, PhasePlane(
                    session.vertices, session.inbox.shown_rollouts, results.present_trajectory,
                    results.refused_trajectory, results.refused_reason)))

    def publish_worst(self, results: Results) -> None:
        """Publish the largest design metric; NaN: nothing is certified."""
        self._metrics.publish(worst_metric=float(results.worst_metric))

    def publish_processed(self, time: float) -> None:
        """Publish until when the plant's states need no more work [s]."""
        self._metrics.publish(processed_time=time)
