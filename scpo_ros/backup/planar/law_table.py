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
The table of a piecewise affine law: critical regions sorted into the cells of a grid.

A cell is of one of four kinds, each exact on all of it:

* *outside*: no region touches it.
* *plain*: one law holds on all of it (:mod:`scpo_ros.backup.planar.merged_laws`).
* *bent*: the law is the maximum (bend 1) or the minimum (bend -1) of its candidates' laws.
* *tested*: a query must find its region among the candidates (the KKT conditions).
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scpo_ros.arrays import Array, Integers
from scpo_ros.backup.planar.critical_regions import CriticalRegion
from scpo_ros.backup.planar.grid import cell_ranges
from scpo_ros.systems.safe_set import PlanarSafeSet

OUTSIDE, MIXED = -1, -2
INSIDE = 1e-12  # distance beyond a facet that still counts as inside: far below 1e-9 in u
_AT_ONCE = 512  # states whose candidates are tested at once; bounds memory
_TOUCH = 1e-9  # distance at which a region counts as touching a cell


Codes: TypeAlias = npt.NDArray[np.int32]  # of cells, and numbers of regions


@dataclass(frozen=True, eq=False)
class LawTable:
    """Arrays only: what is cached, and all that a query needs."""

    slopes: Array  # (R, 3): u = slope'x + offset
    facets: Array  # (R, f, 3): normal'x <= bound in units of the set, padded with 0'x <= 1
    codes: Codes  # (width, width): region, OUTSIDE, or MIXED - row; the rim is OUTSIDE
    candidates: Codes  # (rows, c), padded with -1; of bent cells one region for each law
    bends: npt.NDArray[np.int8]  # (rows,): 1, -1, or 0 for tested
    low: Array  # (2,): lower corner of the grid, rim included
    size: Array  # (2,): of a cell

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Return the names of the arrays."""
        return tuple(entry.name for entry in fields(cls))

    @classmethod
    def of(cls, arrays: Mapping[str, Array]) -> 'LawTable':
        """Return the table of {name: array}, each of the type that it has here."""
        codes, candidates = (np.asarray(arrays[name], dtype=np.int32)
                             for name in ('codes', 'candidates'))
        return cls(arrays['slopes'], arrays['facets'], codes, candidates,
                   np.asarray(arrays['bends'], dtype=np.int8), arrays['low'], arrays['size'])

    def cell(self, p: Array, v: Array) -> Integers:
        """Return the flat cell numbers of states; those off the grid, NaN too, on the rim."""
        width = int(self.codes.shape[1])
        return self._along(0, p) * width + self._along(1, v)

    def _along(self, axis: int, x: Array) -> Integers:
        """Return the number of the cell along one axis, (N,)."""
        at = x - self.low[axis]
        at *= 1.0 / self.size[axis]
        np.fmax(at, 0.0, out=at)  # NaN becomes 0
        np.fmin(at, self.codes.shape[1] - 1.0, out=at)
        cells: Integers = at.astype(np.intp)
        return cells

    def corners(self, cells: Integers) -> Array:
        """Return where the corners of cells (m,) lie, (m, 4, 2)."""
        at = np.stack(np.divmod(cells, self.codes.shape[1]), axis=-1)[:, None]
        corners: Array = self.low + (at + np.array([[0, 0], [0, 1], [1, 0], [1, 1]])) * self.size
        return corners

    def find(self, points: Array, codes: Codes) -> Integers:
        """
        Return the region (m,) around each point, by its cell's candidates; -1 where there is none.

        :param points: (m, 2). :param codes: (m,), of their cells, all <= MIXED.
        """
        found = np.full(len(points), -1)
        for part in range(0, len(points), _AT_ONCE):
            rows = self.candidates[MIXED - codes[part:part + _AT_ONCE]]
            at, slot = np.nonzero(rows >= 0)
            region, at = rows[at, slot], at + part
            facets, x = self.facets[region], points[at]
            beyond = facets[:, :, 0] * x[:, :1]
            beyond += facets[:, :, 1] * x[:, 1:]
            beyond -= facets[:, :, 2]
            hit = np.flatnonzero(beyond.max(axis=1) <= INSIDE)
            found[at[hit]] = region[hit]
        return found


def build_table(regions: list[CriticalRegion], safe_set: PlanarSafeSet, cells: int) -> LawTable:
    """
    Return the table in which every cell that does not lie in one region is tested.

    :param regions: list of CriticalRegion. :param cells: grid cells along each axis.
    """
    most = max(len(region.facets) for region in regions)
    facets = np.tile([0.0, 0.0, 1.0], (len(regions), most, 1))
    for i, region in enumerate(regions):
        facets[i, :len(region.facets)] = region.facets
    slopes = np.array([[*region.slope, region.offset] for region in regions])
    corners = safe_set.vertices
    size = (corners.max(axis=0) - corners.min(axis=0)) * (1 + 1e-12) / cells
    low = corners.min(axis=0) - size
    touched, whole = _touched(regions, low, size, cells)
    codes = np.full((cells + 2) ** 2, OUTSIDE, dtype=np.int32)
    codes[whole[0]] = whole[1]
    cell, region = touched[:, codes[touched[0]] == OUTSIDE]
    order = np.lexsort((region, cell))
    cell, region = cell[order], region[order]
    mixed, first, counts = np.unique(cell, return_index=True, return_counts=True)
    candidates = np.full((len(mixed), counts.max(initial=1)), -1, dtype=np.int32)
    candidates[np.repeat(np.arange(len(mixed)), counts),
               np.arange(len(cell)) - np.repeat(first, counts)] = region
    codes[mixed] = MIXED - np.arange(len(mixed))
    return LawTable(slopes, facets, codes.reshape(cells + 2, -1), candidates,
                    np.zeros(len(mixed), dtype=np.int8), low, size)


def _touched(regions: list[CriticalRegion], low: Array, size: Array,
             cells: int) -> tuple[Integers, Integers]:
    """Return (cell, region) pairs, (2, m) each: of touching, and of all corners in a region."""
    touched: list[Integers] = []
    whole: list[Integers] = []
    first, last = cell_ranges(
        np.array([region.vertices.min(axis=0) for region in regions]),
        np.array([region.vertices.max(axis=0) for region in regions]), low, size, (1, cells))
    for index, region in enumerate(regions):
        (left, bottom), (right, top) = first[index], last[index] + 1
        # how far every grid point between lies beyond every facet, (facets, points)
        x, y = (low[0] + np.arange(left, right + 1) * size[0],
                low[1] + np.arange(bottom, top + 1) * size[1])
        normals = region.facets[:, :, None, None]
        beyond = normals[:, 0] * x[:, None] + normals[:, 1] * y - normals[:, 2]
        corners = (beyond[:, :-1, :-1], beyond[:, 1:, :-1], beyond[:, :-1, 1:], beyond[:, 1:, 1:])
        nearest, farthest = np.minimum.reduce(corners), np.maximum.reduce(corners)
        number = np.arange(left, right)[:, None] * (cells + 2) + np.arange(bottom, top)
        for pairs, chosen in ((touched, np.all(nearest <= _TOUCH, axis=0)),
                              (whole, np.all(farthest <= 0, axis=0))):
            cell = number[chosen]
            pairs.append(np.stack([cell, np.full(len(cell), index)]))
    return np.concatenate(touched, axis=1), np.concatenate(whole, axis=1)
