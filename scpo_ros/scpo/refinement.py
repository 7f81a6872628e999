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

"""Refinement of an interior-point answer: Newton's method on the conditions found active."""

from dataclasses import dataclass

import numpy as np
from scpo_ros.arrays import Array, Integers
from scpo_ros.scpo.projection_problem import ProjectionProblem

STEPS = 4
EQUILIBRATIONS = 4  # sweeps


@dataclass(frozen=True, eq=False)
class KktPoint:
    """A primal-dual point of a projection and what is active there."""

    b: Array          # (n,)
    mu: Array         # (k,) multipliers of gbar_i <= c_i
    nu: float         # multiplier of ||b||^2 <= R^2
    active: Integers  # indices i with gbar_i = c_i
    free: Integers    # indices j with b_j != 0, away from the kink of ||b||_1
    on_ball: bool     # ||b|| = R


def refined(problem: ProjectionProblem, point: KktPoint) -> tuple[Array, Array, float]:
    """
    Return the (b, mu, nu) that solves the KKT equations of the active set of a point.

    With sigma = sign(b), over the free coordinates, the active constraints and the ball,

        2 G b - 2 l + slope'mu + (w'mu) sigma + (L'mu + 2 nu) b = 0,
        gbar_i(b) = c_i,    ||b||^2 = R^2

    is a square system, solved by a few Newton steps. A wrong guess of the active set gives a
    point that is worse: compare certificates.

    :param problem: a ProjectionProblem.
    :param point: a :class:`KktPoint` near the solution.
    :raises LinAlgError: if a Newton step does not exist.
    """
    b, mu, nu = np.zeros_like(point.b), np.zeros_like(point.mu), point.nu * point.on_ball
    b[point.free], mu[point.active] = point.b[point.free], point.mu[point.active]
    for _ in range(STEPS):
        step = _newton_step(problem, point, b, mu, nu)
        n, m = len(point.free), len(point.active)
        b[point.free] += step[:n]
        mu[point.active] += step[n:n + m]
        nu += step[-1] if point.on_ball else 0.0
    return b, mu, nu


def _newton_step(problem: ProjectionProblem, point: KktPoint, b: Array, mu: Array,
                 nu: float) -> Array:
    """Return the step of (b_free, mu_active, nu), by least squares where it is not unique."""
    region, free, active = problem.region, point.free, point.active
    sign = np.sign(point.b)
    normals = (region.slope[active] + np.outer(region.sampling_weight[active], sign)
               + np.outer(region.smoothness[active], b))
    values = (region.bound(b) - region.target)[active]
    if point.on_ball:
        normals = np.vstack([normals, 2.0 * b])
        values = np.append(values, b @ b - region.trust_radius ** 2)
    duals = np.append(mu[active], nu) if point.on_ball else mu[active]
    hessian = 2.0 * problem.gram + (region.smoothness @ mu + 2.0 * nu) * np.eye(len(b))
    # normals already hold the curvature L b of the constraints and 2 b of the ball
    slope = 2.0 * (problem.gram @ b - problem.linear) + normals.T @ duals
    corner = np.zeros((len(values), len(values)))
    matrix = np.block([[hessian[np.ix_(free, free)], normals[:, free].T],
                       [normals[:, free], corner]])
    return _least_squares(matrix, -np.append(slope[free], values))


def _least_squares(matrix: Array, right: Array) -> Array:
    """
    Return x with matrix x = right, of least norm in units in which the matrix is equilibrated.

    Objective and constraints may differ by many powers of ten in their own units, and the smaller
    would be taken for rounding (Ruiz, *A scaling algorithm*, RAL-TR-2001-034).

    :param matrix: symmetric.
    :raises LinAlgError: if an entry is not a number, which numpy 1.24 answers by another error.
    """
    units = np.ones(len(right))
    for _ in range(EQUILIBRATIONS):
        largest = np.max(np.abs(matrix * np.outer(units, units)), axis=1, initial=0.0)
        units /= np.sqrt(np.where(largest > 0, largest, 1.0))
    scaled = matrix * np.outer(units, units)
    if not np.all(np.isfinite(scaled)):
        raise np.linalg.LinAlgError('the equilibrated matrix is not finite')
    return units * np.linalg.lstsq(scaled, units * right, rcond=None)[0]
