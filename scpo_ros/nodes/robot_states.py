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

"""The subscription to the robot's states, with the reliability that its publisher offers."""

from collections.abc import Callable

from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.subscription import Subscription
from scpo_ros.nodes.health import STEADY
from scpo_ros.nodes.incoming import Message, subscribe
from scpo_ros.process.stopping import stop_each
from sensor_msgs.msg import JointState


_LOOK_S = 0.5  # how often the publishers are looked at [s]


class RobotStates:
    """
    Hears states: reliably, or as best effort where no publisher offers more.

    Many drivers publish with the sensor-data profile, of which a reliable subscription hears
    nothing. A best-effort subscription hears both, so nothing is changed back.
    """

    def __init__(self, node: Node, callback: Callable[[Message], None], depth: int,
                 largest: int, refuse: Callable[[str], object],
                 topic: str = 'joint_states', kind: type[Message] = JointState) -> None:
        """
        Subscribe.

        :param depth: states that may wait for the callback. :param largest: length of a message
            [bytes]. :param refuse: called with what is wrong with a message that is not unpacked.
        :param kind: of message on the topic.
        """
        self._node, self._callback, self._depth = node, callback, depth
        self._largest, self._refuse = largest, refuse
        self._topic, self._kind = topic, kind
        self._subscription = self._subscribed(ReliabilityPolicy.RELIABLE)
        self._timer = node.create_timer(_LOOK_S, self._look, clock=STEADY)

    def _subscribed(self, reliability: ReliabilityPolicy) -> Subscription:
        return subscribe(
            self._node, self._kind, self._topic, self._callback,
            QoSProfile(depth=self._depth, reliability=reliability), self._largest, self._refuse)

    def _look(self) -> None:
        """Subscribe as best effort if all publishers offer just that."""
        topic = self._subscription.topic_name
        offered = {end.qos_profile.reliability
                   for end in self._node.get_publishers_info_by_topic(topic)}
        if offered == {ReliabilityPolicy.BEST_EFFORT}:
            self._timer.cancel()
            self._node.destroy_subscription(self._subscription)
            self._subscription = self._subscribed(ReliabilityPolicy.BEST_EFFORT)
            self._node.get_logger().info(
                f'{topic} is published as best effort: states that are lost are not sent again')

    def destroy(self) -> None:
        """End the subscription."""
        stop_each(self._timer.cancel,
                  lambda: self._node.destroy_timer(self._timer),
                  lambda: self._node.destroy_subscription(self._subscription))
