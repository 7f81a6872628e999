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

"""The trust radius R: halved by a failure, grown by an acceptance, never below r."""

from dataclasses import dataclass, replace

GROWTH = 1.5


@dataclass(frozen=True)
class TrustRegion:
    """How far a plan may go, weight units; least <= radius <= largest."""

    radius: float   # R
    least: float    # r, the length of the sampled perturbations
    largest: float  # R at the start

    def halved(self) -> 'TrustRegion':
        """Return the region after a failure."""
        return replace(self, radius=max(self.least, 0.5 * self.radius))

    def grown(self) -> 'TrustRegion':
        """Return the region after an acceptance."""
        return replace(self, radius=min(self.largest, GROWTH * self.radius))

    def below(self, length: float) -> float | None:
        """
        Return a radius that excludes a failed step of the given length, None if r is too long.

        Halving an R that the step was nowhere near would only repeat it.
        """
        radius = max(self.least, min(self.radius, 0.5 * length))
        return radius if radius < length else None
