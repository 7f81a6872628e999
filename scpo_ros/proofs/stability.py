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
Proof that the state shrinks under a policy, from every state of the safe set.

    |A x + B pi(x)|_P <= rate |x|_P   for all x in C,    |x|_P = sqrt(x'Px)

says: without disturbance |x_k|_P <= rate^k |x_0|_P, exponential stability on all of C; with one,
|x+|_P <= rate |x|_P + max over |w| <= wbar of |w|_P, so that the state ends within
max |w|_P / (1 - rate) of the origin and stays there: an ultimate bound, not convergence. It needs
the proof of invariance besides, which keeps x in C.

The metric is by how much that is violated, in units of the input per |x|_P, of the centre where it
is a cell's: the sign is exact, the size within the width of the cells, 12 %. Over one with centre
c the left side is convex in x where pi is bounded by affine functions, and |x|_P >= c'Px / |c|_P
(Cauchy, Schwarz), so it is largest at a vertex. The backup keeps the input limits, so a saturated
input lies between the backup's and the policy's, and the left side, convex in u, below the larger
of theirs. Cells become finer towards the origin. Within |x|_P <= rho around it the backup is
linear, u = K x, and pi(x) = (K + J) x with J in the interval Jacobian of the residual, which
vanishes at 0:

    |A + B (K + J)|_P <= rate   for all J.

That is up to rounding: the network as it is evaluated vanishes at 0 only to some 1e-15 of its
weights. Where this may exceed 1e-9 units of the input, nothing is proved.

P is not that of the backup's cost, in which the state does not shrink under its saturated law: it
is the one in which it shrinks fastest on samples, found by bisection over linear matrix
inequalities.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scpo_ros.arrays import Array, digest, frozen
from scpo_ros.backup.planar.law_pieces import cached_pieces, LawPieces
from scpo_ros.backup.planar.shape import require_planar
from scpo_ros.config.table_cache import cached
from scpo_ros.proofs.cell_mesh import CellMesh
from scpo_ros.proofs.enclosure import (
    enclosed, Enclosure, evaluation_error, jacobian_enclosed)
from scpo_ros.proofs.invariance import PlanarPolicy, sectors, SHARPNESS
from scpo_ros.proofs.stability_norm import inner_radius, stability_norm
from scpo_ros.simulation.rollout import soft_maximum
from scpo_ros.systems.linear_system import LinearSystem
from scpo_ros.systems.safe_set import PlanarSafeSet


_FORMAT = 'contraction-1'
_INNER = 0.03       # largest rho: the Jacobian's interval grows with it
_FINE = 0.12        # half-widths of cells, relative to the distance of their centre
_ROUNDING = 1e-9    # of the metric; its terms are below 1e3
_EVALUATION = 1e-9  # error of the network around the origin, units of the input
_REFINEMENTS = 12


@dataclass(frozen=True)
class StabilityBound:
    """What the proof established for one policy."""

    bound: float  # of the metric; <= 0 is the proof
    rate: float   # per step


@dataclass(frozen=True)
class _NormTables:
    """What of the metric does not depend on theta, in units of P = root root'."""

    mesh: CellMesh    # N cells with K vertices
    drift: Array      # (2, K), root'A x at the vertices
    push: Array       # (2,), root'B
    push_size: float  # |B|_P
    least: Array      # (K,), at most rate |x|_P
    scale: Array      # (N,), 1 / (|B|_P |c|_P) with the centres c

    @classmethod
    def of(cls, mesh: CellMesh, system: LinearSystem, root: Array, rate: float) -> '_NormTables':
        """Return the tables of a mesh."""
        push = root.T @ system.B[:, 0]
        centre = mesh.centre @ root
        length = np.linalg.norm(centre, axis=1)
        along = np.sum((mesh.x @ root) * (centre / length[:, None])[mesh.owner], axis=1)
        size = float(np.linalg.norm(push))
        return cls(mesh, root.T @ (system.A @ mesh.x.T), push, size, rate * along,
                   1 / (size * length))

    def violation(self, u: Array, radius: Array) -> Array:
        """Return the metric (N,) when the input is u +- radius (K,) at the vertices."""
        size = np.hypot(self.drift[0] + self.push[0] * u, self.drift[1] + self.push[1] * u)
        beyond = size + self.push_size * radius - self.least
        return (self.mesh.largest(beyond) + _ROUNDING) * self.scale + _ROUNDING


class ProvedStability:
    """The stability metric of a policy, bounded over all of C."""

    def __init__(self, policy: PlanarPolicy, rate: float, cells: int,
                 cache: Path | None = None) -> None:
        """
        Cover the safe set; takes seconds the first time.

        :param policy: ResidualPolicy with an ExplicitLaw as backup.
        :param rate: in (0, 1), per step.
        :param cells: boxes of the grid along each axis. :param cache: folder, see table_cache.
        :raises ConfigurationError: unless the system has two states and one input.
        :raises InfeasibleError: when the table of the backup has gaps, or no quadratic norm
            shrinks under the backup itself at this rate.
        """
        require_planar(policy.system.n, policy.system.m, 'the proof of stability over cells')
        self._policy, self.rate, law = policy, rate, policy.backup
        pieces = cached_pieces(law, cache)
        key = digest(_FORMAT, pieces.polygons, pieces.slopes, policy.system.A, policy.system.B)
        self.weight: Array = cached('norm', key, ('weight',), lambda: {
            'weight': stability_norm(policy.system, law)}, cache)['weight']
        self._root = frozen(np.linalg.cholesky(self.weight))  # P = root root', |x|_P = |root'x|
        linear, self._gain = inner_radius(pieces, self.weight)
        self._inner = min(linear, _INNER)
        self._mesh = _graded(pieces, law.safe_set, cells, self.weight, self._inner)
        sector = sectors(self._mesh.centre / policy.system.state_limit)
        self._sectors = [np.flatnonzero(sector == k) for k in np.unique(sector)]
        self._tables = _NormTables.of(self._mesh, policy.system, self._root, rate)
        self._backup = self._tables.violation(self._mesh.backup, self._mesh.error)

    @property
    def size(self) -> int:
        """Return the number of cells."""
        return len(self._mesh) + 1

    @property
    def coverage(self) -> str:
        """Return what is covered, as a part of a sentence."""
        return (f'proved: |x+|_P <= {self.rate:.4g} |x|_P from every state of the safe set '
                f'without disturbance, over {self.size} cells')

    @property
    def ultimate_bound(self) -> float:
        """Return the |x|_P within which the state ends and stays under the disturbance."""
        corners = _signs(self._policy.system.n) * self._policy.system.disturbance
        return float(np.linalg.norm(corners @ self._root, axis=1).max() / (1 - self.rate))

    def cell_bounds(self, thetas: Array) -> Array:
        """Return the bound of the metric in every cell, the inner one last, (P, N + 1)."""
        rows = []
        for theta in thetas:
            enclosure = enclosed(self._policy.network, theta[None], self._mesh.centre,
                                 self._mesh.half)
            rows.append(np.append(self._outer(enclosure), self._around_origin(theta)))
        return np.array(rows)

    def smooth_maxima(self, thetas: Array) -> Array:
        """Return the smooth maximum of every sector, and the inner cell, (P, sectors + 1)."""
        bound = self.cell_bounds(thetas)
        return np.column_stack([soft_maximum(bound[:, k], SHARPNESS, 1) for k in self._sectors]
                               + [bound[:, -1]])

    def largest(self, thetas: Array) -> Array:
        """Return the proved bound of the metric, (P,)."""
        largest: Array = self.cell_bounds(thetas).max(axis=1)
        return largest

    def prove(self, theta: Array) -> StabilityBound:
        """Return the :class:`StabilityBound` of a policy (d,)."""
        return StabilityBound(float(self.largest(np.asarray(theta)[None])[0]), self.rate)

    def _outer(self, enclosure: Enclosure) -> Array:
        mesh, limit = self._mesh, self._policy.system.input_limit[0]
        u = mesh.backup + mesh.residual(enclosure)[0]
        radius = enclosure.radius[0, mesh.owner] + mesh.error
        bound = self._tables.violation(u, radius)
        beyond = ~(mesh.largest(np.abs(u) + radius) <= limit)  # the saturation may act
        return np.where(beyond, np.maximum(bound, self._backup), bound)

    def _around_origin(self, theta: Array) -> float:
        """Return the metric of the inner cell; saturation there counts as infinite."""
        with np.errstate(over='ignore', invalid='ignore'):
            error = 4 * evaluation_error(*self._policy.network.layers(theta[None]))[0]
        if not error <= _EVALUATION:
            return np.inf
        half = self._inner * np.sqrt(np.diag(np.linalg.inv(self.weight)))
        middle, radius = jacobian_enclosed(self._policy.network, theta[None], half)
        gain = self._gain + middle[0]
        if not np.all(np.isfinite(gain)) or not np.all(np.isfinite(radius)):
            return np.nan
        system, back = self._policy.system, np.linalg.inv(self._root.T)
        loop = self._root.T @ (system.A + system.B * gain) @ back
        wobble = np.linalg.norm((_signs(system.n) * radius[0]) @ back, axis=1).max()
        reach = (np.linalg.norm(gain @ back) + wobble) * self._inner
        if reach > system.input_limit[0]:
            return np.inf
        size = self._tables.push_size
        norm = np.linalg.norm(loop, 2) + size * wobble
        return float((norm - self.rate) / size + _ROUNDING)


def _signs(n: int) -> Array:
    """Return the 2^n corners (2^n, n) of the cube [-1, 1]^n."""
    corners: Array = np.array(np.meshgrid(*[(-1.0, 1.0)] * n)).reshape(n, -1).T
    return corners


def _graded(pieces: LawPieces, safe_set: PlanarSafeSet, cells: int, weight: Array,
            inner: float) -> CellMesh:
    """Return a mesh of C outside |x|_P <= inner, its cells finer towards the origin."""
    def norm(x: Array) -> Array:
        length: Array = np.sqrt(np.einsum('...i,ij,...j->...', x, weight, x))
        return length

    def outside(mesh: CellMesh) -> CellMesh:
        return mesh.take(np.flatnonzero(mesh.largest(norm(mesh.x)) > inner * (1 - 1e-9)), pieces)

    rest = outside(CellMesh.grid(pieces, safe_set, cells))
    done: CellMesh | None = None
    for last in range(_REFINEMENTS, -1, -1):
        coarse = norm(rest.half) > _FINE * norm(rest.centre)
        fine = np.flatnonzero(~coarse) if last else np.arange(len(rest))
        if len(fine):
            part = rest.take(fine, pieces)
            done = part if done is None else done.joined(part, pieces)
        if last == 0 or not np.any(coarse):
            break
        rest = outside(rest.split(np.flatnonzero(coarse), pieces))
    return rest if done is None else done
