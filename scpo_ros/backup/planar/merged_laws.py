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
Cells of a law's table that need no test: where few affine laws meet, and no gap is between them.

Many critical regions share their first move, so a cell is *plain* when all its candidates' laws
agree at its corners, and therefore on all of it. Where several laws a_1 .. a_m meet, the cell is
*bent*: u(x) = max_j a_j(x) if a_r >= a_j at the vertices of every candidate region r, for r's own
law a_r and every j, and u(x) = min_j a_j(x) if a_r <= a_j. That follows on all of r, a polygon.

Either needs the candidates to cover the cell. They do where every edge in it has a region on its
other side, since a gap would have an edge (:func:`open_edges`). Cells at the border of the safe
set stay tested.
"""

from dataclasses import replace

import numpy as np
from scipy.spatial import cKDTree
from scpo_ros.arrays import Array, Booleans, Integers
from scpo_ros.backup.planar.critical_regions import CriticalRegion
from scpo_ros.backup.planar.grid import cell_ranges, cells_between
from scpo_ros.backup.planar.law_table import Codes, LawTable, MIXED
from scpo_ros.sets.units import units_of
from scpo_ros.systems.safe_set import PlanarSafeSet

MOST_LAWS = 4  # of a bent cell
_MOST_CANDIDATES = 10  # cells with more stay tested
_EDGES = 512  # edges that are cut at once; bounds memory
_AT_ONCE = 1000000  # laws at vertices that are compared at once; bounds memory
# All in units of the set and of the law (scpo_ros.sets.units):
_SAME = 1e-11  # difference between laws that is rounding
_ORDER = 1e-10  # wrong order of two laws at a vertex that is rounding
_ACROSS = 1e-10  # step across an edge, to see what is there
_ON_EDGE = 1e-9  # distance from an edge at which a vertex lies on it


def merged(table: LawTable, regions: list[CriticalRegion], safe_set: PlanarSafeSet) -> LawTable:
    """
    Return the table with as many cells plain or bent as can be shown to be.

    :param table: a tested :class:`~scpo_ros.backup.planar.law_table.LawTable` of these regions.
    """
    rows = np.flatnonzero(table.bends == 0)
    cells = _cells_of(table)
    closed = np.all(safe_set.contains(table.corners(cells), 0.0), axis=1)
    closed &= ~np.isin(cells, _cells_along(table, open_edges(table, regions, safe_set)))
    vertices = _padded([region.vertices for region in regions])
    inputs = float(units_of(_largest_input(regions)))
    codes, candidates = table.codes.ravel().copy(), table.candidates.copy()
    bends, counts = table.bends.copy(), np.sum(table.candidates >= 0, axis=1)
    for count in range(1, _MOST_CANDIDATES + 1):
        chosen = rows[closed & (counts == count)]
        most = max(1, _AT_ONCE // (count * count * vertices.shape[1]))
        for start in range(0, len(chosen), most):
            part = chosen[start:start + most]
            among = table.candidates[part, :count]
            plain, bend, laws = _kinds(table, vertices, cells[part], among, inputs)
            codes[cells[part[plain]]] = among[plain, 0]
            bends[part] = bend
            candidates[part[bend != 0], :count] = laws[bend != 0]
    return _compact(replace(table, codes=codes.reshape(table.codes.shape), bends=bends,
                            candidates=candidates))


def _cells_of(table: LawTable) -> Integers:
    """Return the cell of every row of candidates, (rows,)."""
    cells = np.flatnonzero(table.codes <= MIXED)
    result = np.empty(len(table.candidates), dtype=int)
    result[MIXED - table.codes.ravel()[cells]] = cells
    return result


def _largest_input(regions: list[CriticalRegion]) -> float:
    """Return the largest first move on any of the regions."""
    return max(float(np.abs(region.vertices @ region.slope + region.offset).max())
               for region in regions)


def _kinds(table: LawTable, vertices: Array, cells: Integers, among: Codes, inputs: float
           ) -> tuple[Booleans, Integers, Codes]:
    """
    Return whether cells are plain (m,), their bends (m,), and one region for each law (m, c).

    :param cells: (m,). :param among: (m, c), their candidates. :param inputs: unit of u.
    """
    slopes = table.slopes[among]  # (m, c, 3)
    at_corners = _values(slopes, table.corners(cells))
    same = np.all(np.abs(at_corners[:, :, None] - at_corners[:, None]) <= _SAME * inputs, axis=3)
    first = np.argmax(same, axis=2)  # first candidate with the same law
    own = first == np.arange(among.shape[1])
    laws = np.sort(np.where(own, among, -1), axis=1)[:, ::-1]
    plain, few = np.all(same[:, 0], axis=1), own.sum(axis=1) <= MOST_LAWS
    # lead[r, j] over the vertices of r: a_r - a_j
    at_vertices = np.stack([_values(slopes, vertices[among[:, r]])
                            for r in range(among.shape[1])], axis=1)  # (m, r, j, v)
    own_law = np.einsum('mrrv->mrv', at_vertices)
    lead = own_law[:, :, None] - at_vertices
    convex = np.all(lead >= -_ORDER * inputs, axis=(1, 2, 3))
    concave = np.all(lead <= _ORDER * inputs, axis=(1, 2, 3))
    bend = np.where(plain | ~few, 0, np.where(convex, 1, np.where(concave, -1, 0)))
    return plain, bend, laws


def _values(slopes: Array, points: Array) -> Array:
    """Return the laws (m, c, 3) at points (m, v, 2), (m, c, v)."""
    values: Array = slopes[:, :, :2] @ points.transpose(0, 2, 1) + slopes[:, :, 2:]
    return values


def _compact(table: LawTable) -> LawTable:
    """Return the table without the candidates of cells that have become plain."""
    cells = np.flatnonzero(table.codes <= MIXED)
    rows = MIXED - table.codes.ravel()[cells]
    codes = table.codes.copy()
    codes.ravel()[cells] = MIXED - np.arange(len(rows))
    return replace(table, codes=codes, bends=table.bends[rows],
                   candidates=np.ascontiguousarray(table.candidates[rows]))


def open_edges(table: LawTable, regions: list[CriticalRegion],
               safe_set: PlanarSafeSet) -> Array:
    """
    Return the pieces (m, 2, 2) of the regions' edges that have no region on their other side.

    Edges are cut where vertices of other regions lie on them, so that what lies across a piece is
    the same all along it. Pieces on the border of the safe set are not open.
    """
    units = units_of(np.abs(safe_set.vertices).max(axis=0))
    starts = np.concatenate([region.vertices for region in regions]) / units
    stops = np.concatenate([np.roll(region.vertices, -1, axis=0) for region in regions]) / units
    normals = np.concatenate([region.facets[:, :2] for region in regions]) * units
    pieces, normals = _cut(starts, stops, normals)
    across = (pieces.mean(axis=1) + _ACROSS * normals) * units
    inside = safe_set.contains(across, 0.0)
    codes = table.codes.ravel()[table.cell(*across.T)]
    empty = codes < 0
    mixed = np.flatnonzero(codes <= MIXED)
    empty[mixed] = table.find(across[mixed], codes[mixed]) < 0
    return pieces[inside & empty] * units


def _cut(starts: Array, stops: Array, normals: Array) -> tuple[Array, Array]:
    """Return the edges cut at the vertices that lie on them, (m, 2, 2), and normals (m, 2)."""
    lengths = np.linalg.norm(stops - starts, axis=1)
    unit = (stops - starts) / np.maximum(lengths, 1e-300)[:, None]
    every, tree = np.arange(len(starts)), cKDTree(starts)
    edges, places = [every, every], [np.zeros(len(starts)), lengths]
    for batch in np.array_split(every, -(-len(every) // _EDGES)):
        near = tree.query_ball_point(
            (starts[batch] + stops[batch]) / 2, lengths[batch] / 2 + _ON_EDGE)
        edge = np.repeat(batch, [len(points) for points in near])
        away = starts[np.concatenate(near).astype(int)] - starts[edge]
        along = np.sum(away * unit[edge], axis=1)
        on = (np.abs(np.sum(away * normals[edge], axis=1)) <= _ON_EDGE) & (along > 0)
        on &= along < lengths[edge]
        edges.append(edge[on])
        places.append(along[on])
    edge, along = np.concatenate(edges), np.concatenate(places)
    order = np.lexsort((along, edge))
    edge, along = edge[order], along[order]
    piece = np.flatnonzero((edge[1:] == edge[:-1]) & (np.diff(along) > _ACROSS))
    ends = [starts[edge[i]] + along[i, None] * unit[edge[i]] for i in (piece, piece + 1)]
    return np.stack(ends, axis=1), normals[edge[piece]]


def _cells_along(table: LawTable, pieces: Array) -> Integers:
    """Return the cells (m,) that the boxes around pieces (n, 2, 2) touch."""
    width = table.codes.shape[1]
    at, _ = cells_between(*cell_ranges(
        pieces.min(axis=1), pieces.max(axis=1), table.low, table.size, (0, width - 1)))
    return np.unique(at @ np.array([width, 1]))


def _padded(polygons: list[Array]) -> Array:
    """Return polygons as one array (R, v, 2), their last vertex repeated."""
    most = max(len(vertices) for vertices in polygons)
    return np.stack([vertices[np.minimum(np.arange(most), len(vertices) - 1)]
                     for vertices in polygons])
