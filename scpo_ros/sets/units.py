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
Units in which geometry is done, so that its tolerances are relative to the size of what it is of.

They are powers of 256: a number in them differs from the one before in its exponent alone, and all
rounding is the same. Sizes from 1/16 to 16 have the unit 1.
"""

from dataclasses import replace

import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.systems.linear_system import LinearSystem


_STEP = 8  # of the exponent of two


def units_of(size: Array | float) -> Array:
    """Return the units (...,) of sizes (...,); 1 for a size that is 0 or no finite number."""
    size = np.abs(np.asarray(size, dtype=np.float64))
    usable = np.isfinite(size) & (size > 0)
    exponent = np.round(np.log2(np.where(usable, size, 1.0)) / _STEP)
    units: Array = np.exp2(_STEP * exponent)
    return units


def in_units(system: LinearSystem) -> tuple[LinearSystem, Array]:
    """Return a system in units of its limits, and the units of its states (n,)."""
    units, inputs = units_of(system.state_limit), units_of(system.input_limit)
    return replace(
        system, A=system.A / units[:, None] * units, B=system.B / units[:, None] * inputs,
        state_limit=system.state_limit / units, input_limit=system.input_limit / inputs,
        disturbance=system.disturbance / units), units
