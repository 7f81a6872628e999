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
Runs rqt with a perspective, once this process has discovered the topics and services in it.

When rqt restores a perspective, its plots drop every topic, its parameter editor every node, and
its service caller every service that is not discovered yet. On a busy machine discovery takes
longer than that. All nodes of a process share what was discovered, so a node is made here first,
which waits, and stays.
"""

from collections.abc import Callable, Iterable, Sequence
import re
import signal
import sys
import time
from types import FrameType

import rclpy
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from scpo_ros.nodes.rqt_window import arranged


_PATIENCE_S = 20.0  # a perspective that shows half is better than none [s, wall]


def shown(perspective: str) -> tuple[set[str], set[str]]:
    """Return the topics that the text of a perspective plots, and the services that it needs."""
    topics = set(re.findall(r"'(/[^'\s]+)/data'", perspective))
    selected = ''.join(re.findall(r'"selected_nodes": {\s*"repr": "([^"]*)"', perspective))
    called = re.findall(r'"current_service_name": {\s*"repr": "\'([^\']+)\'"', perspective)
    nodes = re.findall(r"'(/[^'\s]+)'", selected)
    return topics, {*called, *(f'{node}/list_parameters' for node in nodes)}


def missing(node: Node, topics: Iterable[str], services: Iterable[str]) -> list[str]:
    """Return what a node has not discovered of topics with a publisher and of services."""
    present = {name for name, _ in node.get_service_names_and_types()}
    return (sorted(topic for topic in topics if not node.count_publishers(topic))
            + sorted(set(services) - present))


def wait(node: Node, topics: Iterable[str], services: Iterable[str],
         spin: Callable[..., None] = rclpy.spin_once,
         clock: Callable[[], float] = time.monotonic, asked: Sequence[int] = ()) -> list[str]:
    """
    Wait until nothing is missing, patience ends, or the end is asked for; return what is missing.

    :param asked: filled when the end is asked for.
    """
    deadline = clock() + _PATIENCE_S
    absent = missing(node, topics, services)
    while absent and not asked and clock() < deadline:
        spin(node, timeout_sec=0.1)
        absent = missing(node, topics, services)
    return absent


def main() -> int:
    """
    Wait and become rqt.

    The arguments are those of rqt, the perspective file last.
    """
    asked: list[int] = []  # signals that ask for the end; ROS is never interrupted

    def note(number: int, _: FrameType | None) -> None:
        asked.append(number)
    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    node = rclpy.create_node('rqt_start', start_parameter_services=False)
    with open(sys.argv[-1], encoding='utf-8') as file:
        absent = wait(node, *shown(file.read()), asked=asked)
    for number, handler in before.items():
        signal.signal(number, handler)
    if asked:
        node.destroy_node()
        rclpy.try_shutdown()
        return 0
    if absent:
        node.get_logger().warn(f'not there yet, and not shown: {", ".join(absent)}')
    from rqt_gui.main import Main  # not installed where nobody asks for it
    return int(arranged(Main)().main(['rqt', *sys.argv[1:]]) or 0)


if __name__ == '__main__':
    sys.exit(main())
