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

"""Random inputs: each is drawn anew, by itself, after 1 to so many steps."""

import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.systems.model import Model


class Draws:
    """Draws inputs evenly over a part of their limits, and holds each for some steps."""

    def __init__(self, system: Model, longest: int, rng: np.random.Generator) -> None:
        """Start. :param longest: steps for which an input is held, at most."""
        self._lower, self._upper = system.input_lower, system.input_upper
        self._longest, self._rng = longest, rng
        self._left = np.zeros(system.m, dtype=np.int64)  # steps until the next draw
        self._parts = np.zeros(system.m)  # of the limits, in [-1, 1]

    @property
    def largest(self) -> float:
        """Return the largest part of a limit that the present draw takes, before the amplitude."""
        return float(np.max(np.abs(self._parts)))

    def drawn(self, amplitude: float) -> Array:
        """Return the inputs (m,) over the next step. :param amplitude: part of the limits."""
        due = self._left <= 0
        self._parts[due] = self._rng.uniform(-1, 1, int(due.sum()))
        self._left[due] = self._rng.integers(1, self._longest + 1, int(due.sum()))
        self._left -= 1
        sizes = np.where(self._parts >= 0, self._upper, -self._lower)
        inputs: Array = amplitude * sizes * self._parts
        return inputs
