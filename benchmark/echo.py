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
Two nodes that do nothing but publish and answer: what the executors alone make of a round trip.

    python -m benchmark.echo ask|answer events|single RESULT.json
"""

import json
from pathlib import Path
import sys
import time

from benchmark.timed_node import EXECUTORS
from rclpy.node import Node
from scpo_ros.config import PlantConfig
from scpo_ros.nodes.health import STEADY
from scpo_ros.nodes.run import run
from sensor_msgs.msg import JointState

DT = 0.01


class _Prompt(Node):
    """With the real-time priority that plant and controller ask for."""

    realtime_priority, scheduling = PlantConfig().realtime_priority, ''


class Ask(_Prompt):
    """Publishes a message every dt and notes when the answer comes."""

    result = None  # path of the results

    def __init__(self):
        """Start asking."""
        super().__init__('ask')
        self._asked, self._trips = {}, []  # {number: time}, [time, round trip] [s]
        self._publisher = self.create_publisher(JointState, 'question', 10)
        self.create_subscription(JointState, 'answer', self._on_answer, 1)
        self._timer = self.create_timer(DT, self._tick, clock=STEADY)

    def _tick(self):
        number = len(self._asked)
        self._asked[number] = time.monotonic()
        question = JointState(name=['slider'], position=[0.1], velocity=[0.1], effort=[0.1])
        question.header.stamp.sec = number
        self._publisher.publish(question)

    def _on_answer(self, answer):
        asked = self._asked[answer.header.stamp.sec]
        self._trips.append([asked, time.monotonic() - asked])

    def stop(self):
        """Write what was measured."""
        self.result.write_text(json.dumps({'trips': self._trips}))


class Answer(_Prompt):
    """Sends back what comes."""

    def __init__(self):
        """Start answering."""
        super().__init__('answer')
        publisher = self.create_publisher(JointState, 'answer', 1)
        self.create_subscription(JointState, 'question', publisher.publish, 1)


def main(arguments):
    """Run the node named first with the executor named second."""
    kind, executor, path = arguments[:3]
    Ask.result = Path(path)
    return run({'ask': Ask, 'answer': Answer}[kind], EXECUTORS[executor], args=arguments)


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
