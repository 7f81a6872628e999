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
The inputs that keep the next state in the safe set C, whatever the disturbance does.

For C = {x : H x <= 1}, an input u is admissible at x when

    H_j (A x + B u) + |H_j| wbar <= 1    for every j.

Divided by |H_j B|, where that is not 0, each row is a *facet* d_j'u <= b_j(x) with a unit normal
d_j, so that a violation is a distance in units of u. Rows with H_j B = 0 are kept by every input
or by none, and a violation of them is one in the gauge of C. With one input two facets count,
u <= UP(x) and -u <= -LO(x): :class:`InputBounds`. :class:`InputPolytope` serves any number.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scpo_ros.arrays import Array, frozen
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.sets.invariant_set import Polytope
from scpo_ros.sets.units import units_of
from scpo_ros.systems.linear_system import LinearSystem

ROUNDING = 1e-9  # of the admissible inputs, units of u
_AT_ONCE = 4096  # states; bounds memory
_PARALLEL = 1e-12  # a facet with a smaller |H_j B|, in units of the input, does not depend on it


class InputCheck(Protocol):
    """Tells whether inputs keep the next state in the safe set."""

    def violation(self, x: Array, u: Array) -> Array:
        """
        Return by how much inputs (..., m) are inadmissible, (...,), negative inside.

        A value <= 0 says that the next state lies in the safe set whatever the disturbance does.
        NaN stays NaN.

        :param x: states (..., n).
        """

    def slack(self, error: Array) -> float:
        """Return by how much a violation may grow where inputs change by |error| (m,)."""


class AdmissibleInputs(InputCheck, Protocol):
    """Tells which inputs keep the next state in the safe set, and moves others there."""

    def facets(self, x: Array) -> tuple[Array, Array]:
        """
        Return unit normals d (r, m) and offsets b (..., r) of the facets at states (..., n).

        Inputs with d u <= b are admissible, but for the rows that no input changes.
        """

    def violation(self, x: Array, u: Array) -> Array:
        """
        Return by how much inputs (..., m) are inadmissible, (...,), negative inside; units of u.

        A value <= 0 says that the next state lies in the safe set whatever the disturbance does.
        NaN stays NaN.

        :param x: states (..., n).
        """

    def columns_violation(self, x: Array, u: Array) -> Array:
        """Return the violation (N,) by inputs (m, N) at states (n, N), for rollouts."""

    def nearest(self, x: Array, u: Array) -> Array:
        """
        Return the admissible input (m,) nearest to another one, ROUNDING inside the limit.

        It means something only where its violation is at most ROUNDING: outside the safe set no
        input may be admissible.

        :param x: (n,). :param u: (m,), finite and within the input limits.
        """


@dataclass(frozen=True)
class FacetTable:
    """The rows of all facets: d_j'u <= row_j'(x, 1)."""

    normals: Array  # (r, m), unit vectors
    rows: Array  # (r, n + 1): [-H_j A, 1 - s_j] / |H_j B|, with s_j = |H_j| wbar
    fixed: Array  # (q0, n + 1): rows [-H_j A, 1 - s_j] of no facet, negative where none helps

    @classmethod
    def of(cls, system: LinearSystem, safe_set: Polytope) -> 'FacetTable':
        """Return the facets of a system and a safe set."""
        H = safe_set.H
        push, rows = H @ system.B, np.column_stack(
            [-H @ system.A, 1 - np.abs(H) @ system.disturbance])
        length = np.linalg.norm(push, axis=1)
        relative = np.linalg.norm(push * units_of(system.input_limit), axis=1)
        free = relative > _PARALLEL
        return cls(push[free] / length[free, None], rows[free] / length[free, None], rows[~free])

    def with_fixed(self, x: Array, violation: Array) -> Array:
        """Return a violation (...,) by inputs at states (..., n), or that of a fixed row."""
        if not len(self.fixed):
            return violation
        least = np.min(x @ self.fixed[:, :-1].T + self.fixed[:, -1], axis=-1)
        largest: Array = np.maximum(violation, -least)
        return largest


@dataclass(frozen=True)
class InputBounds:
    """
    LO(x) <= u <= UP(x): the admissible inputs of a system with one input.

    With s_j = |H_j| wbar, UP(x) = min over H_j B > 0 of (1 - s_j - H_j A x) / H_j B, and LO
    likewise from H_j B < 0.
    """

    up: Array  # (q+, n + 1): rows [-H_j A, 1 - s_j] / H_j B
    low: Array  # (q-, n + 1)
    table: FacetTable

    @classmethod
    def of(cls, system: LinearSystem, safe_set: Polytope) -> 'InputBounds':
        """
        Return the bounds of a system with one input and a safe set.

        :raises ConfigurationError: for a system with more inputs.
        """
        if system.m != 1:
            raise ConfigurationError('inputs', system.m, 'must be 1 for an interval of inputs')
        table = FacetTable.of(system, safe_set)
        up = table.normals[:, 0] > 0
        return cls(frozen(table.rows[up]), frozen(-table.rows[~up]), table)

    def __call__(self, x: Array) -> tuple[Array, Array]:
        """Return LO and UP, each (...,), at states (..., n)."""
        x = np.asarray(x)
        flat = x.reshape(-1, x.shape[-1]).T
        low, up = np.empty((2, flat.shape[1]))
        for start in range(0, flat.shape[1], _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            low[part], up[part] = self.columns(flat[:, part])
        return low.reshape(x.shape[:-1])[()], up.reshape(x.shape[:-1])[()]

    def columns(self, x: Array) -> tuple[Array, Array]:
        """Return LO and UP, (N,) each, at states (n, N)."""
        low = self.low[:, :-1] @ x
        low += self.low[:, -1:]
        up = self.up[:, :-1] @ x
        up += self.up[:, -1:]
        return low.max(axis=0), up.min(axis=0)

    def facets(self, x: Array) -> tuple[Array, Array]:
        """Return the normals (2, 1) of UP and LO, and UP and -LO (..., 2); see the protocol."""
        low, up = self(x)
        return np.array([[1.0], [-1.0]]), np.stack([up, -low], axis=-1)

    def slack(self, error: Array) -> float:
        """Return by how much a violation may grow where inputs change by |error| (1,)."""
        return float(np.linalg.norm(error))

    def violation(self, x: Array, u: Array) -> Array:
        """Return by how much inputs (..., 1) leave [LO(x), UP(x)], (...,); see the protocol."""
        (low, up), u = self(x), u[..., 0]
        violation = np.maximum(u - up, low - u)
        return self.table.with_fixed(np.asarray(x), violation)

    def columns_violation(self, x: Array, u: Array) -> Array:
        """Return by how much inputs (1, N) leave [LO, UP] at states (n, N), (N,)."""
        low, up = self.columns(x)
        np.subtract(u[0], up, out=up)
        np.subtract(low, u[0], out=low)
        return self.table.with_fixed(x.T, np.maximum(up, low, out=up))

    def nearest(self, x: Array, u: Array) -> Array:
        """Return the input (1,) clipped into [LO(x), UP(x)], ROUNDING inside; see the protocol."""
        low, up = self(x)
        return np.minimum(np.maximum(u, low + ROUNDING), up - ROUNDING)


@dataclass(frozen=True)
class InputPolytope:
    """The admissible inputs of a system with any number of inputs, a polytope at every state."""

    table: FacetTable
    limit: Array  # (m,), of the inputs; the nearest one keeps it too

    @classmethod
    def of(cls, system: LinearSystem, safe_set: Polytope) -> 'InputPolytope':
        """Return the admissible inputs of a system and a safe set."""
        return cls(FacetTable.of(system, safe_set), system.input_limit)

    def facets(self, x: Array) -> tuple[Array, Array]:
        """Return the normals (r, m) and the offsets (..., r); see the protocol."""
        rows = self.table.rows
        return self.table.normals, np.asarray(x) @ rows[:, :-1].T + rows[:, -1]

    def slack(self, error: Array) -> float:
        """Return by how much a violation may grow where inputs change by |error| (m,)."""
        return float(np.linalg.norm(error))

    def violation(self, x: Array, u: Array) -> Array:
        """Return the largest distance (...,) of inputs (..., m) beyond a facet."""
        normals, offsets = self.facets(x)
        violation = np.max(u @ normals.T - offsets, axis=-1)
        return self.table.with_fixed(np.asarray(x), violation)

    def columns_violation(self, x: Array, u: Array) -> Array:
        """Return the largest distance (N,) of inputs (m, N) beyond a facet at states (n, N)."""
        beyond = self.table.normals @ u
        beyond -= self.table.rows[:, :-1] @ x
        beyond -= self.table.rows[:, -1:]
        return self.table.with_fixed(x.T, beyond.max(axis=0))

    def nearest(self, x: Array, u: Array) -> Array:
        """Return the nearest input (m,) within facets and limits, NaN where there is none."""
        normals, offsets = self.facets(x)
        eye = np.eye(len(u))
        G = -np.vstack([normals, eye, -eye])
        h = -np.r_[offsets - ROUNDING, self.limit, self.limit] - G @ u
        if np.all(h <= 0):
            return u
        return u + _least_change(G, h)


def _least_change(G: Array, h: Array) -> Array:
    """
    Return the shortest y (m,) with G y >= h, NaN where there is none or it is not found.

    A problem of least distance: with z >= 0 for which (G', h)'z is closest to (0, 1), and r the
    rest, y = -r_1..m / r_(m+1) (Lawson, Hanson, *Solving least squares problems*, ch. 23).
    """
    from scipy.optimize import nnls  # takes long to import; one input does without
    stacked, wanted = np.vstack([G.T, h]), np.append(np.zeros(G.shape[1]), 1.0)
    try:
        z, size = nnls(stacked, wanted)
    except (RuntimeError, ValueError):  # no convergence, or numbers that are not finite
        return np.full(G.shape[1], np.nan)
    rest = stacked @ z - wanted
    if not size > ROUNDING:  # the facets leave no input
        return np.full(G.shape[1], np.nan)
    change: Array = -rest[:-1] / rest[-1]
    return change


def admissible_inputs(system: LinearSystem, safe_set: Polytope) -> InputBounds | InputPolytope:
    """Return the admissible inputs of a system and a safe set."""
    kind = InputBounds if system.m == 1 else InputPolytope
    return kind.of(system, safe_set)
