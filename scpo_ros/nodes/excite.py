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

"""The excite node: takes the controller's place and moves a robot while it is recorded."""

from pathlib import Path
import sys
import time

from rclpy.node import Node
from rclpy.utilities import try_shutdown
from scpo_ros.atomic_file import write_whole
from scpo_ros.config import ExciteConfig
from scpo_ros.exceptions import ConfigurationError, in_words, InvalidArrayError
from scpo_ros.excite.assembly import draft_of, session_of
from scpo_ros.excite.outcome import summary
from scpo_ros.excite.track import table
from scpo_ros.excite.vigil import Vigil
from scpo_ros.interface.messages import read_state
from scpo_ros.interface.size_limits import SizeLimits
from scpo_ros.nodes.conversions import command_message
from scpo_ros.nodes.health import Diagnosed, Health, Metrics, OK, SELDOM, STEADY, WARN
from scpo_ros.nodes.parameters import declare
from scpo_ros.nodes.robot_states import RobotStates
from scpo_ros.nodes.run import Events, run
from sensor_msgs.msg import JointState


_LOOK_S = 2.0  # for another node that commands the robot, before the first command [s]
_WATCH_S = 0.1
_NAME_S, _POLL_S = 1.0, 0.02  # longest wait for the name of another node; between two looks [s]
_PAUSE_S = 0.5  # without a state, after which the backup answers the next ones [s]


def _steady() -> float:
    return float(STEADY.now().nanoseconds) * 1e-9


class ExciteNode(Node):
    """
    Answers states as :class:`~scpo_ros.excite.session.Session` says, and writes its table.

    It publishes `joint_command`, as the controller does elsewhere, and looks first whether anybody
    else does. The exit code is 1 where the random inputs ended early.
    """

    def __init__(self) -> None:
        """
        Declare parameters, compute the safe set of the draft, listen.

        :raises ScpoRosError: for a bad configuration, or a draft without a safe set.
        """
        super().__init__('excite', automatically_declare_parameters_from_overrides=True)
        spec, config = declare(self, ExciteConfig)
        self._path = _free(config.recording)
        self._task = draft_of(spec)
        self._session = session_of(self._task, config, self.get_logger().info)
        self.realtime_priority, self.scheduling = config.realtime_priority, ''
        self.code, self._ready = 0, _steady() + _LOOK_S
        self._vigil = Vigil(_steady(), _PAUSE_S, config.state_wait_s)
        self._commands = self.create_publisher(JointState, 'joint_command', 1)
        self._metrics = Metrics(self, ('amplitude', 'model_error'))
        self._health = Health(
            self, 'excitation', self._diagnose, ('joint_states', 'joint_command'))
        RobotStates(self, self._on_state, 1, SizeLimits.of(spec).bytes_of('joint_states'),
                    self._ignore)
        self.create_timer(_WATCH_S, self._watch, clock=STEADY)

    def _on_state(self, message: JointState) -> None:
        self._vigil.hear(_steady())
        if _steady() < self._ready or self._session.over:
            return
        try:
            state = read_state(message, self._task.layout)
        except InvalidArrayError as error:
            self._ignore(f'{error}')
            return
        reply = self._session.answer(state)
        if reply is not None:
            self._commands.publish(command_message(
                state.stamp, reply.source, 0, reply.u, state.joint, self._task.layout))
            self._metrics.publish(
                amplitude=self._session.amplitude.value, model_error=self._session.ratio)

    def _ignore(self, why: str) -> None:
        self._session.lose('a state was malformed')
        self.get_logger().error(f'no action on a malformed state: {why}', **SELDOM)

    def _watch(self) -> None:
        """End when it is over, when no state comes, or when another node commands the robot."""
        others, silence = self._others(), self._vigil.over(_steady())
        if self._vigil.paused(_steady()):
            self._session.lose(f'no state came for {_PAUSE_S:g} s')
        if others:
            self._end(f'{", ".join(others)} publishes {self._commands.topic_name} too: one node '
                      'alone may command the robot', 1 if self._session.rows else 2)
        elif silence:
            self._end(silence, 1)
        elif self._session.over:
            self._end(self._session.stopped, 1 if self._session.stopped else 0)

    def _others(self) -> list[str]:
        """Return who else publishes commands; a name that is not discovered yet is waited for."""
        deadline = _steady() + _NAME_S
        while any('_UNKNOWN_' in name for name in self._commanders()) and _steady() < deadline:
            time.sleep(_POLL_S)
        return self._commanders()

    def _commanders(self) -> list[str]:
        names = {f'{end.node_namespace.rstrip("/")}/{end.node_name}'
                 for end in self.get_publishers_info_by_topic(self._commands.topic_name)}
        return sorted(names - {self.get_fully_qualified_name()})

    def _end(self, why: str, code: int) -> None:
        if why:
            print(f'[scpo_ros] error: {why}', file=sys.stderr, flush=True)
        self.code = code
        try_shutdown()

    def _diagnose(self) -> Diagnosed:
        session = self._session
        values: dict[str, str | int | float] = {
            'phase': session.phase.value, 'amplitude': session.amplitude.value,
            'states': len(session.rows), 'holds': session.hold.count,
            'scheduling': self.scheduling}
        if not session.rows:
            return WARN, 'no state answered yet', values
        if session.hold.stands:
            return WARN, f'the backup answers: {session.hold.reason}', values
        return OK, session.phase.value, values

    def stop(self) -> None:
        """Write the table of what was seen, and say what came of it."""
        session = self._session
        if not session.rows:
            print('nothing was recorded', flush=True)
            return
        try:
            write_whole(self._path, table(session.rows, self._task.system))
        except OSError as error:
            print(f'[scpo_ros] error: {self._path} cannot be written: {in_words(error)}',
                  file=sys.stderr, flush=True)
            self.code = 1
            return
        for line in summary(session, self._task.system.dt):
            print(line)
        print(f'recording: {self._path}', flush=True)


def _free(recording: str) -> Path:
    """Return the path of a table that can be written; raise ConfigurationError for another."""
    path = Path(recording)
    if path.exists():
        raise ConfigurationError('recording', recording, 'must not exist yet')
    if not path.parent.is_dir():
        raise ConfigurationError('recording', recording, 'must be in a folder that exists')
    return path


def main(args: list[str] | None = None) -> int:
    """Run the node."""
    made: list[ExciteNode] = []

    def make() -> ExciteNode:
        made.append(ExciteNode())
        return made[0]

    code = run(make, Events, args=args)
    return max(code, *(node.code for node in made), 0)


if __name__ == '__main__':
    sys.exit(main())
