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

"""The safe set of a whole system: the product of the sets of its decoupled parts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scpo_ros.arrays import Array, Booleans
from scpo_ros.sets.directions import directions
from scpo_ros.sets.lifted_set import LiftedSet
from scpo_ros.systems.decoupling import Block


@dataclass(frozen=True)
class ProductSet:
    """
    A :class:`~scpo_ros.systems.safe_set.SafeSet` in the units of x.

    Its gauge is the largest of those of the parts, each at its own states over its own limits.
    """

    parts: Sequence[tuple[Block, LiftedSet]]

    @property
    def n(self) -> int:
        """Return the number of states."""
        return sum(block.n for block, _ in self.parts)

    @property
    def normals(self) -> Array:
        """Return rows (r, n) that bound the set, any scale: those of all parts."""
        rows = []
        for block, part in self.parts:
            wide = np.zeros((len(part.rows), self.n))
            wide[:, block.states] = part.state_rows / block.scale
            rows.append(wide)
        stacked = np.vstack(rows)
        normals: Array = stacked[np.any(stacked != 0, axis=1)]
        return normals

    @property
    def feedback(self) -> Array:
        """Return K (m, n) of the linear feedback of all parts, in the units of x and u."""
        inputs = sum(block.m for block, _ in self.parts)
        gain = np.zeros((inputs, self.n))
        for block, part in self.parts:
            gain[np.ix_(block.inputs, block.states)] = (
                part.gain * block.input_scale[:, None] / block.scale)
        return gain

    def gauge(self, x: Array) -> Array:
        """Return (...,) for states (..., n): at most 1 inside; NaN for NaN."""
        x = np.asarray(x, dtype=np.float64)
        gauges = [part.gauge(x[..., block.states] / block.scale) for block, part in self.parts]
        largest: Array = np.max(gauges, axis=0)  # np.max keeps NaN
        return largest

    def contains(self, x: Array, tolerance: float = 1e-9) -> Booleans:
        """Return whether states (..., n) have a gauge of at most 1 + tolerance; NaN has not."""
        return self.gauge(x) <= 1 + tolerance

    @property
    def box(self) -> tuple[Array, Array]:
        """Return the lower and the upper corner (n,) of the smallest box around the set."""
        low, high = np.empty(self.n), np.empty(self.n)
        for block, part in self.parts:
            below, above = part.box
            low[block.states], high[block.states] = below * block.scale, above * block.scale
        return low, high

    def boundary(self, count: int, phase: float = 0.5) -> Array:
        """
        Return `count` states (count, n) on the boundary, in directions that fill the sphere.

        :param phase: in [0, 1): shifts the directions by this part of their distance.
        """
        points = directions(count, self.n, phase) * np.max(np.abs(self.box), axis=0)
        scaled: Array = points / self.gauge(points)[:, None]
        return scaled

    def independent(self, count: int, rng: np.random.Generator) -> Array:
        """Return `count` independent states (count, n), see :meth:`LiftedSet.independent`."""
        states = np.empty((count, self.n))
        for block, part in self.parts:
            states[:, block.states] = part.independent(count, rng) * block.scale
        return states

    def sample(self, count: int, rng: np.random.Generator) -> Array:
        """Return `count` states (count, n): every part as :meth:`LiftedSet.sample` draws it."""
        states = np.empty((count, self.n))
        for block, part in self.parts:
            drawn = part.sample(count, rng)
            states[:, block.states] = drawn[rng.permutation(count)] * block.scale
        return states
