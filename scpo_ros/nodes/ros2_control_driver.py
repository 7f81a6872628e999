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

"""The driver node: between a robot under ros2_control and the stack's own topics."""

from collections.abc import Callable
from functools import partial
import sys

from nav_msgs.msg import Odometry
from rclpy.node import Node
from scpo_ros.arrays import Array
from scpo_ros.config import DriverConfig
from scpo_ros.driver.assembly import build_session
from scpo_ros.driver.diagnosis import DriverDiagnosis
from scpo_ros.driver.odometry import OdometrySource
from scpo_ros.driver.robot_joints import Reading
from scpo_ros.driver.session import DriverSession
from scpo_ros.exceptions import ConfigurationError, InvalidArrayError
from scpo_ros.interface.messages import read_inputs
from scpo_ros.interface.size_limits import ROBOT_BYTES, SizeLimits
from scpo_ros.interface.wiring import wiring_of
from scpo_ros.nodes.company import Company
from scpo_ros.nodes.conversions import state_message
from scpo_ros.nodes.health import Diagnosed, Health, LEVELS, STEADY
from scpo_ros.nodes.incoming import subscribe
from scpo_ros.nodes.parameters import declare
from scpo_ros.nodes.robot_states import RobotStates
from scpo_ros.nodes.run import Events, run
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray


_WAITING = 20  # messages of the robot that may wait for the callback


class RobotCommands:
    """Tells the robot its inputs, and the session what the robot was told."""

    def __init__(self, node: Node, session: DriverSession) -> None:
        """Create the topic."""
        self._session = session
        self._publisher = node.create_publisher(Float64MultiArray, 'robot_commands', 1)

    @property
    def listeners(self) -> int:
        """Return how many nodes hear the commands."""
        return int(self._publisher.get_subscription_count())

    def send(self, u: Array | None) -> None:
        """Send inputs (m,); None sends nothing."""
        if u is None:
            return
        self._publisher.publish(Float64MultiArray(data=self._session.joints.command(u)))
        self._session.applied.sent(u if self.listeners else None)


class Ros2ControlDriver(Node):
    """
    Publishes the samples of a robot as states, and sends it the commands that answer them.

    :class:`~scpo_ros.driver.session.DriverSession` decides; the node moves messages and keeps two
    deadlines: by when a state must be answered, and by when the next one must come.
    """

    def __init__(self) -> None:
        """
        Declare parameters and start.

        :raises ScpoRosError: for a bad configuration, or joints that do not fit the description.
        """
        super().__init__(
            'ros2_control_driver', automatically_declare_parameters_from_overrides=True)
        spec, config = declare(self, DriverConfig)
        self._require_two_topics()
        wiring = wiring_of(spec)
        self._layout, self._session = wiring.layout, build_session(spec, config)
        self.realtime_priority, self.scheduling = config.realtime_priority, ''
        self._states = self.create_publisher(JointState, 'joint_states', 10)
        self._commands = RobotCommands(self, self._session)
        self._listen(config, SizeLimits.of(spec).bytes_of('joint_command'))
        self._wait(wiring.system.dt, wiring.system.deadline)
        self._diagnosis = DriverDiagnosis(
            self._session, wiring.system, self.resolve_topic_name('robot_states'),
            self.resolve_topic_name('robot_commands'))
        self._company, self._rivals = Company(self, ('robot_states',)), ''
        self._health = Health(self, 'robot', self._diagnose,
                              ('joint_states', 'joint_command', 'robot_commands'))

    def _require_two_topics(self) -> None:
        """Pass where the driver will not hear itself. :raises ConfigurationError: otherwise."""
        for robot, own in (('robot_states', 'joint_states'), ('robot_commands', 'joint_command')):
            topic = self.resolve_topic_name(robot)
            if topic == self.resolve_topic_name(own):
                raise ConfigurationError(robot, topic, f'must be another topic than {own} of the '
                                         'stack: choose another namespace for the nodes')

    def _listen(self, config: DriverConfig, largest: int) -> None:
        """Subscribe. :param largest: length of a command [bytes]."""
        joints = self._session.joints
        read: Callable[..., Reading] = joints.read
        kind: type = JointState
        if config.source == 'odometry':
            kind, read = Odometry, OdometrySource(joints).read
        RobotStates(self, partial(self._on_robot, read), _WAITING, ROBOT_BYTES,
                    self._session.refusals.malformed, 'robot_states', kind)
        subscribe(self, JointState, 'joint_command', self._on_command, 1, largest,
                  self._refuse_command)

    def _wait(self, dt: float, deadline: float) -> None:
        """Make the timers of both deadlines; each begins with a state."""
        clock = self.get_clock() if self.get_parameter('use_sim_time').value else STEADY
        self._answer_due = self.create_timer(deadline * dt, self._on_late_answer, clock=clock)
        self._state_due = self.create_timer((1 + deadline) * dt, self._on_no_state, clock=clock)
        self._answer_due.cancel()

    def _on_robot(self, read: Callable[..., Reading], message: JointState | Odometry) -> None:
        if self._rivals:
            self._session.refusals.malformed(self._rivals)
            return
        try:
            reading = read(message)
        except InvalidArrayError as error:
            self._session.refusals.malformed(str(error))
            return
        state = self._session.see(reading, self.get_clock().now().nanoseconds * 1e-9)
        if state is not None:
            self._states.publish(state_message(
                state.stamp, state.episode, state.x, state.applied, self._layout))
            self._answer_due.reset()
            self._state_due.reset()

    def _on_command(self, message: JointState) -> None:
        try:
            u = read_inputs(message, self._layout)
        except InvalidArrayError as error:
            self._refuse_command(str(error))
            return
        self._commands.send(self._session.answer(u, message.header.stamp))

    def _refuse_command(self, _: str) -> None:
        self._session.refusals.note('malformed_command')

    def _on_late_answer(self) -> None:
        self._answer_due.cancel()  # until the next state
        self._commands.send(self._session.without_answer())

    def _on_no_state(self) -> None:
        self._commands.send(self._session.without_state())

    def _diagnose(self) -> Diagnosed:
        self._rivals = self._company.look()
        severity, message = self._diagnosis.judge(self._commands.listeners)
        return LEVELS[severity], message, {
            **self._diagnosis.values, 'scheduling': self.scheduling}


def main(args: list[str] | None = None) -> int:
    """Run the driver."""
    return run(Ros2ControlDriver, Events, args=args)


if __name__ == '__main__':
    sys.exit(main())
