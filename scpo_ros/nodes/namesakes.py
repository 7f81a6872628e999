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
Looks whether a namespace is in use: prints who is there, one a line, and ends with code 3 then.

    python -m scpo_ros.nodes.namesakes --nodes plant controller --topics joint_command policy \
        --ros-args -r __ns:=/scpo

A process that has just begun to look discovers living nodes only: a node that was killed does not
answer any more. So a run may be started right after another one was killed.
"""

import argparse
from collections.abc import Sequence
import signal
import sys
import time

import rclpy
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from rclpy.utilities import remove_ros_args
from scpo_ros.bringup.namesakes import FOUND
from scpo_ros.process.discovery import shorten_discovery
from scpo_ros.process.parent import end_with_parent


_LOOK_S = 2.0  # how long nothing may be found: discovery took up to 0.7 s on a busy machine [s]
_REST_S = 0.3  # how long others are looked for after the first one [s]
_POLL_S = 0.02  # between two looks [s]


def found(node: Node, names: Sequence[str], topics: Sequence[str]) -> list[str]:
    """Return who is there: nodes of these names in the node's namespace, publishers of topics."""
    prefix = node.get_namespace().rstrip('/')
    present = {f'{space.rstrip("/")}/{name}'
               for name, space in node.get_node_names_and_namespaces()}
    wanted = [f'{prefix}/{name}' for name in names]
    there = [f'node {name}' for name in wanted if name in present]
    for topic in topics:
        ends = node.get_publishers_info_by_topic(topic)
        publishers = {f'{end.node_namespace.rstrip("/")}/{end.node_name}' for end in ends}
        there += [f'publisher {name} of {node.resolve_topic_name(topic)}'
                  for name in sorted(publishers - set(wanted))]
    return there


def look(node: Node, names: Sequence[str], topics: Sequence[str]) -> list[str]:
    """
    Return who is there, after a while without anybody.

    A publisher may be discovered before the name of its node is; the name is waited for.
    """
    deadline = time.monotonic() + _LOOK_S
    while not found(node, names, topics) and time.monotonic() < deadline:
        time.sleep(_POLL_S)
    if found(node, names, topics):
        time.sleep(_REST_S)
        deadline = time.monotonic() + _LOOK_S
        while _nameless(found(node, names, topics)) and time.monotonic() < deadline:
            time.sleep(_POLL_S)
    return found(node, names, topics)


def _nameless(there: Sequence[str]) -> bool:
    """Return whether somebody is there whose name is not discovered yet."""
    return any('_UNKNOWN_' in name for name in there)


def main(arguments: list[str] | None = None) -> int:
    """Look; return the exit code."""
    end_with_parent(signal.SIGKILL)
    given = sys.argv if arguments is None else [sys.argv[0], *arguments]
    parser = argparse.ArgumentParser(prog='python -m scpo_ros.nodes.namesakes')
    parser.add_argument('--nodes', nargs='*', default=[], help='names that must be free')
    parser.add_argument('--topics', nargs='*', default=[], help='that nobody may publish')
    options = parser.parse_args(remove_ros_args(given)[1:])
    shorten_discovery()
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a signal ends the look: no answer is no pass
    rclpy.init(args=given, signal_handler_options=SignalHandlerOptions.NO)
    node = rclpy.create_node('namesakes', start_parameter_services=False, enable_rosout=False)
    there = look(node, options.nodes, options.topics)
    print('\n'.join(there), end='', flush=True)
    node.destroy_node()
    rclpy.try_shutdown()
    return FOUND if there else 0


if __name__ == '__main__':
    sys.exit(main())
