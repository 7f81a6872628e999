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
An ellipsoid inside a polyhedron: a test of a few products in place of all rows.

    z'M z <= 1   implies   rows z <= 1

For p_j = rows_j and M = n sum_j u_j p_j p_j', u_j >= 0, sum_j u_j = 1, every row has
rows_j z <= sqrt(rows_j M^-1 rows_j') sqrt(z'M z). The u with the smallest ellipsoid around the p_j
gives the largest one inside: u_j <- u_j rows_j M^-1 rows_j' tends to it (Titterington 1976). Where
that has come to does not matter: M is scaled by the largest rows_j M^-1 rows_j' in the end.
"""

import numpy as np
from scpo_ros.arrays import Array, Booleans, frozen

_STEPS = 100
_SHRUNK = 1 + 1e-9  # rounding must not put a state inside that a row excludes


def inner_ellipsoid(rows: Array) -> Array:
    """Return M (n, n) for rows (r, n) that bound every direction."""
    count, n = rows.shape
    weights = np.full(count, 1 / count)
    for _ in range(_STEPS):
        weights = weights * _lengths(rows, rows.T @ (weights[:, None] * rows)) / n
    shape = rows.T @ (weights[:, None] * rows)
    found: Array = frozen(shape * np.max(_lengths(rows, shape)) * _SHRUNK)
    return found


def _lengths(rows: Array, shape: Array) -> Array:
    """Return rows_j M^-1 rows_j' (r,)."""
    lengths: Array = np.einsum('jn,nj->j', rows, np.linalg.solve(shape, rows.T))
    return lengths


def within(shape: Array, z: Array) -> Booleans:
    """Return (N,) whether z'M z <= 1, for M (n, n) and states (N, n); NaN is not."""
    inside: Booleans = np.einsum('kn,kn->k', z @ shape, z) <= 1.0
    return inside
