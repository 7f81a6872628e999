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

"""The policy of the regression experiment: a network of two tanh layers, its weights a vector."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scpo_ros.arrays import Array

# max |tanh''|; max |tanh'| is 1.
TANH_CURVATURE = 4.0 / (3.0 * np.sqrt(3.0))
# Inputs evaluated at once, so that the layers stay in the processor's cache.
CHUNK = 512

Layers: TypeAlias = tuple[Array, Array, Array, Array, Array, Array]


@dataclass(frozen=True)
class TanhNetwork:
    """
    pi_theta(x) = w3'tanh(W2'tanh(w1 x + b1) + b2) + b3, from the line to the line.

    theta holds w1, b1, W2 (row by row), b2, w3, b3, one after the other.
    """

    width: int  # units in each hidden layer

    @property
    def size(self) -> int:
        """Return d, the number of weights."""
        return self.width ** 2 + 4 * self.width + 1

    def initial(self, rng: np.random.Generator, frequency: float, half_width: float) -> Array:
        """
        Return weights theta_0 (d,) with zero output: a random network whose w3 and b3 are 0.

        :param rng: numpy Generator.
        :param frequency: standard deviation of w1, 1 / input units.
        :param half_width: the units bend at inputs drawn from [-half_width, half_width].
        """
        h = self.width
        w1 = frequency * rng.standard_normal(h)
        b1 = w1 * rng.uniform(-half_width, half_width, h)
        w2 = rng.standard_normal(h * h) / np.sqrt(h)
        b2 = 0.1 * rng.standard_normal(h)
        return np.concatenate([w1, b1, w2, b2, np.zeros(h + 1)])

    def layers(self, theta: Array) -> Layers:
        """Return w1 (h,), b1 (h,), W2 (h, h), b2 (h,), w3 (h,), b3 () as views of theta (d,)."""
        h, last = self.width, len(theta) - 1
        w2 = theta[2 * h:2 * h + h * h].reshape(h, h)
        return (theta[:h], theta[h:2 * h], w2, theta[last - 2 * h:last - h],
                theta[last - h:last], theta[last:].reshape(()))

    def output(self, theta: Array, x: npt.ArrayLike) -> Array:
        """
        Return pi_theta(x), in the shape of x.

        :param theta: (d,).
        :param x: inputs of any shape.
        """
        x = np.asarray(x, dtype=np.float64)
        flat = x.reshape(-1)
        result, layers = np.empty(flat.shape), self.layers(theta)
        for start in range(0, flat.size, CHUNK):
            result[start:start + CHUNK] = _chunk(layers, flat[start:start + CHUNK])
        return result.reshape(x.shape)

    def jacobian(self, theta: Array, x: Array) -> tuple[Array, Array]:
        """
        Return pi_theta(x) (B,) and its derivatives in theta (B, d), by backpropagation.

        :param x: inputs (B,).
        """
        w1, b1, w2, b2, w3, b3 = self.layers(theta)
        first = np.tanh(np.multiply.outer(x, w1) + b1)
        second = np.tanh(first @ w2 + b2)
        to_second = (1.0 - second ** 2) * w3
        to_first = (1.0 - first ** 2) * (to_second @ w2.T)
        to_w2 = first[:, :, None] * to_second[:, None, :]
        columns = (to_first * x[:, None], to_first, to_w2.reshape(len(x), -1), to_second, second,
                   np.ones((len(x), 1)))
        return second @ w3 + b3, np.hstack(columns)

    def curvature_bound(self, theta: Array) -> float:
        """
        Return C >= |d^2 pi_theta / dx^2| at every x, from the sizes of the weights alone.

        With a = tanh(w1 x + b1), z = W2'a + b2, h = tanh(z), c = max |tanh''| and absolute values
        taken entry by entry,

            |a'| <= |w1|,      |a''| <= c w1^2,
            |z'| <= |W2|'|w1|, |z''| <= c |W2|'w1^2,
            |h''| <= c |z'|^2 + |z''|,    C = |w3|'(c (|W2|'|w1|)^2 + c |W2|'w1^2).
        """
        w1, _, w2, _, w3, _ = (np.abs(part) for part in self.layers(theta))
        return float(TANH_CURVATURE * w3 @ ((w2.T @ w1) ** 2 + w2.T @ w1 ** 2))


def _chunk(layers: Layers, x: Array) -> Array:
    """Return the outputs at a few inputs (B,)."""
    w1, b1, w2, b2, w3, b3 = layers
    first = np.multiply.outer(x, w1)
    first += b1
    second = np.tanh(first, out=first) @ w2
    second += b2
    return np.tanh(second, out=second) @ w3 + b3
