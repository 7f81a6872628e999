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
The state at which an input that is computed now will act.

Under a delay of q steps that is z_k = A^q y_k + sum_{i=1..q} A^(i-1) B u_{k-i}, see
:mod:`scpo_ros.systems.uncertainty`: the model, from what is measured, through the inputs under
way. They are the answers to the last q states. In the first q steps of an episode the plant
applies 0. Where a state was lost, nobody answered it, and the plant goes by its silent law. After
any other gap 0 is assumed, and :attr:`Lookahead.known` says that it is an assumption. So it is
where states were lost before the first one that is seen of an episode: it is taken for its start.
"""

from collections import deque

import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.systems.drive import SilentLaw
from scpo_ros.systems.model import Model
from scpo_ros.systems.transitions import Gap, ObservedState, TransitionRule


class Lookahead:
    """Follows states and answers, and predicts; without a delay it returns what is measured."""

    def __init__(self, system: Model, silent: SilentLaw) -> None:
        """Start before the first state. :param silent: what the plant does without commands."""
        self._system, self._silent, self._rule = system, silent, TransitionRule(system)
        self._delay = system.delay_steps
        self._before: ObservedState | None = None
        self._answer: Array | None = None  # (m,), to the state before
        self._under_way: deque[Array | None] = deque(maxlen=self._delay)  # oldest first
        self._unknown = 0  # of them, that are assumed
        self.ahead: Array = np.full(system.n, np.nan)  # z of the newest state
        self._rest()

    @property
    def known(self) -> bool:
        """Return whether all inputs under way are answers, or the 0 of a new episode."""
        return self._unknown == 0

    def see(self, state: ObservedState) -> Array:
        """Return z (n,) of the next state."""
        if self._delay == 0:
            self.ahead = state.x
            return self.ahead
        self._advance(self._before, state)
        self._before = state
        self._answer, self.ahead = None, self._through(state)
        return self.ahead

    def answered(self, u: Array) -> None:
        """Note the answer (m,) to the state seen last."""
        self._answer = u

    def _rest(self) -> None:
        self._under_way.extend(np.zeros((self._delay, self._system.m)))

    def _advance(self, before: ObservedState | None, state: ObservedState) -> None:
        """Let the inputs under way advance over the way from one state to the next."""
        gap = Gap.RESTART if before is None else self._rule.between(before, state).gap
        if before is None or before.episode != state.episode:
            self._rest()
            self._unknown = 0 if gap is Gap.EPISODE else self._delay
        elif gap in (Gap.NONE, Gap.INPUT):
            self._under_way.append(self._answer)
            self._unknown = max(0, self._unknown - 1) if self._answer is not None else self._delay
        elif gap is Gap.LOST:
            lost = min(round((state.time - before.time) / self._system.dt) - 1, self._delay)
            self._under_way.extend([self._answer, *[None] * lost])
            self._unknown = self._delay
        else:
            self._rest()
            self._unknown = self._delay

    def _through(self, state: ObservedState) -> Array:
        """Return the state (n,) after the inputs under way."""
        x, last = state.x, np.where(np.isfinite(state.applied), state.applied, 0.0)
        with np.errstate(over='ignore', invalid='ignore'):
            for u in self._under_way:
                last = self._system.saturate(self._silent(x, last) if u is None else u)
                x = self._system.step(x, last)
        return x
