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
The quadratic norm in which the state shrinks fastest under the backup, and where that is linear.

    minimise rate   subject to   x+'P x+ <= rate^2 x'Px for the sampled x,
                                 P >= _DEFINITE I, P_11 = 1

by bisection over the rate: for a fixed one the conditions are linear in P. That it shrinks
everywhere is left to the proof.
"""

import numpy as np
from scpo_ros.arrays import Array, Integers
from scpo_ros.backup.law import Backup
from scpo_ros.backup.planar.law_pieces import ENLARGEMENTS, LawPieces
from scpo_ros.exceptions import InfeasibleError
from scpo_ros.sets.units import units_of
from scpo_ros.systems.linear_system import LinearSystem
from scpo_ros.systems.scenario import interior_states


STATES = 4000
_STEPS = 14
_DEFINITE = 1e-3  # least eigenvalue of P


def stability_norm(system: LinearSystem, law: Backup) -> Array:
    """
    Return P (n, n) with P_11 = 1.

    :param system: LinearSystem. :param law: the backup's.
    :raises InfeasibleError: when no quadratic norm of the state shrinks at all.
    """
    inside = interior_states(law.safe_set, STATES, [11])
    x = np.vstack([inside, 0.1 * inside[::4], law.safe_set.boundary(400) * (1 - 1e-9)])
    after = system.step(x, law(x))
    low, high, best = 0.0, 1.0, None
    for _ in range(_STEPS):
        rate = 0.5 * (low + high)
        found = _feasible(x, after, rate)
        low, high, best = (low, rate, found) if found is not None else (rate, high, best)
    if best is None:
        raise InfeasibleError('the backup contracts no quadratic norm of the state: with it '
                              "metrics.stability must be 'sampled'")
    return best


def _feasible(x: Array, after: Array, rate: float) -> Array | None:
    """Return P with x+'P x+ <= rate^2 x'Px at all samples, None where there is none."""
    stacked = _solved(*_program(x, after, rate))
    if stacked is None or not np.all(np.isfinite(stacked)):
        return None
    row, column, scale = _triangle(x.shape[1])
    found = np.zeros((x.shape[1], x.shape[1]))
    found[row, column] = found[column, row] = stacked / scale
    return found


def _triangle(n: int) -> tuple[Integers, Integers, Array]:
    """
    Return how Clarabel stacks a symmetric matrix: (row, column, scale) of the entries.

    They are those of the upper triangle, column by column, times sqrt(2) off the diagonal, so
    that the product of two stacked matrices is their inner product.
    """
    column, row = np.tril_indices(n)
    return row, column, np.where(row == column, 1.0, np.sqrt(2.0))


def _program(x: Array, after: Array, rate: float) -> tuple[Array, Array, Array]:
    """
    Return (q, G, h) of the program for the stacked P.

    minimise q'p = tr P   subject to   h - G p in {0} x R_+^N x S_+: P_11 = 1, a row for each of
    the N samples, over |x|^2, and P >= _DEFINITE I.
    """
    row, column, scale = _triangle(x.shape[1])
    eye = np.where(row == column, 1.0, 0.0)
    grown = (after[:, row] * after[:, column] - rate**2 * x[:, row] * x[:, column]) * scale
    first = np.where((row == 0) & (column == 0), 1.0, 0.0)
    matrix = np.vstack([first, grown / np.sum(x * x, axis=1)[:, None], -np.eye(len(row))])
    offset = np.concatenate([[1.0], np.zeros(len(x)), -_DEFINITE * eye])
    return eye, matrix, offset


def _solved(linear: Array, matrix: Array, offset: Array) -> Array | None:
    """Return the p that Clarabel found, None where it says anything but solved."""
    import clarabel  # a controller that starts again, with P in its cache, must not wait for it
    from scipy import sparse
    size = matrix.shape[1]
    n = int((np.sqrt(8 * size + 1) - 1) / 2)  # size = n (n + 1) / 2
    cones = [clarabel.ZeroConeT(1), clarabel.NonnegativeConeT(len(matrix) - 1 - size),
             clarabel.PSDTriangleConeT(n)]
    settings = clarabel.DefaultSettings()
    settings.verbose, settings.max_threads = False, 1
    solution = clarabel.DefaultSolver(
        sparse.csc_matrix((size, size)), linear, sparse.csc_matrix(matrix), offset, cones,
        settings).solve()
    if solution.status != clarabel.SolverStatus.Solved:
        return None
    return np.array(solution.x)


def inner_radius(pieces: LawPieces, weight: Array) -> tuple[float, Array]:
    """
    Return (rho, K (n,)): u_backup = K x for |x|_P <= rho.

    :param pieces: LawPieces; the piece around the origin decides, without what its polygon was
        enlarged by. :param weight: P.
    :raises InfeasibleError: when the law is not linear around the origin.
    """
    along = np.roll(pieces.polygons, -1, axis=1) - pieces.polygons
    normal = np.stack([along[..., 1], -along[..., 0]], axis=-1)
    reach = np.sum(normal * pieces.polygons, axis=-1)
    units = units_of(np.abs(pieces.polygons).max(axis=(0, 1)))
    reach = reach - ENLARGEMENTS[-1] * np.linalg.norm(normal * units, axis=-1)
    size = np.sqrt(np.einsum('nvi,ij,nvj->nv', normal, np.linalg.inv(weight), normal))
    with np.errstate(invalid='ignore', divide='ignore'):
        radius = np.where(size > 0, reach / size, np.inf).min(axis=1)
    radius = np.where(np.abs(pieces.slopes[:, 2]) <= 1e-9, radius, -np.inf)
    around = int(np.argmax(radius))
    if not radius[around] > 0:
        raise InfeasibleError('the backup is not linear around the origin')
    return 0.999 * float(radius[around]), pieces.slopes[around, :2]
