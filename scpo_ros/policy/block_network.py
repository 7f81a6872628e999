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
A residual network for each decoupled part of a system, which sees the states of that part alone.

    r_theta(x)_i = N_theta_i(x_i)

for the states x_i and the inputs of part i; theta is the weights of all parts, one after another.
What is proved of one part then speaks of its own states only, and the proofs of all parts together
speak of the whole system. The widths are those of one network for the whole, over the square root
of the number of parts: all parts together have about as many weights as it has.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scpo_ros.arrays import Array, Integers
from scpo_ros.policy.residual_policy import ResidualNetwork
from scpo_ros.systems.decoupling import Block

_NARROWEST = 2  # units of a hidden layer


@dataclass(frozen=True)
class BlockPart:
    """The network of one decoupled part, and where its states, inputs and weights stand."""

    network: ResidualNetwork
    states: Integers  # (n_i,), places in x
    inputs: Integers  # (m_i,), places in u
    weights: slice  # of theta

    def of(self, thetas: Array) -> Array:
        """Return the weights (P, d_i) of the part, of weights (P, d)."""
        return thetas[:, self.weights]


@dataclass(frozen=True)
class BlockNetwork:
    """The networks of all decoupled parts; many weight vectors at once."""

    parts: tuple[BlockPart, ...]

    @classmethod
    def of(cls, blocks: Sequence[Block], hidden: tuple[int, ...]) -> 'BlockNetwork':
        """Return the networks of decoupled parts. :param hidden: widths for the whole system."""
        widths = [max(_NARROWEST, round(width / np.sqrt(len(blocks)))) for width in hidden]
        parts, at = [], 0
        for block in blocks:
            network = ResidualNetwork((block.n, *widths), block.scale, block.m)
            parts.append(BlockPart(
                network, block.states, block.inputs, slice(at, at + network.d)))
            at += network.d
        return cls(tuple(parts))

    @property
    def d(self) -> int:
        """Return the number of weights."""
        return sum(part.network.d for part in self.parts)

    @property
    def outputs(self) -> int:
        """Return the number of inputs m of the system."""
        return sum(len(part.inputs) for part in self.parts)

    def initial(self, seed: int) -> Array:
        """Return theta_0 (d,), every part as :meth:`ResidualNetwork.initial` draws it."""
        return np.concatenate([part.network.initial(seed) for part in self.parts])

    def __call__(self, thetas: Array, x: Array) -> Array:
        """Return r_theta(x) (P, N, m), of weights (P, d) and states (N, n)."""
        residual = self.columns(thetas)(np.moveaxis(np.asarray(x), -1, 0))
        return np.moveaxis(residual, 0, -1)

    def columns(self, thetas: Array) -> Callable[[Array], Array]:
        """Return the function from states (n, N) or (n, P, N) to residuals (m, P, N)."""
        each = [part.network.columns(part.of(thetas)) for part in self.parts]

        def residual(x: Array) -> Array:
            found = np.empty((self.outputs, len(thetas), x.shape[-1]))
            for part, own in zip(self.parts, each):
                found[part.inputs] = own(x[part.states])
            return found

        return residual

    def jacobian(self, theta: Array, x: Array) -> Array:
        """Return d r_theta(x) / d theta (N, m, d), of weights (d,) and states (N, n)."""
        rows = np.zeros((len(x), self.outputs, self.d))
        for part in self.parts:
            rows[:, part.inputs, part.weights] = part.network.jacobian(
                theta[part.weights], x[:, part.states])
        return rows
