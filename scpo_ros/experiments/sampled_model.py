"""What all baselines share: the same raw step, the same sampled directions, the same budget."""

from dataclasses import dataclass

import numpy as np
from scpo_ros.arrays import frozen
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

    basis: np.ndarray   # (d, n) Q
    gram: np.ndarray    # (n, n) G
    linear: np.ndarray  # (n,) l
    g: np.ndarray       # (k,) metrics of theta
    slope: np.ndarray   # (k, n)


class Baseline:
    """A method that changes theta by steps of its own."""

    def __init__(self, problem):
        """Start from the backup."""
        self._problem = problem
        self._evaluation = problem.evaluation()
        self._rng = np.random.default_rng([problem.seed, 7])
        self._steps = []
        self.theta = problem.task.initial_theta

    @property
    def rollouts(self):
        """Return the closed-loop rollouts so far."""
        return self._evaluation.rollouts

    def sampled(self):
        """Return the :class:`SampledModel` at theta, from n + 1 evaluations."""
        raw = self._problem.raw_step(self.theta)
        basis = orthonormal_basis([raw.step, *raw.others, raw.gradient, *self._steps],
                                  DIRECTIONS, self._rng)
        values = self._evaluation.evaluate(sample_points(self.theta, basis, RADIUS))
        return SampledModel(basis, *metric_terms(basis, raw.step, raw.metric), values[0],
                            difference_slopes(values, RADIUS))

    def moved(self, step):
        """Put theta + step (d,) in force; return True."""
        self._steps = [step, *self._steps][:HISTORY]
        self.theta = frozen(self.theta + step)
        return True


def shortened(vector, length):
    """Return the vector, no longer than `length`."""
    norm = np.linalg.norm(vector)
    return vector if norm <= length else vector * (length / norm)
