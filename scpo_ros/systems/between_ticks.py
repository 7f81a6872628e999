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
By how much a limit can be exceeded between two ticks at which it is kept.

The plant is x' = A x + B u with u held over a step of T. For a row F of the limits let

    phi(h) = F x(h) without the disturbance,    phi''(h) = F A e^{A h} (A x_k + B u).

A function lies above the line through its ends by at most T^2/8 times the largest |phi''|. What
the disturbance adds within a step is at most |F| wbar. At the end of the step the certificate
keeps the row whatever the disturbance is, so that F x(T) + |F| wbar is within it. So

    F x(h) <= max(F x_k, F x_{k+1}) + T^2/8 max |phi''| + |F| wbar

for every h, and limits at the ticks that are tightened by the last two terms hold between them.
Where an input acts late by a part p of the step, the old one acts until p T. That moves F x(h) by
p T max |F e^{A s} B| times the range of the inputs at most.
"""

import numpy as np
from scipy.linalg import expm
from scpo_ros.arrays import Array
from scpo_ros.systems.sampling import Sampling, STAMP_ERROR

_INSTANTS = 256  # of a step at which a bound is evaluated


def excess(rows: Array, sampling: Sampling, state_limit: Array, input_limit: Array,
           late: Array) -> Array:
    """
    Return by how much rows F (r, n) can be exceeded between two ticks, (r,).

    :param state_limit: largest |x| (n,). :param input_limit: largest |u| (m,).
    :param late: (m,), for how long the input before acts [s], times the range of the input.
    """
    A, B = sampling.A, sampling.B
    longest = sampling.dt + sampling.jitter + STAMP_ERROR * bool(sampling.jitter)
    curvature = (_largest(rows @ A, A, A, longest) @ state_limit
                 + _largest(rows @ A, A, B, longest) @ input_limit)
    found: Array = (longest**2 / 8 * curvature + np.abs(rows) @ sampling.bound(longest)
                    + _largest(rows, A, B, longest) @ late)
    return found


def _largest(left: Array, A: Array, right: Array, duration: float) -> Array:
    """
    Return an upper bound of max |left e^{A s} right| over 0 <= s <= duration, entry by entry.

    The largest of the middles of many intervals, and what the derivative adds over half of one.
    """
    width = duration / _INSTANTS
    step, product = expm(width * A), expm(width / 2 * A) @ right
    found = np.zeros((len(left), right.shape[1]))
    for _ in range(_INSTANTS):
        found = np.maximum(found, np.abs(left @ product))
        product = step @ product
    steepest = np.abs(left @ A) @ expm(duration * np.abs(A)) @ np.abs(right)
    bound: Array = found + width / 2 * steepest
    return bound
