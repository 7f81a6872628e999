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
What sensors and actuators do to a linear model, and what a certificate has to allow for them.

The plant applies the input that was computed at step k from step k + q on, and what is measured
is y:

    x_{k+1} = A x_k + B u_{k-q} + p_k,    y_k = x_k + e_k,    |p_k| <= process,  |e_k| <= error.

*What is observed* obeys y_{k+1} = A y_k + B u_{k-q} + d_k with d_k = p_k + e_{k+1} - A e_k.

*What is certified* is the predicted state z_k = A^q y_k + sum_{i=1..q} A^(i-1) B u_{k-i}, which is
y_k where q = 0. Inserting y_{k+1} gives

    z_{k+1} = A z_k + B u_k + A^q d_k,    A^q d_k = A^q p_k + A^q e_{k+1} - A^(q+1) e_k.

*What the limits are of* is x. The inputs under way are the same in z_k and in x_{k+q}, so

    x_{k+q} - z_k = sum_{i<q} A^i p_{k+q-1-i} - A^q e_k.

Rows F x <= f hold for x_{k+q} where F z_k <= f - sum_{i<q} |F A^i| process - |F A^q| error. So
limits that are tightened by as much, and a disturbance as wide as the box around A^q d, make a
certificate about z one about x from step q on.
"""

from dataclasses import dataclass

import numpy as np
from scpo_ros.arrays import Array


@dataclass(frozen=True)
class Uncertainty:
    """Process disturbance, measurement error and delay of a linear model."""

    A: Array  # (n, n), over one step
    process: Array  # (n,), half-widths of p, units of x per step
    error: Array  # (n,), half-widths of e, units of x
    delay: int  # q [steps]

    @property
    def observed(self) -> Array:
        """Return the half-widths (n,) of d = p + e_{k+1} - A e_k."""
        width: Array = self.process + self.error + np.abs(self.A) @ self.error
        return width

    @property
    def predicted(self) -> Array:
        """Return the half-widths (n,) of A^q d."""
        power = np.linalg.matrix_power(self.A, self.delay)
        width: Array = (np.abs(power) @ (self.process + self.error)
                        + np.abs(power @ self.A) @ self.error)
        return width

    def tightening(self, rows: Array) -> Array:
        """Return by how much rows F (r, n) of x can be above those of z, (r,)."""
        used = np.zeros(len(rows))
        for _ in range(self.delay):
            used += np.abs(rows) @ self.process
            rows = rows @ self.A
        used += np.abs(rows) @ self.error
        return used
