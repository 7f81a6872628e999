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
Which input a plant applies: a command, one that is held, or the silent law.

Over [k, k + 1) it applies the command that answers x_k. When none has come the deadline is missed.
The double integrator then holds the last command, and after a time brakes to standstill within its
limits. Any other plant goes by a *silent law* at once. The same holds before the first command,
which misses nothing. The driver of a robot (:mod:`scpo_ros.driver`) goes by the same law.

Under a delay of q steps a command acts q steps later than without one, and a part of a step on
top. Over the first q steps of an episode the input is 0.
"""

from collections import deque
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.systems.model import Model


# What a plant applies without commands: (present state (n,), input applied last (m,)) -> (m,).
SilentLaw: TypeAlias = Callable[[Array, Array], Array]


def braking(system: Model) -> SilentLaw:
    """Return the law that brakes to standstill: u = sat(-v / dt), with v the last m states."""
    return lambda x, last: system.saturate(-x[-system.m:] / system.dt)


class Actuation:
    """Chooses one input a step: the command, the last one held for a while, or the silent law."""

    def __init__(self, system: Model, patience: int, silent: SilentLaw) -> None:
        """
        Start before the first command.

        :param patience: steps without a command over which the last one is held.
        :param silent: says what is applied after that.
        """
        self._system, self._patience, self._silent = system, patience, silent
        self.forget()

    def forget(self) -> None:
        """Hold no command any more."""
        self._held: Array | None = None
        self._missing = 0  # steps since the last command

    def applied(self, x: Array, command: Array | None) -> Array:
        """
        Return the input (m,) over the next step.

        :param x: (n,), the present state. :param command: (m,), finite, or None for none.
        """
        if command is not None:
            self._missing, self._held = 0, command
        else:
            self._missing += 1
        if self._held is None or self._missing > self._patience:
            last = np.zeros(self._system.m) if self._held is None else self._held
            return self._system.saturate(self._silent(x, last))
        return self._system.saturate(self._held)


class Drive:
    """Chooses the input that is applied: the command, the one that is held, or the silent law."""

    def __init__(self, system: Model, patience: int, silent: SilentLaw) -> None:
        """
        Start before the first command.

        :param patience: steps without a command over which the last one is held.
        :param silent: says what is applied after that.
        """
        self._system, self._actuation = system, Actuation(system, patience, silent)
        self.started = False  # whether a command has ever come
        self.deadline_misses = 0
        self.forget()

    def forget(self) -> None:
        """Hold no command any more, and have none under way."""
        self._actuation.forget()
        self._at_rest = self._system.delay_steps  # steps over which no command can act yet
        # Commands, oldest first, each with whether one was awaited.
        self._under_way: deque[tuple[Array | None, bool]] = deque([(None, False)] * self._at_rest)

    def applied(self, x: Array, command: Array | None) -> Array:
        """
        Return the input (m,) over the next step.

        :param x: (n,), the present state. :param command: (m,), the answer to it, or None when
            none has come; one that is not finite counts as none.
        """
        usable = command is not None and bool(np.all(np.isfinite(command)))
        self._under_way.append((command if usable else None, self.started))
        self.started |= usable
        due, awaited = self._under_way.popleft()
        if self._at_rest:
            self._at_rest -= 1
            return np.zeros(self._system.m)
        self.deadline_misses += awaited and due is None
        return self._actuation.applied(x, due)
