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

"""The local safe region: a convex inner approximation of {g <= c} around the present policy."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scpo_ros.arrays import Array, checked, frozen
from scpo_ros.exceptions import InvalidValueError

_ULPS = (0.0, *(2.0 ** np.arange(53)).tolist())  # by which a rounded step is pulled in


def planning_target(g: Array, accept_margin: float, plan_margin: float) -> Array:
    """
    Return c_i = max(-m_plan, (g_i - m_acc) / 2), the level that a plan must keep gbar_i below.

    A policy with g_i < -m_acc has g_i < c_i <= -m_acc: standing still is strictly feasible
    (Slater), and whatever keeps gbar_i <= c_i is acceptable wherever gbar_i bounds g_i.

    :param g: metrics (k,) of the present policy.
    :param accept_margin: m_acc, metric units.
    :param plan_margin: m_plan > m_acc, metric units.
    """
    return np.maximum(-plan_margin, 0.5 * (g - accept_margin))


def terms_of(b: Array) -> Array:
    """Return (n + 2,) the terms (b, ||b||_1, ||b||^2 / 2) of which constraints are made."""
    n = len(b)
    terms = np.empty(n + 2)
    terms[:n], terms[n], terms[n + 1] = b, np.sign(b).dot(b), 0.5 * b.dot(b)
    return terms


@dataclass(frozen=True, eq=False)
class LocalSafeRegion:
    """
    {b : gbar_i(b) <= c_i for all i, ||b|| <= R} for steps y = Q b with orthonormal Q.

    gbar_i(b) = g_i + slope_i'b + (L_i / 2) (r ||b||_1 + ||b||^2) + (2 nu / r) ||b||_1

    If g_i is L_i-smooth on ||y|| <= R, gbar_i(b) >= g_i(theta + Q b) there: the first L_i term
    pays for slopes that are differences of samples, the second for curvature
    (docs/derivation.md). With noise nu > 0 the value g_i is itself measured only to within nu.
    """

    g: Array             # (k,) metrics measured at theta
    slope: Array         # (k, n) delta_ij / r
    smoothness: Array    # (k,) L_i >= 0
    radius: float        # r > 0, length of the sampled perturbations
    trust_radius: float  # R >= r
    noise: float         # nu >= 0, largest error of one evaluation, metric units
    target: Array        # (k,) c_i

    def __post_init__(self) -> None:
        """
        Check shapes and ranges and freeze the arrays.

        :raises InvalidArrayError: for shapes that disagree or entries that are not finite.
        :raises InvalidValueError: for constants out of range.
        """
        count = np.size(self.g)
        shapes = {'g': (count,), 'slope': (count, None), 'smoothness': (count,),
                  'target': (count,)}
        for name, shape in shapes.items():
            object.__setattr__(self, name, checked(name, getattr(self, name), shape))
        if not np.all(self.smoothness >= 0):
            raise InvalidValueError('smoothness', self.smoothness.min(), 'must not be negative')
        if not 0 < self.radius <= self.trust_radius < np.inf:
            raise InvalidValueError(
                'radius and trust_radius', (self.radius, self.trust_radius),
                'must satisfy 0 < radius <= trust_radius < infinity')
        if not 0 <= self.noise < np.inf:
            raise InvalidValueError('noise', self.noise, 'must be finite and not negative')

    @cached_property
    def sampling_weight(self) -> Array:
        """Return (k,) the weights L_i r / 2 + 2 nu / r of ||b||_1, the price of sampling."""
        return frozen(0.5 * self.radius * self.smoothness + 2.0 * self.noise / self.radius)

    @cached_property
    def slack(self) -> Array:
        """Return (k,) c - g, the room of b = 0: positive where b = 0 is strictly feasible."""
        with np.errstate(over='ignore'):
            return frozen(self.target - self.g)

    @cached_property
    def longest(self) -> float:
        """
        Return a length that no feasible b exceeds, by each constraint alone and R.

        As ||b||_1 >= ||b||, gbar_i(b) >= g_i - (||slope_i|| - w_i) ||b|| + (L_i / 2) ||b||^2.
        """
        with np.errstate(all='ignore'):
            fall = np.linalg.norm(self.slope, axis=1) - self.sampling_weight
            root = np.sqrt(fall * fall + 2.0 * self.smoothness * self.slack)
            lengths = np.where(fall > 0, (fall + root) / self.smoothness,
                               2.0 * self.slack / (root - fall))
        return float(np.fmin(self.trust_radius, np.fmin.reduce(lengths)))

    @cached_property
    def rows(self) -> Array:
        """Return (k, n + 2) the factors of (b, ||b||_1, ||b||^2 / 2) in gbar(b) - g."""
        count, n = self.slope.shape
        rows = np.empty((count, n + 2))
        rows[:, :n] = self.slope
        rows[:, n], rows[:, n + 1] = self.sampling_weight, self.smoothness
        rows.setflags(write=False)
        return rows

    def bound(self, b: npt.ArrayLike) -> Array:
        """
        Return gbar(b).

        :param b: coordinates (n,), or a batch (m, n).
        :returns: (k,), or (m, k).
        """
        b = np.asarray(b, dtype=np.float64)
        if b.ndim == 1:
            above: Array = self.rows.dot(terms_of(b))
            return self.g + above
        length = np.sum(np.abs(b), axis=-1, keepdims=True)
        square = np.sum(b * b, axis=-1, keepdims=True)
        bounds: Array = (self.g + b @ self.slope.T + self.sampling_weight * length
                         + 0.5 * self.smoothness * square)
        return bounds

    def violation(self, b: Array) -> float:
        """Return max(max_i gbar_i(b) - c_i, ||b|| - R): at most 0 exactly inside, NaN for NaN."""
        with np.errstate(invalid='ignore', over='ignore'):
            return float(np.maximum((self.bound(b) - self.target).max(),
                                    np.sqrt(b.dot(b)) - self.trust_radius))

    def contains(self, b: Array) -> bool:
        """Return whether b lies inside, in floating point without any tolerance."""
        return bool(self.violation(b) <= 0.0)

    def required_smoothness(self, b: Array, observed: npt.ArrayLike) -> Array:
        """
        Return (k,) the smallest L_i >= 0 with gbar_i(b) >= observed_i (infinite if none does).

        :param b: the step tried (n,).
        :param observed: metrics (k,) measured at theta + Q b.
        """
        length, square = np.sum(np.abs(b)), np.sum(b * b)
        flat = self.g + self.slope @ b + 2.0 * self.noise / self.radius * length
        price = 0.5 * (self.radius * length + square)
        with np.errstate(divide='ignore', invalid='ignore', over='ignore'):
            above = np.asarray(observed) - flat
            return np.where(above <= 0.0, 0.0, above / price)


def pulled_in(region: LocalSafeRegion, b: Array) -> tuple[Array, float]:
    """
    Return (s b, its violation) with the largest s in (0, 1] that is feasible in floating point.

    Along the ray every constraint is a quadratic A s^2 + B s + C <= 0 with A >= 0 > C; its root
    is -2 C / (B + sqrt(B^2 - 4 A C)). What rounding leaves over is removed in growing ulps.

    :param region: a region that has b = 0 strictly inside.
    :param b: finite (n,).
    """
    terms, slack = terms_of(b), region.slack
    half, terms[-1] = terms[-1], 0.0
    flat = region.rows.dot(terms)
    with np.errstate(divide='ignore', over='ignore', invalid='ignore'):
        root = 2.0 * slack / (flat + np.sqrt(flat * flat + 4.0 * half * region.smoothness * slack))
        ball = region.trust_radius / np.sqrt(2.0 * half)
    scale = np.fmin(1.0, np.fmin(ball, np.fmin.reduce(root)))
    for ulps in _ULPS:
        inside = max(scale * (1.0 - ulps * 2.0 ** -52), 0.0) * b
        violation = region.violation(inside)
        if violation <= 0.0:
            return inside, violation
    return np.zeros_like(b), region.violation(np.zeros_like(b))
