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
Which transitions of the plant can be judged, and what share of the time they are. No ROS.

A *transition* leads from a state to the next one that arrives. It can be judged against the model
where nothing is missing between the two. Every other transition has a :class:`Gap`: nobody knows
what the plant did there. The controller's model monitor and the adapter's collection of rollouts
go by the same rule, each with an instance of its own.

The *judged share* is the time judged within the last WINDOW_S seconds of the plant's time, over
WINDOW_S. What was not seen counts as not judged, so that the share begins at 0. A transition that
cannot be judged counts for dt at least: stamps that hardly advance must not make the window last.
Below LEAST_SHARE nothing may be certified, and nothing may be learned.
"""

from collections import deque
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

import numpy as np
from scpo_ros.arrays import Array, Booleans
from scpo_ros.systems.model import Model
from scpo_ros.systems.sampling import STAMP_ERROR


WINDOW_S = 2.0  # and at least _LEAST_STEPS steps [s]
LEAST_SHARE = 0.5
INPUT_ERROR = 1e-7  # of the input limit: a command that passed through a 32-bit number
_LEAST_STEPS = 10
_LONGEST_S = 0.5  # a restart counts for no more than this [s]


class Gap(Enum):
    """Why a transition cannot be judged."""

    NONE = 'judged'
    LOST = 'states are missing'
    PERIOD = 'the time between two states is not dt'
    EPISODE = 'the episode changed'
    RESTART = 'no state came for long, the plant was started again, or its clock was set'
    INPUT = 'the applied input (effort) is not a number'
    ANSWER = 'the state before was not answered'


@dataclass(frozen=True)
class Transition:
    """What is known of the way from one state to the next."""

    gap: Gap
    step: float  # between the two stamps [s]
    duration: float  # for which it counts in the judged share [s]

    @property
    def judged(self) -> bool:
        """Return whether it can be judged."""
        return self.gap is Gap.NONE


class ObservedState(Protocol):
    """A state that arrived, as far as it is asked whether nothing is missing before it."""

    @property
    def time(self) -> float:
        """Return its stamp [s]."""

    @property
    def episode(self) -> int:
        """Return the number of its episode."""

    @property
    def x(self) -> Array:
        """Return what was measured, (n,)."""

    @property
    def applied(self) -> Array:
        """Return the input (m,) over the step that led here."""


class TransitionRule:
    """Decides which transitions can be judged."""

    def __init__(self, system: Model) -> None:
        """Take over the step and the admitted jitter of a system."""
        self._dt = system.dt
        self._admitted = STAMP_ERROR + (system.sampling.jitter if system.sampling else 0.0)

    def between(self, before: ObservedState, state: ObservedState) -> Transition:
        """
        Return the :class:`Transition` between two states, both with time, episode and applied.

        A stamp that is not a number is a restart.
        """
        step = state.time - before.time
        gap = self._gap(step, before, state)
        if gap is Gap.NONE:
            return Transition(gap, step, float(step))
        longest = max(_LONGEST_S, 2 * self._dt)
        size = abs(step) if np.isfinite(step) else longest
        if gap is Gap.RESTART:
            size = min(size, longest)
        return Transition(gap, step, float(max(size, self._dt)))

    def _gap(self, step: float, before: ObservedState, state: ObservedState) -> Gap:
        if not 0 < step <= max(_LONGEST_S, 5 * self._dt):
            return Gap.RESTART
        steps = round(step / self._dt)
        if steps > 1 and abs(step - steps * self._dt) <= max(self._admitted, 0.02 * self._dt):
            return Gap.LOST
        if not abs(step - self._dt) <= self._admitted:
            return Gap.PERIOD
        if state.episode != before.episode:
            return Gap.EPISODE
        return Gap.NONE if np.isfinite(state.applied).all() else Gap.INPUT


def same_input(system: Model, applied: Array, commanded: Array) -> Booleans:
    """
    Return whether applied inputs are those commanded (...,), up to INPUT_ERROR; NaN is not.

    :param applied: (..., m). :param commanded: (..., m).
    """
    difference = np.abs(applied - commanded)
    same: Booleans = np.logical_and.reduce(
        difference <= INPUT_ERROR * system.input_scale, axis=-1)
    return same


def _microseconds(transition: Transition) -> int:
    return round(transition.duration * 1e6)


class JudgedShare:
    """The share of the newest time that was judged, and why it is not more."""

    def __init__(self, system: Model) -> None:
        """Start with nothing seen."""
        self._system = system
        self.window = max(WINDOW_S, _LEAST_STEPS * system.dt)  # [s]
        self._window_us = round(self.window * 1e6)
        self._seen: deque[Transition] = deque()
        self._total, self._judged = 0, 0  # times [us]: sums are exact

    def add(self, transition: Transition) -> None:
        """Take in the next transition; what lies before the window is forgotten."""
        self._seen.append(transition)
        self._count(transition, 1)
        while self._total - _microseconds(self._seen[0]) >= self._window_us:
            self._count(self._seen.popleft(), -1)

    def _count(self, transition: Transition, sign: int) -> None:
        self._total += sign * _microseconds(transition)
        self._judged += sign * _microseconds(transition) * transition.judged

    @property
    def share(self) -> float:
        """Return the judged share, in [0, 1]."""
        return min(1.0, self._judged / self._window_us)

    @property
    def enough(self) -> bool:
        """Return whether so much is judged that certificates may count."""
        return self.share >= LEAST_SHARE

    @property
    def full(self) -> bool:
        """Return whether a whole window has been seen."""
        return self._total >= self._window_us

    @property
    def fault(self) -> str:
        """Return why too little is judged, with what was measured; '' while it is enough."""
        if self.enough or not self.full:
            return ''
        return (f'only {self.share:.0%} of the last {self.window:.1f} s could be judged, '
                f'{LEAST_SHARE:.0%} are required: {self._cause()}')

    def _cause(self) -> str:
        times: dict[Gap, float] = {}
        for transition in self._seen:
            if not transition.judged:
                times[transition.gap] = times.get(transition.gap, 0.0) + transition.duration
        worst, dt = max(times, key=lambda gap: times[gap]), self._system.dt
        steps = np.array([t.step for t in self._seen])
        count = sum(t.gap is worst for t in self._seen)
        if worst is Gap.LOST:
            missing = 1 - 1e6 * len(steps) * dt / self._total
            return (f'{missing:.0%} of the states are missing; they come every '
                    f'{np.median(steps):.6g} s (median), the model steps by dt = {dt:g} s')
        if worst is Gap.PERIOD:
            jitter = self._system.sampling.jitter if self._system.sampling else 0.0
            return (f'states come every {np.median(steps):.6g} s (median, {steps.min():.6g} to '
                    f'{steps.max():.6g} s), the model steps by dt = {dt:g} s, and '
                    f'system.sample_jitter admits a difference of {jitter:g} s')
        return f'{worst.value}, at {count} of {len(steps)} states'
