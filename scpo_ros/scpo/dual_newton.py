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
Newton's method on the dual of the projection, and a proximal step where it fails.

The generalised second derivative of D is -N N' / (gamma + h), N the constraints' gradients along
the support of b. *Newton*: one linear system in the multipliers that are positive or want to be
(Bertsekas, *Projected Newton methods*, SIAM J. Control Optim. 1982), and as far along it as D
rises while the signs of b stay. *Proximal*: the quadratic model, with a small multiple of the
identity added, is maximised over lam >= 0 exactly, as a nonnegative least-squares problem; that
direction ascends even where the derivative is singular (more constraints than directions, parallel
ones). Both search along the line for an increase of D.
"""

from collections.abc import Iterator

import numpy as np
from scipy.linalg.lapack import dposv
from scipy.optimize import nnls
from scpo_ros.arrays import Array
from scpo_ros.scpo.conic_program import active_candidates
from scpo_ros.scpo.dual_function import DualFunction, DualPoint
from scpo_ros.scpo.projection_problem import ProjectionProblem

# Of a point's residual. Complementarity adds as much to the relative gap, and so does pulling the
# step in, since the constraints are convex and satisfied at 0: well below 1e-9 together.
TOLERANCE = 1e-10
NEWTON_STEPS, PROXIMAL_STEPS = 30, 60
_HALVINGS = 30
_ARMIJO = 1e-4  # share of the predicted increase that must be had
_ROUNDING = 4e-16  # of D, which is at most 1 in size
_LEAST, _MOST = 1e-14, 1e3  # damping, relative to the mean of the second derivative's diagonal


def dual_answers(problem: ProjectionProblem) -> Iterator[tuple[str, Array, Array, float]]:
    """
    Yield (method, b, mu, nu), first by Newton steps, then by proximal ones from there.

    :param problem: a ProjectionProblem with b = 0 strictly feasible, l != 0 and G = gamma I.
    """
    count = len(problem.region.g)
    few = count <= len(problem.linear)  # then it costs less to keep them
    dual = DualFunction(problem, slice(None) if few else active_candidates(problem))
    with np.errstate(invalid='ignore'):
        point = dual.at(np.zeros(len(dual.rows)))
    if not np.isfinite(point.slope).all():  # the units overflow
        return
    for method in (newton, proximal):
        point = method(dual, point)
        yield (method.__name__, *dual.original(point, count))


@np.errstate(all='ignore')  # what is not finite is not taken
def newton(dual: DualFunction, point: DualPoint) -> DualPoint:
    """
    Return the last point of projected Newton steps; it may have stopped short of the maximum.

    :param dual: a DualFunction. :param point: the DualPoint to start from.
    """
    for _ in range(NEWTON_STEPS):
        if point.residual <= TOLERANCE:
            break
        work = (np.maximum(point.multipliers, point.slope) > 0).nonzero()[0]
        matrix = _damped(dual.hessian(point, work), _LEAST)
        step, failed = dposv(matrix, point.slope[work])[1:]
        if failed:
            break
        direction = np.zeros(len(point.multipliers))
        direction[work] = step
        better = _search(dual, point, dual.best_length(point, direction) * direction)
        if better is None:
            break
        point = better
    return point


@np.errstate(all='ignore')
def proximal(dual: DualFunction, point: DualPoint) -> DualPoint:
    """Return the last point of proximal Newton steps from `point`."""
    damping = 100 * _LEAST
    for _ in range(PROXIMAL_STEPS):
        if point.residual <= TOLERANCE or damping > _MOST:
            break
        better = None
        direction = _proximal_direction(dual, point, damping)
        if direction is not None:
            better = _search(dual, point, direction)
        damping = max(damping / 10, _LEAST) if better is not None else damping * 100
        point = point if better is None else better
    return point


def _proximal_direction(dual: DualFunction, point: DualPoint, damping: float) -> Array | None:
    """Return the step to the maximum of the damped model over lam >= 0; None if it fails."""
    matrix = _damped(dual.hessian(point, np.arange(len(point.slope))), damping)
    pull = matrix.dot(point.multipliers) + point.slope
    try:
        root = np.linalg.cholesky(matrix)
        best: Array = nnls(root.T, np.linalg.solve(root, pull))[0]
    except (np.linalg.LinAlgError, RuntimeError, ValueError):
        return None
    return best - point.multipliers


def _damped(matrix: Array, damping: float) -> Array:
    """Return the matrix with a multiple of its mean diagonal entry added to the diagonal."""
    diagonal = matrix.reshape(-1)[::len(matrix) + 1]  # a view
    diagonal += damping * sum(diagonal.tolist()) / len(matrix) + 1e-300
    return matrix


def _search(dual: DualFunction, point: DualPoint, direction: Array) -> DualPoint | None:
    """Return the first point along the projected line with enough increase of D, or None."""
    for _ in range(_HALVINGS):
        multipliers = np.maximum(point.multipliers + direction, 0.0)
        new = dual.at(multipliers)
        promised = point.slope.dot(multipliers - point.multipliers)
        if new.value >= point.value + _ARMIJO * promised - _ROUNDING:  # NaN is not
            return new
        direction = 0.5 * direction
    return None
