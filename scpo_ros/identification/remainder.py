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
What the residuals are besides a disturbance: friction, offset, outliers, memory.

None of it is taken away: all of it goes into the half-widths of the disturbance. It is named, so
that the robot can be mended or the recording looked at.
"""

from dataclasses import dataclass

import numpy as np
from scpo_ros.arrays import Array, Booleans
from scpo_ros.identification.least_squares import Fit
from scpo_ros.identification.transitions import Effect, Transitions

_CLEAR = 4.0  # standard deviations of an effect that is there
_OUTLIER = 6.0  # robust standard deviations
_NORMAL = 1.4826  # standard deviation of normal numbers over the median of their sizes
_MEMORY = 0.1  # correlation of neighbouring residuals that is told


@dataclass(frozen=True)
class Outlier:
    """A transition whose residual is far larger than the others of its row."""

    place: str  # of the state before
    row: int
    residual: float  # units of x per step
    times: float  # over the robust standard deviation of the row


def clear_effects(found: Fit, data: Transitions) -> list[Effect]:
    """Return the effects that some row clearly has."""
    errors = np.where(found.effect_errors > 0, found.effect_errors, np.inf)
    there = np.any(np.abs(found.effects) > _CLEAR * errors, axis=0)
    return [effect for effect, clear in zip(data.effects, there) if clear]


@dataclass(frozen=True)
class Missing:
    """A dependence that the residuals of a row show, and that the draft holds at 0."""

    row: int
    column: int  # of [A, B]
    size: float  # of what it does with the regressor at its limit, units of x per step


def missing_entries(found: Fit, data: Transitions, free: Booleans, limits: Array
                    ) -> list[Missing]:
    """
    Return the entries that are not free and clearly there.

    :param free: (n, n + m). :param limits: (n + m,), of states and inputs.
    """
    regressors = np.hstack([data.z / limits, data.f])
    inverse = np.linalg.pinv(regressors.T @ regressors, hermitian=True)
    slopes = inverse @ (regressors.T @ found.residuals)
    errors = np.sqrt(np.maximum(np.diag(inverse), 0.0))[:, None] * found.sizes
    usual = np.median(np.abs(found.residuals), axis=0)
    listed = []
    for row, column in np.argwhere(~free).tolist():
        size = float(slopes[column, row])
        if abs(size) > max(_CLEAR * errors[column, row], usual[row]):
            listed.append(Missing(row, column, size))
    return listed


def outliers(found: Fit, data: Transitions) -> list[Outlier]:
    """Return the outliers, the largest first."""
    sizes = np.abs(found.residuals)
    robust = np.maximum(_NORMAL * np.median(sizes, axis=0), found.sizes / 2)
    times = sizes / robust
    there = sorted(np.argwhere(times > _OUTLIER).tolist(), key=lambda at: -times[at[0], at[1]])
    return [Outlier(data.places[k], row, float(found.residuals[k, row]), float(times[k, row]))
            for k, row in there]


def memory(found: Fit, data: Transitions) -> Array:
    """Return the correlation (n,) of neighbouring residuals; 0 where it is not clear."""
    together = data.run[1:] == data.run[:-1]
    before, after = found.residuals[:-1][together], found.residuals[1:][together]
    product = np.mean(before * after, axis=0) if len(before) else np.zeros(len(found.sizes))
    correlation = product / found.sizes**2
    clear = np.abs(correlation) > max(_MEMORY, _CLEAR / np.sqrt(max(len(before), 1)))
    return np.where(clear, correlation, 0.0)
