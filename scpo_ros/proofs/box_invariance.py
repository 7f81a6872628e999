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
Invariance proved over boxes: any number of states and inputs, with adaptive refinement.

For a linear feedback with a residual network for each input,

    u_i = sat(-K_i x + r_i(x)),    x+ = A x + B u + w,

C = {x : H x <= 1} is invariant under every |w| <= wbar exactly where the *constraint violation*

    max_j  H_j (A x + B u(x)) + |H_j| wbar - 1

is at most 0 on C. Over a box the networks are enclosed by affine functions
(:mod:`scpo_ros.proofs.enclosure`), the saturations by lines above and below, and the violation of
a facet is then an affine function of x plus a radius, so that its largest value is known. Where
the box sticks out of C, the facet of C that it crosses is charged for with a multiplier (weak
duality; any multiplier >= 0 gives a bound). A box that does not decide is halved along the
direction that contributes most; one whose centre leaves C is a counterexample.

For the plants that this package ships, with two states and one input,
:mod:`scpo_ros.proofs.invariance` is exact in the backup and faster. This is how far the idea
carries beyond them: ``python -m scpo_ros.experiments.proof_limits``.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scpo_ros.arrays import Array, Integers
from scpo_ros.policy.residual_policy import ResidualNetwork
from scpo_ros.proofs.enclosure import enclosed
from scpo_ros.sets.invariant_set import Polytope
from scpo_ros.systems.linear_system import LinearSystem

ROUNDING = 1e-9  # what is given away for rounding, in the gauge of C
_MULTIPLIERS = (0.0, 0.5, 0.8, 0.9, 1.0)  # of the facet that a box crosses
_AT_ONCE = 2048  # boxes; bounds memory


@dataclass(frozen=True)
class BoxProof:
    """What came of a proof; without a verdict within the boxes allowed it is not proved."""

    proved: bool
    bound: float  # of the violation over C, in its gauge; infinite where it is not proved
    boxes: int  # looked at
    counterexample: Array | None = None  # (n,), a state of C whose next one may leave it


@dataclass(frozen=True)
class FeedbackPolicy:
    """The law sat(-K x + r(x)) with one scalar network for each input."""

    system: LinearSystem
    gain: Array  # (m, n) K
    networks: tuple[ResidualNetwork, ...]  # m, each of all n states

    def __call__(self, thetas: Sequence[Array], x: Array) -> Array:
        """Return the inputs (N, m) at states (N, n). :param thetas: m weight vectors."""
        residual = [network(theta[None], x)[0, :, 0]
                    for network, theta in zip(self.networks, thetas)]
        return self.system.saturate(np.column_stack(residual) - x @ self.gain.T)


class BoxInvariance:
    """The proof for one policy class and one set."""

    def __init__(self, policy: FeedbackPolicy, safe_set: Polytope, most: int = 500_000) -> None:
        """
        Prepare.

        :param policy: FeedbackPolicy. :param safe_set: Polytope, within the state limits.
        :param most: boxes after which there is no verdict.
        """
        self._policy, self._safe_set, self._most = policy, safe_set, most
        system, H = policy.system, safe_set.H
        self._size = system.state_limit * (1 + 1e-9)
        self._drift, self._reach = H @ system.A, H @ system.B
        self._room = 1.0 - np.abs(H) @ system.disturbance

    def violation(self, thetas: Sequence[Array], x: Array) -> Array:
        """Return by how much the law itself leaves C from states (N, n), as (N,)."""
        ahead = x @ self._drift.T + self._policy(thetas, x) @ self._reach.T
        violation: Array = np.max(ahead - self._room, axis=1)
        return violation

    def prove(self, thetas: Sequence[Array]) -> BoxProof:
        """
        Return the :class:`BoxProof` of m weight vectors.

        :param thetas: [(d_1,), ..., (d_m,)].
        """
        thetas = [np.asarray(theta, dtype=np.float64) for theta in thetas]
        centre, half = np.zeros((1, len(self._size))), self._size[None]
        looked, bound = 0, -np.inf
        while len(centre):
            looked += len(centre)
            if looked > self._most:
                return BoxProof(False, np.inf, looked)
            parts = [self._judged(thetas, centre[at:at + _AT_ONCE], half[at:at + _AT_ONCE])
                     for at in range(0, len(centre), _AT_ONCE)]
            worst, along = (np.concatenate(part) for part in zip(*parts))
            if np.any(np.isnan(worst)):
                return BoxProof(False, np.inf, looked)
            left = ~(worst <= -ROUNDING)
            bound = max(bound, np.max(worst[~left], initial=-np.inf) + ROUNDING)
            centre, half, along = centre[left], half[left], along[left]
            found = self._counterexample(thetas, centre)
            if found is not None:
                return BoxProof(False, np.inf, looked, found)
            centre, half = _halved(centre, half, along)
        return BoxProof(True, float(bound), looked)

    def _counterexample(self, thetas: Sequence[Array], centre: Array) -> Array | None:
        inside = centre[self._safe_set.gauge(centre) <= 1.0]
        if not len(inside):
            return None
        violation = self.violation(thetas, inside)
        worst: Array = inside[np.argmax(violation)]
        return worst if np.max(violation) > 0 else None

    def _judged(self, thetas: Sequence[Array], centre: Array,
                half: Array) -> tuple[Array, Integers]:
        """Return bounds (N,) of the violation, -inf outside C, and where to cut each box (N,)."""
        value, slope = centre @ self._drift.T - self._room, self._drift[None]
        for i, (network, theta) in enumerate(zip(self._policy.networks, thetas)):
            net = enclosed(network, theta[None], centre, half)
            gain = self._policy.gain[i]
            up, down, tilt = _saturated(
                net.value[0] - centre @ gain, net.slope[0] - gain, net.radius[0], half,
                self._policy.system.input_limit[i])
            weight = self._reach[:, i]
            value = value + np.where(weight > 0, up[:, :1], down[:, :1]) * weight
            share = np.where(weight > 0, up[:, 1:], down[:, 1:]) * weight
            slope = slope + share[:, :, None] * tilt[:, None]
        H = self._safe_set.H
        middle, spread = centre @ H.T, half @ np.abs(H).T
        crossed = np.argmax(middle + spread, axis=1)
        normal = H[crossed][:, None]
        beyond = np.take_along_axis(middle, crossed[:, None], 1) - 1.0
        bounds = np.min([
            value - mu * beyond + np.einsum('nqi,ni->nq', np.abs(slope - mu * normal), half)
            for mu in _MULTIPLIERS], axis=0)
        decisive = np.argmax(bounds, axis=1)
        rows = np.arange(len(centre))
        worst = np.where(np.max(middle - spread, axis=1) > 1.0 + ROUNDING, -np.inf,
                         bounds[rows, decisive])
        steep = np.abs(slope[rows, decisive]) + np.abs(H[crossed])
        return worst, np.argmax(steep * half, axis=1)


def _saturated(value: Array, slope: Array, radius: Array, half: Array,
               limit: float) -> tuple[Array, Array, Array]:
    """
    Enclose sat(v), v in value + slope'(x - c) +- radius, between two lines over boxes.

    :returns: upper and lower (N, 2), each (at the centre with the radius, factor of the slope),
        and the slope (N, n).
    """
    reach = np.einsum('ni,ni->n', np.abs(slope), half) + radius
    low, high = value - reach, value + reach
    factor, offset = _line_above(value, low, high, limit)
    upper = np.column_stack([factor * (value + radius) + offset, factor])
    factor, offset = _line_above(-value, -high, -low, limit)
    lower = np.column_stack([factor * (value - radius) - offset, factor])
    return upper, lower, slope


def _line_above(value: Array, low: Array, high: Array, limit: float) -> tuple[Array, Array]:
    """Return (a, b) with sat(v) <= a v + b for every v in [low, high]; a in [0, 1]."""
    top = np.minimum(high, limit)
    with np.errstate(all='ignore'):
        chord = (top + limit) / (top - low)
        constant = np.where(high <= -limit, -limit, limit)
        cases = [(high <= -limit) | (low >= limit), low < -limit,
                 (high > limit) & (value > limit)]
        factor = np.select(cases, [0.0, chord, 0.0], 1.0)
        offset = np.select(cases, [constant, -limit - chord * low, limit], 0.0)
    unknown = ~np.isfinite(low + high)
    return np.where(unknown, np.nan, factor), np.where(unknown, np.nan, offset)


def _halved(centre: Array, half: Array, along: Integers) -> tuple[Array, Array]:
    """Return both halves of every box, cut across the direction `along` (N,)."""
    rows = np.arange(len(centre))
    half = half.copy()
    half[rows, along] *= 0.5
    shift = np.zeros_like(half)
    shift[rows, along] = half[rows, along]
    return np.vstack([centre - shift, centre + shift]), np.vstack([half, half])
