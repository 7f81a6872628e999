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
What is known of the free entries, and how often a bound found on samples is exceeded.

The *joint region* holds the true theta with the stated confidence, all entries at once:

    (theta - theta_hat)' V^-1 (theta - theta_hat) <= p F(confidence; p, freedom)

with V the covariance of the estimate and F the quantile of Fisher's distribution. It supposes
disturbances that are independent from step to step, of one distribution, with mean 0; they need
not be normal.

*Scenario bound* (Calafiore, Campi 2006): where d half-widths are the smallest that cover N
independent samples, a fresh one exceeds them with at most the probability epsilon, with confidence
1 - beta, where

    sum_{i < d} binomial(N, i) epsilon^i (1 - epsilon)^(N - i) = beta.
"""

from dataclasses import dataclass
import itertools

import numpy as np
from scipy import stats
from scpo_ros.arrays import Array
from scpo_ros.identification.least_squares import Fit

_VERTICES = 13  # states and inputs up to which vertices are gone through


@dataclass(frozen=True, eq=False)
class Region:
    """The joint region of the free entries."""

    centre: Array  # (p,)
    covariance: Array  # V (p, p)
    radius: float  # square root of p F(confidence; p, freedom)

    def distance(self, theta: Array) -> float:
        """Return the distance of theta (p,) from the centre over the radius: 1 at the edge."""
        units = np.sqrt(np.diag(self.covariance))
        away = (theta - self.centre) / units
        correlation = self.covariance / np.outer(units, units)
        return float(np.sqrt(away @ np.linalg.pinv(correlation, hermitian=True) @ away)
                     / self.radius)

    def contains(self, theta: Array) -> bool:
        """Return whether theta (p,) lies in the region."""
        return self.distance(theta) <= 1

    @property
    def half_widths(self) -> Array:
        """Return by how much each entry (p,) may differ from the centre."""
        widths: Array = self.radius * np.sqrt(np.diag(self.covariance))
        return widths

    def within(self, derivatives: Array, limits: Array) -> Array:
        """
        Return by how much predictions (n,) may differ anywhere within the limits.

        That is convex in z, so its largest value is at a vertex. Where these are too many, the sum
        |dA| X + |dB| U of the entries by themselves is taken, which is at least that.

        :param derivatives: (p, n, n + m) of [A, B] by theta. :param limits: (n + m,).
        """
        if len(limits) <= _VERTICES:
            half = itertools.product((-1.0, 1.0), repeat=len(limits) - 1)  # -z differs as z does
            vertices = np.array([(1.0, *signs) for signs in half]) * limits
            largest: Array = np.max(self.of_predictions(derivatives, vertices), axis=0)
            return largest
        total: Array = np.sum(self.of_predictions(derivatives, np.diag(limits)), axis=0)
        return total

    def of_predictions(self, derivatives: Array, z: Array) -> Array:
        """
        Return by how much predictions (N, n) at z (N, n + m) may differ.

        :param derivatives: (p, n, n + m) of [A, B] by theta.
        """
        columns = []
        for row in range(derivatives.shape[1]):
            slopes = z @ derivatives[:, row].T
            columns.append(np.einsum('kp,pq,kq->k', slopes, self.covariance, slopes))
        widths: Array = self.radius * np.sqrt(np.maximum(np.stack(columns, axis=1), 0.0))
        return widths


def joint_region(found: Fit, confidence: float) -> Region:
    """Return the joint region of a fit."""
    count = len(found.theta)
    quantile = stats.f.ppf(confidence, count, found.freedom)
    return Region(found.theta, found.covariance, float(np.sqrt(count * quantile)))


def scenario_probability(samples: int, widths: int, confidence: float) -> float:
    """
    Return epsilon of the scenario bound.

    :param samples: N. :param widths: d. :param confidence: 1 - beta.
    """
    if samples < widths:
        return 1.0
    return float(stats.beta.ppf(confidence, widths, samples - widths + 1))
