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
Decoupled parts of a system: states and inputs that never act on one another.

They are the connected components of the pattern of A, B and the constraint rows. Limits and
disturbance of every entry are its own, so the safe set of the whole is the product of those of the
parts, and each part is computed alone.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse.csgraph import connected_components
from scpo_ros.arrays import Array, frozen, Integers
from scpo_ros.systems.system import System

_ZERO = 1e-12  # entries of A and B below this, over the limits, count as 0


@dataclass(frozen=True)
class Block:
    """
    A decoupled part, in units of its limits: x = scale z with |z_i| <= 1 in the limits.

    z+ = A z + B v + w with state_rows z <= 1, input_rows v <= 1, |w| <= disturbance.
    """

    states: Integers  # (n,), places in the x of the whole
    inputs: Integers  # (m,), places in the u of the whole
    A: Array  # (n, n)
    B: Array  # (n, m)
    disturbance: Array  # (n,)
    state_rows: Array  # (r, n)
    input_rows: Array  # (q, m)
    state_weight: Array  # Q (n, n)
    input_weight: Array  # R (m, m)
    scale: Array  # (n,), units of x
    input_scale: Array  # (m,), units of u

    @property
    def n(self) -> int:
        """Return the number of states."""
        return len(self.states)

    @property
    def m(self) -> int:
        """Return the number of inputs."""
        return len(self.inputs)


def blocks(system: System) -> tuple[Block, ...]:
    """Return the decoupled parts of a system, in the order of their first states."""
    scale = system.state_scale
    size = np.maximum(-system.input_lower, system.input_upper)
    A = system.A * scale[None] / scale[:, None]
    B = system.B * size[None] / scale[:, None]
    rows, bounds = system.state_rows * scale, system.input_rows * size
    n, m = B.shape
    linked = np.zeros((n + m, n + m), dtype=bool)
    linked[:n, :n] = np.abs(A) > _ZERO
    linked[:n, n:] = np.abs(B) > _ZERO
    for row in np.abs(rows) > _ZERO:
        linked[:n, :n] |= np.outer(row, row)
    _, label = connected_components(linked, directed=False)
    found = []
    for part in dict.fromkeys(label[:n]):
        states, inputs = np.flatnonzero(label[:n] == part), np.flatnonzero(label[n:] == part)
        found.append(Block(
            states, inputs, _part(A, states, states), _part(B, states, inputs),
            frozen(system.disturbance[states] / scale[states]), _rows(rows, states),
            _rows(bounds, inputs),
            frozen(_part(system.description.state_weight, states, states)
                   * np.outer(scale[states], scale[states])),
            frozen(_part(system.description.input_weight, inputs, inputs)
                   * np.outer(size[inputs], size[inputs])),
            frozen(scale[states]), frozen(size[inputs])))
    return tuple(found)


def _part(matrix: Array, rows: Integers, columns: Integers) -> Array:
    return frozen(matrix[np.ix_(rows, columns)])


def _rows(rows: Array, columns: Integers) -> Array:
    """Return the rows that concern the given columns."""
    return frozen(rows[np.any(np.abs(rows[:, columns]) > _ZERO, axis=1)][:, columns])
