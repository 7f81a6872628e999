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
Proof that the weights of a block network keep the safe set, and that the filter never acts.

Every decoupled part has two states, one input and a residual of its own states. With the polygons
of :mod:`scpo_ros.sets.planar_projection`, in units of the part's limits,

    A z + B sat(v_backup(z) + r_theta(z)) in Q    for every z in F,

says two things. The next state lies in F again whatever the disturbance does. And one plan c' of
the lifted set serves it, so the safety filter lets the input pass as it is. That is the proof of
:mod:`scpo_ros.proofs.invariance` with LO and UP from the edges of Q and without a disturbance:
Q leaves room for it. The parts do not act on one another, so what holds of each holds of all.

An edge of Q that no input moves, H B = 0, must hold on all of F by itself: it is looked at once.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.backup.lifted_mpc import LiftedMpc
from scpo_ros.backup.planar.lifted_pieces import lifted_pieces
from scpo_ros.backup.planar.shape import require_planar
from scpo_ros.config.table_cache import Cache
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.policy.block_network import BlockNetwork, BlockPart
from scpo_ros.policy.residual_policy import ResidualNetwork
from scpo_ros.proofs.input_violation import Limits
from scpo_ros.proofs.invariance import PlanarLaw, ProvedInvariance
from scpo_ros.sets.admissible_inputs import InputBounds
from scpo_ros.sets.invariant_set import Polytope
from scpo_ros.sets.planar_projection import planar_projection, PlanarProjection, REACH
from scpo_ros.systems.decoupling import Block
from scpo_ros.systems.linear_system import LinearSystem

CELLS = 64  # boxes of the grid along each axis
_ROUNDING = 1e-9  # of an edge that no input moves


@dataclass(frozen=True)
class ProvedPart:
    """The proof for one decoupled part, in units of its limits."""

    block: Block
    part: BlockPart
    proof: ProvedInvariance

    def own(self, thetas: Array) -> Array:
        """
        Return those of the part (P, d_i), of weights (P, d), its input in parts of its limit.

        The last layer is divided: what that rounds is covered by the enclosure of the network.
        Weights that may overflow where the network runs, divided by the limits, become NaN.
        """
        own = np.array(self.part.of(thetas), dtype=np.float64)
        with np.errstate(over='ignore', invalid='ignore'):
            overflow = 0.0 * (np.sum(np.abs(own), axis=1) / np.min(self.block.scale))
            own[:, -self.part.network.widths[-1]:] /= self.block.input_scale[0]
        marked: Array = own + overflow[:, None]
        return marked


class BlockInvariance:
    """The invariance metric of a block network, over the input limits: an InvarianceProof."""

    kind = 'proved'

    def __init__(self, network: BlockNetwork, backups: tuple[LiftedMpc, ...],
                 cache: Cache = None, cells: int = CELLS) -> None:
        """
        Cover the safe sets of all parts; takes seconds the first time.

        :param backups: of the parts, in the order of the network's.
        :param cache: folder of tables, None for the default one.
        :param cells: boxes of the grid along each axis.
        :raises ConfigurationError: unless every part has two states and one input, or where an
            edge of a safe set does not hold.
        :raises InfeasibleError: when the regions of a backup leave gaps.
        """
        for backup in backups:
            require_planar(backup.block.n, backup.block.m, 'the proof of invariance over cells')
        self._parts = tuple(
            ProvedPart(backup.block, part, ProvedInvariance(_law(backup, part, cache), cells))
            for backup, part in zip(backups, network.parts))

    @property
    def size(self) -> int:
        """Return the number of cells of the fixed meshes."""
        return sum(each.proof.size for each in self._parts)

    @property
    def coverage(self) -> str:
        """Return what is covered, as a part of a sentence."""
        return ('proved: every state of the safe set one step ahead, without the safety filter '
                f'acting, over {self.size} cells of {len(self._parts)} decoupled parts, rounding '
                'outward')

    def smooth_maxima(self, thetas: Array) -> Array:
        """Return the smooth maxima (P, k) of all sectors of all parts, of weights (P, d)."""
        return np.hstack([each.proof.smooth_maxima(each.own(thetas))
                          for each in self._parts])

    def largest(self, thetas: Array) -> Array:
        """Return the proved bound (P,) of the largest violation in any part; NaN stays NaN."""
        largest: Array = np.max([each.proof.largest(each.own(thetas))
                                 for each in self._parts], axis=0)
        return largest

    def worst(self, theta: Array) -> tuple[Array, float]:
        """Return the worst state (n,) known of a policy (d,), 0 in other parts, and its value."""
        found = [each.proof.worst(each.own(theta[None])[0]) for each in self._parts]
        values = np.array([value for _, value in found])
        which = int(np.argmax(values))  # a NaN wins, and stays
        state = np.zeros(sum(each.block.n for each in self._parts))
        state[self._parts[which].block.states] = found[which][0] * self._parts[which].block.scale
        return state, float(values[which])

    def remember(self, theta: Array) -> None:
        """Remember nothing: the proof looks at every state, so a failure adds none."""


def _law(backup: LiftedMpc, part: BlockPart, cache: Cache) -> PlanarLaw:
    """Return the law of a part in units of its limits, and where it must lead."""
    block = backup.block
    found = planar_projection(block, backup.safe_set)
    network = ResidualNetwork(part.network.widths, np.ones(block.n))
    limits = _limits(block)
    return PlanarLaw(
        lifted_pieces(backup, found.inside, cache), Polytope(found.inside.H / (1 + REACH)),
        found.inside, _bounds(block, found), limits, network, _inputs(backup, network, limits))


def _bounds(block: Block, found: PlanarProjection) -> InputBounds:
    """
    Return LO and UP of a part: the inputs that lead into Q.

    :raises ConfigurationError: where an edge that no input moves does not hold on all of F.
    """
    plain = LinearSystem(block.A, block.B, np.ones(block.n), np.ones(block.m),
                         np.zeros(block.n), dt=1.0)
    bounds = InputBounds.of(plain, found.served)
    corners = found.inside.vertices * (1 + REACH)
    left = bounds.table.with_fixed(corners, np.full(len(corners), -np.inf))
    if not np.all(left <= -_ROUNDING):
        raise ConfigurationError('safe set', float(np.max(left)),
                                 'must be kept where no input moves an edge')
    return bounds


def _limits(block: Block) -> Limits:
    """Return the limits of the one input, in their own units."""
    rows = block.input_rows[:, 0]
    return float(np.max(1 / rows[rows < 0])), float(np.min(1 / rows[rows > 0]))


def _inputs(backup: LiftedMpc, network: ResidualNetwork,
            limits: Limits) -> Callable[[Array, Array], Array]:
    """Return the law itself: weights (d_i,), states (N, 2) -> inputs (N,)."""
    def inputs(theta: Array, z: Array) -> Array:
        plain = np.clip(backup.inputs(z, backup.plans(z))[:, 0], *limits)
        clipped: Array = np.clip(plain + network(theta[None], z)[0, :, 0], *limits)
        return clipped

    return inputs
