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
States of the plant, paired with the commands that answer them. No ROS.

Pairs become rollouts. Learning goes on only while enough of the newest states can be judged.
"""

import numpy as np
from scpo_ros.adapter.collection import CollectedRollout, RolloutCollector, Sample
from scpo_ros.arrays import Array
from scpo_ros.interface.messages import State
from scpo_ros.interface.state_watch import BRIDGED_S, Fate, StateWatch
from scpo_ros.systems.model import Model
from scpo_ros.systems.transitions import JudgedShare, TransitionRule


_KEPT = 20  # states that wait for the command that answers them
_SAME_S = 1e-9  # two times closer than this are the same [s]


class Pairing:
    """Keeps states until their commands are seen, and tells how many states can be judged."""

    def __init__(self, system: Model, rollout_steps: int) -> None:
        """Start with nothing seen. :param rollout_steps: steps of a collected rollout."""
        self._watch = StateWatch(system.dt, BRIDGED_S)
        self._rule, self._share = TransitionRule(system), JudgedShare(system)
        self._collector = RolloutCollector(rollout_steps, system)
        self._waiting: dict[float, tuple[State, bool]] = {}  # with whether enough was judged then
        self.answered: float | None = None  # time of the newest answered state [s]
        self.first = np.nan  # of the first one on this time line [s]
        self._enough_at_answered = False

    @property
    def time_line(self) -> int:
        """Return the number of the plant's present time line; a restart begins the next."""
        return int(self._watch.time_lines)

    @property
    def judged_share(self) -> float:
        """Return which share of the newest states could be judged."""
        return float(self._share.share)

    @property
    def enough(self) -> bool:
        """
        Return whether enough could be judged to learn, now and at the state answered last.

        Without the latter, a look between a state and its answer would begin to learn one step
        earlier, and one seed would not give one sequence of policies.
        """
        return self._enough_at_answered and bool(self._share.enough)

    @property
    def too_few(self) -> str:
        """Return why learning pauses for want of states that can be judged, or ''."""
        if self._share.enough:
            return ''
        return str(self._share.fault) or (
            f'{self._share.share:.0%} of the newest states could be judged yet')

    def add_state(self, state: State) -> None:
        """Keep a state of the plant's time line until the command that answers it is seen."""
        line, before = self.time_line, self._watch.last
        if self._watch.judge(state) is not Fate.FRESH:
            return
        if self.time_line > line:  # the plant was started again, or its clock set
            self._waiting, self.answered, self._enough_at_answered = {}, None, False
        if before is not None:
            self._share.add(self._rule.between(before, state))
        self._waiting[state.time] = state, bool(self._share.enough)
        for time in list(self._waiting)[:-_KEPT]:
            del self._waiting[time]

    def add_command(self, time: float, source: str, u: Array) -> CollectedRollout | None:
        """
        Pair a command with the state it answers; return a rollout when one is complete.

        :param time: of the state [s]. :param source: the law that acted, and its weights.
        :param u: the command (m,).
        """
        state, enough = self._waiting.get(time, (None, False))
        if state is None or (self.answered is not None and time <= self.answered + _SAME_S):
            return None
        if self.answered is None:
            self.first = time
        self.answered, self._enough_at_answered = time, enough
        return self._collector.add(Sample(time, state.episode, state.x, state.applied, source, u))
