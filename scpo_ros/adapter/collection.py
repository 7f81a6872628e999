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
Collecting rollouts from the plant's topics: windows of consecutive, undisturbed operation.

A window is discarded when a transition in it cannot be judged (an episode ends, a state is lost,
the step is not dt, the applied input is unknown: :mod:`scpo_ros.systems.transitions`), when the
plant applied another input than was commanded, or when anything but a policy acted within it. The
others can be replayed from their initial state and their realised disturbances

    w = x' - A x - B u,

with the input u that was really applied. The disturbances do not depend on the weights that chose
u, so a policy may be swapped within a window.

Under a delay of q steps a window holds what certificates speak of: the states at which the
commands act, predicted from what is measured (:mod:`scpo_ros.systems.lookahead`), and the
commands. What was applied is compared with the command of q steps before.
"""

from collections import deque
from dataclasses import dataclass, replace

import numpy as np
from scpo_ros.arrays import Array, frozen
from scpo_ros.systems.lookahead import Lookahead
from scpo_ros.systems.model import Model
from scpo_ros.systems.transitions import same_input, TransitionRule


@dataclass(frozen=True)
class Sample:
    """One state of the plant with the command that answered it, as seen on the topics."""

    time: float  # of the state [s]
    episode: int
    x: Array  # (n,)
    applied: Array  # (m,), input over the step that led here
    source: str  # which law answered this state, and with which weights
    u: Array  # (m,), the answer


@dataclass(frozen=True)
class CollectedRollout:
    """T consecutive steps of the plant under a policy."""

    time: float  # of the first state [s]
    x: Array  # (T + 1, n)
    u: Array  # (T, m), really applied

    def __post_init__(self) -> None:
        """Freeze."""
        for name in ('x', 'u'):
            object.__setattr__(self, name, frozen(getattr(self, name)))


class RolloutCollector:
    """Turns a stream of samples into windows."""

    def __init__(self, steps: int, system: Model) -> None:
        """Collect windows of the given number of steps of a system."""
        self._steps, self._system, self._rule = steps, system, TransitionRule(system)
        self._window: list[Sample] = []
        # A window needs no input under way that was not seen: what acts in silence is not asked.
        self._lookahead = Lookahead(system, lambda x, last: last)
        self._before: Sample | None = None
        self._sent: deque[Array] = deque(maxlen=system.delay_steps + 1)  # newest commands

    def add(self, sample: Sample) -> CollectedRollout | None:
        """Add a :class:`Sample`; return a :class:`CollectedRollout` when one is complete."""
        window, acting = self._window, sample.source.startswith('policy/')
        if not (self._follows(sample) and acting):
            window.clear()
        ahead = replace(sample, x=self._lookahead.see(sample))
        self._lookahead.answered(sample.u)
        self._before = sample
        self._sent.append(sample.u)
        if acting:
            window.append(ahead)
        if len(window) <= self._steps:
            return None
        self._window = [ahead]
        return CollectedRollout(window[0].time, np.array([s.x for s in window]),
                                self._inputs(window))

    def _inputs(self, window: list[Sample]) -> Array:
        """Return the inputs (T, m) that acted over the steps of a window."""
        if self._system.delay_steps:
            return np.array([s.u for s in window[:-1]])
        return np.array([s.applied for s in window[1:]])

    def _follows(self, sample: Sample) -> bool:
        """Return whether the way to a sample can be judged, and the command was applied."""
        if self._before is None or not self._rule.between(self._before, sample).judged:
            self._sent.clear()
            return False
        return len(self._sent) > self._system.delay_steps and bool(same_input(
            self._system, sample.applied, self._sent[0]))
