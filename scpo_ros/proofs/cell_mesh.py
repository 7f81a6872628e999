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
Cells that cover the safe set: boxes with the polygons of the backup's law that they meet.

On each polygon the backup is affine, so a function that is convex in (x, u) is largest at a vertex
once the residual has an affine bound over the box: tables over the vertices are exact and do not
depend on theta.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scpo_ros.arrays import Array, Booleans, Integers
from scpo_ros.backup.planar.grid import cell_ranges, cells_between, spread
from scpo_ros.backup.planar.law_pieces import LawPieces
from scpo_ros.backup.planar.polygons import clipped
from scpo_ros.proofs.enclosure import Enclosure
from scpo_ros.sets.units import units_of
from scpo_ros.systems.safe_set import PlanarSafeSet

_OVERLAP = 1e-12  # of boxes, in units of the set (scpo_ros.sets.units)


@dataclass(frozen=True)
class CellMesh:
    """N cells with K vertices in all."""

    polygons: Array  # (Q, V, 2), sorted by cell, every cell has some
    piece: Integers     # (Q,), of the law
    first: Integers     # (N,), the first polygon of every cell
    centre: Array    # (N, 2)
    half: Array      # (N, 2)
    owner: Integers     # (K,), the cell of every vertex, ascending
    start: Integers     # (N,), the first vertex of every cell
    x: Array         # (K, 2), the vertices
    backup: Array    # (K,), the law of the vertex's piece there
    error: Array     # (K,), of that law

    def __len__(self) -> int:
        """Return the number of cells."""
        return len(self.first)

    @property
    def offset(self) -> Array:
        """Return the vertices (K, 2) relative to the centres of their cells."""
        return self.x - self.centre[self.owner]

    @classmethod
    def grid(cls, pieces: LawPieces, safe_set: PlanarSafeSet, cells: int,
             wanted: Callable[[Array], Booleans] | None = None) -> 'CellMesh':
        """
        Return the mesh of a regular grid over the safe set.

        :param pieces: LawPieces. :param cells: boxes along each axis.
        :param wanted: None, or a callable, the nodes (cells + 1, cells + 1, 2) of the grid ->
            whether a box with such a node may matter (cells + 1, cells + 1).
        """
        low, high = safe_set.box
        size = (high - low) / cells
        at, piece = cells_between(*cell_ranges(
            pieces.polygons.min(axis=1), pieces.polygons.max(axis=1), low, size, (0, cells - 1)))
        if wanted is not None:
            nodes = np.stack(np.meshgrid(*[np.arange(cells + 1)] * 2, indexing='ij'), axis=-1)
            kept = _touched(wanted(low + nodes * size))[at[:, 0], at[:, 1]]
            piece, at = piece[kept], at[kept]
        corner = low + at * size
        polygons, some = _in_boxes(pieces.polygons[piece], corner, corner + size,
                                   _overlap(pieces))
        return cls.made(polygons[some], piece[some], (at @ np.array([cells, 1]))[some], pieces)

    @classmethod
    def made(cls, polygons: Array, piece: Integers, cell: Integers,
             pieces: LawPieces) -> 'CellMesh':
        """
        Return the mesh of polygons with their piece of the law and the number of their cell.

        :param polygons: (Q, V, 2). :param piece: (Q,). :param cell: (Q,), any integers.
        """
        order = np.argsort(cell, kind='stable')
        polygons, piece, cell = polygons[order], piece[order], cell[order]
        first = np.flatnonzero(np.diff(cell, prepend=cell[:1] - 1))
        low = np.minimum.reduceat(polygons.min(axis=1), first)
        high = np.maximum.reduceat(polygons.max(axis=1), first)
        owner = np.repeat(np.arange(len(first)), np.diff(np.append(first, len(cell))))
        distinct = np.any(polygons != np.roll(polygons, 1, axis=1), axis=2)
        distinct[:, 0] = True  # of a polygon that is a point, one vertex must stay
        polygon = np.nonzero(distinct)[0]
        x, owner = polygons[distinct], owner[polygon]
        law = pieces.slopes[piece[polygon]]
        return cls(polygons, piece, first, 0.5 * (low + high), 0.5 * (high - low), owner,
                   np.flatnonzero(np.diff(owner, prepend=-1)), x,
                   law[:, 0] * x[:, 0] + law[:, 1] * x[:, 1] + law[:, 2],
                   pieces.error[piece[polygon]])

    def largest(self, values: Array) -> Array:
        """Return the largest of the values (..., K) of every cell's vertices, (..., N)."""
        largest: Array = np.maximum.reduceat(values, self.start, axis=-1)
        return largest

    def residual(self, enclosure: Enclosure) -> Array:
        """Return the affine part of an enclosure at the vertices, (P, K)."""
        slope, offset = enclosure.slope[:, self.owner], self.offset
        residual: Array = (slope[..., 0] * offset[:, 0] + slope[..., 1] * offset[:, 1]
                           + enclosure.value[:, self.owner])
        return residual

    def take(self, cells: Integers, pieces: LawPieces) -> 'CellMesh':
        """Return the mesh of some of the cells (c,)."""
        owner, polygon = self._polygons_of(cells)
        return CellMesh.made(self.polygons[polygon], self.piece[polygon], owner, pieces)

    def split(self, cells: Integers, pieces: LawPieces) -> 'CellMesh':
        """Return the mesh of the given cells (c,), each split into four."""
        owner, polygon = self._polygons_of(cells)
        low, middle = (self.centre - self.half)[cells], self.centre[cells]
        batches, overlap = [], _overlap(pieces)
        for quarter in range(4):
            corner = np.where([quarter & 1, quarter & 2], middle, low)[owner]
            polygons, some = _in_boxes(
                self.polygons[polygon], corner, corner + self.half[cells][owner], overlap)
            batches.append((polygons[some], self.piece[polygon][some],
                            (4 * owner + quarter)[some]))
        return CellMesh.made(*_joined(batches), pieces)

    def joined(self, other: 'CellMesh', pieces: LawPieces) -> 'CellMesh':
        """Return the mesh of the cells of both."""
        number = [np.repeat(np.arange(len(m)), np.diff(np.append(m.first, len(m.piece))))
                  for m in (self, other)]
        return CellMesh.made(*_joined([
            (self.polygons, self.piece, number[0]),
            (other.polygons, other.piece, number[1] + len(self))]), pieces)

    def _polygons_of(self, cells: Integers) -> tuple[Integers, Integers]:
        end = np.append(self.first, len(self.piece))
        return spread(end[cells], end[np.asarray(cells) + 1])


def _joined(batches: list[tuple[Array, Integers, Integers]]
            ) -> tuple[Array, Integers, Integers]:
    """Return one (polygons, piece, cell) of several."""
    width = max(batch[0].shape[1] for batch in batches)
    polygons = np.vstack([np.pad(batch[0], ((0, 0), (0, width - batch[0].shape[1]), (0, 0)),
                                 mode='edge') for batch in batches])
    return (polygons, np.concatenate([batch[1] for batch in batches]),
            np.concatenate([batch[2] for batch in batches]))


def _touched(nodes: Booleans) -> Booleans:
    """Return (c, c) which boxes have a node (c + 1, c + 1) that is set."""
    touched: Booleans = nodes[:-1, :-1] | nodes[1:, :-1] | nodes[:-1, 1:] | nodes[1:, 1:]
    return touched


def _overlap(pieces: LawPieces) -> Array:
    """Return by how much boxes overlap along each axis (2,), so that rounding leaves no gap."""
    overlap: Array = _OVERLAP * units_of(np.abs(pieces.polygons).max(axis=(0, 1)))
    return overlap


def _in_boxes(polygons: Array, low: Array, high: Array,
              overlap: Array) -> tuple[Array, Booleans]:
    """Clip every polygon by its own box. :param overlap: of the boxes along each axis (2,)."""
    alive = np.ones(len(polygons), dtype=bool)
    for axis in (0, 1):
        normal = np.eye(2)[axis]
        for sign, edge in ((1.0, high), (-1.0, low)):
            polygons, some = clipped(polygons, sign * normal, sign * edge[:, axis] + overlap[axis])
            alive &= some
    return polygons, alive
