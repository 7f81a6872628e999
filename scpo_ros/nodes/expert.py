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

"""The expert node: labels the states it sees with actions; benign, or an attack."""

import sys

import numpy as np
from rclpy.node import Node
from scpo_ros.config import ExpertConfig
from scpo_ros.exceptions import InvalidArrayError
from scpo_ros.experts.batches import Batches
from scpo_ros.experts.specified_experts import experts_of
from scpo_ros.health.severity import Severity
from scpo_ros.health.silence import without_states
from scpo_ros.interface.messages import read_state
from scpo_ros.interface.size_limits import SizeLimits
from scpo_ros.interface.wiring import wiring_of
from scpo_ros.nodes.conversions import trajectory_message
from scpo_ros.nodes.health import Health, OK, WARN
from scpo_ros.nodes.log import story_of
from scpo_ros.nodes.parameters import Changes, declare
from scpo_ros.nodes.robot_states import RobotStates
from scpo_ros.nodes.run import Events, run
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory


_BEHIND = 1000  # states: in lock-step the plant may be ahead by the adapter's demonstration_lag_s


class ExpertNode(Node):
    """Publishes a demonstration for every batch of states of one episode."""

    def __init__(self) -> None:
        """Declare parameters and start."""
        super().__init__('expert', automatically_declare_parameters_from_overrides=True)
        spec, config = declare(self, ExpertConfig)
        wiring = wiring_of(spec)
        self._layout = wiring.layout
        self._experts = experts_of(spec)
        self._batches = Batches(wiring.system.dt, config.batch)
        self._story = story_of(self)
        self._switch(config)
        self._sent, self._ignored = 0, 0
        self._publisher = self.create_publisher(JointTrajectory, 'demonstrations', 10)
        self._states = RobotStates(self, self._on_state, _BEHIND,
                                   SizeLimits.of(spec).bytes_of('joint_states'), self._ignore)
        self._changes = Changes(self, config, self._switch)
        self._health = Health(self, 'demonstrations', self._diagnose, ('joint_states',))

    def _switch(self, config: ExpertConfig) -> None:
        self._name, self._batches.batch = config.expert, config.batch
        self._law = self._experts.law(self._name)
        if self._story.changed('expert', self._name):
            self._story.tell(Severity.OK, f'demonstrating {self._name}')

    def _on_state(self, message: JointState) -> None:
        try:
            states = self._batches.see(read_state(message, self._layout))
        except InvalidArrayError:
            self._ignore()
            return
        if states is None:
            return
        first, x = states[0], np.array([state.x for state in states])
        self._publisher.publish(trajectory_message(
            first.stamp, self._name, [state.time - first.time for state in states], x,
            self._law(x), self._layout))
        self._sent += 1

    def _ignore(self, _: str = '') -> None:
        self._ignored += 1

    def _diagnose(self) -> tuple[bytes, str, dict[str, str | int]]:
        values: dict[str, str | int] = {
            'law': self._name, 'demonstrations': self._sent, 'ignored': self._ignored}
        if self._sent == 0:
            return WARN, without_states({'malformed': self._ignored}), values
        return OK, f'demonstrating {self._name}', values


def main(args: list[str] | None = None) -> int:
    """Run the expert."""
    code: int = run(ExpertNode, Events, args=args)
    return code


if __name__ == '__main__':
    sys.exit(main())
