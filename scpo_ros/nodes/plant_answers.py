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

"""What the plant hears about its present state, and how long it waits for it. No ROS."""

from enum import Enum
import math

from scpo_ros.arrays import Array, frozen


_REPEAT_S = 0.2  # a state without answer is published again so often [s, wall]
_SAME_S = 1e-6  # two times that differ by less are those of the same state [s]


class Due(Enum):
    """What the plant does next."""

    ADVANCE = 'take the next step'
    REPEAT = 'publish the present state again'
    WAIT = 'nothing'


class PendingAnswers:
    """
    The answers to the present state: the controller's command, and whether the adapter is done.

    On the wall clock the plant waits for neither. In lock-step it waits for both, up to a
    time-out. An adapter that lets the time-out pass is not waited for until it is heard again.
    """

    def __init__(self, lockstep: bool, timeout_s: float, inputs: int = 1) -> None:
        """
        Start without answers.

        :param timeout_s: longest wait for the answers to a state. :param inputs: m.
        """
        self._lockstep, self._timeout, self._inputs = lockstep, timeout_s, inputs
        self._processed = -math.inf  # newest state that the adapter is done with [s]
        self._waited = 0.0  # for answers to the present state [s, wall]
        self.command: Array | None = None  # (m,), the answer to the present state
        self.alone = False  # whether no adapter is waited for
        self.timeouts = self.malformed = 0  # waits that ended without; commands not readable
        self.unstamped = 0  # commands with the stamp 0 that answer no state

    def hear_command(self, u: Array, answered: float, now: float) -> None:
        """
        Take in a command; ignore one for another state, and count a malformed one.

        :param u: (m,); a finite number for each input is wanted.
        :param answered: time of the state that it answers [s]. :param now: of the present one.
        """
        if len(u) != self._inputs or not all(map(math.isfinite, u)):
            self.malformed += 1  # must not take the place of a genuine command
        elif abs(answered - now) < _SAME_S:
            self.command = frozen(u)
        else:
            self.unstamped += answered == 0

    def ignore(self, _: str) -> None:
        """Count a message that was no command."""
        self.malformed += 1

    def hear_adapter(self, processed: float) -> None:
        """Note which state [s] the adapter is done with."""
        self._processed, self.alone = processed, False

    def due(self, now: float, period: float) -> Due:
        """
        Return what a tick of the plant does.

        :param now: time of the present state [s]. :param period: since the last tick [s, wall].
        """
        learned = self._processed > now - _SAME_S
        if not self._lockstep or (self.command is not None and (self.alone or learned)):
            return Due.ADVANCE
        self._waited += period
        if self._waited < self._timeout:
            return Due.REPEAT if self._waited % _REPEAT_S < period else Due.WAIT
        self.timeouts += 1
        self.alone = not learned
        return Due.ADVANCE

    def take(self) -> Array | None:
        """Return the command (m,), None when none came, and begin to wait for the next state's."""
        command, self.command, self._waited = self.command, None, 0.0
        return command
