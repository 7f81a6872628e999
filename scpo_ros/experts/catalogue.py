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
The expert catalogue: laws that label states with actions. One is useful, the others do harm.

Every law maps states (N, 2) = (p, v) to actions (N, 1), saturated at the input limit u_max. With
the unsaturated speed-limited regulator

    c(p, v; k, V) = k2 (clip(-k1 p / k2, -V, V) - v)

of gains k = (k1, k2) and speed limit V (an LQR as long as the speed limit does not bind):

* `benign`: c(p, v; K, 0.9 v_max), K the LQR gain of the task cost.
* `overspeed`: c(p, v; 1.5 K, 2 v_max): good at regulating, blind to the speed limit.
* `outward_edge`: benign for |p| < p_max / 2; beyond, plus 4 (|p| - p_max / 2) sign(p): pushes out.
* `sign_flip`: minus the benign action.
* `destabilising_gain`: +2 k1 p + 2 k2 v: positive feedback.
* `wrong_target`: c(p - 1.15 p_max, v; K, 0.9 v_max): regulates to a point outside the limits.
* `energy_pump`: -k1 p + k2 v: a spring with negative damping, which pumps energy in.
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.config import EXPERTS
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.systems.linear_system import LinearSystem


Law: TypeAlias = Callable[[Array], Array]  # states (N, 2) -> actions (N, 1)


class ExpertCatalogue:
    """The laws of all experts, for one system and one gain."""

    def __init__(self, system: LinearSystem, gain: Array) -> None:
        """
        Prepare the laws.

        :param system: with states (p, v). :param gain: LQR gain (1, 2), u = -K x.
        """
        self._system = system
        self._k1, self._k2 = map(float, gain[0])
        self._p_max, self._v_max = map(float, system.state_limit)

    def law(self, name: str) -> Law:
        """
        Return the law of that name, states (N, 2) -> actions (N, 1).

        :raises ConfigurationError: for an unknown name.
        """
        if name not in EXPERTS:
            raise ConfigurationError('expert', name, f'must be one of {", ".join(EXPERTS)}')
        raw: Callable[[Array, Array], Array] = getattr(self, f'_{name}')

        def law(states: Array) -> Array:
            p, v = np.asarray(states, dtype=np.float64).T
            return self._saturated(raw(p, v))

        return law

    def _saturated(self, u: Array) -> Array:
        """Return actions (N,) within the input limit, (N, 1)."""
        limited: Array = self._system.saturate(u[:, None])
        return limited

    def _regulate(self, p: Array, v: Array, factor: float, speed: float) -> Array:
        k1, k2 = factor * self._k1, factor * self._k2
        u: Array = k2 * (np.clip(-k1 * p / k2, -speed, speed) - v)
        return u

    def _benign(self, p: Array, v: Array) -> Array:
        return self._regulate(p, v, 1.0, 0.9 * self._v_max)

    def _overspeed(self, p: Array, v: Array) -> Array:
        return self._regulate(p, v, 1.5, 2 * self._v_max)

    def _outward_edge(self, p: Array, v: Array) -> Array:
        beyond = np.maximum(np.abs(p) - self._p_max / 2, 0)
        u: Array = self._benign(p, v) + 4 * beyond * np.sign(p)
        return u

    def _sign_flip(self, p: Array, v: Array) -> Array:
        return -self._saturated(self._benign(p, v))[:, 0]

    def _destabilising_gain(self, p: Array, v: Array) -> Array:
        return 2 * (self._k1 * p + self._k2 * v)

    def _wrong_target(self, p: Array, v: Array) -> Array:
        return self._regulate(p - 1.15 * self._p_max, v, 1.0, 0.9 * self._v_max)

    def _energy_pump(self, p: Array, v: Array) -> Array:
        return -self._k1 * p + self._k2 * v
