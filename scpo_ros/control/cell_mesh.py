"""
Cells that cover the part of the safe set where some admissible input could leave it.

A cell is a box with the polygons of the backup's law that it meets. On each of these
u_backup - UP is convex, LO - u_backup too (UP is concave, LO convex, u_backup affine), so that
with an affine bound of the residual the excess over [LO, UP] is largest at a vertex: the tables of
the vertices are exact and do not depend on theta. Where UP exceeds the saturation, or LO lies
below it, the saturated input cannot be inadmissible; cells where that holds throughout are left
out.
"""

from dataclasses import dataclass

import numpy as np

from scpo_ros.control.law_pieces import spread
from scpo_ros.control.polygons import clipped

_OVERLAP = 1e-12   # by which boxes overlap, so that rounding leaves no gap between them
_ROUNDING = 1e-9   # of the tables, units of the input; their entries are below 1e3


@dataclass(frozen=True)
class CellMesh:
    """N cells with K vertices in all; the two sides are (above UP, below LO)."""

    polygons: np.ndarray  # (Q, V, 2), sorted by cell, every cell has some
    piece: np.ndarray     # (Q,), of the law
    first: np.ndarray     # (N,), the first polygon of every cell
    centre: np.ndarray    # (N, 2)
    half: np.ndarray      # (N, 2)
    offset: np.ndarray    # (K, 2), of the vertices from the centre of their cell
    start: np.ndarray     # (N,), the first vertex of every cell, the others follow
    excess: np.ndarray    # (2, K), of the backup's input, error included
    least: np.ndarray     # (2, N), the excess when saturated away from the bound
    most: np.ndarray      # (2, N), the excess when saturated beyond the bound

    def __len__(self):
        """Return the number of cells."""
        return len(self.first)

    @classmethod
    def grid(cls, pieces, bounds, safe_set, limit, cells):
        """
        Return the mesh of a regular grid over the safe set.

        :param pieces: LawPieces. :param bounds: InputBounds. :param limit: of the input.
        :param cells: boxes along each axis.
        """
        low = safe_set.vertices.min(axis=0)
        size = (safe_set.vertices.max(axis=0) - low) / cells
        first = np.floor((pieces.polygons.min(axis=1) - low) / size - 1e-6).astype(int)
        last = np.floor((pieces.polygons.max(axis=1) - low) / size + 1e-6).astype(int)
        first, last = np.clip(first, 0, cells - 1), np.clip(last, 0, cells - 1)
        count = last - first + 1
        piece, k = spread(np.zeros(len(first), dtype=int), count[:, 0] * count[:, 1])
        at = first[piece] + np.column_stack(np.divmod(k, count[piece, 1]))
        kept = _critical(bounds, limit, low, size, cells)[at[:, 0], at[:, 1]]
        piece, at = piece[kept], at[kept]
        corner = low + at * size
        polygons, some = _in_boxes(pieces.polygons[piece], corner, corner + size)
        cell = (at @ [cells, 1])[some]
        return cls.made(polygons[some], piece[some], cell, pieces, bounds, limit)

    @classmethod
    def made(cls, polygons, piece, cell, pieces, bounds, limit):
        """
        Return the mesh of polygons with their piece of the law and the number of their cell.

        :param polygons: (Q, V, 2). :param piece: (Q,). :param cell: (Q,), any integers.
        """
        order = np.argsort(cell, kind='stable')
        polygons, piece, cell = polygons[order], piece[order], cell[order]
        first = np.flatnonzero(np.diff(cell, prepend=cell[:1] - 1))
        low = np.minimum.reduceat(polygons.min(axis=1), first)
        high = np.maximum.reduceat(polygons.max(axis=1), first)
        centre = 0.5 * (low + high)
        owner = np.repeat(np.arange(len(first)), np.diff(np.append(first, len(cell))))
        distinct = np.any(polygons != np.roll(polygons, 1, axis=1), axis=2)
        distinct[:, 0] = True  # of a polygon that is a point, one vertex must stay
        polygon = np.nonzero(distinct)[0]
        x, at = polygons[distinct], owner[polygon]
        start = np.flatnonzero(np.diff(at, prepend=-1))
        law = pieces.slopes[piece[polygon]]
        u = law[:, 0] * x[:, 0] + law[:, 1] * x[:, 1] + law[:, 2]
        admissible = np.stack(bounds(x))  # LO, UP
        error = pieces.error[piece[polygon]] + _ROUNDING
        least, most = (np.maximum.reduceat(
            np.stack([s * limit - admissible[1], admissible[0] + s * limit]), start, axis=1)
            for s in (-1, 1))
        return cls(polygons, piece, first, centre, 0.5 * (high - low), x - centre[at], start,
                   np.stack([u - admissible[1], admissible[0] - u]) + error,
                   least + _ROUNDING, np.where(most > 0, most + _ROUNDING, -2 * limit))

    def bound(self, enclosure):
        """
        Bound the excess over the admissible inputs in every cell from above: (P, N).

        :param enclosure: the :class:`~scpo_ros.control.enclosure.Enclosure` of its boxes.
        """
        return np.maximum(*(self._side(number, sign, enclosure)
                            for number, sign in ((0, 1.0), (1, -1.0))))

    def _side(self, number, sign, enclosure):
        count = np.diff(np.append(self.start, len(self.offset)))
        slope = np.repeat(sign * enclosure.slope, count, axis=1)
        along = (slope[..., 0] * self.offset[:, 0] + slope[..., 1] * self.offset[:, 1]
                 + self.excess[number])
        bound = (np.maximum.reduceat(along, self.start, axis=1)
                 + (sign * enclosure.value + enclosure.radius))
        return np.minimum(np.maximum(bound, self.least[number]), self.most[number])

    def highest(self, enclosure, cells):
        """Return the state (c, 2) of each of the given cells (c,) at which its bound is taken."""
        end = np.append(self.start, len(self.offset))
        found = []
        for i in cells:
            part = slice(end[i], end[i + 1])
            along = self.offset[part] @ enclosure.slope[i]
            both = np.maximum(self.excess[0, part] + along, self.excess[1, part] - along)
            found.append(self.centre[i] + self.offset[part][np.argmax(both)])
        return np.array(found).reshape(-1, 2)

    def split(self, cells, pieces, bounds, limit):
        """Return the mesh of the given cells (c,), each split into four."""
        end = np.append(self.first, len(self.piece))
        owner, polygon = spread(end[cells], end[cells + 1])
        low, middle = (self.centre - self.half)[cells], self.centre[cells]
        batches = []
        for quarter in range(4):
            corner = np.where([quarter & 1, quarter & 2], middle, low)[owner]
            size = self.half[cells][owner]
            polygons, some = _in_boxes(self.polygons[polygon], corner, corner + size)
            batches.append((polygons[some], self.piece[polygon][some],
                            (4 * owner + quarter)[some]))
        width = max(batch[0].shape[1] for batch in batches)
        polygons = np.vstack([np.pad(batch[0], ((0, 0), (0, width - batch[0].shape[1]), (0, 0)),
                                     mode='edge') for batch in batches])
        piece, cell = (np.concatenate([batch[k] for batch in batches]) for k in (1, 2))
        return CellMesh.made(polygons, piece, cell, pieces, bounds, limit)


def _critical(bounds, limit, low, size, cells):
    """Return (cells, cells) whether an admissible input in [-limit, limit] may leave C there."""
    at = np.arange(cells + 1)
    nodes = low + np.stack(np.meshgrid(at, at, indexing='ij'), axis=-1) * size
    lower, upper = bounds(nodes)
    open_ = (upper < limit + _ROUNDING) | (lower > -limit - _ROUNDING)
    return open_[:-1, :-1] | open_[1:, :-1] | open_[:-1, 1:] | open_[1:, 1:]


def _in_boxes(polygons, low, high):
    """Clip every polygon by its own box."""
    alive = np.ones(len(polygons), dtype=bool)
    for axis in (0, 1):
        normal = np.eye(2)[axis]
        for sign, edge in ((1.0, high), (-1.0, low)):
            polygons, some = clipped(polygons, sign * normal, sign * edge[:, axis] + _OVERLAP)
            alive &= some
    return polygons, alive
