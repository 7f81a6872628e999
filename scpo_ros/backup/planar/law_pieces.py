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
The explicit law as pieces for a proof: polygons that cover the safe set, an affine law on each.

The polygons are the critical regions, each enlarged by a little, delta, so that together they
cover the safe set in spite of rounding and of regions too small for the table. (Their acute
corners are cut off, by half-planes in eight directions.) That they do is checked and not assumed:
a union of closed sets that holds the origin, and covers its own edges wherever these lie in the
interior of C, has no edge there, and so is all of C. All of it is done in units of
the safe set (:mod:`scpo_ros.sets.units`). A state x of an enlarged polygon i need not
lie in region i; there the law differs from the affine one of i by no more than

    error_i = (K + |slope_i|) * max of dist(x, region i),

K twice the largest slope in the table, for regions that are not in it: that these are no steeper
is an assumption (docs/proof.md).
"""

from dataclasses import dataclass

from pathlib import Path

import numpy as np
from scpo_ros.arrays import Array, Booleans, digest, Integers
from scpo_ros.backup.planar.explicit_law import ExplicitLaw
from scpo_ros.backup.planar.grid import cell_ranges, cells_between, spread
from scpo_ros.backup.planar.law_table import LawTable
from scpo_ros.backup.planar.polygons import clipped
from scpo_ros.config.table_cache import cached
from scpo_ros.exceptions import InfeasibleError
from scpo_ros.sets.invariant_set import Polytope
from scpo_ros.sets.units import units_of
from scpo_ros.systems.safe_set import PlanarSafeSet

ENLARGEMENTS = (1e-7, 1e-6)  # delta, tried in turn
_INTERIOR = 0.5  # a covering polygon must contain an edge with this part of delta to spare
_BOUNDARY = 1e-9  # gauge: what lies nearer to the boundary of C is its closure
_CELLS = 64  # of the grid that finds neighbours
_FORMAT = 'pieces-1'
_TABLE_ERROR = 2e-9  # of the table against the exact law, units of u: 1e-9 by its tests


@dataclass(frozen=True)
class LawPieces:
    """Polygons that cover C; on number i, u_backup(x) = slope_i'x + offset_i +- error_i."""

    polygons: Array  # (N, V, 2), see polygons.py
    slopes: Array    # (N, 3): slope and offset
    error: Array     # (N,), units of the input

    @classmethod
    def of(cls, table: LawTable, safe_set: PlanarSafeSet) -> 'LawPieces':
        """
        Return the pieces of a :class:`~scpo_ros.backup.planar.law_table.LawTable`.

        :raises InfeasibleError: when no enlargement up to 1e-6 covers the safe set.
        """
        units = units_of(np.abs(safe_set.vertices).max(axis=0))
        wide = np.append(units, 1.0)
        scaled = Polytope(safe_set.H * units)
        exact, alive = _cut(scaled.vertices, table.facets * wide, 0.0)
        exact, slopes = exact[alive], table.slopes[alive] * wide
        facets = np.concatenate([(table.facets * wide)[alive], _octagons(exact)], axis=1)
        for delta in ENLARGEMENTS:
            polygons, _ = _cut(scaled.vertices, facets, delta)
            if covers(polygons, facets, delta, scaled):
                return cls(polygons * units, slopes / wide, _error(exact, polygons, slopes))
        raise InfeasibleError(
            f'the table of the backup leaves gaps wider than {ENLARGEMENTS[-1]:.0e} in the safe '
            'set: nothing can be proved with it')


def cached_pieces(law: ExplicitLaw, cache: Path | None = None) -> LawPieces:
    """
    Return the :class:`LawPieces` of an ExplicitLaw, from the cache if they are there.

    :param cache: folder, see table_cache.
    :raises InfeasibleError: when its table has gaps.
    """
    table, safe_set = law.table, law.mpc.safe_set
    key = digest(_FORMAT, table.slopes, table.facets, safe_set.H)
    return LawPieces(**cached('pieces', key, ('polygons', 'slopes', 'error'),
                              lambda: vars(LawPieces.of(table, safe_set)), cache))


def _cut(corners: Array, facets: Array, delta: float) -> tuple[Array, Booleans]:
    """Return {x : normal'x <= bound + delta}, near the corners, (R, V, 2), and which are any."""
    frame = 2 * np.abs(corners).max() * np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]])
    polygons = np.broadcast_to(frame, (len(facets), *frame.shape))
    alive = np.ones(len(facets), dtype=bool)
    for f in range(facets.shape[1]):
        polygons, some = clipped(polygons, facets[:, f, :2], facets[:, f, 2] + delta)
        alive &= some
    return polygons, alive


def _octagons(polygons: Array) -> Array:
    """Return the tight half-planes in eight directions around every polygon, (R, 8, 3)."""
    angle = np.arange(8) * np.pi / 4
    normals = np.column_stack([np.cos(angle), np.sin(angle)])
    support = np.max(polygons @ normals.T, axis=1)
    return np.concatenate([np.broadcast_to(normals, (len(support), 8, 2)), support[..., None]], 2)


def _error(exact: Array, polygons: Array, slopes: Array) -> Array:
    """Return error_i (R,): the distance to a convex set is largest at a vertex."""
    steep = np.linalg.norm(slopes[:, :2], axis=1)
    distance = np.full(polygons.shape[:2], np.inf)
    for a, b in zip(exact.transpose(1, 0, 2), np.roll(exact, -1, axis=1).transpose(1, 0, 2)):
        along, offset = (b - a)[:, None], polygons - a[:, None]
        square = np.maximum(np.sum(along**2, axis=2), np.finfo(float).tiny)
        share = np.clip(np.sum(offset * along, axis=2) / square, 0.0, 1.0)
        np.minimum(distance, np.linalg.norm(offset - share[..., None] * along, axis=2),
                   out=distance)
    law = np.einsum('rvi,ri->rv', exact, slopes[:, :2]) + slopes[:, 2:]
    table = _TABLE_ERROR * float(units_of(np.abs(law).max()))
    error: Array = (2 * steep.max() + steep) * distance.max(axis=1) + table
    return error


def covers(polygons: Array, facets: Array, delta: float, safe_set: PlanarSafeSet) -> bool:
    """
    Return whether polygons that are regions enlarged by delta cover the safe set.

    :param polygons: (R, V, 2). :param facets: (R, f, 3), of the regions. :param delta: as there.
    """
    slack = (1 - _INTERIOR) * delta
    # Pieces that all lie elsewhere have no edge in C either: some piece must hold a point of it.
    if not np.any(np.all(facets[..., 2] + slack >= 0, axis=1)):  # the origin
        return False
    start, stop, owner = _edges(polygons)
    outline = np.column_stack([safe_set.H, np.ones(len(safe_set.H))])
    begin, end = _inside(start, stop, outline[None], np.zeros(len(start), dtype=int), -_BOUNDARY)
    edge, other = _neighbours(np.minimum(start, stop), np.maximum(start, stop),
                              polygons.min(axis=1), polygons.max(axis=1), safe_set.vertices)
    apart = (owner[edge] != other) & (begin < end)[edge]
    edge, other = edge[apart], other[apart]
    first, last = _inside(start[edge], stop[edge], facets, other, slack)
    return _all_covered(begin, end, edge, first, last)


def _edges(polygons: Array) -> tuple[Array, Array, Integers]:
    """Return start (E, 2), stop (E, 2) and polygon (E,) of every edge."""
    stop = np.roll(polygons, -1, axis=1)
    owner = np.broadcast_to(np.arange(len(polygons))[:, None], polygons.shape[:2])
    kept = np.any(stop != polygons, axis=2)
    return polygons[kept], stop[kept], owner[kept]


def _neighbours(edge_low: Array, edge_high: Array, low: Array, high: Array,
                corners: Array) -> tuple[Integers, Integers]:
    """Return the pairs (edge, polygon) whose boxes overlap; a grid finds them."""
    origin = corners.min(axis=0)
    size = (corners.max(axis=0) - origin) / _CELLS
    cell, polygon = _cells(low, high, origin, size)
    order = np.argsort(cell, kind='stable')
    cell, polygon = cell[order], polygon[order]
    at, edge = _cells(edge_low, edge_high, origin, size)
    first, last = np.searchsorted(cell, at), np.searchsorted(cell, at, side='right')
    owner, position = spread(first, last)
    edge, polygon = edge[owner], polygon[position]
    near = np.all((edge_low[edge] <= high[polygon]) & (edge_high[edge] >= low[polygon]), axis=1)
    return np.divmod(np.unique(edge[near] * len(low) + polygon[near]), len(low))


def _cells(low: Array, high: Array, origin: Array, size: Array) -> tuple[Integers, Integers]:
    """Return the grid cells that every box [low, high] touches: (cell, box), both flat."""
    at, box = cells_between(*cell_ranges(low, high, origin, size, (0, _CELLS - 1)))
    return at @ np.array([_CELLS, 1]), box


def _inside(start: Array, stop: Array, facets: Array, polygon: Integers,
            slack: float) -> tuple[Array, Array]:
    """
    Return the part [first, last] in [0, 1] of every edge within a polygon + slack, (m,) each.

    Where there is none, first > last. Most edges are outside one of the first few facets looked
    at, the octagon's, and cost no more than these.

    :param facets: (R, f, 3). :param polygon: (m,), which of the R.
    """
    first, last = np.zeros(len(start)), np.ones(len(start))
    left = np.arange(len(start))
    for f in range(facets.shape[1] - 1, -1, -1):
        a, b, bound = facets[polygon[left], f].T
        p, v = start[left].T
        at = a * p + b * v - bound - slack
        along = a * (stop[left, 0] - p) + b * (stop[left, 1] - v)
        with np.errstate(divide='ignore', invalid='ignore'):
            cut = -at / along
        first[left] = np.maximum(first[left], np.where(
            along < 0, cut, np.where((along == 0) & (at > 0), np.inf, 0.0)))
        last[left] = np.minimum(last[left], np.where(along > 0, cut, 1.0))
        left = left[first[left] <= last[left]]
    return first, last


def _all_covered(begin: Array, end: Array, edge: Integers, first: Array, last: Array) -> bool:
    """Return whether the intervals cover [begin, end] of every edge."""
    some = first <= last
    edge, first, last = edge[some], first[some], last[some]
    order = np.lexsort((first, edge))
    reached = begin.copy()
    for e, a, b in zip(edge[order].tolist(), first[order].tolist(), last[order].tolist()):
        if a <= reached[e] < b:
            reached[e] = b
    return bool(np.all(reached >= end))
