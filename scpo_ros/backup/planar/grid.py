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

"""Which cells of a regular grid in the plane do boxes touch? The one place that decides it."""

import numpy as np
from scpo_ros.arrays import Array, Integers

_TOUCH = 1e-6  # of a cell: a box that comes so near to a cell touches it


def cell_ranges(low: Array, high: Array, origin: Array, size: Array,
                limits: tuple[int, int]) -> tuple[Integers, Integers]:
    """
    Return the first and the last cell, (N, 2) each, that boxes touch along both axes.

    Cell (i, j) reaches from origin + (i, j) size to origin + (i + 1, j + 1) size.

    :param low: (N, 2), lower corners of the boxes. :param high: (N, 2), upper corners.
    :param origin: (2,). :param size: (2,), of a cell.
    :param limits: the first and the last cell of the grid; boxes beyond it touch its rim.
    """
    first = np.floor((low - origin) / size - _TOUCH).astype(int)
    last = np.floor((high - origin) / size + _TOUCH).astype(int)
    return np.clip(first, *limits), np.clip(last, *limits)


def cells_between(first: Integers, last: Integers) -> tuple[Integers, Integers]:
    """
    Return every cell (M, 2) of the ranges [first, last], (N, 2) each, and its range (M,).

    The cells of a range come row by row: the second index runs faster.
    """
    count = last - first + 1
    owner, k = spread(np.zeros(len(first), dtype=int), count[:, 0] * count[:, 1])
    return first[owner] + np.column_stack(np.divmod(k, count[owner, 1])), owner


def spread(first: Integers, last: Integers) -> tuple[Integers, Integers]:
    """Return (i, j) for every j of every range [first_i, last_i), both flat."""
    count = last - first
    owner = np.repeat(np.arange(len(count)), count)
    position = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    return owner, position + first[owner]
