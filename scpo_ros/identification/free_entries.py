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
Which entries of the dynamics are free, and what they make of a step.

The draft decides. An entry that is 0 stays 0. A *kinematic* row stays as it is: it says that a
position changes by a velocity. Every other entry is free; with `everything` those that are 0 too.

* Continuous dynamics: a row is kinematic whose only entry that is not 0 is a 1 in A, beside the
  diagonal. Free are the entries of x' = A x + B u; a step of dt is their zero-order hold. A
  nonlinear model counts with its linearisation at 0.
* Discrete dynamics: the A of a row is kinematic that has 1 on the diagonal, dt at one other state,
  and nothing else. Its entries of B are free like others.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg import expm
from scpo_ros.arrays import Array, Booleans, frozen
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.systems.description import SystemDescription


@dataclass(frozen=True)
class FreeEntries:
    """The free entries theta (p,) of [A, B], and the [A, B] of a step that they give."""

    draft: Array  # (n, n + m), [A, B] as the dynamics of the draft state them
    free: Booleans  # (n, n + m)
    duration: float | None  # of a step, of continuous dynamics [s]; None: [A, B] is of a step

    @property
    def count(self) -> int:
        """Return p."""
        return int(self.free.sum())

    @property
    def start(self) -> Array:
        """Return the theta (p,) of the draft."""
        return self.draft[self.free]

    @cached_property
    def places(self) -> list[tuple[int, int]]:
        """Return (row, column) of each free entry."""
        return [(int(row), int(column)) for row, column in np.argwhere(self.free)]

    @cached_property
    def largest_row(self) -> int:
        """Return the largest number of free entries in one row."""
        return int(self.free.sum(axis=1).max())

    def stated(self, theta: Array) -> Array:
        """Return [A, B] (n, n + m) as the dynamics state it. :param theta: (p,)."""
        whole: Array = self.draft.copy()
        whole[self.free] = theta
        return whole

    def over_a_step(self, theta: Array) -> Array:
        """Return [A, B] (n, n + m) of a step. :param theta: (p,)."""
        whole = self.stated(theta)
        if self.duration is None:
            return whole
        held: Array = expm(self._square(whole) * self.duration)[:len(whole)]
        return held

    def derivatives(self, theta: Array) -> Array:
        """
        Return d [A, B] / d theta (p, n, n + m) of a step.

        The derivative of exp(M) along E is the upper right part of exp([M, E; 0, M]).

        :param theta: (p,).
        """
        n, size = self.draft.shape
        along = np.zeros((self.count, size, size))
        for number, place in enumerate(self.places):
            along[number, place[0], place[1]] = 1.0
        if self.duration is None:
            return along[:, :n]
        both = np.zeros((self.count, 2 * size, 2 * size))
        both[:, :size, :size] = both[:, size:, size:] = self._square(self.stated(theta))
        both[:, :size, size:] = along
        found: Array = expm(both * self.duration)[:, :n, size:]
        return found

    @staticmethod
    def _square(whole: Array) -> Array:
        """Return [A, B; 0, 0]."""
        n, size = whole.shape
        square: Array = np.vstack([whole, np.zeros((size - n, size))])
        return square


def free_entries(description: SystemDescription, everything: bool = False) -> FreeEntries:
    """
    Return the free entries of a draft.

    :param everything: whether entries that are 0 are free too.
    :raises ConfigurationError: when nothing is free.
    """
    dynamics, n = description.dynamics, description.n
    whole = np.hstack([dynamics.A, dynamics.B])
    continuous = dynamics.kind != 'discrete'
    free = np.full(whole.shape, True) if everything else whole != 0
    for row in range(n):
        if continuous and kinematic(whole, row) is not None:
            free[row] = False
        elif not continuous and _moves_by(whole, row, description.dt):
            free[row, :n] = False
    if not free.any():
        raise ConfigurationError(f'{description.name}: dynamics', dynamics.kind,
                                 'must leave an entry free, but every row is kinematic')
    free.setflags(write=False)
    return FreeEntries(frozen(whole), free, description.dt if continuous else None)


def kinematic(whole: Array, row: int) -> int | None:
    """
    Return the velocity that is the derivative of a state, None where the row is not kinematic.

    :param whole: [A, B] (n, n + m) of continuous dynamics.
    """
    there = np.flatnonzero(whole[row])
    found = (len(there) == 1 and there[0] != row and there[0] < len(whole)
             and whole[row, there[0]] == 1)
    return int(there[0]) if found else None


def _moves_by(whole: Array, row: int, dt: float) -> bool:
    """Return whether a row of discrete dynamics adds dt times one other state."""
    states = whole[row, :len(whole)]
    others = np.delete(states, row)
    moved = others[others != 0]
    return bool(states[row] == 1 and len(moved) == 1 and abs(moved[0] - dt) <= 1e-9 * dt)
