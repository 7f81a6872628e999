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
Which states may be acted upon. No ROS.

On a *time line* stamps grow by whole steps of dt. Of a message, relative to the newest state of
the present time line:

* the same stamp with the same content is a *repetition*: it gets the same answer again;
* the same stamp with another content is *conflicting*, a smaller one *out of order*, one that lies
  more than `gap` ahead *ahead of time*, one whose state is not finite *malformed*: no action, and
  a count;
* anything else is *fresh*, also without an applied input that is a number: the state can be
  answered, and the way to it cannot be judged (:mod:`scpo_ros.systems.transitions`).

A plant that was started again, or a clock that was set, begins another time line. It is taken over
once `confirmations` messages in a row speak for it, in which none of the present one has come:
a single message with a stamp from the future cannot make all later ones look old.
"""

from enum import Enum
import math

import numpy as np
from scpo_ros.interface.messages import State


# Data collectors treat the stream as restarted only after a gap longer than this [s].
BRIDGED_S = 1.0


class Fate(Enum):
    """What becomes of a state that arrived."""

    FRESH = 'fresh'
    REPEATED = 'repeated'
    CONFLICTING = 'conflicting'
    OUT_OF_ORDER = 'out_of_order'
    AHEAD = 'ahead_of_time'
    STALE = 'stale'
    MALFORMED = 'malformed'


class StateWatch:
    """Decides for every state that arrives whether it may be acted upon, and counts."""

    def __init__(self, dt: float, gap: float, confirmations: int = 3,
                 age_limit: float = 0.0) -> None:
        """
        Start without a time line.

        :param dt: step [s]. :param gap: longest jump ahead on one time line [s], not below 2 dt.
        :param confirmations: messages in a row that begin another time line.
        :param age_limit: largest difference between stamp and clock [s]; 0: not looked at.
        """
        self._gap, self._needed, self._age_limit = max(gap, 2 * dt), confirmations, age_limit
        self._slack = 1e-6 + 1e-3 * dt
        self.counts = dict.fromkeys(Fate, 0)
        self.last: State | None = None  # newest fresh state
        self.time_lines = 0  # how many have begun
        self._other: State | None = None  # newest state of what may be another time line
        self._votes = 0  # states in a row that speak for it

    def judge(self, state: State, now: float | None = None) -> Fate:
        """
        Return the :class:`Fate` of a state and count it; a fresh one becomes :attr:`last`.

        :param now: clock [s] for the age limit; None: the age is not looked at.
        """
        fate = self._fate(state, now)
        if fate in (Fate.OUT_OF_ORDER, Fate.AHEAD):
            fate = self._vote(state, fate)
        elif fate is not Fate.MALFORMED:
            self._other = None
        self.counts[fate] += 1
        if fate is Fate.FRESH:
            self.time_lines += self.last is None
            self.last = state
        return fate

    def _fate(self, state: State, now: float | None) -> Fate:
        if not (np.isfinite(state.x).all() and math.isfinite(state.time)):
            return Fate.MALFORMED
        if self._age_limit > 0 and now is not None and not (
                abs(now - state.time) <= self._age_limit):
            return Fate.STALE if state.time < now else Fate.AHEAD
        if self.last is None:
            return Fate.FRESH
        ahead = state.time - self.last.time
        if abs(ahead) <= self._slack:
            same = (np.array_equal(state.x, self.last.x) and state.episode == self.last.episode
                    and np.array_equal(state.applied, self.last.applied, equal_nan=True))
            return Fate.REPEATED if same else Fate.CONFLICTING
        return Fate.OUT_OF_ORDER if ahead < 0 else Fate.AHEAD if ahead > self._gap else Fate.FRESH

    def _vote(self, state: State, fate: Fate) -> Fate:
        other = self._other
        agrees = other is not None and -self._slack <= state.time - other.time <= self._gap
        self._votes = self._votes + 1 if agrees else 1
        self._other = state
        if self._votes < self._needed:
            return fate
        self.last = self._other = None
        return Fate.FRESH
