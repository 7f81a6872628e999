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
The constraint violation of the input, bounded from above in every cell of a mesh.

An input violates the constraints by as much as it leaves the admissible ones, [LO, UP]. On a
polygon of the mesh u_backup - UP is convex, LO - u_backup too (UP is concave, LO convex), so with
an affine bound of the residual the violation is largest at a vertex. Where UP exceeds the
saturation, or LO lies below it, the saturated input cannot be inadmissible: such a bound does not
bind and is left out of the violation, which says nothing about the distance to it. Cells where
that holds throughout need not be in the mesh.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from scpo_ros.arrays import Array, Booleans, Integers
from scpo_ros.proofs.cell_mesh import CellMesh
from scpo_ros.proofs.enclosure import Enclosure
from scpo_ros.sets.admissible_inputs import InputBounds

_ROUNDING = 1e-9   # of the tables, units of the input
_RELATIVE = 4e-15  # of their entries, which short steps make large
Limits: TypeAlias = tuple[float, float]  # of the input, lower and upper


def critical(bounds: InputBounds, limits: Limits, x: Array) -> Booleans:
    """Return (...,) where an input within its limits may leave C, at states x (..., 2)."""
    (low, up), (least, most) = bounds(x), limits
    error = rounding(bounds)
    binding: Booleans = (up < most + error) | (low > least - error)
    return binding


def rounding(bounds: InputBounds) -> float:
    """Return a bound of the rounding errors of the tables, of LO and of UP, units of the input."""
    return _ROUNDING + _RELATIVE * float(max(np.abs(bounds.low).max(), np.abs(bounds.up).max()))


def binding_violation(bounds: InputBounds, limits: Limits, x: Array, u: Array) -> Array:
    """
    Return by how much inputs (N,) leave [LO, UP], where a bound binds; else minus their range.

    :param limits: of the input; a bound beyond them does not bind. :param x: (N, 2).
    """
    (low, up), (least, most) = bounds(x), limits
    return np.maximum(np.where(up < most, u - up, least - most),
                      np.where(low > least, low - u, least - most))


@dataclass(frozen=True)
class InputViolation:
    """Tables over a mesh of N cells and K vertices; the two sides are (above UP, below LO)."""

    mesh: CellMesh
    backup: Array  # (2, K), violation by the backup's input, its error included
    least: Array   # (2, N), the violation when saturated away from the bound
    most: Array    # (2, N), the violation when saturated beyond the bound

    @classmethod
    def over(cls, mesh: CellMesh, bounds: InputBounds, limits: Limits) -> 'InputViolation':
        """Return the tables. :param limits: of the input."""
        (low, up), error, (lowest, highest) = bounds(mesh.x), rounding(bounds), limits
        least = mesh.largest(np.stack([lowest - up, low - highest]))
        most = mesh.largest(np.stack([highest - up, low - lowest]))
        return cls(mesh, np.stack([mesh.backup - up, low - mesh.backup]) + mesh.error + error,
                   least + error, np.where(most > -error, most + error, lowest - highest))

    def bound(self, enclosure: Enclosure) -> Array:
        """
        Bound the violation in every cell from above: (P, N).

        :param enclosure: the :class:`~scpo_ros.proofs.enclosure.Enclosure` of its boxes.
        """
        residual = self.mesh.residual(enclosure)
        above, below = (self.mesh.largest(self.backup[k] + sign * residual) + enclosure.radius
                        for k, sign in ((0, 1.0), (1, -1.0)))
        return np.maximum(self._saturated(above, 0), self._saturated(below, 1))

    def _saturated(self, bound: Array, side: int) -> Array:
        saturated: Array = np.minimum(np.maximum(bound, self.least[side]), self.most[side])
        return saturated

    def vertices(self, enclosure: Enclosure, cells: Integers) -> Array:
        """Return the vertex (c, 2) of each of the cells (c,) where the bound of one policy is."""
        residual = self.mesh.residual(enclosure)[0]
        both = np.maximum(self.backup[0] + residual, self.backup[1] - residual)
        end = np.append(self.mesh.start, len(both))
        return np.array([self.mesh.x[end[i] + np.argmax(both[end[i]:end[i + 1]])]
                         for i in cells])
