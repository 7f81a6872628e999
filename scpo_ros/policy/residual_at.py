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
What a residual network adds at given states, for many weights: what is learned from.

    r_theta(x) = N_theta(x),    or, bounded,    r_theta(x) = rbar(x) tanh(N_theta(x) / rbar(x))

rbar does not depend on the weights, so the derivative is that of tanh at a fixed rbar(x).
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scpo_ros.arrays import Array, Booleans

_TINY = np.finfo(np.float64).tiny


class LearnedNetwork(Protocol):
    """A residual network and its derivative."""

    def __call__(self, thetas: Array, x: Array) -> Array:
        """Return N_theta(x), (P, N, m), of weights (P, d) and states (N, n)."""

    def jacobian(self, theta: Array, x: Array) -> Array:
        """Return d N_theta(x) / d theta, (N, m, d)."""


def bounded(outputs: Array, bound: Array) -> Array:
    """Return rbar tanh(N / rbar) (..., N, m) of outputs (..., N, m); 0 where rbar (N, m) is 0."""
    residual: Array = bound * np.tanh(_over(outputs, bound))
    return residual


def _over(outputs: Array, bound: Array) -> Array:
    with np.errstate(over='ignore'):
        share: Array = outputs / np.maximum(bound, _TINY)
        return share


@dataclass(frozen=True)
class ResidualAt:
    """The residual at fixed states."""

    network: LearnedNetwork
    states: Array  # (N, n)
    bound: Array | None = None  # rbar (N, m), units of u; None: not bounded

    def at(self, chosen: Booleans) -> 'ResidualAt':
        """Return that at the chosen (N,) of the states."""
        return ResidualAt(self.network, self.states[chosen],
                          None if self.bound is None else self.bound[chosen])

    def __call__(self, thetas: Array) -> Array:
        """Return r_theta (P, N, m) of weights (P, d)."""
        outputs = self.network(thetas, self.states)
        return outputs if self.bound is None else bounded(outputs, self.bound)

    def jacobian(self, theta: Array) -> Array:
        """Return d r_theta / d theta (N, m, d), at weights (d,)."""
        rows = self.network.jacobian(theta, self.states)
        if self.bound is None:
            return rows
        share = np.tanh(_over(self.network(theta[None], self.states)[0], self.bound))
        slope = np.where(self.bound > 0, 1 - share**2, 0.0)
        derivative: Array = slope[:, :, None] * rows
        return derivative
