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

"""The constraint |pi_theta(x)| <= limit on an interval, by evaluation of the policy alone."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.experiments.regression_network import TanhNetwork


def cell_maxima(values: Array) -> Array:
    """
    Return the maxima of quadratic interpolants over the cells around equidistant points.

    Around point j, with t in [-1/2, 1/2] counting spacings, the interpolant of three neighbours is
    p_j + s t + c t^2 / 2, s = (p_{j+1} - p_{j-1}) / 2, c = p_{j+1} - 2 p_j + p_{j-1}.

    :param values: p (..., N + 2), the first and the last only as neighbours.
    :returns: (..., N).
    """
    left, middle, right = values[..., :-2], values[..., 1:-1], values[..., 2:]
    slope, curvature = 0.5 * (right - left), right - 2.0 * middle + left
    steepness = np.abs(slope)
    inside = steepness < -0.5 * curvature
    peak = -0.5 * slope ** 2 / np.where(inside, curvature, 1.0)
    return middle + np.where(inside, peak, 0.5 * steepness + 0.125 * curvature)


@dataclass(frozen=True)
class OutputBound:
    """
    Safety metrics of |pi_theta(x)| <= limit for all x in [-half_width, half_width], output units.

    *Verification* proves it. Between two neighbours of an enforced grid with spacing h a curve
    with |pi''| <= C is at most C h^2 / 8 above the larger of the two, so that

        |pi_theta(x_j)| + C(theta) h^2 / 8 - limit <= 0    at every x_j of the grid

    implies the bound at every x. *Design*, what the projection plans with, is coarser: groups of
    cells, each with its largest interpolated pi_theta and its largest -pi_theta.
    """

    network: TanhNetwork
    limit: float          # of |pi|, output units
    half_width: float     # of the interval of inputs
    groups: int           # k / 2, metrics for each of the two signs
    cells: int            # of a group
    refinement: int       # enforced inputs to one cell; even: the middle of a cell is enforced
    interpolation: float  # allowance for the error of the interpolants, output units

    @cached_property
    def enforced(self) -> Array:
        """Return the enforced inputs (N,), a uniform grid that holds both ends."""
        count = self.groups * self.cells * self.refinement
        return np.linspace(-self.half_width, self.half_width, count + 1)

    @cached_property
    def middles(self) -> Array:
        """Return the middles of the cells, and one more beyond each end, (groups cells + 2,)."""
        count = self.groups * self.cells
        return self.half_width * ((2.0 * np.arange(-1, count + 1) + 1.0) / count - 1.0)

    def slack(self, theta: Array) -> float:
        """Return C(theta) h^2 / 8, how far |pi| can rise between two enforced inputs."""
        spacing = 2.0 * self.half_width / (len(self.enforced) - 1)
        return self.network.curvature_bound(theta) * spacing ** 2 / 8.0

    def design(self, thetas: Array) -> Array:
        """Return the design metrics (m, 2 groups) of policies (m, d)."""
        return np.array([self._design(theta) for theta in thetas])

    def _design(self, theta: Array) -> Array:
        values = self.network.output(theta, self.middles)
        highest = cell_maxima(np.stack([values, -values])).reshape(2, self.groups, self.cells)
        allowance = self.slack(theta) + self.interpolation - self.limit
        largest: Array = (highest.max(axis=2) + allowance).reshape(-1)
        return largest

    def verify(self, thetas: Array) -> Array:
        """Return the verification metrics (m, N) of policies (m, d), one an enforced input."""
        largest: Array = np.array([
            np.abs(self.network.output(theta, self.enforced)) + self.slack(theta)
            for theta in thetas])
        return largest - self.limit
