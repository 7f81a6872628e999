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
The projection of a raw step onto the local safe region, as a problem.

    minimise b'G b - 2 l'b   subject to   gbar_i(b) <= c_i,  ||b|| <= R

with G = Q'MQ and l = Q'M s. Up to a constant the objective is ||Q b - s||_M^2.
:mod:`scpo_ros.scpo.projection` solves it, :mod:`scpo_ros.scpo.certificate` checks an answer.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias

import numpy as np
from scpo_ros.arrays import Array, checked, frozen
from scpo_ros.exceptions import InvalidArrayError
from scpo_ros.scpo.local_safe_region import LocalSafeRegion


# Relative size of the rounding that is forgiven in the symmetry and definiteness of G.
ROUNDING = 1e-9
# Largest relative difference of G to a multiple of I that the certificate may take for rounding.
ISOTROPY = 1e-12
_EPSILON = float(np.finfo(float).eps)
# Raw steps so long that their square overflows are malformed.
LONGEST = 1e150

MetricProduct: TypeAlias = Callable[[Array], Array]  # V (d, m) -> M V (d, m)
StepMetric: TypeAlias = Array | MetricProduct | None  # M; None is the identity


def checked_metric(metric: StepMetric, size: int) -> StepMetric:
    """
    Return a metric as it came, an array after checking it.

    :raises InvalidArrayError: for an array that is not (d, d), finite and symmetric.
    """
    if metric is None or callable(metric):
        return metric
    metric = checked('metric', metric, (size, size))
    if not np.all(np.abs(metric - metric.T) <= ROUNDING * np.max(np.abs(metric))):
        raise InvalidArrayError('metric', metric, 'must be symmetric')
    return metric


def metric_terms(basis: Array, raw_step: Array, metric: StepMetric = None) -> tuple[Array, Array]:
    """
    Return G = Q'MQ (n, n) and l = Q'M s (n,); nothing else of M is ever formed.

    :param basis: Q (d, n).
    :param raw_step: s (d,).
    :param metric: None for M = I, an array (d, d), or a callable V (d, m) -> M V (d, m).
    :raises InvalidArrayError: if the metric gives the wrong shape or non-finite numbers.
    """
    if metric is None:
        return basis.T @ basis, basis.T @ raw_step
    vectors = np.column_stack([basis, raw_step])
    product = metric(vectors) if callable(metric) else metric @ vectors
    product = checked('metric product', product, vectors.shape)
    gram = basis.T @ product[:, :-1]
    return gram, basis.T @ product[:, -1]


@dataclass(frozen=True, eq=False)
class ProjectionProblem:
    """The convex QCQP in the n coordinates b of the sampled subspace."""

    gram: Array                          # (n, n) G, symmetric positive semidefinite
    linear: Array                        # (n,) l
    region: LocalSafeRegion
    least: float = field(init=False)     # smallest eigenvalue of G
    isotropic: bool = field(init=False)  # whether G is a multiple of the identity

    def __post_init__(self) -> None:
        """
        Check shapes, symmetry and definiteness; rounding is repaired, at its own size.

        :raises InvalidArrayError: if the gram matrix is no metric, or l absurdly long.
        """
        count = self.region.slope.shape[1]
        gram = checked('gram', self.gram, (count, count))
        largest = np.abs(gram).max()
        if not np.abs(gram - gram.T).max() <= ROUNDING * largest:
            raise InvalidArrayError('gram', gram, 'must be symmetric')
        isotropic = _isotropic(gram)
        least = gram.diagonal().min() if isotropic else np.linalg.eigvalsh(gram)[0]
        if not least >= -count * ROUNDING * largest:
            raise InvalidArrayError('gram', least, 'must have no negative eigenvalue')
        lift = max(-least, 0.0) + 4.0 * count * _EPSILON * largest
        gram = 0.5 * (gram + gram.T)
        gram.flat[::count + 1] += lift
        object.__setattr__(self, 'gram', frozen(gram))
        object.__setattr__(self, 'least', least + lift)
        object.__setattr__(self, 'isotropic', isotropic)
        linear = checked('linear', self.linear, (count,))
        if not np.max(np.abs(linear), initial=0.0) <= LONGEST:
            raise InvalidArrayError('linear', linear, f'must not be longer than {LONGEST}')
        object.__setattr__(self, 'linear', linear)

    def objective(self, b: Array) -> float:
        """Return b'G b - 2 l'b, the change of the model against b = 0."""
        return float(b.dot(self.gram.dot(b)) - 2.0 * self.linear.dot(b))

    @cached_property
    def scale(self) -> float:
        """
        Return the gain within R, the unit in which the duality gap is measured.

        It is what the step would gain without constraints (exactly so for G = I).
        """
        return self.gain(self.region.trust_radius)

    def gain(self, radius: float) -> float:
        """Return the decrease of the objective at the Cauchy point: along l, within a radius."""
        length = np.sqrt(self.linear.dot(self.linear))
        if not length > 0:
            return 0.0
        unit = self.linear / length
        curvature = float(unit.dot(self.gram.dot(unit)))
        reach = radius if curvature * radius <= length else length / curvature
        return float(reach * (2.0 * length - reach * curvature))

    @cached_property
    def reach(self) -> float:
        """Return min(R, 2 ||l|| / lambda_min(G)): no longer b is better than b = 0."""
        least = self.least
        length = 2.0 * np.sqrt(self.linear @ self.linear)
        radius = self.region.trust_radius
        return float(radius if least * radius <= length else length / least)

    @property
    def feasible_at_rest(self) -> bool:
        """Return whether b = 0 satisfies every constraint strictly (Slater)."""
        return bool(np.all(self.region.slack > 0))


def _isotropic(gram: Array) -> bool:
    """Return whether a matrix is a multiple of the identity, to rounding."""
    diagonal = gram.diagonal()
    mean = diagonal.sum() / len(gram)
    apart = np.abs(gram).sum() - np.abs(diagonal).sum()
    return bool(mean > 0 and max(np.abs(diagonal - mean).max(), apart) <= ISOTROPY * mean)
