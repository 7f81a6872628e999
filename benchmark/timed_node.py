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
The plant or the controller with a chosen executor; the plant measures the round trip.

    python -m benchmark.timed_node plant events RESULT.json --ros-args ...

The round trip is the time from just before a state is published until the command that answers it
is taken in. The file is written when the node stops.
"""

import json
from pathlib import Path
import sys
import time

from rclpy.executors import SingleThreadedExecutor
from rclpy.experimental import EventsExecutor
from scpo_ros.nodes.controller import ControllerNode
from scpo_ros.nodes.plant import PlantNode
from scpo_ros.nodes.run import run

EXECUTORS = {'events': EventsExecutor, 'single': SingleThreadedExecutor}


class TimedPlant(PlantNode):
    """A plant that notes when it published and when the answer came."""

    result = None  # path of the results
    _sent = None

    def __init__(self):
        """Start with nothing measured."""
        self._trips = []  # [time of the state, round trip] [s]
        super().__init__()

    def _publish(self):
        self._sent = time.monotonic()
        super()._publish()

    def _on_command(self, message):
        before = self._answers.command
        super()._on_command(message)
        if before is None and self._answers.command is not None:
            self._trips.append([self._sent, time.monotonic() - self._sent])

    def stop(self):
        """Write what was measured."""
        self.result.write_text(json.dumps({'trips': self._trips}))


def main(arguments):
    """Run the node named first with the executor named second."""
    kind, executor, path = arguments[:3]
    TimedPlant.result = Path(path)
    return run({'plant': TimedPlant, 'controller': ControllerNode}[kind], EXECUTORS[executor],
               args=arguments)


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
