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
Sampling of a continuous model in steps that need not be exactly dt.

The plant is x' = A_c x + B_c u with u held over a step. A step of length h maps x to
A(h) x + B(h) u, where

    [A(h), B(h); 0, I] = expm(h [A_c, B_c; 0, 0]).

Stamps of a real driver leave the grid by up to `jitter`, so h lies in [dt - jitter, dt + jitter].
The certificates know one model, that of h = dt. What another h changes is part of *their*
disturbance: with M = [|A_c|, |B_c|; 0, 0] and D = expm((dt + jitter) M) - expm(dt M),

    |(A(h) - A(dt)) x + (B(h) - B(dt)) u| <= D_A X + D_B U    for all |x| <= X, |u| <= U,

since the derivative of expm(h [A_c, B_c; 0, 0]) is at most that of expm(h M), entry by entry, and
that grows with h. The disturbance itself acts for up to dt + jitter instead of dt.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import expm
from scpo_ros.arrays import Array, checked
from scpo_ros.exceptions import ConfigurationError


STAMP_ERROR = 1e-6  # stamps of this day, as floating-point seconds, differ by less than this [s]


@dataclass(frozen=True)
class Sampling:
    """
    A continuous model, its step, and by how much a step may be longer or shorter.

    :raises InvalidArrayError: for a wrong shape or a non-finite entry.
    :raises ConfigurationError: for a jitter that is negative or not below dt / 4: two states must
        not be taken for three.
    """

    A: Array  # (n, n), of the continuous model [1/s]
    B: Array  # (n, m)
    dt: float  # nominal step [s]
    jitter: float  # largest |h - dt| [s]
    disturbance: Array  # (n,), half-widths of w over a step of dt, units of x

    def __post_init__(self) -> None:
        """Check shapes and the jitter."""
        n = np.shape(self.A)[0]
        for name, shape in (('A', (n, n)), ('B', (n, None)), ('disturbance', (n,))):
            object.__setattr__(self, name, checked(name, getattr(self, name), shape))
        if not 0 <= self.jitter < self.dt / 4:
            raise ConfigurationError(
                'sample_jitter', self.jitter, f'must lie in [0, dt / 4) = [0, {self.dt / 4:g})')

    def held(self, duration: float) -> tuple[Array, Array]:
        """Return A(h) (n, n) and B(h) (n, m) of a step of the given length h [s]."""
        return self._exponential(self.A, self.B, duration)

    def bound(self, duration: float) -> Array:
        """Return the half-widths (n,) of w over a step of the given length [s]."""
        return self.disturbance * max(1.0, duration / self.dt)

    def certified_disturbance(self, state_limit: Array,
                              input_limit: Array) -> Array:
        """
        Return the half-widths (n,) that cover w and every admitted length of a step.

        :param state_limit: X (n,). :param input_limit: U (m,).
        """
        if self.jitter == 0:
            return self.disturbance
        longest = self.dt + self.jitter + STAMP_ERROR
        A, B = (late - early for late, early in zip(
            self._exponential(abs(self.A), abs(self.B), longest),
            self._exponential(abs(self.A), abs(self.B), self.dt)))
        return self.bound(longest) + A @ np.asarray(state_limit) + B @ np.asarray(input_limit)

    def late(self, part: float) -> Array:
        """
        Return B_1 (n, m): what an input does over the first part of a step, at its end.

        B_1 = A((1 - part) dt) B(part dt) = B(dt) - B((1 - part) dt).
        """
        difference: Array = self.held(self.dt)[1] - self.held((1 - part) * self.dt)[1]
        return difference

    def late_disturbance(self, part: float, input_range: Array) -> Array:
        """
        Return the half-widths (n,) of what inputs that act late by a part of a step change.

        The model takes u_k for the whole step. Over its first part u_{k-1} acts, so the state is
        off by B_1 (u_{k-1} - u_k). Over a step of another length B_1 differs by at most twice
        what B differs by.

        :param input_range: largest |u_k - u_{k-1}| (m,).
        """
        widths = np.abs(self.late(part))
        if part and self.jitter:
            longest = self.dt + self.jitter + STAMP_ERROR
            late, early = (self._exponential(abs(self.A), abs(self.B), duration)[1]
                           for duration in (longest, self.dt))
            widths = widths + 2 * (late - early)
        found: Array = widths @ input_range
        return found

    @staticmethod
    def _exponential(A: Array, B: Array, duration: float) -> tuple[Array, Array]:
        n, m = B.shape
        whole = expm(duration * np.block([[A, B], [np.zeros((m, n + m))]]))
        return whole[:n, :n], whole[:n, n:]
