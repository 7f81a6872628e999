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
Experts for any described system. One is useful, the others do harm.

Every law maps states (N, n) to inputs (N, m), saturated at the input limits. With K the LQR gain
of the task cost x'Qx + u'Ru and P its cost-to-go:

* `benign`: -K x.
* `overspeed`: -K' x, K' the LQR gain for a hundredth of R: fast, and blind to every state limit.
* `outward_edge`: benign where all |x_i| are below half of their limits; beyond, it pushes out,
  along B'P x, by up to twice the input limit.
* `sign_flip`: +K x.
* `destabilising_gain`: +2 K x.
* `wrong_target`: -K (x - t), t 1.15 times the largest size of the first state within the limits:
  outside of them.
* `energy_pump`: -K x with the sign of the gains on velocities changed; where no state is a
  velocity, those of the second half of the states.
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.config import EXPERTS
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.systems.regulator import lqr
from scpo_ros.systems.system import System

Law: TypeAlias = Callable[[Array], Array]  # states (N, n) -> inputs (N, m)


class SystemExperts:
    """The laws of all experts for one system."""

    def __init__(self, system: System) -> None:
        """
        Prepare the gains.

        :raises ConfigurationError: when the task cost gives no stabilising regulator.
        """
        self._system = system
        self._cost_to_go, self._gain = self._regulator(1.0)

    def _regulator(self, factor: float) -> tuple[Array, Array]:
        """Return P (n, n) and K (m, n) of the task cost. :param factor: on R."""
        system, description = self._system, self._system.description
        return lqr(system.A, system.B, description.state_weight,
                   factor * description.input_weight)

    def law(self, name: str) -> Law:
        """
        Return the law of that name.

        :raises ConfigurationError: for an unknown name.
        """
        if name not in EXPERTS:
            raise ConfigurationError('expert', name, f'must be one of {", ".join(EXPERTS)}')
        raw: Law = getattr(self, f'_{name}')
        return lambda states: self._system.saturate(raw(np.asarray(states, dtype=np.float64)))

    def _benign(self, x: Array) -> Array:
        u: Array = -x @ self._gain.T
        return u

    def _overspeed(self, x: Array) -> Array:
        u: Array = -x @ self._regulator(0.01)[1].T
        return u

    def _outward_edge(self, x: Array) -> Array:
        beyond = np.maximum(np.max(np.abs(x) / self._system.state_scale, axis=1) - 0.5, 0.0)
        outward = np.sign(x @ self._cost_to_go @ self._system.B)
        u: Array = self._benign(x) + 4 * beyond[:, None] * outward * self._system.input_upper
        return u

    def _sign_flip(self, x: Array) -> Array:
        return -self._benign(x)

    def _destabilising_gain(self, x: Array) -> Array:
        return -2 * self._benign(x)

    def _wrong_target(self, x: Array) -> Array:
        target = np.zeros(self._system.n)
        target[0] = 1.15 * self._system.state_scale[0]
        return self._benign(x - target)

    def _energy_pump(self, x: Array) -> Array:
        states = self._system.description.states
        moving = np.array([entry.field == 'velocity' for entry in states])
        if not moving.any():
            moving = np.arange(len(states)) >= len(states) / 2
        return self._benign(np.where(moving, -x, x))
