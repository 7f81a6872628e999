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

"""The adapter while it is configured: topics in, questions to the worker, policies out."""

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from rcl_interfaces.msg import ParameterEvent
from rclpy.node import Node
from scpo_ros.adapter.adaptation import Adaptation
from scpo_ros.adapter.events import LearningEvents
from scpo_ros.adapter.health import judgement, values_of
from scpo_ros.adapter.requests import (
    Describe, Learner, LearnerAnswer, LearnerRequest, Reconfigure, Reply)
from scpo_ros.adapter.session import Session
from scpo_ros.arrays import Array
from scpo_ros.config import AdapterConfig, Specification
from scpo_ros.exceptions import InvalidArrayError
from scpo_ros.health.severity import Severity
from scpo_ros.interface.acknowledgement import Acknowledgement
from scpo_ros.interface.messages import (
    Command, read_active, read_command, read_event, read_state, read_trajectory)
from scpo_ros.interface.size_limits import SizeLimits
from scpo_ros.interface.wiring import wiring_of
from scpo_ros.ledger.history import History
from scpo_ros.ledger.retention import MIB, Room
from scpo_ros.nodes.adapter_services import AdapterServices
from scpo_ros.nodes.adapter_topics import AdapterTopics
from scpo_ros.nodes.conversions import LATCHED
from scpo_ros.nodes.health import SELDOM, STEADY
from scpo_ros.nodes.incoming import subscribe
from scpo_ros.nodes.log import story_of
from scpo_ros.nodes.robot_states import RobotStates
from scpo_ros.process.requests import Start
from scpo_ros.process.stopping import stop_each
from scpo_ros.process.worker import Worker
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory


_POLL_S = 0.05  # how often the worker's answer is looked for [s]
_LOCKSTEP_POLL_S = 0.01  # the same where the plant waits for it [s]
_WORKER_NICENESS = 10  # of the worker, beyond that of the node
_SILENT = (Start, Describe, Reconfigure)  # their answers change no result

Message = TypeVar('Message')
Content = TypeVar('Content')


class ConfiguredAdapter:
    """
    Everything that exists from `configure` to `cleanup`: session, worker, ledger and topics.

    The bookkeeping is in :class:`~scpo_ros.adapter.session.Session`, the learning in a worker
    process that serves an :class:`~scpo_ros.adapter.adaptation.Adaptation`.
    """

    def __init__(self, node: Node, spec: Specification, config: AdapterConfig, lockstep: bool
                 ) -> None:
        """
        Create the topics and start the worker process; what fails halfway is undone.

        :param lockstep: whether the plant waits for this adapter.
        """
        self.active = False  # whether it may learn
        self._node, self._spec, self._lockstep = node, spec, lockstep
        self._limits = SizeLimits.of(spec)
        self._undo: list[Callable[[], object]] = []
        self._events = LearningEvents(story_of(node))
        try:
            self._create(config)
        except BaseException:
            self.stop()
            raise

    def _create(self, config: AdapterConfig) -> None:
        self._history = History(config.ledger_dir, 'adapter',
                                room=Room(config.ledger_limit_mib * MIB))
        self._undo.append(self._history.stop)
        self._wiring = wiring_of(self._spec)
        self.session = Session(config, self._wiring.system, self._lockstep,
                               history=self._history)
        self._worker: Worker[Learner, Reply] = Worker(
            Adaptation, (self._spec, config, None, self._history.tests), niceness=_WORKER_NICENESS)
        self._undo.append(self._worker.stop)
        self._topics = AdapterTopics(self._node, self._wiring)
        self._undo.append(self._topics.destroy)
        self._subscribe()
        for service in AdapterServices(self._node, self.session, self.ask).created:
            self._undo.append(partial(self._node.destroy_service, service))
        timer = self._node.create_timer(
            _LOCKSTEP_POLL_S if self._lockstep else _POLL_S, self._poll, clock=STEADY)
        self._undo += [partial(self._node.destroy_timer, timer), timer.cancel]

    def _subscribe(self) -> None:
        states = RobotStates(self._node, self._on_state, 10,
                             self._limits.bytes_of('joint_states'), self._ignore)
        self._undo.append(states.destroy)
        for kind, topic, callback, qos in (
                (JointState, 'joint_command', self._on_command, 10),
                (JointTrajectory, 'demonstrations', self._on_demonstration, 10),
                (ParameterEvent, 'controller/active_policy', self._on_active, LATCHED),
                (ParameterEvent, 'proposals', self._on_proposal, 10)):
            made = subscribe(self._node, kind, topic, callback, qos,
                             self._limits.bytes_of(topic), self._ignore)
            self._undo.append(partial(self._node.destroy_subscription, made))

    def stop(self) -> None:
        """End everything, the newest first, each part also when another one fails."""
        undo, self._undo = self._undo, []
        stop_each(*reversed(undo))

    # Topics -------------------------------------------------------------------------------

    def _reading(self, read: Callable[[Message], Content], message: Message,
                 use: Callable[[Content], object]) -> None:
        """Read a message and use its content; a malformed one is counted and ignored."""
        try:
            use(read(message))
        except InvalidArrayError as error:
            self._ignore(str(error))

    def _ignore(self, why: str) -> None:
        """Count a malformed message."""
        self.session.inbox.ignore(why)
        self._node.get_logger().warn(f'ignored a malformed message: {why}', **SELDOM)

    def _on_state(self, message: JointState) -> None:
        self._reading(partial(read_state, layout=self._wiring.layout), message,
                      self.session.seen.add_state)

    def _on_command(self, message: JointState) -> None:
        self._reading(partial(read_command, layout=self._wiring.layout), message,
                      self._take_command)
        if self._lockstep:
            self._poll()

    def _take_command(self, command: Command) -> None:
        rollout = self.session.add_command(
            command.time, f'{command.source}/{command.version}', command.u)
        if rollout is not None:
            self._topics.publish_rollout(rollout)

    def _on_demonstration(self, message: JointTrajectory) -> None:
        def keep(shown: tuple[float, Array, Array]) -> None:
            self.session.add_demonstration(*shown, message.header.frame_id)
        self._reading(partial(read_trajectory, layout=self._wiring.layout), message, keep)

    def _on_proposal(self, message: ParameterEvent) -> None:
        self._reading(
            partial(read_event, limits=self._limits), message,
            lambda values: self.session.inbox.add_proposal(values.get('proposal.step')))

    def _on_active(self, message: ParameterEvent) -> None:
        self._reading(partial(read_active, limits=self._limits), message, self._acknowledge)

    def _acknowledge(self, seen: Acknowledgement) -> None:
        self.session.acknowledge(seen)
        if self.session.publication.halted:
            self._topics.publish_worst(self.session.results)

    # The worker ---------------------------------------------------------------------------

    def _poll(self) -> None:
        if not self._undo:
            return  # a call that was due when the node was cleaned up
        answer = self._worker.poll()
        if answer is not None:
            self._conclude(answer)
        self._events.look(self.session)
        self._worker.revive(
            lambda: (self._spec, self.session.config, self.session.replacement(),
                     self._history.tests))
        if self.active and not self._worker.busy:
            request = self.session.next_request(
                self._publishers('demonstrations') > 0)
            if request is not None:
                self._request(request)
        done = self.session.processed(self._worker.busy, self.active)
        if self._lockstep and done is not None:
            self._topics.publish_processed(done)

    def _request(self, request: LearnerRequest) -> None:
        self._worker.request(request, timeout=self.session.config.update_timeout_s)

    def _conclude(self, answer: LearnerAnswer) -> None:
        """Publish what an answer of the worker brings."""
        self._topics.publish_policies(self.session.conclude(answer))
        if not isinstance(answer.request, _SILENT):
            self._topics.publish_results(self.session)

    def ask(self, request: LearnerRequest) -> LearnerAnswer:
        """Have the worker do something now, waiting for it; return its answer."""
        answer = self._worker.wait()
        if answer is not None:  # what it was busy with
            self._conclude(answer)
        self._request(request)
        answer = self._worker.wait()
        if answer is None:
            raise RuntimeError('the worker owes no answer')
        self._conclude(answer)
        return answer

    def _publishers(self, topic: str) -> int:
        """Return how many publish a topic, under the name that it was given here."""
        count: int = self._node.count_publishers(self._node.resolve_topic_name(topic))
        return count

    def diagnose(self) -> tuple[Severity, str, dict[str, str | int | bool]]:
        """Return severity, sentence and values for diagnostics."""
        history = self._history
        level, message = judgement(self.session, self.session.config, self.active,
                                   history.failure, self.session.inbox.newly_ignored(),
                                   self._publishers('controller/active_policy'))
        return level, message, {**values_of(self.session),
                                'ledger': history.failure or history.fault or 'in order'}
