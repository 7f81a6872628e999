"""
The inputs that keep the next state in the safe set C, whatever the disturbance does.

For C = {x : H x <= 1}, an input u is admissible at x when

    H_j (A x + B u) + |H_j| wbar <= 1    for every j.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.sets.invariant_set import Polytope
from scpo_ros.sets.units import units_of
from scpo_ros.systems.linear_system import LinearSystem

ROUNDING = 1e-9  # of the admissible inputs, units of u
_AT_ONCE = 4096  # states; bounds memory


class AdmissibleInputs(Protocol):
    """Tells which inputs keep the next state in the safe set, and moves others there."""

    def violation(self, x: Array, u: Array) -> Array:
        """
        Return by how much inputs (..., m) are inadmissible, (...,), negative inside; units of u.

        A value <= 0 says that the next state lies in the safe set whatever the disturbance does.
        NaN stays NaN.

        :param x: states (..., n).
        """

    def nearest(self, x: Array, u: Array) -> Array:
        """
        Return the admissible input (m,) nearest to another one, ROUNDING inside the limit.

        It means something only where its violation is at most ROUNDING: outside the safe set no
        input may be admissible.

        :param x: (n,). :param u: (m,), finite.
        """


@dataclass(frozen=True)
class InputBounds:
    """
    LO(x) <= u <= UP(x): the admissible inputs of a system with one input.

    With s_j = |H_j| wbar, UP(x) = min over H_j B > 0 of (1 - s_j - H_j A x) / H_j B, and LO
    likewise from H_j B < 0. A facet with H_j B = 0 is kept by every input or by none.
    """

    up: Array  # (q+, n + 1): rows [-H_j A, 1 - s_j] / H_j B
    low: Array  # (q-, n + 1)
    fixed: Array  # (q0, n + 1): rows [-H_j A, 1 - s_j], negative where no input helps

    @classmethod
    def of(cls, system: LinearSystem, safe_set: Polytope) -> 'InputBounds':
        """Return the bounds of a system with one input and a safe set."""
        H = safe_set.H
        weight = (H @ system.B)[:, 0]
        table = np.column_stack([-H @ system.A, 1 - np.abs(H) @ system.disturbance])
        relative = weight * units_of(system.input_limit[0])
        up, low = relative > 1e-12, relative < -1e-12
        return cls(table[up] / weight[up, None], table[low] / weight[low, None],
                   table[~(up | low)])

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

    def violation(self, x: Array, u: Array) -> Array:
        """
        Return by how much inputs (..., 1) leave [LO(x), UP(x)], (...,); see the protocol.

        Infinite where no input helps.
        """
        (low, up), u = self(x), u[..., 0]
        violation = np.maximum(u - up, low - u)
        if len(self.fixed):
            least = np.min(x @ self.fixed[:, :-1].T + self.fixed[:, -1], axis=-1)
            violation = np.where(least >= 0, violation, np.inf)
        return violation

    def nearest(self, x: Array, u: Array) -> Array:
        """Return the input (1,) clipped into [LO(x), UP(x)], ROUNDING inside; see the protocol."""
        low, up = self(x)
        return np.minimum(np.maximum(u, low + ROUNDING), up - ROUNDING)
