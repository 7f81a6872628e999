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

"""What the rest of the package asks of a safe set, whatever it is made of."""

from typing import Protocol

from scpo_ros.arrays import Array, Booleans


class Membership(Protocol):
    """Tells whether states lie in a safe set."""

    def contains(self, x: Array, tolerance: float = 1e-9) -> Booleans:
        """Return whether states (..., n) have a gauge of at most 1 + tolerance; NaN has not."""


class SafeSet(Protocol):
    """
    A bounded convex set C with the origin inside, from which the backup keeps all limits.

    C = {x : gauge(x) <= 1}, and gauge(a x) = a gauge(x) for every a >= 0.
    """

    def gauge(self, x: Array) -> Array:
        """Return (...,) for states (..., n): at most 1 inside; NaN for NaN."""

    def contains(self, x: Array, tolerance: float = 1e-9) -> Booleans:
        """Return whether states (..., n) have a gauge of at most 1 + tolerance; NaN has not."""

    @property
    def box(self) -> tuple[Array, Array]:
        """Return the lower and the upper corner (n,) of the smallest box around the set."""

    def boundary(self, count: int, phase: float = 0.5) -> Array:
        """
        Return `count` states (count, n) on the boundary, spread over all of it.

        :param phase: in [0, 1): shifts them by this part of their distance.
        """


class PlanarSafeSet(SafeSet, Protocol):
    """A safe set in two dimensions: a convex polygon."""

    @property
    def H(self) -> Array:
        """Return the rows (q, 2) of {x : H x <= 1}."""

    @property
    def vertices(self) -> Array:
        """Return the corners (v, 2), counter-clockwise."""

    @property
    def volume(self) -> float:
        """Return the area."""
