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

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.spatial import ConvexHull, HalfspaceIntersection, QhullError
from scpo_ros.arrays import checked
from scpo_ros.exceptions import ConfigurationError

_ZERO = 1e-12
_SETTLED = 1e-9
_SLANT = 0.1234567  # of the direction in which the first vertex is the lowest
_AT_ONCE = 16384  # numbers at once in the gauge of many points; bounds memory


@dataclass(frozen=True)
class Polytope:
    """{x : H x <= 1}, bounded, with the origin strictly inside and no redundant row."""

    H: np.ndarray  # (q, n)

    def __post_init__(self):
        """Check the rows."""
        object.__setattr__(self, 'H', checked('H', self.H, (None, None)))

    def gauge(self, x):
        """Return the Minkowski function max_j H_j x of points (..., n); at most 1 inside."""
        x = np.asarray(x)
        if x.size <= _AT_ONCE:
            return np.max(x @ self.H.T, axis=-1)
        flat = x.reshape(-1, x.shape[-1])
        parts = np.array_split(flat, -(-flat.size // _AT_ONCE))
        return np.concatenate([np.max(part @ self.H.T, axis=-1)
                               for part in parts]).reshape(x.shape[:-1])

    def contains(self, x, tolerance=1e-9):
        """Return whether points (..., n) lie inside; NaN does not."""
        return self.gauge(x) <= 1 + tolerance

    @cached_property
    def vertices(self):
        """
        Vertices (v, n); in two dimensions counter-clockwise from the one that lies lowest.

        Lowest up to a small slant, so that of two on a level rounding does not choose.
        """
        points = HalfspaceIntersection(
            np.c_[self.H, -np.ones(len(self.H))], np.zeros(self.H.shape[1])).intersections
        points = points[ConvexHull(points).vertices]
        size = np.abs(points).max(axis=0)
        lowest = np.argmin(points[:, -1] / size[-1] + _SLANT * points[:, 0] / size[0])
        return np.roll(points, -lowest, axis=0)

    @cached_property
    def volume(self):
        """Volume (area in two dimensions)."""
        return ConvexHull(self.vertices).volume

    def boundary(self, count, phase=0.5):
        """
        Return `count` points (count, 2), evenly spaced along the boundary of a 2-d set.

        :param phase: in [0, 1): shifts them by this part of their distance.
        """
        corners = np.vstack([self.vertices, self.vertices[:1]])
        lengths = np.r_[0.0, np.cumsum(np.linalg.norm(np.diff(corners, axis=0), axis=1))]
        at = (np.arange(count) + phase) / count * lengths[-1]
        return np.column_stack([np.interp(at, lengths, corners[:, i]) for i in range(2)])


def irredundant(rows):
    """Return the rows of {x : rows x <= 1} that are facets, by the hull of the polar."""
    return rows[np.sort(ConvexHull(rows).vertices)]


def eliminate_input(states, inputs, bounds):
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
    return rows[np.abs(rows).max(axis=1) > _ZERO]


def predecessor(system, rows, contraction):
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


def _reach(system, rows, contraction):
    """Return contraction - |H| wbar (q,), what is left for H (A x + B u)."""
    reach = contraction - np.abs(rows) @ system.disturbance
    if not np.all(reach > 0):
        raise ConfigurationError(
            'disturbance', system.disturbance.tolist(),
            f'must be small enough to stay inside {contraction:.4g} times the safe set')
    return reach


def contractive_set(system, contraction, iterations=2000):
    """
    Return the largest contraction-contractive robust control invariant set inside the limits.

    :param system: a :class:`LinearSystem`.
    :param contraction: lambda in (0, 1]; 1 gives the largest robust control invariant set.
    :raises ConfigurationError: when no such set with the origin inside was found, naming the
        contraction or the disturbance that is to blame.
    """
    if not 0 < contraction <= 1:
        raise ConfigurationError('contraction', contraction, 'must lie in (0, 1]')
    return _largest(system, _state_rows(system), contraction, iterations,
                    lambda rows: predecessor(system, rows, contraction))


def feedback_set(system, gain, contraction, iterations=2000):
    """
    Return the largest set that u = -K x makes contraction-contractive, within all limits.

    As :func:`contractive_set`, with Pre(C) = {x : H (A - B K) x <= contraction - |H| wbar} and
    |K x| <= input_limit besides (Gilbert, Tan 1991).

    :param gain: K (m, n).
    :raises ConfigurationError: when no such set with the origin inside was found.
    """
    closed = system.A - system.B @ gain
    scaled = gain / system.input_limit[:, None]
    limits = np.vstack([_state_rows(system), scaled, -scaled])

    def before(rows):
        return rows @ closed / _reach(system, rows, contraction)[:, None]

    return _largest(system, irredundant(limits), contraction, iterations, before)


def _state_rows(system):
    return np.vstack([np.diag(1 / system.state_limit), -np.diag(1 / system.state_limit)])


def _largest(system, rows, contraction, iterations, before):
    """Iterate C & Pre(C) until it settles. :param before: rows -> those of Pre."""
    for _ in range(iterations):
        try:
            smaller = irredundant(np.vstack([rows, before(rows)]))
        except QhullError as error:
            raise ConfigurationError(
                'contraction', contraction, 'leaves no safe set inside the limits') from error
        settled = len(smaller) == len(rows) and _same_rows(
            smaller, rows, system.state_limit)
        rows = smaller
        if settled:
            return Polytope(rows)
    raise ConfigurationError(
        'contraction', contraction,
        f'gives no safe set within {iterations} iterations: contract less, or widen the limits')


def _same_rows(first, second, size):
    """Return whether the rows agree in the gauge of states of this size (n,), _SETTLED."""
    gaps = np.max(np.abs(first[:, None] - second[None]) * np.maximum(size, 1.0), axis=-1)
    return bool(np.all(gaps.min(axis=1) <= _SETTLED))
