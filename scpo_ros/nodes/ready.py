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

"""A node that ends once the viewers have something to show: they drop topics that do not exist."""

import sys
import time

from rcl_interfaces.msg import ParameterEvent
import rclpy
from rclpy.node import Node
from scpo_ros.nodes.conversions import LATCHED
from scpo_ros.nodes.health import STEADY
from scpo_ros.nodes.run import run


_PATIENCE_S = 60.0  # a viewer that shows half is better than none [s, wall]
_SHOWN = ('adapter/metrics/loss', 'adapter/metrics/worst_metric', 'adapter/markers')


class ReadyNode(Node):
    """Waits for a policy that runs and for the topics that the viewers show."""

    def __init__(self) -> None:
        """Start waiting."""
        super().__init__('ready')
        self._began, self._controlled = time.monotonic(), False
        self.create_subscription(
            ParameterEvent, 'controller/active_policy', self._on_active, LATCHED, raw=True)
        self.create_timer(0.2, self._look, clock=STEADY)

    def _on_active(self, _: bytes) -> None:
        self._controlled = True

    def _look(self) -> None:
        missing = [topic for topic in _SHOWN if not self.count_publishers(topic)]
        late = time.monotonic() > self._began + _PATIENCE_S
        if late:
            self.get_logger().warn(f'not there yet, shown when there: {", ".join(missing)}')
        if late or (self._controlled and not missing):
            rclpy.try_shutdown()


def main(args: list[str] | None = None) -> int:
    """Wait until the viewers have something to show."""
    return run(ReadyNode, args=args)


if __name__ == '__main__':
    sys.exit(main())
