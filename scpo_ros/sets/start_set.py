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
True states from which a plant may start, where what is certified is not the true state itself.

Under a delay of q steps nothing that was computed acts before step q; until then the input is 0.
A start x_0 is good when the limits hold over these steps, and when the state that is predicted
from y_0 = x_0 + e_0 lies in the safe set F whatever the error is:

    F_row A^j x_0 + sum_{i<j} |F_row A^i| wbar <= f for j < q,      A^q (x_0 + e_0) in F.

With g the gauge of F the latter holds where g(A^q x_0) + sum_i ebar_i g(+-A^q axis_i) <= 1.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scpo_ros.arrays import Array, Booleans
from scpo_ros.exceptions import NoSafeSetError
from scpo_ros.sets.product_set import ProductSet
from scpo_ros.systems.certified_system import exceeded_between_ticks
from scpo_ros.systems.system import System
from scpo_ros.systems.uncertainty import Uncertainty


@dataclass(frozen=True)
class StartSet:
    """The good starts of a described system: {x : gauge(x) <= 1}."""

    system: System
    safe_set: ProductSet

    @cached_property
    def _ahead(self) -> Array:
        """Return A^q (n, n)."""
        power: Array = np.linalg.matrix_power(self.system.A, self.system.delay_steps)
        return power

    @cached_property
    def _left(self) -> float:
        """
        Return what the measurement error leaves of the safe set, as a part of it.

        :raises NoSafeSetError: when that is nothing.
        """
        axes = (self._ahead * self.system.measurement_error).T
        left = 1 - float(np.sum(np.maximum(self.safe_set.gauge(axes), self.safe_set.gauge(-axes))))
        if not left > 0:
            raise NoSafeSetError(
                f'{self.system.name}: measurement_error', self.system.measurement_error.tolist(),
                'must be so small that a measured state can be told to lie in the safe set')
        return left

    @cached_property
    def _rows(self) -> Array:
        """Return rows (r, n): those of the limits at the steps before q, over what is left."""
        plant, found = self.system.plant, np.zeros((0, self.system.n))
        for steps in range(self.system.delay_steps):
            power = np.linalg.matrix_power(self.system.A, steps)
            used = Uncertainty(self.system.A, plant.disturbance, np.zeros(plant.n),
                               steps).tightening(plant.state_rows)
            used = used + exceeded_between_ticks(plant.description, plant.state_rows)
            found = np.vstack([found, plant.state_rows @ power / (1 - used)[:, None]])
        return found

    def gauge(self, x: Array) -> Array:
        """Return (...,) for states (..., n): at most 1 for good starts; NaN for NaN."""
        x = np.asarray(x, dtype=np.float64)
        predicted: Array = self.safe_set.gauge(x @ self._ahead.T) / self._left
        before = np.max(x @ self._rows.T, axis=-1, initial=0.0)
        largest: Array = np.maximum(predicted, before)
        return largest

    def contains(self, x: Array, tolerance: float = 1e-9) -> Booleans:
        """Return whether states (..., n) have a gauge of at most 1 + tolerance; NaN has not."""
        return self.gauge(x) <= 1 + tolerance

    def draw(self, rng: np.random.Generator) -> Array:
        """Return a good start (n,): a state of the safe set, moved towards 0 where it is none."""
        x: Array = self.safe_set.sample(1, rng)[0] * (1 - 1e-9)
        return x / max(1.0, float(self.gauge(x)))
