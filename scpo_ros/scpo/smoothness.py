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

"""The smoothness constants L_i: grown when a bound is exceeded, decayed when it is loose."""

from dataclasses import dataclass, replace

import numpy as np
from scpo_ros.arrays import Array, frozen


@dataclass(frozen=True, eq=False)
class SmoothnessConstants:
    """
    One constant L_i a constraint, always within [floor, cap], so every value can be planned with.

    An observation gives only a lower bound on the true constant. Too small an L costs tries, too
    large a one costs progress, neither costs safety: that rests on verification.
    """

    values: Array   # (k,) the present L_i, metric units per squared weight unit
    initial: float  # L of a constraint never seen before
    growth: float   # factor > 1 on a constant that was exceeded
    decay: float    # factor in (0, 1] on a constant of which less than half was used
    floor: float    # least L, > 0
    cap: float      # largest L

    def __post_init__(self) -> None:
        """Freeze the values."""
        object.__setattr__(self, 'values', frozen(self.values))

    def resized(self, count: int) -> 'SmoothnessConstants':
        """Return the constants of `count` constraints; added ones, at the end, are initial."""
        fresh = np.full(max(count - len(self.values), 0), self.initial)
        return replace(self, values=np.concatenate([self.values[:count], fresh]))

    def raised(self, required: Array) -> 'SmoothnessConstants':
        """
        Return the constants with L_i <- max(growth L_i, required_i) where required_i > L_i.

        :param required: the smallest constants (k,) that cover what was observed; infinity and
            NaN count as exceeded.
        """
        exceeded = ~(required <= self.values)
        grown = np.fmax(self.growth * self.values, required)
        return replace(self, values=np.where(exceeded, np.minimum(grown, self.cap), self.values))

    def relaxed(self, required: Array) -> 'SmoothnessConstants':
        """Return the constants with L_i <- decay L_i where required_i < L_i / 2."""
        loose = required < 0.5 * self.values
        shrunk = np.maximum(self.decay * self.values, self.floor)
        return replace(self, values=np.where(loose, shrunk, self.values))
