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

"""What all baselines share: the same raw step, the same sampled directions, the same budget."""

from dataclasses import dataclass

import numpy as np
from scpo_ros.arrays import Array, frozen
from scpo_ros.experiments.imitation_problem import MethodProblem
from scpo_ros.experiments.scpo_methods import RADIUS
from scpo_ros.scpo import (
    difference_slopes, metric_terms, orthonormal_basis, sample_points)

DIRECTIONS, HISTORY, TRUST_RADIUS = 16, 4, 0.5  # as SCPO's


@dataclass(frozen=True)
class SampledModel:
    """
    The models around theta over steps Q b.

    L(theta + Q b) is about L(theta) + b'G b - 2 l'b, g_i about g_i + slope_i'b.
    """

    basis: Array   # (d, n) Q
    gram: Array    # (n, n) G
    linear: Array  # (n,) l
    g: Array       # (k,) metrics of theta
    slope: Array   # (k, n)


class Baseline:
    """A method that changes theta by steps of its own."""

    def __init__(self, problem: MethodProblem) -> None:
        """Start from the backup."""
        self._problem = problem
        self._evaluation = problem.evaluation()
        self._rng = np.random.default_rng([problem.seed, 7])
        self._steps: list[Array] = []
        self.theta = problem.initial_theta

    @property
    def rollouts(self) -> int:
        """Return the closed-loop rollouts so far."""
        return self._evaluation.rollouts

    def sampled(self) -> SampledModel:
        """Return the :class:`SampledModel` at theta, from n + 1 evaluations."""
        raw = self._problem.raw_step(self.theta)
        basis = orthonormal_basis([raw.step, *raw.others, raw.gradient, *self._steps],
                                  DIRECTIONS, self._rng)
        values = self._evaluation.evaluate(sample_points(self.theta, basis, RADIUS))
        gram, linear = metric_terms(basis, raw.step, raw.metric)
        return SampledModel(basis, gram, linear, values[0], difference_slopes(values, RADIUS))

    def update(self) -> bool:
        """Make one update; return whether a new policy is in force."""
        raise NotImplementedError

    def moved(self, step: Array) -> bool:
        """Put theta + step (d,) in force; return True."""
        self._steps = [step, *self._steps][:HISTORY]
        self.theta = frozen(self.theta + step)
        return True


def shortened(vector: Array, length: float) -> Array:
    """Return the vector, no longer than `length`."""
    norm = np.linalg.norm(vector)
    return vector if norm <= length else vector * (length / norm)
