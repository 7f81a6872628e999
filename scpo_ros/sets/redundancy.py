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
Removal of redundant rows of a bounded polyhedron {z : rows z <= 1}.

Clarkson's method (1994): a row is redundant when the facets found so far imply it, max row z <= 1;
otherwise the ray from 0 through the maximiser leaves the polyhedron through a facet that was not
known. The linear programs hold the known facets only. Of a symmetric polyhedron half of the rows
are decided, and the opposite ones follow.
"""

import numpy as np
from scipy.spatial import cKDTree
from scpo_ros.arrays import Array, Booleans, Integers
from scpo_ros.sets.linear_program import LinearProgram

_SLACK = 1e-9  # a row whose maximum over the others exceeds 1 by no more is redundant
_SAME = 1e-12  # two rows that differ by no more are one
_RAYS = 20  # rays per row: what they hit first is a facet, without a linear program
_WIDER = 1.01  # factor of the box around the polyhedron, which keeps the programs bounded


def essential(rows: Array, rng: np.random.Generator) -> Integers:
    """
    Return the places of the rows that are facets, ascending.

    A row that is dropped changes the polyhedron by no more than 1e-9 of its size. Where a linear
    program is not solved, the row stays.

    :param rows: (r, d). :param rng: for the rays.
    """
    opposite, known = _opposite(rows), _hit(rows, rng)
    known |= known[opposite]
    symmetric = bool(np.any(opposite != np.arange(len(rows))))
    box = _WIDER * _box(rows, symmetric)
    program = LinearProgram(rows[known], np.ones(int(known.sum())), box)
    open_rows = ~known
    for place in np.flatnonzero(open_rows):
        while open_rows[place]:
            found = _decide(program, rows, int(place), known | open_rows)
            if found is None:
                open_rows[[place, opposite[place]]] = False
            else:
                pair = np.unique([found, opposite[found]])
                known[pair], open_rows[pair] = True, False
                program.add(rows[pair], np.ones(len(pair)))
    return np.flatnonzero(known)


def _opposite(rows: Array) -> Integers:
    """
    Return the place of -row for every row (r,) of a symmetric polyhedron, else its own place.

    Where both are there for all rows, each once, both are facets or neither is.
    """
    own = np.arange(len(rows))
    distance, place = cKDTree(rows).query(-rows, p=np.inf)
    symmetric = np.all(distance <= _SAME) and np.array_equal(place[place], own)
    opposite: Integers = np.asarray(place if symmetric else own, dtype=np.int64)
    return opposite


def _decide(program: LinearProgram, rows: Array, place: int, remaining: Booleans) -> int | None:
    """Return a facet that is not known yet; None where the known ones imply the row."""
    largest = program.maximum(rows[place])
    if largest <= 1 + _SLACK:
        return None
    if not np.isfinite(largest):
        return int(place)
    heights = np.where(remaining, rows @ program.solution(), -np.inf)
    heights[place] *= 1 + _SLACK  # of two that are equal, the one that was asked
    return int(np.argmax(heights))


def _box(rows: Array, symmetric: bool) -> Array:
    """Return the largest |z_i| (d,) over the polyhedron."""
    program = LinearProgram(rows, np.ones(len(rows)))
    axes = np.eye(rows.shape[1])
    upper = np.array([program.maximum(axis) for axis in axes])
    lower = upper if symmetric else np.array([program.maximum(-axis) for axis in axes])
    largest: Array = np.maximum(upper, lower)
    return largest


def _hit(rows: Array, rng: np.random.Generator) -> Booleans:
    """Return whether a ray from 0 leaves the set through a row (r,), alone."""
    found = np.zeros(len(rows), dtype=bool)
    normals = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    for _ in range(_RAYS):
        rays = normals + 0.5 * rng.standard_normal(rows.shape) / np.sqrt(rows.shape[1])
        heights = rays @ rows.T
        first = np.argmax(heights, axis=1)
        best = np.take_along_axis(heights, first[:, None], axis=1)[:, 0]
        heights[np.arange(len(rays)), first] = -np.inf
        alone = best > heights.max(axis=1) * (1 + 1e-9) + 1e-12
        found[first[alone]] = True
    return found
