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
Construction of contractive sets in lifted form.

With u = -K z + c_0 and xi = (z, c_0, .., c_{N-1}) the system reads xi+ = Psi xi + w,

    Psi = [[A - B K, [B, 0]], [0, shift]],

where the shift drops c_0 and appends 0. Xi is the largest set of the xi that keep the limits under
xi+ = (Psi xi + w) / lambda. Its rows, with Y xi <= 1 the limits of z and u, are

    Y Psi^k xi / lambda^k <= 1 - sum_{i < k} h_W(Y Psi^i / lambda^(i + 1)),    k = 0, 1, ...,

until the rows of the next k are redundant (Kolmanovsky, Gilbert 1998). For every z of its
projection F some c has (z, c) in Xi, so that Psi xi + w lies in lambda Xi, and the next z in
lambda F: F is lambda-contractive and robust control invariant.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scpo_ros.arrays import Array, frozen
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.sets.lifted_set import LiftedSet
from scpo_ros.sets.polyhedron import Polyhedron
from scpo_ros.systems.decoupling import Block

MARGIN = 1e-6  # by how much the disturbance is enlarged, over the limits: tolerances of the LPs
_GENERATIONS = 600  # steps k, at most


@dataclass(frozen=True)
class Lifted:
    """The lifted dynamics xi+ = Psi xi + (w, 0) and the limits Y xi <= 1."""

    transition: Array  # Psi (d, d)
    limits: Array  # Y (r, d)
    disturbance: Array  # (n,), half-widths of w

    @classmethod
    def of(cls, block: Block, gain: Array, horizon: int) -> 'Lifted':
        """Return the lifted form of a block. :param gain: K (m, n). :param horizon: N."""
        n, m = block.B.shape
        size = n + horizon * m
        transition = np.zeros((size, size))
        transition[:n, :n] = block.A - block.B @ gain
        limits = np.zeros((len(block.state_rows) + len(block.input_rows), size))
        limits[:len(block.state_rows), :n] = block.state_rows
        limits[len(block.state_rows):, :n] = -block.input_rows @ gain
        if horizon:
            transition[:n, n:n + m] = block.B
            transition[n:size - m, n + m:] = np.eye(size - n - m)
            limits[len(block.state_rows):, n:n + m] = block.input_rows
        return cls(frozen(transition), frozen(limits), frozen(block.disturbance + MARGIN))


def lifted_set(block: Block, gain: Array, contraction: float, horizon: int) -> LiftedSet:
    """
    Return the contractive set of a block under u = -K z + c_0.

    :param gain: K (m, n). :param contraction: lambda. :param horizon: N, number of free inputs;
        0 gives the largest set of the linear feedback alone (Gilbert, Tan 1991).
    :raises ConfigurationError: when there is none: the feedback contracts more slowly than lambda,
        the disturbance is too large, or the rows do not end.
    """
    radius = float(np.max(np.abs(np.linalg.eigvals(block.A - block.B @ gain))))
    if not radius < contraction:
        raise ConfigurationError('contraction', contraction,
                                 f'must exceed {radius:.5f}, what the linear feedback reaches')
    lifted = Lifted.of(block, gain, horizon)
    kept = [lifted.limits]
    polyhedron = Polyhedron(lifted.limits)
    for step, rows in _generations(lifted, contraction):
        if step >= horizon and polyhedron.implies(rows):
            return LiftedSet(_by_limit(kept), block.n, frozen(gain), horizon, contraction)
        kept.append(rows)
        polyhedron.add(rows)
    raise ConfigurationError(
        'contraction', contraction, f'gives no set within {_GENERATIONS} steps: contract less')


def _generations(lifted: Lifted, contraction: float) -> Iterator[tuple[int, Array]]:
    """
    Yield (k, rows (r, d)) for k = 1, 2, ...: the limits k steps later.

    :raises ConfigurationError: when the disturbance uses up a limit.
    """
    rows, used = lifted.limits, np.zeros(len(lifted.limits))
    n = len(lifted.disturbance)
    for step in range(1, _GENERATIONS + 1):
        used = used + np.abs(rows[:, :n]) @ lifted.disturbance / contraction
        rows = rows @ lifted.transition / contraction
        if not np.all(used < 1):
            raise ConfigurationError(
                'disturbance', lifted.disturbance.tolist(), 'must be small enough that '
                f'{contraction:.4g} times the safe set and the disturbance keep the limits')
        yield step, rows / (1 - used)[:, None]


def _by_limit(generations: list[Array]) -> Array:
    """Return all rows (r, d), those of a limit one after another: their facets lie near."""
    rows: Array = np.stack(generations, axis=1).reshape(-1, generations[0].shape[1])
    return rows
