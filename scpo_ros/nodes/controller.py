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
The controller node: small, trusted, real-time; checks every policy itself before its use.

A lifecycle node: while it is not active it sends no command.
"""

from collections.abc import Callable
from functools import partial
import sys

from rcl_interfaces.msg import ParameterEvent
from scpo_ros.backup_certification.demands import demands_of
from scpo_ros.backup_certification.required import require_certified_backup
from scpo_ros.config import ControllerConfig
from scpo_ros.controller.assembly import build_loop
from scpo_ros.controller.diagnosis import ControllerDiagnosis
from scpo_ros.controller.events import PolicyEvents
from scpo_ros.exceptions import in_words, InvalidArrayError
from scpo_ros.health.timing import Punctuality
from scpo_ros.interface.messages import read_policy, read_state, State
from scpo_ros.interface.refusal import RefusalKind
from scpo_ros.interface.size_limits import SizeLimits
from scpo_ros.interface.state_watch import Fate
from scpo_ros.nodes.controller_topics import Announcement, ControllerFigures
from scpo_ros.nodes.conversions import command_message, LATCHED_QUEUE
from scpo_ros.nodes.health import Diagnosed, Health, LEVELS, SELDOM, STEADY, WARN
from scpo_ros.nodes.incoming import subscribe
from scpo_ros.nodes.log import story_of
from scpo_ros.nodes.managed import ManagedNode
from scpo_ros.nodes.parameters import declare
from scpo_ros.nodes.robot_states import RobotStates
from scpo_ros.nodes.run import Events, run
from sensor_msgs.msg import JointState


_POLL_S = 0.02  # how often the verifier's answer is looked for [s]


def _steady() -> float:
    return float(STEADY.now().nanoseconds) * 1e-9


class ControllerNode(ManagedNode):
    """
    Answers every state with an action of the policy, the safety filter or the backup.

    :class:`~scpo_ros.controller.control_loop.ControlLoop` and
    :class:`~scpo_ros.controller.admission.Admission` decide; the node moves messages. With
    lockstep the answer to a state waits for a verification under way, so that one seed gives one
    sequence of swaps. A callback that fails is counted and reported; it costs one message and
    does not end the node.
    """

    def __init__(self) -> None:
        """
        Declare parameters, have the backup certified, start with it.

        :raises ScpoRosError: for a bad configuration, or one whose backup is not certified.
        """
        super().__init__('controller')
        spec, config = declare(self, ControllerConfig)
        require_certified_backup(spec, demands_of(controller=config))
        self._loop = build_loop(spec, config)
        if not config.safety:
            self.get_logger().warn(
                'SAFETY IS OFF: policies are neither checked nor filtered, and nothing is '
                'certified, the backup neither. For demonstrations.')
        self._lockstep = config.lockstep and self.get_parameter('use_sim_time').value
        # A clock that waits for the adapter must not take the processor from it.
        self.realtime_priority = 0 if self._lockstep else config.realtime_priority
        self.scheduling = ''  # what came of it
        self._held: JointState | None = None  # state that waits for a verification
        self._diagnosis = ControllerDiagnosis(self._loop, config)
        self._punctuality = Punctuality(
            self._loop.task.system.dt, self._loop.task.system.deadline)
        self._commands = self.create_publisher(JointState, 'joint_command', 1)
        self._announcement = Announcement(
            self, self._loop.admission, self._loop.task.system.plane)
        self._figures = ControllerFigures(self, self._loop, self._punctuality)
        limits = SizeLimits.of(spec)
        RobotStates(self, self._contained(self._on_state), 1, limits.bytes_of('joint_states'),
                    self._contained(self._ignore_state))
        subscribe(self, ParameterEvent, 'policy',
                  self._contained(partial(self._on_policy, limits)), LATCHED_QUEUE,
                  limits.bytes_of('policy'), self._contained(self._refuse_policy))
        self.create_timer(_POLL_S, self._contained(self._poll), clock=STEADY)
        self._events = PolicyEvents(self._loop.admission.gate, story_of(self))
        self._health = Health(self, 'policy', self._diagnose, ('joint_states', 'policy'))
        self._announcement.publish()
        if config.autostart:
            self.activate()

    def _contained(self, callback: Callable[..., None]) -> Callable[..., None]:
        """Return the callback; a failure costs it one message, and the node counts it."""
        def contained(*arguments: JointState | ParameterEvent | str) -> None:
            try:
                callback(*arguments)
            except Exception as error:  # noqa: B902 - the robot must not fall with a callback
                why = in_words(error)
                self._diagnosis.failed(why)
                self.get_logger().error(f'a callback failed: {why}', **SELDOM)
        return contained

    def _on_state(self, message: JointState) -> None:
        arrival = _steady()
        if not self.active:
            return
        try:
            state = read_state(message, self._loop.task.layout)
        except InvalidArrayError as error:
            self._ignore_state(f'{error}')
            return
        if self._lockstep and self._loop.admission.busy:
            self._held = message
            return
        self._answer(state, arrival)

    def _ignore_state(self, why: str) -> None:
        self._diagnosis.saw_malformed(_steady())
        self.get_logger().error(f'no action on a malformed state: {why}', **SELDOM)

    def _answer(self, state: State, arrival: float) -> None:
        now = None
        if not self._lockstep:
            now = self.get_clock().now().nanoseconds * 1e-9
        reply = self._loop.answer(state, now)
        self._diagnosis.saw(state, self._loop.fate, arrival)
        if reply is not None:
            self._commands.publish(command_message(
                state.stamp, reply.source.value, reply.version, reply.u, state.joint,
                self._loop.task.layout))
        if reply is not None and self._loop.fate is Fate.FRESH:
            self._punctuality.note(arrival, _steady())
            self._figures.publish(state, reply)
            self._announcement.publish()
            self._loop.prepare()

    def _on_policy(self, limits: SizeLimits, message: ParameterEvent) -> None:
        try:
            self._loop.admission.submit(read_policy(message, limits))
        except Exception as error:  # noqa: B902 - what cannot be read is refused, with its reason
            self._refuse_policy(in_words(error))
        self._announcement.publish()

    def _refuse_policy(self, why: str) -> None:
        self._loop.admission.refuse(-1, RefusalKind.MALFORMED, why)
        self._announcement.publish()

    def _poll(self) -> None:
        self._loop.admission.poll()
        self._announcement.publish()
        self._events.look()  # here, where no state waits for its answer
        if self._held is not None and not self._loop.admission.busy:
            message, self._held = self._held, None
            self._on_state(message)

    def _diagnose(self) -> Diagnosed:
        if not self.active:
            return WARN, 'inactive: no state is answered; call the transition activate', {}
        late = 0 if self._lockstep else self._punctuality.late  # there the plant waits
        severity, message = self._diagnosis.judge(_steady(), late)
        values = {**self._diagnosis.values(), 'scheduling': self.scheduling,
                  **self._punctuality.values}
        return LEVELS[severity], message, values

    def stop(self) -> None:
        """End the verifier and close the ledger."""
        self._loop.admission.stop()


def main(args: list[str] | None = None) -> int:
    """Run the controller."""
    return run(ControllerNode, Events, args=args)


if __name__ == '__main__':
    sys.exit(main())
