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
"""

from dataclasses import dataclass

import numpy as np
from scpo_ros.arrays import Array, frozen
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

    def add(self, sample: Sample) -> CollectedRollout | None:
        """Add a :class:`Sample`; return a :class:`CollectedRollout` when one is complete."""
        window = self._window
        acting = sample.source.startswith('policy/')
        if not (window and acting and self._follows(window[-1], sample)):
            window.clear()
        if not acting:
            return None
        window.append(sample)
        if len(window) <= self._steps:
            return None
        rollout = CollectedRollout(
            window[0].time, np.array([s.x for s in window]),
            np.array([s.applied for s in window[1:]]))
        self._window = [window[-1]]
        return rollout

    def _follows(self, before: Sample, sample: Sample) -> bool:
        return bool(self._rule.between(before, sample).judged
                    and same_input(self._system, sample.applied, before.u))
