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
Contractive robust control invariant polytopes.

For the system x+ = A x + B u + w, a set C = {x : H x <= 1} is lambda-contractive when for every x
in C some admissible u keeps A x + B u + w in lambda C for all |w| <= wbar, that is

    H (A x + B u) <= lambda - |H| wbar        (entry by entry).

The largest such set inside the state limits X is the limit of C_0 = X, C_{i+1} = Pre(C_i) & X
(Blanchini, Miani, *Set-Theoretic Methods in Control*). Pre eliminates u by Fourier-Motzkin;
redundant facets are removed exactly: a facet is irredundant when its normal is a vertex of the
polar polytope, the convex hull of the rows of H.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.spatial import ConvexHull, HalfspaceIntersection, QhullError
from scpo_ros.arrays import Array, Booleans, checked
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.sets.directions import directions
from scpo_ros.sets.units import in_units, units_of
from scpo_ros.systems.linear_system import LinearSystem

_ZERO = 1e-12
_SETTLED = 1e-9
_SLANT = 0.1234567  # of the direction in which the first vertex is the lowest
_AT_ONCE = 16384  # numbers at once in the gauge of many points; bounds memory


@dataclass(frozen=True)
class Polytope:
    """{x : H x <= 1}, bounded, with the origin strictly inside and no redundant row."""

    H: Array  # (q, n)

    def __post_init__(self) -> None:
        """Check the rows."""
        object.__setattr__(self, 'H', checked('H', self.H, (None, None)))

    def gauge(self, x: Array) -> Array:
        """Return the Minkowski function max_j H_j x of points (..., n); at most 1 inside."""
        x = np.asarray(x)
        if x.size <= _AT_ONCE:
            largest: Array = np.max(x @ self.H.T, axis=-1)
            return largest
        flat = x.reshape(-1, x.shape[-1])
        parts = np.array_split(flat, -(-flat.size // _AT_ONCE))
        return np.concatenate([np.max(part @ self.H.T, axis=-1)
                               for part in parts]).reshape(x.shape[:-1])

    def contains(self, x: Array, tolerance: float = 1e-9) -> Booleans:
        """Return whether points (..., n) lie inside; NaN does not."""
        return self.gauge(x) <= 1 + tolerance

    @cached_property
    def vertices(self) -> Array:
        """
        Vertices (v, n); in two dimensions counter-clockwise from the one that lies lowest.

        Lowest up to a small slant, so that of two on a level rounding does not choose.
        """
        units = units_of(1 / np.abs(self.H).max(axis=0))
        points = HalfspaceIntersection(
            np.c_[self.H * units, -np.ones(len(self.H))], np.zeros(self.H.shape[1])).intersections
        points = points[ConvexHull(points).vertices] * units
        size = np.abs(points).max(axis=0)
        lowest = np.argmin(points[:, -1] / size[-1] + _SLANT * points[:, 0] / size[0])
        return np.roll(points, -lowest, axis=0)

    @cached_property
    def volume(self) -> float:
        """Volume (area in two dimensions)."""
        return float(ConvexHull(self.vertices).volume)

    @cached_property
    def box(self) -> tuple[Array, Array]:
        """Return the lower and the upper corner (n,) of the smallest box around the set."""
        return self.vertices.min(axis=0), self.vertices.max(axis=0)

    def boundary(self, count: int, phase: float = 0.5) -> Array:
        """
        Return `count` points (count, n) of the boundary.

        In two dimensions they are evenly spaced along it. With more they lie in directions that
        fill the sphere evenly, in units of the box around the set.

        :param phase: in [0, 1): shifts them by this part of their distance.
        """
        if self.H.shape[1] == 2:
            return self._along_the_edges(count, phase)
        points = directions(count, self.H.shape[1], phase) * np.max(np.abs(self.box), axis=0)
        scaled: Array = points / self.gauge(points)[:, None]
        return scaled

    def _along_the_edges(self, count: int, phase: float) -> Array:
        corners = np.vstack([self.vertices, self.vertices[:1]])
        lengths = np.r_[0.0, np.cumsum(np.linalg.norm(np.diff(corners, axis=0), axis=1))]
        at = (np.arange(count) + phase) / count * lengths[-1]
        return np.column_stack([np.interp(at, lengths, corners[:, i]) for i in range(2)])


def irredundant(rows: Array) -> Array:
    """Return the rows of {x : rows x <= 1} that are facets, by the hull of the polar."""
    units = units_of(np.abs(rows).max(axis=0))
    facets: Array = rows[np.sort(ConvexHull(rows / units).vertices)]
    return facets


def eliminate_input(states: Array, inputs: Array, bounds: Array) -> Array:
    """
    Project {(x, u) : states x + inputs u <= bounds} onto x, one input after the other.

    Fourier-Motzkin: every row that bounds u from above is paired with every one from below.

    :param states: (q, n). :param inputs: (q, m). :param bounds: (q,), positive.
    :returns: rows (q', n) of {x : rows x <= 1}.
    """
    while inputs.shape[1]:
        weight = inputs[:, 0]
        up, down = weight > _ZERO, weight < -_ZERO
        table = np.column_stack([states, inputs[:, 1:], bounds])
        scaled_up, scaled_down = table[up] / weight[up, None], table[down] / -weight[down, None]
        pairs = (scaled_up[:, None] + scaled_down[None]).reshape(-1, table.shape[1])
        table = np.vstack([table[~(up | down)], pairs])
        n = states.shape[1]
        states, inputs, bounds = table[:, :n], table[:, n:-1], table[:, -1]
    rows = states / bounds[:, None]
    kept: Array = rows[np.abs(rows).max(axis=1) > _ZERO]
    return kept


def predecessor(system: LinearSystem, rows: Array, contraction: float) -> Array:
    """
    Return the states from which some input reaches `contraction` times the set for all w.

    :raises ConfigurationError: when the disturbance alone leaves the contracted set.
    """
    reach = _reach(system, rows, contraction)
    identity = np.diag(1 / system.input_limit)
    zeros = np.zeros((2 * system.m, system.n))
    return eliminate_input(
        np.vstack([rows @ system.A, zeros]),
        np.vstack([rows @ system.B, identity, -identity]),
        np.r_[reach, np.ones(2 * system.m)])


def _reach(system: LinearSystem, rows: Array, contraction: float) -> Array:
    """Return contraction - |H| wbar (q,), what is left for H (A x + B u)."""
    reach = contraction - np.abs(rows) @ system.disturbance
    if not np.all(reach > 0):
        raise ConfigurationError(
            'disturbance', system.disturbance.tolist(),
            f'must be small enough to stay inside {contraction:.4g} times the safe set')
    return reach


def contractive_set(system: LinearSystem, contraction: float,
                    iterations: int = 2000) -> Polytope:
    """
    Return the largest contraction-contractive robust control invariant set inside the limits.

    :param system: a :class:`LinearSystem`.
    :param contraction: lambda in (0, 1]; 1 gives the largest robust control invariant set.
    :raises ConfigurationError: when no such set with the origin inside was found, naming the
        contraction or the disturbance that is to blame.
    """
    if not 0 < contraction <= 1:
        raise ConfigurationError('contraction', contraction, 'must lie in (0, 1]')
    scaled, units = in_units(system)
    return _largest(scaled, _state_rows(scaled), contraction, iterations,
                    lambda rows: predecessor(scaled, rows, contraction), units)


def feedback_set(system: LinearSystem, gain: Array, contraction: float,
                 iterations: int = 2000) -> Polytope:
    """
    Return the largest set that u = -K x makes contraction-contractive, within all limits.

    As :func:`contractive_set`, with Pre(C) = {x : H (A - B K) x <= contraction - |H| wbar} and
    |K x| <= input_limit besides (Gilbert, Tan 1991).

    :param gain: K (m, n).
    :raises ConfigurationError: when no such set with the origin inside was found.
    """
    scaled, units = in_units(system)
    closed = (system.A - system.B @ gain) / units[:, None] * units
    kept = gain / system.input_limit[:, None] * units
    limits = np.vstack([_state_rows(scaled), kept, -kept])

    def before(rows: Array) -> Array:
        return rows @ closed / _reach(scaled, rows, contraction)[:, None]

    return _largest(scaled, irredundant(limits), contraction, iterations, before, units)


def _state_rows(system: LinearSystem) -> Array:
    return np.vstack([np.diag(1 / system.state_limit), -np.diag(1 / system.state_limit)])


def _largest(system: LinearSystem, rows: Array, contraction: float, iterations: int,
             before: Callable[[Array], Array], units: Array) -> Polytope:
    """
    Iterate C & Pre(C) until it settles.

    :param before: rows -> those of Pre. :param units: of the states (n,), in which all this is.
    """
    for _ in range(iterations):
        try:
            smaller = irredundant(np.vstack([rows, before(rows)]))
        except QhullError as error:
            raise ConfigurationError(
                'contraction', contraction, 'leaves no safe set inside the limits') from error
        except ConfigurationError as error:
            raise ConfigurationError(
                error.name, (system.disturbance * units).tolist(), error.rule) from error
        settled = len(smaller) == len(rows) and _same_rows(
            smaller, rows, system.state_limit)
        rows = smaller
        if settled:
            return Polytope(rows / units)
    raise ConfigurationError(
        'contraction', contraction,
        f'gives no safe set within {iterations} iterations: contract less, or widen the limits')


def _same_rows(first: Array, second: Array, size: Array) -> bool:
    """Return whether the rows agree in the gauge of states of this size (n,), _SETTLED."""
    gaps = np.max(np.abs(first[:, None] - second[None]) * np.maximum(size, 1.0), axis=-1)
    return bool(np.all(gaps.min(axis=1) <= _SETTLED))
