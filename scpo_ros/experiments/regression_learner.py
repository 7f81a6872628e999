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

"""The learner of the regression experiment, which knows no constraint: Gauss-Newton steps."""

from dataclasses import dataclass

import numpy as np
from scpo_ros.arrays import Array, Integers
from scpo_ros.experiments.regression_network import TanhNetwork


def stratified_inputs(rng: np.random.Generator, count: int, half_width: float) -> Array:
    """Return one uniformly drawn input from each of `count` equal cells, ascending (count,)."""
    return half_width * (2.0 * (np.arange(count) + rng.uniform(size=count)) / count - 1.0)


@dataclass(frozen=True, eq=False)
class MinibatchStep:
    """
    The damped Gauss-Newton step of the mean squared error L over one minibatch, and its parts.

    With J the Jacobian of the policy and e = pi_theta(x) - y the error over B inputs, the step
    minimises ||e + J s||^2 / B + lambda ||s||^2:

        s = -J'(J J' + lambda B I)^-1 e,    M = J'J / B + lambda I,

    so that up to a constant ||y - s||_M^2 is the model of L + lambda ||y||^2 at theta + y: M is
    the metric in which a projection of s stays a descent. A part of s comes from the errors of
    one slice of consecutive inputs, with the others set to 0; the parts add up to s. A part
    changes the policy mostly over its own slice, so that a projection that knows the parts can
    take what is harmless and leave what is harmful.
    """

    network: TanhNetwork
    x: Array         # (B,) ascending inputs
    y: Array         # (B,) labels
    damping: float        # lambda, squared output units per squared weight unit
    jacobian: Array  # (B, d) J
    step: Array      # (d,) s
    parts: Array     # (d, m), one column a slice

    @classmethod
    def made(cls, network: TanhNetwork, theta: Array, x: Array, y: Array, damping: float,
             edges: Integers) -> 'MinibatchStep':
        """
        Return the step at theta.

        :param edges: ascending indices (m - 1,) at which the minibatch is cut into m slices.
        """
        output, jacobian = network.jacobian(theta, x)
        errors = np.zeros((len(x), len(edges) + 1))
        for column, rows in enumerate(np.split(np.arange(len(x)), edges)):
            errors[rows, column] = output[rows] - y[rows]
        kernel = jacobian @ jacobian.T
        kernel[np.diag_indices(len(x))] += damping * len(x)
        parts = -jacobian.T @ np.linalg.solve(kernel, errors)
        return cls(network, x, y, damping, jacobian, parts.sum(axis=1), parts)

    def metric(self, vectors: Array) -> Array:
        """Return M V of V (d, m)."""
        curvature: Array = self.jacobian.T @ (self.jacobian @ vectors) / len(self.x)
        return curvature + self.damping * vectors

    def loss(self, theta: Array) -> float:
        """Return L(theta), squared output units."""
        return float(np.mean((self.network.output(theta, self.x) - self.y) ** 2))
