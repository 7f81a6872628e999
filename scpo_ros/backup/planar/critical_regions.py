"""
The critical regions of a parametric quadratic program in two parameters.

The solution of a strictly convex one is piecewise affine: for a set of active constraints with
rows G_a, z = -P^-1 (q + F x + G_a' mu), and mu is affine in x from G_a z = b_a + S_a x, for all x
where the inactive constraints hold and mu >= 0: the critical region, a polygon here (Bemporad,
Morari, Dua, Pistikopoulos, *The explicit linear quadratic regulator for constrained systems*,
Automatica 2002).
"""

from dataclasses import dataclass

import numpy as np
from scpo_ros.exceptions import SolverError

_ACTIVE = 1e-9  # multipliers above this mark a constraint active
_NUDGE = 1e-7  # step across a facet into the neighbouring region
_FLAT = 1e-9  # a constraint with a smaller slope in x does not depend on x: rounding
_ROUNDING = 1e-13  # excess of a vertex over a half-plane that is rounding
_SMALLEST = 1e-13  # area of a region worth a row in the table


def clip_polygon(vertices, labels, normal, bound, label):
    """
    Clip a convex polygon by normal'x <= bound.

    :param vertices: (v, 2), in order. :param labels: (v,), labels[i] names the edge i -> i+1.
    :returns: the vertices and edge labels of the clipped polygon; the new edge carries `label`.
    """
    excess = vertices @ normal - bound
    points, names = [], []
    for i in range(len(vertices)):
        j = (i + 1) % len(vertices)
        if excess[i] <= 0:
            points.append(vertices[i])
            names.append(labels[i])
        if (excess[i] <= 0) != (excess[j] <= 0):
            t = excess[i] / (excess[i] - excess[j])
            points.append(vertices[i] + t * (vertices[j] - vertices[i]))
            names.append(label if excess[i] <= 0 else labels[i])
    return np.array(points).reshape(-1, 2), names


def area(vertices):
    """Return the area of a polygon with vertices (v, 2) in order."""
    x, y = vertices.T
    return 0.5 * abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))


@dataclass(frozen=True)
class CriticalRegion:
    """A polygon of states and the affine first move u = slope'x + offset on it."""

    slope: np.ndarray  # (2,)
    offset: float
    vertices: np.ndarray  # (v, 2)
    facets: np.ndarray  # (v, 3): unit normal and bound of each edge, normal'x <= bound


def conditions(qp, active):
    """
    Return the first move (n + 1,) of an active set, u = law'(x, 1), and where it is optimal.

    That is where rows (m, n + 1) have rows'(x, 1) <= 0, each with a unit normal: multipliers of
    the active constraints not negative, the others satisfied. None where it is nowhere.

    :param active: indices of the active constraints. Any number of states.
    """
    (free, gain), (excess, coupling) = qp.response, qp.coupling
    try:
        weight = np.linalg.solve(coupling[np.ix_(active, active)], excess[active])
    except np.linalg.LinAlgError:
        return None
    law = free[0] - gain[0, active] @ weight
    rows = excess - coupling[:, active] @ weight
    rows[active] = -weight  # all must be <= 0
    length = np.linalg.norm(rows[:, :-1], axis=1)
    if np.any(rows[length <= _FLAT, -1] > _FLAT):
        return None
    return law, rows[length > _FLAT] / length[length > _FLAT, None]


def critical_region(qp, active, corners, outer):
    """
    Return the :class:`CriticalRegion` of an active set, or None when it has no interior.

    :param active: indices of the active constraints.
    :param corners: (v, 2), vertices of the safe set. :param outer: (v, 3), its edges.
    """
    found = conditions(qp, active)
    if found is None:
        return None
    law, rows = found
    halfspaces = np.column_stack([rows[:, :2], -rows[:, 2]])
    vertices, labels = corners, [-1 - i for i in range(len(corners))]
    while len(vertices) >= 3:
        excess = (halfspaces[:, :2] @ vertices.T - halfspaces[:, 2:]).max(axis=1)
        worst = int(np.argmax(excess))
        if excess[worst] <= _ROUNDING:
            break
        vertices, labels = clip_polygon(
            vertices, labels, halfspaces[worst, :2], halfspaces[worst, 2], worst)
    if len(vertices) < 3 or area(vertices) < _SMALLEST:
        return None
    facets = np.array([halfspaces[i] if i >= 0 else outer[-1 - i] for i in labels])
    return CriticalRegion(law[:2], law[2], vertices, facets)


def edges(vertices):
    """Return unit normals and bounds (v, 3) of a counter-clockwise polygon's edges."""
    along = np.roll(vertices, -1, axis=0) - vertices
    normals = np.column_stack([along[:, 1], -along[:, 0]])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    return np.column_stack([normals, np.sum(normals * vertices, axis=1)])


def enumerate_regions(mpc, rng, samples=4000, rounds=20, progress=None):
    """
    Return the critical regions that cover the safe set of an MPC.

    Starts from sampled states and crosses every facet found; what area is then missing is sought
    by sampling the uncovered states. A gap that remains costs time, not exactness.

    :param mpc: a :class:`BackupMpc`. :param rng: numpy Generator.
    :param progress: None or a callable of the covered fraction.
    """
    corners = mpc.safe_set.vertices
    outer, total = edges(corners), mpc.safe_set.volume
    regions, tried, covered = [], set(), 0.0

    def visit(x):
        nonlocal covered
        if not mpc.safe_set.contains(x, 0.0):
            return []
        try:
            multipliers = mpc.solve_with_multipliers(x)[1]
        except SolverError:
            return []
        active = tuple(np.flatnonzero(multipliers > _ACTIVE))
        if active in tried:
            return []
        tried.add(active)
        region = critical_region(mpc.qp, list(active), corners, outer)
        if region is None:
            return []
        regions.append(region)
        covered += area(region.vertices)
        if progress is not None:
            progress(min(covered / total, 1.0))
        middles = (region.vertices + np.roll(region.vertices, -1, axis=0)) / 2
        return list(middles + _NUDGE * region.facets[:, :2])

    low, high = corners.min(axis=0), corners.max(axis=0)
    for _ in range(rounds):
        points = rng.uniform(low, high, (samples, 2))
        queue = list(points[~_covered(regions, points) & mpc.safe_set.contains(points, 0.0)])
        if regions and not queue:
            break
        while queue:
            queue.extend(visit(queue.pop()))
    return regions


def _covered(regions, points):
    covered = np.zeros(len(points), dtype=bool)
    for region in regions:
        rest = np.flatnonzero(~covered)
        excess = points[rest] @ region.facets[:, :2].T - region.facets[:, 2]
        covered[rest] = np.all(excess <= 0, axis=1)
    return covered
