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

"""A quadratic program whose data are affine in a parameter, taken from CasADi expressions."""

from dataclasses import dataclass
from functools import cached_property

import casadi as ca
import numpy as np
from scpo_ros.arrays import Array, digest, frozen


@dataclass(frozen=True)
class ParametricQP:
    """minimise z'P z / 2 + (q + F x)'z subject to G z <= b + S x; z begins with u_0."""

    P: Array  # (nz, nz), positive definite
    F: Array  # (nz, n)
    q: Array  # (nz,)
    G: Array  # (c, nz)
    S: Array  # (c, n)
    b: Array  # (c,)

    def __post_init__(self) -> None:
        """Freeze the arrays."""
        for name in self.__dataclass_fields__:
            object.__setattr__(self, name, frozen(getattr(self, name)))

    @cached_property
    def response(self) -> tuple[Array, Array]:
        """Return -P^-1 [F, q] (nz, n + 1), the free solution, and P^-1 G' (nz, c)."""
        right = np.column_stack([-self.F, -self.q, self.G.T])
        solved = np.linalg.solve(self.P, right).astype(np.float64, copy=False)
        return solved[:, :self.F.shape[1] + 1], solved[:, self.F.shape[1] + 1:]

    @cached_property
    def coupling(self) -> tuple[Array, Array]:
        """
        Return what critical regions are made of.

        That is by how much the free solution violates the constraints, G z - b - S x, (c, n + 1),
        and G P^-1 G' (c, c).
        """
        free, gain = self.response
        return self.G @ free - np.column_stack([self.S, self.b]), self.G @ gain

    @cached_property
    def digest(self) -> str:
        """Return the digest of all the data."""
        return str(digest(*(getattr(self, name) for name in self.__dataclass_fields__)))


def condense(cost: ca.SX, constraints: ca.SX, upper: Array, z: ca.SX,
             x: ca.SX) -> ParametricQP:
    """
    Return the matrices of a quadratic cost and of linear constraints <= upper.

    :param upper: (c,). :param z: symbol of the variables (nz,). :param x: of the parameter (n,).
    """
    def constant(expression: ca.SX) -> Array:
        free = ca.Function('f', [z, x], [expression])
        return np.array(free(np.zeros(z.shape[0]), np.zeros(x.shape[0])))

    gradient = ca.gradient(cost, z)
    return ParametricQP(
        P=constant(ca.jacobian(gradient, z)), F=constant(ca.jacobian(gradient, x)),
        q=constant(gradient)[:, 0], G=constant(ca.jacobian(constraints, z)),
        S=-constant(ca.jacobian(constraints, x)), b=upper - constant(constraints)[:, 0])
