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

"""A polyhedron {z : rows z <= 1} that grows by rows, and tells which ones it implies."""

import numpy as np
from scpo_ros.arrays import Array, Booleans
from scpo_ros.sets.directions import directions
from scpo_ros.sets.linear_program import LinearProgram

REDUNDANT = 1e-7  # a row that exceeds its bound by no more is implied
_RAYS = 100  # directions in which a row is looked for that is not implied
_EXCEEDED = 1e-9  # a known row exceeds its bound by more: it must enter the linear program
_AT_ONCE = 20  # rows that enter the linear program, the most exceeded ones first


class Polyhedron:
    """
    Rows z <= 1, with the origin inside.

    Rays from 0 find most rows that are not implied, without a linear program: such a row meets one
    of them before the known rows do. The program holds few of the known rows; a maximiser brings
    in those that it exceeds. The one that shows that a row is not implied is the next ray.
    """

    def __init__(self, rows: Array) -> None:
        """Take over the first rows (r, d)."""
        self._program = LinearProgram(rows, np.ones(len(rows)))
        self._rows = [rows]
        self._held = np.ones(len(rows), dtype=bool)  # by the program
        self._rays = directions(_RAYS, rows.shape[1], 0.5)
        self._heights = np.max(rows @ self._rays.T, axis=0)  # of the rays, over their ends

    def add(self, rows: Array) -> None:
        """Add rows (r, d)."""
        self._rows.append(rows)
        self._held = np.append(self._held, np.zeros(len(rows), dtype=bool))
        self._heights = np.maximum(self._heights, np.max(rows @ self._rays.T, axis=0))

    def implies(self, rows: Array) -> bool:
        """Return whether every row (r, d) is at most 1 in the polyhedron."""
        met = rows @ self._rays.T > (1 + REDUNDANT) * self._heights
        return not np.any(met) and all(self._implies(row) for row in rows)

    def _implies(self, row: Array) -> bool:
        known = np.vstack(self._rows)
        while not (largest := self._program.maximum(row)) <= 1 + REDUNDANT:
            point = self._program.solution() if np.isfinite(largest) else None
            entering = self._next(known, point)
            if point is not None and self._outside(row, point, known):
                return False
            if not np.any(entering):  # nothing is left that could bound the row
                return False
            self._held |= entering
            self._program.add(known[entering], np.ones(int(np.sum(entering))))
        return True

    def _next(self, known: Array, point: Array | None) -> Booleans:
        """Return which known rows (r,) enter the program: all, or those a point exceeds most."""
        if point is None:  # the program is unbounded
            return ~self._held
        exceeded = np.where(self._held, -np.inf, known @ point)
        worst = np.argsort(-exceeded)[:_AT_ONCE]
        entering = np.zeros(len(known), dtype=bool)
        entering[worst[exceeded[worst] > 1 + _EXCEEDED]] = True
        return entering

    def _outside(self, row: Array, point: Array, known: Array) -> bool:
        """Return whether a row cuts off a point (d,), scaled into the polyhedron; remember it."""
        height = max(1.0, float(np.max(known @ point)))
        if row @ point <= (1 + REDUNDANT) * height:
            return False
        self._rays = np.vstack([self._rays, point])
        self._heights = np.append(self._heights, height)
        return True
