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

"""Who publishes the topics that only one node may publish."""

from collections.abc import Iterable

from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from scpo_ros.health.rivals import in_words, Rivals
from scpo_ros.process.discovery import lease_s


_MARGIN_S = 2.0  # beyond the lease: a look comes once a second, and the network may be slow [s]
_STEADY = Clock(clock_type=ClockType.STEADY_TIME)


class Company:
    """Finds topics with more than one publisher."""

    def __init__(self, node: Node, topics: Iterable[str]) -> None:
        """Start watching. :param topics: names as the node subscribes to them."""
        self._node, self._topics = node, tuple(topics)
        self._rivals = Rivals(lease_s() + _MARGIN_S)
        self.seen: list[str] = []  # a sentence for each topic and its rivals, kept for good

    def look(self) -> str:
        """Return what is wrong now, '' where every topic has one publisher at most."""
        found = []
        for topic in self._topics:
            ends = self._node.get_publishers_info_by_topic(topic)
            present = {bytes(end.endpoint_gid): f'{end.node_namespace.rstrip("/")}/{end.node_name}'
                       for end in ends}
            names = self._rivals.see(topic, present, _STEADY.now().nanoseconds * 1e-9)
            if names:
                found.append(in_words(self._node.resolve_topic_name(topic), names))
        self.seen += [sentence for sentence in found if sentence not in self.seen]
        return '; '.join(found)
