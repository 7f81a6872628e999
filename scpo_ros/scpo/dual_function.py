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
The dual of the projection: concave, once differentiable, in as many unknowns as constraints.

In units in which every slack c_i - g_i, the radius sought and the scale of the objective are 1,

    minimise  gamma ||b||^2 / 2 - l'b
    subject to  f_i(b) = a_i'b + w_i ||b||_1 + q_i ||b||^2 / 2 <= 1

where the ball is the last constraint. For multipliers lam >= 0 let W = w'lam, h = gamma + q'lam.
Then

    D(lam) = min_b  h ||b||^2 / 2 - (l - A'lam)'b + W ||b||_1  -  sum(lam)

has the gradient f(b) - 1 at its minimiser b, and a maximiser of D gives the projection as its b.
The minimiser is closed: soft-threshold l - A'lam at W, then divide by h. The optimal multipliers
add up to at most 1, since no feasible objective is below -1.
"""

from math import sqrt
from typing import NamedTuple

import numpy as np
from scpo_ros.arrays import Array, Integers
from scpo_ros.scpo.projection_problem import ProjectionProblem


class DualPoint(NamedTuple):
    """A point of the dual with all that is needed to leave it."""

    multipliers: Array  # (m,) lam >= 0
    value: float        # D(lam)
    slope: Array        # (m,) gradient f(b) - 1
    b: Array            # (n,) inner minimiser
    sign: Array         # (n,) of b, 0 off its support
    stiffness: float    # h

    @property
    def residual(self) -> float:
        """Return the largest of constraint violation and complementarity, relative."""
        return float(max(self.slope.max(), self.multipliers.dot(np.abs(self.slope))))


class DualFunction:
    """D of a projection problem whose metric is a multiple of the identity."""

    def __init__(self, problem: ProjectionProblem,
                 kept: 'Integers | slice[None, None, None]') -> None:
        """
        Bring the problem into its units.

        :param problem: a ProjectionProblem with b = 0 strictly feasible and l != 0.
        :param kept: (m - 1,) indices of the constraints that can become active, or a slice.
        """
        region, reach, n = problem.region, problem.reach, len(problem.linear)
        self.kept, self.reach, self.scale = kept, reach, problem.scale
        self.slack = region.slack[kept]
        # f(b) - 1 is rows @ (b, ||b||_1, ||b||^2 / 2, -1)
        self.rows = np.zeros((len(self.slack) + 1, n + 3))
        with np.errstate(over='ignore', divide='ignore', invalid='ignore'):
            self.rows[:-1, :n + 2] = region.rows[kept] * (reach / self.slack)[:, None]
            self.rows[:-1, n + 1] *= reach
        self.rows[-1, n + 1] = 2.0 * (reach / region.trust_radius) ** 2
        self.rows[:, n + 2] = 1.0
        self.bends = self.rows[:, n + 1]  # q_i
        self.trust_square = region.trust_radius ** 2
        self.linear = 2.0 * reach / problem.scale * problem.linear
        self.curvature = 2.0 * reach ** 2 / problem.scale * problem.gram[0, 0]
        self._terms = np.full(n + 3, -1.0)
        self._frame = np.zeros((n + 3, n))
        self._support = np.einsum('ii->i', self._frame[:n])  # its diagonal, a view

    def at(self, multipliers: Array) -> DualPoint:
        """Return the :class:`DualPoint` of multipliers (m,)."""
        n = len(self.linear)
        weighted = multipliers.dot(self.rows)
        width, curved, total = weighted[n:].tolist()
        pull = self.linear - weighted[:n]
        rest = pull - np.minimum(np.maximum(pull, -width), width)
        stiffness = self.curvature + curved
        b = rest / stiffness
        sign, half = np.sign(b), 0.5 * b.dot(b)
        terms = self._terms
        terms[:n], terms[n], terms[n + 1] = b, sign.dot(b), half
        value = -stiffness * half - total
        return DualPoint(multipliers, value, self.rows.dot(terms), b, sign, stiffness)

    def hessian(self, point: DualPoint, work: Integers) -> Array:
        """Return minus the generalised second derivative of D along the coordinates `work`."""
        n, frame = len(point.b), self._frame
        self._support[:] = point.sign * point.sign
        frame[n], frame[n + 1] = point.sign, point.b
        normals: Array = self.rows.take(work, axis=0).dot(frame)  # the constraints' gradients
        products: Array = normals.dot(normals.T)
        return products / point.stiffness

    def best_length(self, point: DualPoint, direction: Array) -> float:
        """
        Return the t that maximises D(lam + t d) along a Newton direction d; 1 if there is none.

        While the signs of b stay, D along a line is a square over a linear function. Its
        derivative vanishes at t = 2 / (s (1 + s)) with s^2 = 1 - 2 q'd / h.

        :param direction: d (m,).
        """
        square: float = 1.0 - 2.0 * self.bends.dot(direction) / point.stiffness
        if not square > 0.0:
            return 1.0
        root = sqrt(square)
        return 2.0 / (root + square)

    def original(self, point: DualPoint, count: int) -> tuple[Array, Array, float]:
        """
        Return (b, mu, nu) in the units of the problem.

        :param count: k, the number of its constraints.
        """
        mu = np.zeros(count)
        mu[self.kept] = self.scale * point.multipliers[:-1] / self.slack
        return self.reach * point.b, mu, self.scale * point.multipliers[-1] / self.trust_square
