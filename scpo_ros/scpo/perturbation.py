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

"""Sampled weight perturbations: the orthonormal subspace, its sample points, its differences."""

from collections.abc import Iterator, Sequence
from typing import TypeAlias

import numpy as np
from scpo_ros.arrays import Array, checked

# A direction counts as new when more than this share of it lies outside the earlier ones.
INDEPENDENCE = 1e-6

Directions: TypeAlias = Array | Sequence[Array] | None  # columns (d, m), or vectors (d,)


def checked_directions(directions: Directions, size: int) -> list[Array]:
    """
    Return a list of vectors (d,) from an array (d, m), a sequence of vectors, or None.

    :raises InvalidArrayError: for wrong shapes and non-finite entries.
    """
    if directions is None:
        return []
    if isinstance(directions, np.ndarray):
        return list(checked('directions', directions, (size, None)).T)
    return [checked('direction', vector, (size,)) for vector in directions]


def orthonormal_basis(directions: Sequence[Array], count: int, rng: np.random.Generator) -> Array:
    """
    Return Q (d, n), orthonormal columns, n = min(count, d), the given directions first.

    q_j spans, with q_1 .. q_{j-1}, the first j independent directions; near-dependent ones (zero
    vectors included) are dropped and the rest is filled with Gaussian ones. The perturbations are
    d_j = r q_j. Gram-Schmidt is done twice, so that Q'Q = I to rounding.

    :param directions: sequence of at least one vector (d,), the most important first.
    :param count: the number n of columns wanted.
    :param rng: numpy Generator for the random fill.
    """
    size = len(directions[0])
    basis, vectors = np.empty((size, 0)), _with_random_rest(directions, size, rng)
    while True:
        vector = next(vectors)
        if basis.shape[1] == min(count, size):
            return basis
        column = _new_part(basis, vector)
        if column is not None:
            basis = np.column_stack([basis, column])


def _with_random_rest(directions: Sequence[Array], size: int,
                      rng: np.random.Generator) -> Iterator[Array]:
    """Yield the given directions, then Gaussian ones without end."""
    yield from directions
    while True:
        yield rng.standard_normal(size)


def _new_part(basis: Array, vector: Array) -> Array | None:
    """Return the normalised part of `vector` orthogonal to the basis, None if there is none."""
    largest = np.max(np.abs(vector))
    if not largest > 0:
        return None
    unit = vector / largest
    unit = unit / np.linalg.norm(unit)
    rest = unit - basis @ (basis.T @ unit)
    length = np.linalg.norm(rest)
    if not length > INDEPENDENCE:
        return None
    rest = rest / length
    rest = rest - basis @ (basis.T @ rest)
    column: Array = rest / np.linalg.norm(rest)
    return column


def sample_points(theta: Array, basis: Array, radius: float, antithetic: bool = False) -> Array:
    """
    Return the policies to evaluate: theta, theta + r q_j, and if antithetic theta - r q_j.

    :param theta: policy (d,).
    :param basis: Q (d, n).
    :param radius: r > 0.
    :returns: (1 + n, d), or (1 + 2 n, d) when antithetic.
    """
    steps = radius * basis.T
    rows = [theta[None, :], theta + steps] + ([theta - steps] if antithetic else [])
    return np.concatenate(rows)


def difference_slopes(values: Array, radius: float, antithetic: bool = False) -> Array:
    """
    Return delta_ij / r (k, n), the slopes of the metrics along the columns of Q.

    One-sided: delta_ij = g_i(theta + r q_j) - g_i(theta). Antithetic: half the difference between
    the two sides. Either is within (L_i / 2) r^2 of r grad g_i'q_j (and with evaluation noise nu
    within a further 2 nu), so the same bound serves both.

    :param values: metrics (m, k) at the rows of :func:`sample_points`.
    """
    with np.errstate(over='ignore'):  # the caller refuses what is not finite
        if antithetic:
            count = (len(values) - 1) // 2
            two_sided: Array = (values[1:count + 1] - values[count + 1:]).T / (2.0 * radius)
            return two_sided
        one_sided: Array = (values[1:] - values[0]).T / radius
        return one_sided
