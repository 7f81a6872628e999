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
One life of the driver: from the robot's readings to states, from commands to the robot's. No ROS.

A reading is refused, counted and named where it must not be acted upon: a number is missing, its
stamp does not advance or is too old, or the sensors are stuck. A state that was refused is never
published, and no older one in its place.

Of the answers to a state the first one counts, while it is in time. Where none is, or where no
state comes, the robot is told what the description says of silence. Nothing is sent before the
first command.
"""

from dataclasses import dataclass

import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.driver.applied import AppliedInput
from scpo_ros.driver.refusals import Refusals
from scpo_ros.driver.robot_joints import Reading, RobotJoints
from scpo_ros.driver.sampler import Sampler
from scpo_ros.driver.stuck_sensor import StuckSensor
from scpo_ros.interface.messages import State
from scpo_ros.interface.ros_types import Stamp
from scpo_ros.interface.state_watch import Fate, StateWatch
from scpo_ros.systems.drive import Actuation
from scpo_ros.systems.model import Model

_BRIDGED_S = 0.5  # longest time between two states of one episode, and at least 5 steps [s]


@dataclass
class Counts:
    """What happened so far."""

    states: int = 0  # published
    missed: int = 0  # states without an answer in time, after the first answer
    blind: int = 0  # times that no state came, after the first answer
    commands: int = 0  # taken


class DriverSession:
    """Judges readings and commands, and says what is published and what is sent."""

    def __init__(self, system: Model, joints: RobotJoints, actuation: Actuation,
                 applied: AppliedInput, age_limit: float) -> None:
        """
        Start before the first reading.

        :param actuation: chooses between command and silence. :param age_limit: of a stamp [s];
            0: not looked at.
        """
        self._system, self.joints, self._actuation = system, joints, actuation
        self.applied, self._stuck = applied, StuckSensor(system)
        self._gap = max(_BRIDGED_S, 5 * system.dt)
        self._watch = StateWatch(system.dt, self._gap, age_limit=age_limit)
        self.sampler, self.refusals, self.counts = Sampler(system.dt), Refusals(), Counts()
        self.last: State | None = None  # published last
        self._asked: State | None = None  # the state whose answer is awaited

    @property
    def started(self) -> bool:
        """Return whether a command has ever come."""
        return self.counts.commands > 0

    def see(self, reading: Reading, now: float | None) -> State | None:
        """
        Return the state to publish, None where the reading is no sample or is refused.

        :param now: clock [s] for the age of the stamp; None: not looked at.
        """
        lines = self._watch.time_lines
        fate = self._watch.judge(State(
            reading.stamp, reading.time, 0, reading.x, reading.effort), now)
        if fate is not Fate.FRESH:
            self.refusals.note(fate.value, self.joints.unknown(reading.x))
            return None
        if self._watch.time_lines != lines:
            self.sampler.restart()
        if not self.sampler.take(reading.time):
            return None
        step = np.nan if self.last is None else reading.time - self.last.time
        whole = 0 < step <= self._gap
        applied = self.applied.over_step(
            reading.effort, round(step / self._system.dt) if whole else 1)
        if self._stuck.see(reading.x, applied):
            self.refusals.note('stuck')
            return None
        return self._published(reading, applied, whole)

    def _published(self, reading: Reading, applied: Array, whole: bool) -> State:
        """Return the state of a reading. :param whole: whether its episode goes on."""
        episode = 0 if self.last is None else self.last.episode + (not whole)
        if not whole:
            self._actuation.forget()
        self.counts.missed += self._asked is not None and self.started
        self.counts.states += 1
        self.last = self._asked = State(
            reading.stamp, reading.time, episode, reading.x, applied)
        return self.last

    def answer(self, u: Array, stamp: Stamp) -> Array | None:
        """
        Return what to tell the robot (m,), None where this is no answer in time.

        :param u: (m,), a command. :param stamp: of the state that it answers.
        """
        asked = self._asked
        if u.shape != (self._system.m,) or not np.isfinite(u).all():
            self.refusals.note('malformed_command')
        elif asked is None or (stamp.sec, stamp.nanosec) != (asked.stamp.sec, asked.stamp.nanosec):
            self.refusals.note('unstamped' if stamp.sec == stamp.nanosec == 0 else 'late_command')
        else:
            self._asked = None
            self.counts.commands += 1
            return self._actuation.applied(asked.x, u)
        return None

    def without_answer(self) -> Array | None:
        """Return what to tell the robot where the answer is late, None where nothing is due."""
        asked, self._asked = self._asked, None
        if asked is None or not self.started:
            return None
        self.counts.missed += 1
        return self._silent(asked.x)

    def without_state(self) -> Array | None:
        """Return what to tell the robot where no state comes, None before the first command."""
        self._asked = None
        if not self.started:
            return None
        self.counts.blind += 1
        return self._silent(np.full(self._system.n, np.nan))

    def _silent(self, x: Array) -> Array:
        """Return the input of silence (m,); 0 where its law needs a state and there is none."""
        u = self._actuation.applied(x, None)
        return u if np.isfinite(u).all() else np.zeros(self._system.m)
