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
Proof that a policy keeps the safe set, for every state of it and every disturbance.

    LO(x) <= sat(u_backup(x) + r_theta(x)) <= UP(x)   for all x in C

says that A x + B u + w lies in C for all |w| <= wbar: from C the limits then hold for ever, and
policies may be exchanged at any tick. The largest constraint violation by the input is bounded
from above over cells that cover C (:mod:`.cell_mesh`): exactly in the backup and in LO and UP
(:mod:`.input_violation`), by an affine enclosure (:mod:`.enclosure`) in the residual. A bound <= 0
is a proof, in floating point too; what it assumes is the model (A, B, wbar) and that the law which
runs is the one above.

The projection sees the bound through a smooth maximum over each of 16 sectors of C, always over
the same mesh; the verdict takes the plain maximum, made tighter by splitting cells that decide.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from scpo_ros.arrays import Array, Integers
from scpo_ros.backup.planar.explicit_law import ExplicitLaw
from scpo_ros.backup.planar.law_pieces import cached_pieces, LawPieces
from scpo_ros.backup.planar.shape import require_planar
from scpo_ros.policy.residual_policy import ResidualNetwork
from scpo_ros.proofs.cell_mesh import CellMesh
from scpo_ros.proofs.enclosure import enclosed, Enclosure
from scpo_ros.proofs.input_violation import (
    binding_violation, critical, InputViolation, Limits)
from scpo_ros.sets.admissible_inputs import InputBounds
from scpo_ros.simulation.rollout import soft_maximum
from scpo_ros.systems.linear_system import LinearSystem
from scpo_ros.systems.safe_set import PlanarSafeSet


SECTORS = 16
SHARPNESS = 100.0   # of the smooth maximum, per unit of the input
_TURN = 1e-6         # of the sectors, in units of one
_TOLERANCE = 2e-3    # cells that may raise the maximum by less are not split
_SPLITS = 4          # rounds
_WIDEST = 600        # cells split in one round at most: those of the largest bounds


def sectors(x: Array) -> Integers:
    """
    Return the sector (N,), 0 .. SECTORS - 1, of states (N, 2) in units of their limits.

    The sectors are turned by a little: many cells of a grid have their centre on a diagonal or an
    axis, and rounding must not decide to which sector they belong.
    """
    angle = np.arctan2(x[:, 1], x[:, 0])
    sector: Integers = ((angle / np.pi + 1) / 2 * SECTORS + _TURN).astype(int) % SECTORS
    return sector


@dataclass(frozen=True)
class ViolationBound:
    """
    A bound of the constraint violation by a policy's input, over all states of C.

    It speaks of the bounds that bind: UP below the saturation, LO above. Beyond, the saturated
    input is admissible whatever it is, but may come nearer to LO or UP than the violation says.
    """

    bound: float       # no state has more
    attained: float    # `state` has this much: how loose the bound may be
    state: Array  # (n,)
    cells: int         # looked at


class PlanarPolicy(Protocol):
    """A policy whose backup is a table over a planar safe set."""

    @property
    def system(self) -> LinearSystem: ...

    @property
    def backup(self) -> ExplicitLaw: ...

    @property
    def network(self) -> ResidualNetwork: ...

    def __call__(self, theta: Array, x: Array) -> Array:
        """Return the inputs (N, 1) of the weights (d,) at states (N, 2)."""


@dataclass(frozen=True)
class PlanarLaw:
    """The law sat(u_backup + r_theta) with two states and one input, and where it must lead."""

    pieces: LawPieces  # of the backup, which cover C
    safe_set: PlanarSafeSet  # C
    tried: PlanarSafeSet  # in which examples are sought: C, or what rounding leaves of it
    bounds: InputBounds  # LO and UP
    limits: Limits  # of the input
    network: ResidualNetwork  # fed with states over its `scale`
    inputs: Callable[[Array, Array], Array]  # weights (d,), states (N, 2) -> (N,)

    @classmethod
    def of(cls, policy: PlanarPolicy, bounds: InputBounds,
           cache: Path | None = None) -> 'PlanarLaw':
        """
        Return that of a policy; its pieces take seconds the first time.

        :param policy: ResidualPolicy with an ExplicitLaw as backup.
        :param cache: folder, see table_cache.
        :raises ConfigurationError: unless the system has two states and one input.
        :raises InfeasibleError: when the table of the backup has gaps.
        """
        system = policy.system
        require_planar(system.n, system.m, 'the proof of invariance over cells')
        safe_set = policy.backup.safe_set
        return cls(cached_pieces(policy.backup, cache), safe_set, safe_set, bounds,
                   (float(system.input_lower[0]), float(system.input_upper[0])),
                   policy.network, lambda theta, x: policy(theta, x)[:, 0])


class ProvedInvariance:
    """The invariance metric of a policy, bounded over all of C: an :class:`InvarianceProof`."""

    kind = 'proved'

    def __init__(self, law: PlanarLaw, cells: int) -> None:
        """Cover the safe set. :param cells: boxes of the grid along each axis."""
        self._law = law
        self._tables = self._over(CellMesh.grid(
            law.pieces, law.safe_set, cells, lambda x: critical(law.bounds, law.limits, x)))
        sector = sectors(self._tables.mesh.centre / law.network.scale)
        self._sectors = [np.flatnonzero(sector == k) for k in np.unique(sector)]

    def _over(self, mesh: CellMesh) -> InputViolation:
        return InputViolation.over(mesh, self._law.bounds, self._law.limits)

    @property
    def size(self) -> int:
        """Return the number of cells of the fixed mesh."""
        return len(self._tables.mesh)

    @property
    def coverage(self) -> str:
        """Return what is covered, as a part of a sentence."""
        return (f'proved: every state of the safe set one step ahead, over {self.size} cells, '
                'rounding outward')

    def cell_bounds(self, thetas: Array) -> Array:
        """Return the bound of every cell of the fixed mesh, (P, N)."""
        return np.vstack([self._bound(self._tables, theta[None])[0] for theta in thetas])

    def smooth_maxima(self, thetas: Array) -> Array:
        """Return the smooth maximum over every sector, (P, sectors); above the plain one."""
        bound = self.cell_bounds(thetas)
        return np.column_stack([soft_maximum(bound[:, k], SHARPNESS, 1) for k in self._sectors])

    def largest(self, thetas: Array) -> Array:
        """Return the proved bound of the largest violation, (P,)."""
        return np.array([self.prove(theta).bound for theta in thetas])

    def worst(self, theta: Array) -> tuple[Array, float]:
        """Return (state (n,), violation) where the largest one of a policy (d,) was found."""
        proved = self.prove(theta)
        return proved.state, proved.attained

    def remember(self, theta: Array) -> None:
        """Remember nothing: the proof looks at every state, so a failure adds none."""

    def prove(self, theta: Array) -> ViolationBound:
        """
        Return the :class:`ViolationBound` of a policy, by branch and bound.

        :param theta: (d,). Where it is not finite, or overflows, the bound is NaN.
        """
        theta = np.asarray(theta)[None]
        tables, closed, attained, cells = self._tables, -np.inf, -np.inf, 0
        state: Array = np.zeros(2)
        for rest in range(_SPLITS, -1, -1):
            bound, enclosure = self._bound(tables, theta)
            bound, cells = bound[0], cells + bound.size
            if not np.all(np.isfinite(bound)):
                return ViolationBound(np.nan, attained, state, cells)
            order = np.argsort(-bound)
            seen, value = self._probed(tables.vertices(enclosure, order[:8]), theta[0])
            if value > attained:
                attained, state = value, seen
            open_ = order[:_WIDEST][bound[order[:_WIDEST]] > max(attained, closed) + _TOLERANCE]
            if rest == 0 or not len(open_):
                closed = max(closed, float(bound.max()))
                break
            closed = max(closed, float(np.delete(bound, open_).max(initial=-np.inf)))
            tables = self._over(tables.mesh.split(np.sort(open_), self._law.pieces))
        return ViolationBound(closed, attained, state, cells)

    def _bound(self, tables: InputViolation, theta: Array) -> tuple[Array, Enclosure]:
        enclosure = enclosed(
            self._law.network, theta, tables.mesh.centre, tables.mesh.half)
        return tables.bound(enclosure), enclosure

    def _probed(self, states: Array, theta: Array) -> tuple[Array, float]:
        """Return which of some states (c, 2) has the largest true violation, and that."""
        gauge = self._law.tried.gauge(states)[:, None]
        states = states * np.where(gauge > 1, (1 - 1e-12) / gauge, 1.0)
        violation = binding_violation(
            self._law.bounds, self._law.limits, states, self._law.inputs(theta, states))
        return states[np.argmax(violation)], float(np.max(violation))
