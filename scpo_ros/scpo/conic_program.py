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

"""The projection as a conic program for Clarabel, and the way back from its solution."""

from dataclasses import dataclass
from typing import TypeAlias

import clarabel
import numpy as np
from scipy import sparse
from scpo_ros.arrays import Array, Integers
from scpo_ros.scpo.projection_problem import ProjectionProblem
from scpo_ros.scpo.refinement import KktPoint

# Solver tolerances, in order; the certificate judges what comes out.
TOLERANCES = (1e-9, 1e-8, 1e-7)

Cone: TypeAlias = clarabel.NonnegativeConeT | clarabel.SecondOrderConeT


@dataclass(frozen=True, eq=False)
class ConicProgram:
    """
    minimise x'P x / 2 + q'x subject to h - A x in K, for Clarabel.

    x = (beta, e, t, kappa) with b = rho beta, |beta_j| <= e_j, sum e_j <= t, and the rotated cone
    kappa >= ||beta||^2. Every ||b||_1 is t and every ||b||^2 is kappa, so a constraint is one
    linear row, and lengths are in units of rho.
    """

    quadratic: sparse.csc_matrix  # P, upper triangle
    linear: Array                 # q
    matrix: sparse.csc_matrix     # A
    offset: Array                 # h
    cones: list[Cone]             # K
    kept: Integers                # (m,) indices of the constraints that can become active
    row_scale: Array              # (m,) by which the rows were divided
    reach: float                  # rho, weight units: answers with ||b|| <= rho are sought
    unit: float                   # of the objective: the gain within rho


def active_candidates(problem: ProjectionProblem, reach: float | None = None) -> Integers:
    """
    Return the indices of the constraints that can become active within reach, rho.

    max {gbar_i(b) : ||b|| <= rho} <= g_i + rho || |slope_i| + w_i ||_2 + (L_i / 2) rho^2.
    """
    region, rho = problem.region, problem.reach if reach is None else reach
    with np.errstate(over='ignore'):  # infinite is never dropped
        steepest = np.linalg.norm(np.abs(region.slope) + region.sampling_weight[:, None], axis=1)
        highest = region.g + rho * steepest + 0.5 * region.smoothness * rho ** 2
    return np.flatnonzero(~(highest < region.target))


def build_projection(problem: ProjectionProblem, reach: float | None = None) -> ConicProgram:
    """
    Return the conic program of a projection: k + 2 n + 3 linear rows and one second-order cone.

    :param problem: a :class:`ProjectionProblem` with l != 0.
    :param reach: rho, None for the problem's own; a smaller one, with an answer strictly within,
        has the same answer in better units.
    """
    n, rho = len(problem.linear), problem.reach if reach is None else reach
    kept = active_candidates(problem, rho)
    rows, offset, row_scale = _constraint_rows(problem, kept, rho)
    unit = problem.gain(rho) or problem.scale  # 0 by underflow
    frame, frame_offset = _frame_rows(n)
    quadratic = np.zeros((2 * n + 2, 2 * n + 2))
    quadratic[:n, :n] = np.triu(2.0 * rho ** 2 / unit * problem.gram)
    linear = np.zeros(2 * n + 2)
    linear[:n] = -2.0 * rho / unit * problem.linear
    return ConicProgram(
        quadratic=sparse.csc_matrix(quadratic), linear=linear,
        matrix=sparse.csc_matrix(np.vstack([rows, frame])),
        offset=np.concatenate([offset, frame_offset]),
        cones=[clarabel.NonnegativeConeT(len(kept) + 2 * n + 3),
               clarabel.SecondOrderConeT(n + 2)],
        kept=kept, row_scale=row_scale, reach=rho, unit=unit)


def _constraint_rows(problem: ProjectionProblem, kept: Integers,
                     rho: float) -> tuple[Array, Array, Array]:
    """Return rows, offsets and scales of rho slope'beta + rho w t + rho^2 L/2 kappa <= c - g."""
    region, n = problem.region, len(problem.linear)
    rows = np.zeros((len(kept), 2 * n + 2))
    rows[:, :n] = rho * region.slope[kept]
    rows[:, 2 * n] = rho * region.sampling_weight[kept]
    rows[:, 2 * n + 1] = 0.5 * rho ** 2 * region.smoothness[kept]
    row_scale = np.maximum(np.max(np.abs(rows), axis=1, initial=0.0), np.finfo(float).tiny)
    offset = (region.target - region.g)[kept]
    return rows / row_scale[:, None], offset / row_scale, row_scale


def _frame_rows(n: int) -> tuple[Array, Array]:
    """
    Return the rows that do not depend on the data.

    |beta_j| <= e_j; sum e <= t; kappa <= 1; t <= 2 sqrt(n), never active, for boundedness;
    and the cone ||((1 - kappa) / 2, beta)|| <= (1 + kappa) / 2.
    """
    eye, t, kappa = np.eye(n), 2 * n, 2 * n + 1
    linear = np.zeros((2 * n + 3, 2 * n + 2))
    linear[:n, :n], linear[n:2 * n, :n] = eye, -eye
    linear[:n, n:t] = linear[n:2 * n, n:t] = -eye
    linear[2 * n, n:t], linear[2 * n, t] = 1.0, -1.0
    linear[2 * n + 1, kappa] = linear[2 * n + 2, t] = 1.0
    cone = np.zeros((n + 2, 2 * n + 2))
    cone[0, kappa], cone[1, kappa] = -0.5, 0.5
    cone[2:, :n] = -eye
    offset = np.zeros(3 * n + 5)
    offset[2 * n + 1], offset[2 * n + 2] = 1.0, 2.0 * np.sqrt(n)
    offset[2 * n + 3] = offset[2 * n + 4] = 0.5
    return np.vstack([linear, cone]), offset


def first_solved(program: ConicProgram) -> clarabel.DefaultSolution | None:
    """Return the Clarabel solution at the tightest tolerance that is solved, else None."""
    for tolerance in TOLERANCES:
        settings = clarabel.DefaultSettings()
        settings.verbose, settings.max_threads = False, 1
        settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = tolerance
        solution = clarabel.DefaultSolver(
            program.quadratic, program.linear, program.matrix, program.offset, program.cones,
            settings).solve()
        if solution.status == clarabel.SolverStatus.Solved:
            return solution
    return None


def kkt_point(problem: ProjectionProblem, program: ConicProgram,
              solution: clarabel.DefaultSolution) -> KktPoint:
    """Return the primal-dual point of a Clarabel solution, in the units of the problem."""
    n, rho, count = len(problem.linear), program.reach, len(program.kept)
    dual, slack = np.array(solution.z), np.array(solution.s)
    binding = dual > slack  # strict complementarity, in the solver's scaling
    up, down, ball = binding[count:count + n], binding[count + n:count + 2 * n], count + 2 * n + 1
    mu = np.zeros(len(problem.region.g))
    mu[program.kept] = program.unit * dual[:count] / program.row_scale
    touching = rho == problem.region.trust_radius  # else the ball of radius R cannot be active
    return KktPoint(
        b=rho * np.array(solution.x)[:n], mu=mu,
        nu=program.unit * dual[ball] / rho ** 2 if touching else 0.0,
        active=program.kept[binding[:count]], free=np.flatnonzero(~(up & down)),
        on_ball=bool(touching and binding[ball]))
