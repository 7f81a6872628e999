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
_ROUNDS = 60  # in which facets are found without a linear program
_RELAXATION = 1.8  # in (0, 2)
_TINY = 1e-12  # divisors are larger
_WIDER = 1.01  # factor of the box around the polyhedron, which keeps the programs bounded


def essential(rows: Array) -> Integers:
    """
    Return the places of the rows that are facets, ascending.

    A row that is dropped changes the polyhedron by no more than 1e-9 of its size. Where a linear
    program is not solved, the row stays.

    :param rows: (r, d).
    """
    opposite = _opposite(rows)
    known = _met(rows, opposite)
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


def _met(rows: Array, opposite: Integers) -> Booleans:
    """
    Return rows (r,) of which some ray from 0 meets the facet, and no other one there: facets all.

    A point for each row moves towards where the row is as high as the one that is met before it,
    beyond that by 0.8 of the way (over-relaxation: Motzkin, Schoenberg 1954).
    """
    found, wanted = np.zeros(len(rows), dtype=bool), np.arange(len(rows))
    points = rows / np.maximum(np.sum(rows**2, axis=1, keepdims=True), _TINY)
    for _ in range(_ROUNDS):
        first, height, alone = _first(points @ rows.T)
        points = points / np.maximum(height, _TINY)[:, None]
        found[first[alone]] = True
        found |= found[opposite]
        left = ~found[wanted]
        wanted, points, first = wanted[left], points[left], first[left]
        lack = 1 - np.sum(rows[wanted] * points, axis=1)
        way = rows[wanted] - rows[first]
        points += _RELAXATION * (lack / np.maximum(np.sum(way**2, axis=1), _TINY))[:, None] * way
    return found


def _first(heights: Array) -> tuple[Integers, Array, Booleans]:
    """Return place and height (k,) of the highest row, of heights (k, r), and whether alone."""
    points = np.arange(len(heights))
    first = np.argmax(heights, axis=1)
    best = heights[points, first]
    heights[points, first] = -np.inf
    second = np.max(heights, axis=1, initial=0.0)
    return first, best, best > second * (1 + 1e-9) + 1e-12
