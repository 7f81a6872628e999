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
Whether the robot still measures: a hardware driver that hangs goes on publishing its last numbers.

Stamps advance then, so the stamps show nothing. A state that is the same number by number, where
the model says that it must have changed,

    |x - A x - B u|_i > wbar_i    for some i,

is a fault of the sensors or a robot that something holds. Once is chance; so often in a row is
not. The states are *stuck* from then on until one of the numbers changes.
"""

import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.systems.model import Model

_PATIENCE = 5  # samples in a row
_ROUNDING = 1e-9  # of the limits of the states


class StuckSensor:
    """Follows the samples of a robot."""

    def __init__(self, system: Model) -> None:
        """Start without a sample."""
        self._system = system.observed
        self._last: Array | None = None
        self._contradicted = 0  # samples in a row

    def see(self, x: Array, applied: Array) -> bool:
        """
        Return whether the states are stuck.

        :param x: (n,), a sample. :param applied: (m,), over the step that led to it; NaN where
            nobody knows.
        """
        last, self._last = self._last, x
        if last is None or not np.array_equal(x, last):
            self._contradicted = 0
        elif np.isfinite(applied).all():
            error = np.abs(x - self._system.step(x, applied))
            bound = self._system.step_disturbance + _ROUNDING * self._system.state_scale
            self._contradicted += not np.all(error <= bound)
        return self._contradicted >= _PATIENCE
