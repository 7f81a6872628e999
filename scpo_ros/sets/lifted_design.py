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
Choice of the linear feedback and the contraction factor of a lifted safe set.

The size of a set is its mean radius: the mean over directions of the distance from 0 to its
boundary, over the distance to the boundary of a set that contains every contractive one.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scpo_ros.arrays import Array, frozen
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.sets.directions import directions
from scpo_ros.sets.lifted_construction import Lifted, lifted_set
from scpo_ros.sets.lifted_set import LiftedSet
from scpo_ros.systems.decoupling import Block
from scpo_ros.systems.regulator import lqr

_DIRECTIONS = 40
_INPUT_WEIGHTS = 10.0 ** np.arange(-2, 5)  # of the feedback, over the limits
_REMAINDERS = (0.05, 0.025, 0.01, 0.005, 0.0025, 0.001, 0.0005, 0.0002, 0.0001)  # 1 - lambda
SLOWEST = 1 - _REMAINDERS[-1]  # largest contraction factor that is tried
_LARGE_ENOUGH = 0.9  # of the size at the slowest contraction
_LOOK_AHEAD = 40  # steps over which the containing set keeps the limits


def feedback(block: Block, weight: float) -> Array:
    """
    Return K (m, n) of u = -K z that minimises the sum of |z|^2 + weight |u|^2, over the limits.

    :raises ConfigurationError: when the Riccati equation has no stabilising solution.
    """
    _, gain = lqr(block.A, block.B, np.eye(block.n), weight * np.eye(block.m))
    return frozen(gain)


@dataclass(frozen=True)
class SetDesign:
    """Finds a large lifted set of a block."""

    block: Block
    horizon: int  # N

    def chosen(self, contraction: float | None) -> LiftedSet:
        """
        Return the set for a contraction factor, or for the fastest one that leaves it large.

        :param contraction: lambda, or None: the smallest of 1 - lambda = 0.05 .. 0.0001 at which
            the mean radius is at least 0.9 of that at the slowest.
        :raises ConfigurationError: when no set was found for any feedback, with the last reason.
        """
        if contraction is not None:
            return self.largest(contraction)
        slowest = self.largest(SLOWEST)
        enough = _LARGE_ENOUGH * self.mean_radius(slowest)
        for remainder in _REMAINDERS[:-1]:
            try:
                found = self.largest(1 - remainder)
            except ConfigurationError:
                continue
            if self.mean_radius(found) >= enough:
                return found
        return slowest

    def largest(self, contraction: float) -> LiftedSet:
        """
        Return the set of the feedback whose set without free inputs is the largest.

        :raises ConfigurationError: when no feedback gives a set.
        """
        return lifted_set(self.block, self._gain(contraction), contraction, self.horizon)

    def _gain(self, contraction: float) -> Array:
        best, size = None, -np.inf
        reason = ConfigurationError('contraction', contraction, 'gives no set for any feedback')
        for weight in _INPUT_WEIGHTS:
            try:
                gain = feedback(self.block, weight)
                radius = self.mean_radius(lifted_set(self.block, gain, contraction, 0))
            except ConfigurationError as error:
                if error.name == 'disturbance' or reason.name != 'disturbance':
                    reason = error  # that a feedback contracts too slowly is the lesser reason
                continue
            if radius > size:
                best, size = gain, radius
        if best is None:
            raise reason
        return best

    def mean_radius(self, safe_set: LiftedSet) -> float:
        """Return the mean over directions of radius over largest possible radius, in [0, 1]."""
        gauges = safe_set.gauge(self._directions)
        return float(np.mean(self._possible / gauges))

    @cached_property
    def _directions(self) -> Array:
        return directions(_DIRECTIONS, self.block.n, 0.5)

    @cached_property
    def _possible(self) -> Array:
        """
        Return 1 / the largest radius (k,) of any contractive set, or more, per direction.

        A state of such a set keeps the limits for 40 steps under some inputs, without disturbance.
        """
        steps = _LOOK_AHEAD
        lifted = Lifted.of(self.block, np.zeros((self.block.m, self.block.n)), steps)
        rows, current = [lifted.limits], lifted.limits
        for _ in range(steps):
            current = current @ lifted.transition
            rows.append(current)
        table = np.vstack(rows)
        everything = LiftedSet(table, self.block.n, lifted.disturbance, steps, 1.0)
        return everything.gauge(self._directions)
