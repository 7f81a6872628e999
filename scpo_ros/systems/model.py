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
What the rest of the package asks of a model: the double integrator and described systems have it.

    x+ = A x + B u + w,   limits on x and u,   |w| <= disturbance
"""

from typing import Protocol

from scpo_ros.arrays import Array, Booleans
from scpo_ros.systems.sampling import Sampling
from scpo_ros.systems.signals import Signals


class Model(Protocol):
    """A linear model with limits, names and units; all arrays are read-only."""

    @property
    def A(self) -> Array:
        """Return the matrix of the states, n x n."""

    @property
    def B(self) -> Array:
        """Return the matrix of the inputs, n x m."""

    @property
    def n(self) -> int:
        """Return the number of states."""

    @property
    def m(self) -> int:
        """Return the number of inputs."""

    @property
    def dt(self) -> float:
        """Return the step [s]."""

    @property
    def states(self) -> Signals:
        """Return what the states are called."""

    @property
    def inputs(self) -> Signals:
        """Return what the inputs are called."""

    @property
    def plane(self) -> tuple[int, int]:
        """Return the two states that are drawn as a phase plane."""

    @property
    def state_lower(self) -> Array:
        """Return the lower limits (n,) of the states, units of x; -inf for none."""

    @property
    def state_upper(self) -> Array:
        """Return the upper limits (n,) of the states, units of x; inf for none."""

    @property
    def state_scale(self) -> Array:
        """Return the largest |x_i| (n,) within the limits, units of x."""

    @property
    def input_scale(self) -> Array:
        """Return the largest |u_j| (m,) within the limits, units of u."""

    @property
    def input_lower(self) -> Array:
        """Return the lower limits (m,) of the inputs, units of u."""

    @property
    def input_upper(self) -> Array:
        """Return the upper limits (m,) of the inputs, units of u."""

    @property
    def disturbance(self) -> Array:
        """Return the half-widths (n,) of w that certificates cover, units of x per step."""

    @property
    def step_disturbance(self) -> Array:
        """Return the half-widths (n,) of w over a step of exactly dt, units of x."""

    @property
    def deadline(self) -> float:
        """Return the part of dt after which an answer is late."""

    @property
    def delay_steps(self) -> int:
        """Return q: the input computed at step k acts from step k + q on."""

    @property
    def late_input(self) -> Array:
        """Return B_1 (n, m): x+ is off by B_1 (u_{k-1} - u_k), where inputs act a part late."""

    @property
    def measurement_error(self) -> Array:
        """Return the half-widths (n,) of e in y = x + e, units of x."""

    @property
    def observed(self) -> 'Model':
        """Return the model of the states as they are measured."""

    @property
    def plant(self) -> 'Model':
        """Return the model of the states as they are."""

    @property
    def sampling(self) -> Sampling | None:
        """Return how steps of another length are predicted; None: not at all."""

    def step(self, x: Array, u: Array, w: Array | float = 0.0) -> Array:
        """Return A x + B u + w (..., n), for states (..., n) and inputs (..., m)."""

    def saturate(self, u: Array) -> Array:
        """Return inputs (..., m) clipped to their limits; NaN stays NaN."""

    def within_limits(self, x: Array, u: Array, tolerance: float = 1e-9) -> Booleans:
        """Return whether states (..., n) and inputs (..., m) keep the limits; NaN does not."""

    def use_of_limits(self, x: Array) -> Array:
        """Return states (..., n) over their limits: 1 at the upper, -1 at the lower one."""
