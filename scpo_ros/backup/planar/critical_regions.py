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
The critical regions of a parametric quadratic program in two parameters.

The solution of a strictly convex one is piecewise affine: for a set of active constraints with
rows G_a, z = -P^-1 (q + F x + G_a' mu), and mu is affine in x from G_a z = b_a + S_a x, for all x
where the inactive constraints hold and mu >= 0: the critical region, a polygon here (Bemporad,
Morari, Dua, Pistikopoulos, *The explicit linear quadratic regulator for constrained systems*,
Automatica 2002).
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from scpo_ros.arrays import Array, Booleans, Integers
from scpo_ros.backup.active_set_law import ACTIVE, conditions
from scpo_ros.backup.mpc import BackupMpc
from scpo_ros.backup.parametric_qp import ParametricQP
from scpo_ros.backup.planar.polygons import clipped_with_labels
from scpo_ros.exceptions import SolverError
from scpo_ros.sets.units import units_of

_NUDGE = 1e-7  # step across a facet into the neighbouring region
_ROUNDING = 1e-13  # distance of a vertex beyond a half-plane that is rounding
_SMALLEST = 1e-13  # area of a region worth a row in the table
_MOST_TRIED = 100_000  # active sets; where that is not enough the solver answers


def area(vertices: Array) -> float:
    """Return the area of a polygon with vertices (v, 2) in order."""
    x, y = vertices.T
    return float(0.5 * abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))))


@dataclass(frozen=True)
class CriticalRegion:
    """A polygon of states and the affine first move u = slope'x + offset on it."""

    slope: Array  # (2,)
    offset: float
    vertices: Array  # (v, 2)
    facets: Array  # (v, 3): normal'x <= bound of each edge; a unit normal in units of the set


def critical_region(qp: ParametricQP, active: list[int], corners: Array,
                    outer: Array) -> CriticalRegion | None:
    """
    Return the :class:`CriticalRegion` of an active set, or None when it has no interior.

    All of it is done in units of the safe set (:mod:`scpo_ros.sets.units`).

    :param active: indices of the active constraints.
    :param corners: (v, 2), vertices of the safe set. :param outer: (v, 3), its edges.
    """
    units = units_of(np.abs(corners).max(axis=0))
    found = conditions(qp, active, units=units)
    if found is None:
        return None
    law, rows = found
    halfspaces = np.column_stack([rows[:, :2], -rows[:, 2]])
    cut = _cut(halfspaces, corners / units)
    if cut is None or area(cut[0]) < _SMALLEST:
        return None
    facets = np.array([halfspaces[i] / [*units, 1.0] if i >= 0 else outer[-1 - i]
                       for i in cut[1]])
    return CriticalRegion(law[0, :2], law[0, 2], cut[0] * units, facets)


def _cut(halfspaces: Array, corners: Array) -> tuple[Array, Integers] | None:
    """
    Return the vertices (v, 2) of a polygon within half-planes (m, 3) and its edges' labels (v,).

    An edge has the number of its half-plane; those of the polygon are -1, -2, ... None where
    nothing is left, or where rounding keeps it from settling: a half-plane cuts once, and once
    more where a cut moved a vertex across it by rounding.
    """
    vertices, labels = corners, -1 - np.arange(len(corners))
    for _ in range(2 * len(halfspaces) + 1):
        if len(vertices) < 3:
            return None
        beyond = (halfspaces[:, :2] @ vertices.T - halfspaces[:, 2:]).max(axis=1)
        worst = int(np.argmax(beyond))
        if beyond[worst] <= _ROUNDING:
            return vertices, labels
        vertices, labels = clipped_with_labels(
            vertices, labels, halfspaces[worst, :2], halfspaces[worst, 2], worst)
    return None


def edges(vertices: Array) -> Array:
    """
    Return normals and bounds (v, 3) of a counter-clockwise polygon's edges.

    The normals have the length 1 in units of the polygon.
    """
    units = units_of(np.abs(vertices).max(axis=0))
    vertices = vertices / units
    along = np.roll(vertices, -1, axis=0) - vertices
    normals = np.column_stack([along[:, 1], -along[:, 0]])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    return np.column_stack([normals / units, np.sum(normals * vertices, axis=1)])


@dataclass
class _Found:
    """The regions found so far, and the active sets that were tried for them."""

    mpc: BackupMpc
    regions: list[CriticalRegion] = field(default_factory=list)
    tried: set[tuple[int, ...]] = field(default_factory=set)
    area: float = 0.0

    def visit(self, x: Array) -> list[Array]:
        """Find the region around a state (2,); return states just across its facets."""
        mpc = self.mpc
        if not mpc.safe_set.contains(x, 0.0):
            return []
        try:
            multipliers = mpc.solve_with_multipliers(x)[1]
        except SolverError:
            return []
        active = tuple(np.flatnonzero(multipliers > ACTIVE).tolist())
        if active in self.tried:
            return []
        self.tried.add(active)
        corners = mpc.safe_set.vertices
        region = critical_region(mpc.qp, list(active), corners, edges(corners))
        if region is None:
            return []
        self.regions.append(region)
        self.area += area(region.vertices)
        middles = (region.vertices + np.roll(region.vertices, -1, axis=0)) / 2
        units = units_of(np.abs(corners).max(axis=0))
        return list(middles + _NUDGE * region.facets[:, :2] * units**2)

    def covered(self, points: Array) -> Booleans:
        """Return whether points (N, 2) lie in one of the regions."""
        covered = np.zeros(len(points), dtype=bool)
        for region in self.regions:
            rest = np.flatnonzero(~covered)
            beyond = points[rest] @ region.facets[:, :2].T - region.facets[:, 2]
            covered[rest] = np.all(beyond <= 0, axis=1)
        return covered


def enumerate_regions(mpc: BackupMpc, rng: np.random.Generator, samples: int = 4000,
                      rounds: int = 20, progress: Callable[[float], None] | None = None
                      ) -> list[CriticalRegion]:
    """
    Return the critical regions that cover the safe set of an MPC.

    Starts from sampled states and crosses every facet found; what area is then missing is sought
    by sampling the uncovered states. A gap that remains costs time, not exactness.

    :param mpc: a :class:`BackupMpc`. :param rng: numpy Generator.
    :param progress: None or a callable of the covered fraction.
    """
    found, (low, high) = _Found(mpc), mpc.safe_set.box
    for _ in range(rounds):
        points = rng.uniform(low, high, (samples, 2))
        queue = list(points[~found.covered(points) & mpc.safe_set.contains(points, 0.0)])
        if found.regions and not queue:
            break
        while queue and len(found.tried) < _MOST_TRIED:
            across = found.visit(queue.pop())
            if across and progress is not None:
                progress(min(found.area / mpc.safe_set.volume, 1.0))
            queue.extend(across)
    return found.regions
