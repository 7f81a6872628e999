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
The projection of a raw step onto the local safe region: solve, then check.

The problem is a :class:`~scpo_ros.scpo.projection_problem.ProjectionProblem`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module

import numpy as np
from scpo_ros.arrays import Array, frozen
from scpo_ros.scpo.certificate import check_projection, relative_gap
from scpo_ros.scpo.conic_program import build_projection, first_solved, kkt_point
from scpo_ros.scpo.dual_newton import dual_answers
from scpo_ros.scpo.local_safe_region import pulled_in
from scpo_ros.scpo.projection_problem import ProjectionProblem
from scpo_ros.scpo.refinement import refined


# Relative duality gap above which the next method or better units are tried; how often the latter.
GOOD_GAP = 1e-9
RESCALINGS = 5


@dataclass(frozen=True, eq=False)
class ProjectionAnswer:
    """A step with its solver-free certificate; no answer is NaN, with both of them infinite."""

    b: Array                # (n,) coordinates of the step
    multipliers: Array      # (k,) of gbar_i <= c_i
    ball_multiplier: float  # of ||b||^2 <= R^2
    violation: float        # max of gbar_i - c_i and ||b|| - R, <= 0 exactly
    duality_gap: float      # relative to the scale of the problem
    method: str = 'none'    # that found it: rest, newton, proximal, conic, reference or none


def solve_projection(problem: ProjectionProblem) -> ProjectionAnswer:
    """
    Return the projection, pulled in until exactly feasible, with its certificate.

    Where the metric is a multiple of the identity: Newton on the dual, then a proximal step;
    otherwise, and where the gap stays above GOOD_GAP, Clarabel with refinement. Whatever comes
    first with a gap within GOOD_GAP is the answer, else the one with the smallest gap.
    When b = 0 is not strictly feasible the answer is b = 0, with the violation as it is and an
    infinite gap.
    """
    rest = _answer_at_rest(problem)
    if rest is not None:
        return rest
    best: ProjectionAnswer | None = None
    for answer in _attempts(problem):
        if best is None or answer.duality_gap < best.duality_gap:
            best = answer
        if best.duality_gap <= GOOD_GAP:
            break
    return no_answer(problem) if best is None else best


def _attempts(problem: ProjectionProblem) -> Iterator[ProjectionAnswer]:
    """Yield answers of one method after the other, the cheapest first."""
    if problem.isotropic:
        for method, b, mu, nu in dual_answers(problem):
            yield _finished(problem, b, mu, nu, method)
    yield from _conic_answers(problem)


def _conic_answers(problem: ProjectionProblem) -> Iterator[ProjectionAnswer]:
    """
    Yield answers of Clarabel.

    An answer that is short beside the ball it is sought in loses digits in the solver: the program
    is built anew with a ball of a few times its length, and with a larger one where that cut it
    short. Any solver status but the good one is no answer.
    """
    low, high = 0.0, min(problem.reach, 2.0 * problem.region.longest)
    reach = high
    for _ in range(RESCALINGS + 1):
        answer, length = _solved(problem, reach)
        yield answer
        if length > 0.9 * reach and reach < high:
            low = reach
        else:
            high = reach
        reach = max(4.0 * length, 2.0 * low) if length > 0 else high / 32.0  # NaN is not
        if not low < reach < high:
            return


@np.errstate(all='ignore')  # what is not finite is no answer
def _solved(problem: ProjectionProblem, reach: float) -> tuple[ProjectionAnswer, float]:
    """Return (answer, length of the solver's b) of a conic program, sought in ||b|| <= reach."""
    program = build_projection(problem, reach)
    solution = first_solved(program)
    if solution is None:
        return no_answer(problem), np.nan
    point = kkt_point(problem, program, solution)
    length = float(np.linalg.norm(point.b))
    if not np.all(np.isfinite([length, *point.mu, point.nu])):
        return no_answer(problem), np.nan
    answer = _finished(problem, point.b, point.mu, point.nu, 'conic')
    try:
        better = _finished(problem, *refined(problem, point), 'conic')
    except np.linalg.LinAlgError:
        return answer, length
    return (better if better.duality_gap < answer.duality_gap else answer), length


def solve_reference(problem: ProjectionProblem) -> ProjectionAnswer:
    """
    Return the same projection written as the QCQP that it is, by CVXPY, for comparison.

    :raises ModuleNotFoundError: where CVXPY is not installed; nothing else needs it.
    """
    cvxpy = import_module('cvxpy')
    rest = _answer_at_rest(problem)
    if rest is not None:
        return rest
    region = problem.region
    b = cvxpy.Variable(len(problem.linear))
    square = cvxpy.sum_squares(b)
    safe = (region.g + region.slope @ b + region.sampling_weight * cvxpy.norm1(b)
            + 0.5 * region.smoothness * square <= region.target)
    ball = square <= region.trust_radius ** 2
    objective = cvxpy.quad_form(b, cvxpy.psd_wrap(problem.gram)) - 2.0 * problem.linear @ b
    program = cvxpy.Problem(cvxpy.Minimize(objective), [safe, ball])
    try:
        program.solve(solver=cvxpy.CLARABEL)
    except cvxpy.error.SolverError:
        return no_answer(problem)
    if program.status != cvxpy.OPTIMAL:
        return no_answer(problem)
    return _finished(problem, b.value, safe.dual_value, ball.dual_value.item(), 'reference')


def no_answer(problem: ProjectionProblem) -> ProjectionAnswer:
    """Return the answer that is none: NaN step, infinite violation and gap."""
    return ProjectionAnswer(
        frozen(np.full(len(problem.linear), np.nan)), frozen(np.zeros(len(problem.region.g))),
        0.0, np.inf, np.inf)


def _answer_at_rest(problem: ProjectionProblem) -> ProjectionAnswer | None:
    """Return b = 0 where it is the answer without a solver, else None."""
    idle = not problem.scale > 0
    if problem.feasible_at_rest and not idle:
        return None
    b, multipliers = np.zeros(len(problem.linear)), np.zeros(len(problem.region.g))
    violation, gap = check_projection(problem, b, multipliers, 0.0)
    if not problem.feasible_at_rest:
        gap = np.inf
    return ProjectionAnswer(frozen(b), frozen(multipliers), 0.0, violation, gap, 'rest')


def _finished(problem: ProjectionProblem, b: Array, multipliers: Array, ball: float,
              method: str) -> ProjectionAnswer:
    """Return the answer of a solver, made feasible and certified."""
    if not np.all(np.isfinite(b)):
        return no_answer(problem)
    b, violation = pulled_in(problem.region, b)
    multipliers, ball = np.maximum(multipliers, 0.0), max(float(ball), 0.0)
    gap = relative_gap(problem, b, multipliers, ball)
    return ProjectionAnswer(frozen(b), frozen(multipliers), ball, violation, gap, method)
