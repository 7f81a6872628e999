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
Robust control invariant sets given by rows in more variables than the state.

    F = {x : rows_x x + rows_c c <= 1 for some c}

The variables c are inputs of the next N steps on top of a linear feedback. F has too many facets
to list beyond three states; the rows are few. Membership and gauge are linear programs.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scpo_ros.arrays import Array, Booleans, checked
from scpo_ros.sets.directions import directions
from scpo_ros.sets.linear_program import LinearProgram


@dataclass(frozen=True)
class LiftedSet:
    """A :class:`~scpo_ros.systems.safe_set.SafeSet` in lifted form, in units of the limits."""

    rows: Array  # (r, n + N m), of {(x, c) : rows (x, c) <= 1}
    n: int  # number of states
    gain: Array  # K (m, n) of u = -K x + c_0
    horizon: int  # N
    contraction: float  # lambda

    def __post_init__(self) -> None:
        """Check the rows."""
        object.__setattr__(self, 'rows', checked('rows', self.rows, (None, None)))

    @property
    def state_rows(self) -> Array:
        """Return rows_x (r, n)."""
        return self.rows[:, :self.n]

    @property
    def lifted_rows(self) -> Array:
        """Return rows_c (r, N m)."""
        return self.rows[:, self.n:]

    def gauge(self, x: Array) -> Array:
        """
        Return (...,) for states (..., n): the least t with rows_x x + rows_c c <= t for some c.

        NaN for NaN; infinite where the solver reports no optimum.
        """
        x = np.asarray(x, dtype=np.float64)
        flat = x.reshape(-1, self.n)
        found = np.full(len(flat), np.nan)
        finite = np.all(np.isfinite(flat), axis=1)
        if np.any(finite):  # else there is nothing to make a program for
            found[finite] = self._gauges(flat[finite])
        gauges: Array = found.reshape(x.shape[:-1])[()]
        return gauges

    def _gauges(self, x: Array) -> Array:
        if self.rows.shape[1] == self.n:
            largest: Array = np.max(x @ self.rows.T, axis=1, initial=-np.inf)
            return largest
        count = len(self.rows)
        program = LinearProgram(
            np.column_stack([self.lifted_rows, -np.ones(count)]), np.zeros(count))
        cost = np.zeros(self.rows.shape[1] - self.n + 1)
        cost[-1] = -1.0
        places, found = np.arange(count, dtype=np.float64), np.empty(len(x))
        for index, state in enumerate(x):
            program.bound(places, -self.state_rows @ state)
            value = program.maximum(cost)
            found[index] = -value if np.isfinite(value) else np.inf
        return found

    def contains(self, x: Array, tolerance: float = 1e-9) -> Booleans:
        """Return whether states (..., n) have a gauge of at most 1 + tolerance; NaN has not."""
        return self.gauge(x) <= 1 + tolerance

    def support(self, directions: Array) -> Array:
        """Return max d'x over the set (k,), for directions (k, n); infinite if not solved."""
        program = LinearProgram(self.rows, np.ones(len(self.rows)))
        costs = np.zeros((len(directions), self.rows.shape[1]))
        costs[:, :self.n] = directions
        return np.array([program.maximum(cost) for cost in costs])

    @cached_property
    def box(self) -> tuple[Array, Array]:
        """Return the lower and the upper corner (n,) of the smallest box around the set."""
        axes = np.eye(self.n)
        return -self.support(-axes), self.support(axes)

    def boundary(self, count: int, phase: float = 0.5) -> Array:
        """
        Return `count` states (count, n) on the boundary, in directions that fill the sphere.

        :param phase: in [0, 1): shifts the directions by this part of their distance.
        """
        points = directions(count, self.n, phase) * np.max(np.abs(self.box), axis=0)
        scaled: Array = points / self.gauge(points)[:, None]
        return scaled

    def sample(self, count: int, rng: np.random.Generator) -> Array:
        """
        Return `count` states (count, n) of the set: half on the boundary, half inside.

        Directions are uniform on the sphere, in units of the box; inside, the gauge is distributed
        as that of a uniform point, t^n. No density of the set itself is claimed.
        """
        return self._drawn(np.arange(count) < count // 2, rng)

    def independent(self, count: int, rng: np.random.Generator) -> Array:
        """Return `count` independent states (count, n); a coin says which lie on the boundary."""
        return self._drawn(rng.uniform(size=count) < 0.5, rng)

    def _drawn(self, edge: Booleans, rng: np.random.Generator) -> Array:
        """Return states (N, n) in random directions. :param edge: (N,), on the boundary or not."""
        points = rng.standard_normal((len(edge), self.n)) * np.max(np.abs(self.box), axis=0)
        points = points / self.gauge(points)[:, None]
        inside = rng.uniform(size=len(edge)) ** (1 / self.n)
        chosen: Array = points * np.where(edge, 1.0, inside)[:, None]
        return chosen
