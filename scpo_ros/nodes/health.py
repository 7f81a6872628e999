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

"""Diagnostics at 1 Hz and one-number metrics topics."""

from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.publisher import Publisher
from scpo_ros.health.severity import Severity
from scpo_ros.nodes.company import Company
from std_msgs.msg import Bool, Float64


OK, WARN, ERROR = DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR
LEVELS = {Severity.OK: OK, Severity.WARN: WARN, Severity.ERROR: ERROR}
STEADY = Clock(clock_type=ClockType.STEADY_TIME)
# Options of a message that is logged at most every 5 s. rclpy's own throttle goes by the wall
# clock, and is silent for an hour where that is set back by an hour.
SELDOM: dict[str, float | Clock] = {
    'throttle_duration_sec': 5.0, 'throttle_time_source_type': STEADY}
Diagnosed: TypeAlias = tuple[bytes, str, Mapping[str, str | int | float]]  # level, message, values


class Health:
    """Publishes a node's diagnosis on /diagnostics, once a second of wall time."""

    def __init__(self, node: Node, item: str, report: Callable[[], Diagnosed],
                 alone: Iterable[str] = ()) -> None:
        """
        Start publishing.

        :param item: what is diagnosed. :param report: () -> (level, message, {key: value}).
        :param alone: topics that one node alone may publish; more of them are an error.
        """
        self._node, self._item, self._report = node, item, report
        self.company = Company(node, alone)
        self._publisher = node.create_publisher(DiagnosticArray, '/diagnostics', 10)
        self._timer = node.create_timer(1.0, self.publish, clock=STEADY)

    def publish(self) -> None:
        """Publish the diagnosis now."""
        level, message, values = self._report()
        rivals = self.company.look()
        if rivals:
            level, message = ERROR, f'{rivals}; {message}'
        status = DiagnosticStatus(
            level=level, name=f'{self._node.get_fully_qualified_name()}: {self._item}',
            message=message, hardware_id='scpo',
            values=[KeyValue(key=key, value=str(item)) for key, item in values.items()])
        array = DiagnosticArray(status=[status])
        array.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(array)


class Metrics:
    """The topics ~/metrics/<name> of a node, one number or truth value each."""

    def __init__(self, node: Node, numbers: tuple[str, ...],
                 flags: tuple[str, ...] = ()) -> None:
        """Create the publishers."""
        self._publishers: dict[str, tuple[Publisher, type]] = {
            name: (node.create_publisher(kind, f'~/metrics/{name}', 10), kind)
            for kind, names in ((Float64, numbers), (Bool, flags)) for name in names}

    def destroy(self, node: Node) -> None:
        """Take the topics away from their node."""
        for publisher, _ in self._publishers.values():
            node.destroy_publisher(publisher)

    def publish(self, **values: float | bool) -> None:
        """Publish the given values."""
        for name, item in values.items():
            publisher, kind = self._publishers[name]
            publisher.publish(kind(data=item))
