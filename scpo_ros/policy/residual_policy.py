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
The learned policy: a neural residual on top of the backup, saturated.

    pi_theta(x) = sat(u_backup(x) + r_theta(x)),    r_theta(x) = N_theta(x) - N_theta(0)

with N_theta a tanh network with a linear last layer, one output for each input of the system,
fed with x / state_limit. The residual vanishes at the origin for every theta, so the equilibrium
stays, and everywhere for the initial theta, whose last layer is zero. Theta is one flat vector:
for each layer the weights (inputs x outputs, row by row), then the biases. The last layer has no
bias: it would cancel.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from scpo_ros.arrays import Array, frozen
from scpo_ros.backup.law import Backup
from scpo_ros.policy.residual_at import ResidualAt
from scpo_ros.systems.linear_system import LinearSystem

_GRID = 2.0**-20  # of the initial weights: far above rounding, far below what a weight means


@dataclass(frozen=True)
class ResidualNetwork:
    """The network r_theta; many weight vectors at once."""

    widths: tuple[int, ...]  # states n, then the hidden layers
    scale: Array  # (n,), states are divided by it
    outputs: int = 1  # m
    d: int = field(init=False)  # number of weights

    def __post_init__(self) -> None:
        """Count the weights."""
        object.__setattr__(self, 'scale', frozen(self.scale))
        hidden = sum((a + 1) * b for a, b in zip(self.widths, self.widths[1:]))
        object.__setattr__(self, 'd', hidden + self._last)

    @property
    def _last(self) -> int:
        """Return the number of weights of the last layer."""
        return self.widths[-1] * self.outputs

    def initial(self, seed: int) -> Array:
        """
        Return theta_0 (d,): hidden layers random (Glorot), last layer zero.

        The weights are multiples of 2^-20, so that theta_0 and its digest are the same on every
        machine: how logarithms and products round decides about the last bits of what is drawn.
        """
        rng = np.random.default_rng(seed)
        parts: list[Array] = []
        for a, b in zip(self.widths, self.widths[1:]):
            parts += [rng.normal(0, np.sqrt(2 / (a + b)), a * b), rng.uniform(-0.5, 0.5, b)]
        drawn = np.concatenate([*parts, np.zeros(self._last)])
        theta: Array = frozen(np.round(drawn / _GRID) * _GRID)
        return theta

    def layers(self, thetas: Array) -> tuple[list[tuple[Array, Array]], Array]:
        """Return [(W (P, a, b), c (P, 1, b)), ...] of hidden layers, and the output (P, b, m)."""
        count, at = len(thetas), 0
        hidden: list[tuple[Array, Array]] = []
        for a, b in zip(self.widths, self.widths[1:]):
            weights = thetas[:, at:at + a * b].reshape(count, a, b)
            hidden.append((weights, thetas[:, None, at + a * b:at + (a + 1) * b]))
            at += (a + 1) * b
        return hidden, thetas[:, at:].reshape(count, -1, self.outputs)

    def __call__(self, thetas: Array, x: Array) -> Array:
        """
        Return r_theta(x), (P, N, m).

        :param thetas: (P, d).
        :param x: states (N, n), the same for all weights, or (P, N, n).
        """
        return self.prepare(thetas)(x)

    def prepare(self, thetas: Array) -> Callable[[Array], Array]:
        """Return the function x -> r_theta(x) with the weights unpacked once."""
        residual = self.columns(thetas)
        return lambda x: residual(
            x.T if x.ndim == 2 else x.transpose(2, 0, 1)).transpose(1, 2, 0)

    def columns(self, thetas: Array) -> Callable[[Array], Array]:
        """
        Return the function x -> r_theta(x), (m, P, N), of states (n, N) or (n, P, N).

        Its scratch memory is its own and reused, so it serves one thread.
        """
        hidden, output = self.layers(thetas)
        stack = [np.concatenate([weights, bias], axis=1) for weights, bias in hidden]
        stack[0][:, :-1] /= self.scale[:, None]
        stack = [np.ascontiguousarray(weights.transpose(0, 2, 1)) for weights in stack]
        output = np.ascontiguousarray(output.transpose(0, 2, 1))
        scratch: list[Array] = []
        rest: Array = _forward(stack, output, np.zeros((self.widths[0], 1)), [])

        def residual(x: Array) -> Array:
            if scratch and scratch[0].shape[-1] != x.shape[-1]:
                scratch.clear()
            return _forward(stack, output, x, scratch) - rest

        return residual

    def jacobian(self, theta: Array, x: Array) -> Array:
        """
        Return d r_theta(x) / d theta, (N, m, d), by reverse accumulation.

        :param theta: (d,). :param x: (N, n).
        """
        points = np.vstack([x, np.zeros((1, x.shape[1]))])
        rows = self._raw_jacobian(np.asarray(theta), points)
        shifted: Array = rows[:-1] - rows[-1]
        return shifted

    def _raw_jacobian(self, theta: Array, x: Array) -> Array:
        hidden, output = self.layers(theta[None])
        activations = [x / self.scale]
        for weights, bias in hidden:
            activations.append(np.tanh(activations[-1] @ weights[0] + bias[0]))
        count, m, last = len(x), self.outputs, activations[-1]
        each = last[:, None, :, None] * np.eye(m)[:, None]  # (N, m, b, m)
        blocks = [each.reshape(count, m, -1)]
        back = output[0].T * (1 - last**2)[:, None]  # (N, m, b)
        for layer in range(len(hidden) - 1, -1, -1):
            outer = activations[layer][:, None, :, None] * back[:, :, None, :]
            blocks[:0] = [outer.reshape(count, m, -1), back]
            if layer:
                back = back.reshape(count * m, -1) @ hidden[layer][0][0].T
                back = (back.reshape(count, m, -1)
                        * (1 - activations[layer]**2)[:, None])
        return np.concatenate(blocks, axis=2)


def _forward(stack: list[Array], output: Array, x: Array, scratch: list[Array]) -> Array:
    """
    Return the raw outputs (m, P, N) for states (n, N) or (n, P, N).

    Units come first, (units, P, N), so that each layer's are one block of memory; a last unit of
    ones carries the bias.

    :param stack: hidden layers (P, b, a + 1), the bias last. :param output: (P, m, b).
    :param scratch: list of arrays to reuse, filled if empty.
    """
    if not scratch:
        widths = [weights.shape[1] for weights in stack]
        scratch.append(np.ones((x.shape[0] + 1, *x.shape[1:])))
        scratch.extend(np.ones((width + 1, len(output), x.shape[-1])) for width in widths)
    scratch[0][:-1] = x
    units = scratch[0] if x.ndim == 2 else scratch[0].transpose(1, 0, 2)
    for weights, full in zip(stack, scratch[1:]):
        inputs, units = units, full.transpose(1, 0, 2)  # (P, units + 1, N), views
        np.matmul(weights, inputs, out=units[:, :-1])
        np.tanh(full[:-1], out=full[:-1])
    raw: Array = np.matmul(output, units[:, :-1]).transpose(1, 0, 2)
    return raw


@dataclass(frozen=True)
class ResidualPolicy:
    """The law that runs: sat(u_backup + r_theta), NaN outside the safe set."""

    system: LinearSystem
    backup: Backup
    network: ResidualNetwork  # with m outputs

    def __call__(self, theta: Array, x: Array) -> Array:
        """
        Return the inputs (N, m) of one policy.

        :param theta: (d,). :param x: states (N, n).
        """
        residual = self.network(np.asarray(theta, dtype=np.float64)[None], x)[0]
        return self.system.saturate(self.backup(x) + residual)

    def at(self, x: Array) -> tuple[Array, ResidualAt]:
        """Return the backup's inputs (N, m) at states (N, n), and the residual there."""
        return self.backup(x), ResidualAt(self.network, x)
