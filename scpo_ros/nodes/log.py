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

"""The log of a node, at /rosout: its story in plain words."""

from rclpy.node import Node
from scpo_ros.health.severity import Severity
from scpo_ros.health.story import Story
from scpo_ros.nodes.health import STEADY


def story_of(node: Node) -> Story:
    """Return the story that a node tells in its log."""
    logger = node.get_logger()

    def say(severity: Severity, sentence: str) -> None:
        if severity is Severity.ERROR:  # one line of code for each: rclpy wants it so
            logger.error(sentence)
        elif severity is Severity.WARN:
            logger.warn(sentence)
        else:
            logger.info(sentence)
    return Story(say, lambda: float(STEADY.now().nanoseconds) * 1e-9)
