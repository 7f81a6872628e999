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

"""The record of a run: the messages of its topics, as the monitor or a bag saw them. No ROS."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.config import Specification
from scpo_ros.health.known import known
from scpo_ros.interface.acknowledgement import Acknowledgement
from scpo_ros.interface.messages import (
    Command, read_active, read_command, read_demonstration, read_policy, read_state, State)
from scpo_ros.interface.policy_record import PolicyRecord
from scpo_ros.interface.wiring import wiring_of
from scpo_ros.policy.safety_filter import Source
from scpo_ros.recording.reported_numbers import ReportedNumbers
from scpo_ros.systems.model import Model
from scpo_ros.verification.safe_task import SafeTask
from scpo_ros.verification.specified import task_of


NUMBERS = {'adapter/metrics/loss': 'loss', 'adapter/metrics/worst_metric': 'worst_metric',
           'adapter/metrics/accepted_total': 'accepted',
           'adapter/metrics/refused_total': 'refused',
           'controller/metrics/guard_interventions': 'guard_interventions',
           'controller/metrics/period_ms': 'period_ms',
           'plant/metrics/deadline_misses': 'deadline_misses'}  # of the simulated plant only
_MOST_EXPERTS = 64  # names that are kept
KEPT_STATES = 512  # labelled states on which the imitation losses are compared


class Published(NamedTuple):
    """A published policy."""

    time: float  # of the plant's newest state [s], NaN before the first
    policy: PolicyRecord


class Acknowledged(NamedTuple):
    """A message of the controller about the policy that runs."""

    time: float  # of the plant's newest state [s], NaN before the first
    seen: Acknowledgement


class RunRecord:
    """
    Everything that was seen of a run; it grows while the run is watched, or while a bag is read.

    Times are those of the plant's states [s]: a message between two states has the time of the
    first of them.
    """

    def __init__(self, spec: Specification) -> None:
        """Start empty. :raises ConfigurationError: for a bad description of a system."""
        self.spec, self.wiring = spec, wiring_of(spec)
        self.states: list[State] = []
        self.violations = 0  # states outside the limits
        self.commands: dict[float, Command] = {}  # {time of the state: the command for it}
        self.published: list[Published] = []
        self.acknowledged: list[Acknowledged] = []
        self.demonstrations: list[tuple[Array, Array]] = []  # the newest: states, actions
        self.experts: list[str] = []  # names of those that demonstrated, in order of appearance
        self.numbers = ReportedNumbers()

    def take(self, topic: str, message: Any) -> None:
        """
        Take in a message; a topic that is not watched is ignored.

        :param topic: relative to the namespace. :param message: ROS message of the topic's type,
            as a node receives it or as a bag decodes it.
        :raises InvalidArrayError: when it is malformed; nothing is changed then.
        """
        if topic in _TAKEN:
            _TAKEN[topic](self, message)
        elif topic in NUMBERS:
            self.numbers.add(NUMBERS[topic], message.data, self.now)

    @property
    def system(self) -> Model:
        """Return the model of the system."""
        return self.wiring.system

    @property
    def now(self) -> float:
        """Return the time of the newest state [s], NaN before the first."""
        return self.states[-1].time if self.states else np.nan

    @property
    def start(self) -> float:
        """Return the time of the first state [s], 0 before it."""
        return self.states[0].time if self.states else 0.0

    def add_state(self, state: State) -> None:
        """Add a state of the plant; a plant that waits repeats its state, which counts once."""
        if state.time == self.now:
            return
        self.states.append(state)
        known = np.where(np.isnan(state.applied), 0.0, state.applied)  # NaN: not known
        self.violations += not bool(self.system.observed.within_limits(state.x, known))

    def add_command(self, command: Command) -> None:
        """Add the command that answers a state."""
        self.commands[command.time] = command

    def add_demonstration(self, labelled: tuple[str, Array, Array]) -> None:
        """Add (name of the expert, states (k, n), actions (k, m))."""
        name, states, actions = labelled
        if name not in self.experts and len(self.experts) < _MOST_EXPERTS:
            self.experts.append(name)
        self.demonstrations = (self.demonstrations + [(states, actions)])[-KEPT_STATES:]

    def add_policy(self, policy: PolicyRecord) -> None:
        """Add a published policy."""
        self.published.append(Published(self.now, policy))

    def add_acknowledgement(self, seen: Acknowledgement) -> None:
        """Add a message of the controller about the policy that runs."""
        self.acknowledged.append(Acknowledged(self.now, seen))

    @property
    def running(self) -> Acknowledgement | None:
        """Return the controller's newest word on the policy that runs, None before the first."""
        return self.acknowledged[-1].seen if self.acknowledged else None

    @property
    def filter_share(self) -> float | None:
        """Return at which share of the answered states the safety filter acted; None: unknown."""
        if not self.commands:
            return None
        acted = sum(command.source == Source.GUARD.value for command in self.commands.values())
        return acted / len(self.commands)

    @property
    def settled(self) -> bool:
        """Return whether the controller runs the policy published last, or refused it."""
        if not self.published or self.running is None:
            return False
        latest = self.published[-1].policy.version
        return self.running.version == latest or (
            self.running.refused == latest and self.running.version == self.running.ready)

    @property
    def known_violations(self) -> int | None:
        """Return how many states were outside the limits, None where no state was seen."""
        return int(self.violations) if self.states else None

    def line(self) -> str:
        """Return the live line; a number that was not measured is called so."""
        n = self.numbers.newest
        running = 'nothing known to run' if self.running is None else (
            f'running v{self.running.version}')
        return (f'accepted {known(n["accepted"], "4.0f")}  refused {known(n["refused"], "4.0f")}  '
                f'loss {known(n["loss"], ".4f")}  '
                f'worst metric {known(n["worst_metric"], "+.3f", "not certified")}  '
                f'{running}  guard {known(n["guard_interventions"], ".0f")}  '
                f'violations {known(self.known_violations, "d")}')

    def task(self) -> SafeTask:
        """Return the control task of the run."""
        return task_of(self.spec)


# The watched topics besides NUMBERS: how a message of each is read and added.
_TAKEN: dict[str, Callable[[RunRecord, Any], None]] = {
    'joint_states': lambda record, message: record.add_state(
        read_state(message, record.wiring.layout)),
    'joint_command': lambda record, message: record.add_command(
        read_command(message, record.wiring.layout)),
    'demonstrations': lambda record, message: record.add_demonstration(
        read_demonstration(message, record.wiring.layout)),
    'policy': lambda record, message: record.add_policy(read_policy(message)),
    'controller/active_policy': lambda record, message: record.add_acknowledgement(
        read_active(message))}
