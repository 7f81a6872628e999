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
Whether an input keeps the next state in the safe set of a described system, plans included.

An input is admissible at x when a plan c' takes (A x + B u, c') into the lifted set of every
decoupled part whatever the disturbance does. A violation is the largest row beyond its bound, as
a part of it: 0.01 says that a limit may be passed by 1 %.
"""

from dataclasses import dataclass

import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.policy.lifted_filter import LiftedFilter


@dataclass(frozen=True)
class LiftedInputs:
    """The :class:`~scpo_ros.sets.admissible_inputs.InputCheck` of all parts."""

    filters: tuple[LiftedFilter, ...]

    def violation(self, x: Array, u: Array) -> Array:
        """
        Return by how much inputs (..., m) are inadmissible at states (..., n), (...,).

        Where no plan is known to serve, it is that of the plan c' = 0: an upper bound.
        """
        x, u = np.asarray(x, dtype=np.float64), np.asarray(u, dtype=np.float64)
        flat_x, flat_u = x.reshape(-1, x.shape[-1]), u.reshape(-1, u.shape[-1])
        found = np.max([self._of_part(part, flat_x, flat_u) for part in self.filters], axis=0)
        violation: Array = found.reshape(x.shape[:-1])[()]
        return violation

    @staticmethod
    def _of_part(part: LiftedFilter, x: Array, u: Array) -> Array:
        block = part.backup.block
        z, v = x[:, block.states] / block.scale, u[:, block.inputs] / block.input_scale
        least: Array = part.least_room(z, v)
        return -least

    def slack(self, error: Array) -> float:
        """Return by how much a violation may grow where inputs change by |error| (m,)."""
        slacks = []
        for part in self.filters:
            block = part.backup.block
            moved = part.backup.safe_set.state_rows @ block.B
            slacks.append(np.max(np.abs(moved) @ (error[block.inputs] / block.input_scale)))
        return float(np.max(slacks))
