"""
The quadratic norm in which the state shrinks fastest under the backup, and where that is linear.

    minimise rate   subject to   x+'P x+ <= rate^2 x'Px for the sampled x, P >= I-like, P_11 = 1

by bisection over the rate: for a fixed one the conditions are linear in P. That it shrinks
everywhere is left to the proof.
"""

from collections.abc import Callable

import numpy as np
from scpo_ros.arrays import Array
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
    n = x.shape[1]
    import cvxpy as cp  # a second to import, and a controller that starts again must not wait
    from cvxpy.atoms.affine.trace import trace
    from cvxpy.atoms.affine.vec import vec
    P = cp.Variable((n, n), PSD=True)
    size_of: Callable[[cp.Variable], cp.Expression] = trace
    size = np.sum(x * x, axis=1)
    outer = (after[:, :, None] * after[:, None] - rate**2 * x[:, :, None] * x[:, None])
    rows = (outer / size[:, None, None]).reshape(len(x), -1)
    problem = cp.Problem(cp.Minimize(size_of(P)), [
        rows @ vec(P, order='C') <= 0, P >> _DEFINITE * np.eye(n), P[0, 0] == 1])
    try:
        solve: Callable[..., object] = problem.solve
        solve(solver=cp.CLARABEL)
    except cp.error.SolverError:
        return None
    if problem.status != cp.OPTIMAL or P.value is None:
        return None
    found: Array = 0.5 * (P.value + P.value.T)
    return found


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
