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
A plant as it is found in the field: the certified model, and one fault.

The plant is a double integrator, p' = v, v' = u, with u held. Over h seconds, in closed form,

    p+ = p + h v + h^2/2 u + w_p,    v+ = v + h u + w_v,    |w| <= scale * wbar * h / dt,

with wbar the bound of the certificate for a step of dt. Without a fault it applies the answer to
each state over the step that follows, and says so. Where no answer comes it holds the last
command, and after PATIENCE steps without any it brakes to standstill, as a driver has to.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np


IGNORING = 0.05  # what a plant applies that ignores its commands [m/s^2]
PATIENCE = 5  # steps without an answer until it brakes
NAN = float('nan')
DISTURBANCES: dict[str, Callable] = {  # of (generator, step), each within [-1, 1]
    'uniform': lambda rng, step: rng.uniform(-1, 1, 2),
    'lower bound': lambda rng, step: -np.ones(2),
    'upper bound': lambda rng, step: np.ones(2),
    'switching': lambda rng, step: np.full(2, (-1.0) ** step)}


@dataclass(frozen=True)
class Fault:
    """What is wrong with a plant, and how the controller has to name it."""

    names: tuple = ()  # parts of the reasons that name it, one of which is enough
    delay: int = 0  # each command is applied so many steps late
    drop: float = 0.0  # share of the commands that are lost; the last one is held
    lost: float = 0.0  # share of the states that are lost; the last command is held
    alternate: bool = False  # every other state is lost
    rate: float = 1.0  # length of a step [dt]
    jitter: float = 0.0  # largest difference of a step from that [s]
    raised: bool = False  # the number of the episode grows with every state
    ignores: bool = False  # IGNORING is applied, whatever is commanded
    says: str = 'applied'  # reported as applied: applied (true), command, nothing (NaN)


class FieldPlant:
    """A double integrator with a fault; no clock, no messages."""

    def __init__(self, system, x, disturbance: str, rng: np.random.Generator) -> None:
        """
        Start at x (2,), without a fault.

        :param system: LinearSystem, with dt, limits and disturbance.
        :param disturbance: one of DISTURBANCES.
        """
        self._system, self._draw = system, DISTURBANCES[disturbance]
        self.time, self.episode, self._steps, self._missed = 1000.0, -1, 0, False
        self.broken = []  # times at which a limit was broken
        self.begin(x, Fault(), 1.0, rng)

    def begin(self, x, fault: Fault, scale: float, rng: np.random.Generator) -> None:
        """Begin another episode at x (2,), with a fault and a scale of w from now on."""
        self.x, self._fault, self._scale = np.array(x, dtype=float), fault, scale
        self._rng = rng
        self.episode, self._held = self.episode + 1, 0.0
        self._waiting, self._missing = deque([0.0] * fault.delay), 0
        self.state = self._seen(0.0)

    def _seen(self, applied):
        return SimpleNamespace(time=self.time, episode=self.episode, x=self.x.copy(),
                               applied=np.array([applied]))

    @property
    def period(self) -> float:
        """Return the nominal time between two states [s]."""
        return self._fault.rate * self._system.dt

    def advance(self, answer: np.ndarray | None) -> SimpleNamespace | None:
        """
        Let one step pass; return the state after it, or None where that is lost.

        :param answer: (1,), the input that answers the state before; None where there is none.
        """
        answer = None if answer is None else float(answer[0])
        applied = self._drive(answer)
        self._move(applied, self.period + self._rng.uniform(-1, 1) * self._fault.jitter)
        self.episode += self._fault.raised
        told = applied if answer is None else answer
        self.state = self._seen({'applied': applied, 'command': told,
                                 'nothing': NAN}[self._fault.says])
        return None if self._loses() else self.state

    def _drive(self, answer):
        """Return what is applied in place of an answer."""
        fault, limit = self._fault, float(self._system.input_limit[0])
        self._missing = self._missing + 1 if answer is None else 0
        if self._missing > PATIENCE:
            return float(np.clip(-self.x[1] / self._system.dt, -limit, limit))
        if answer is None or self._rng.uniform() < fault.drop:
            answer = self._waiting[-1] if self._waiting else self._held
        self._waiting.append(answer)
        self._held = self._waiting.popleft()
        if fault.ignores:
            self._held = IGNORING
        return float(np.clip(self._held, -limit, limit))

    def _move(self, u, duration):
        """Move in parts of at most dt, and look at the limits after each."""
        parts = max(1, round(duration / self._system.dt))
        h = duration / parts
        for _ in range(parts):
            w = self._scale * self._system.step_disturbance * h / self._system.dt
            p, v = self.x
            self.x = np.array([p + h * v + h * h / 2 * u, v + h * u]) + w * self._draw(
                self._rng, self._steps)
            self.time, self._steps = self.time + h, self._steps + 1
            if not np.all(np.abs(self.x) <= self._system.state_limit + 1e-9):
                self.broken.append(self.time)

    def _loses(self):
        self._missed = (not self._missed if self._fault.alternate else
                        self._rng.uniform() < self._fault.lost)
        return self._missed


_LATE = ('the plant applies commands {} late',)
_INPUT = ('inputs were not applied as commanded', 'the safe set does not admit')
_LOST = ('of the states are missing', 'no state came for long')
_RATE = ('states come every',)
FAULTS = {  # the rows of the campaign
    'healthy': Fault(),
    'commands applied 1 step late': Fault((_LATE[0].format('1 step'),), delay=1),
    'commands applied 2 steps late': Fault((_LATE[0].format('2 steps'),), delay=2),
    '30 % of the commands lost': Fault(_INPUT, drop=0.3),
    '60 % of the commands lost': Fault(_INPUT, drop=0.6),
    '50 % of the states lost': Fault(_LOST, lost=0.5),
    'every other state lost': Fault(_LOST, alternate=True),
    'double rate': Fault(_RATE, rate=0.5),
    'a quarter of the rate': Fault(_LOST + _RATE, rate=4.0),
    'steps 0.2 % too long': Fault(_RATE, rate=1.002),
    'jitter of 1 ms': Fault(_RATE, jitter=1e-3),
    'an episode at every state': Fault(('the episode changed',), raised=True),
    'commands ignored': Fault(_INPUT, ignores=True),
    '1 step late, command echoed': Fault(('model error',), delay=1, says='command'),
    '2 steps late, command echoed': Fault(('model error',), delay=2, says='command'),
    'ignored, command echoed': Fault(('model error',), ignores=True, says='command'),
    'applied is not a number': Fault(('the applied input (effort) is not a number',),
                                     says='nothing')}
