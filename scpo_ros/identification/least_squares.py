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
Structured least squares: the free entries that explain the recorded steps best.

    minimise  sum_k sum_i  (x+ - A(theta) x - B(theta) u - C f)_i^2 / s_i^2

over theta and C, where s_i is the size of the remainder of row i, found by repetition. Solved by
Gauss-Newton: A(theta) and B(theta) over a step are nearly linear in the entries of continuous
dynamics, and linear in those of discrete ones.

The remainder of a step may be correlated between rows, not between steps. With the estimate S of
its covariance, M = sum_k J_k' W J_k and W = diag(1 / s^2), theta has the covariance

    M^-1 (sum_k J_k' W S W J_k) M^-1.
"""

from dataclasses import dataclass

import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.identification.free_entries import FreeEntries
from scpo_ros.identification.insufficient import InsufficientDataError
from scpo_ros.identification.transitions import Transitions
from scpo_ros.tolerances import STATE

_ROUNDS = 100
_SETTLED = 1e-3  # relative change of the sizes of the remainders
_SINGULAR = 1e-13  # eigenvalues of M with a diagonal of ones below this, over the largest, are 0


@dataclass(frozen=True, eq=False)
class Fit:
    """What least squares found."""

    theta: Array  # (p,), free entries
    step: Array  # (n, n + m), [A, B] of a step
    effects: Array  # C (n, number of effects), units of x per step
    residuals: Array  # (N, n), what is left of each step, effects taken off
    derivatives: Array  # (p, n, n + m) of [A, B] of a step
    covariance: Array  # (p, p) of theta
    effect_errors: Array  # (n, number of effects), standard deviations of C
    spread: Array  # S (n, n), covariance of the residuals
    freedom: int  # degrees of freedom of S

    @property
    def sizes(self) -> Array:
        """Return the standard deviations (n,) of the residuals."""
        return np.sqrt(np.diag(self.spread))

    def model_residuals(self, data: Transitions) -> Array:
        """Return x+ - A x - B u (N, n), effects included: what a model without them leaves."""
        left: Array = data.following - data.z @ self.step.T
        return left


def fit(entries: FreeEntries, data: Transitions, scale: Array) -> Fit:
    """
    Return the fit of the free entries to transitions.

    :param scale: (n,), limits of the states; remainders below rounding of these count as that.
    :raises InsufficientDataError: for too few transitions, or entries that do not settle.
    """
    freedom = data.count - entries.largest_row - data.f.shape[1]
    if freedom < 1:
        raise InsufficientDataError(f'{data.count} transitions are too few')
    regressors = data.regressors
    gram = regressors.T @ regressors
    theta, effects = entries.start, np.zeros((len(scale), data.f.shape[1]))
    sizes = np.zeros(len(scale))
    with np.errstate(all='ignore'):  # what is not finite ends in an error below
        for _ in range(_ROUNDS):
            step, slopes = entries.over_a_step(theta), _slopes(entries, theta, data.f.shape[1])
            left = data.following - regressors @ np.hstack([step, effects]).T
            before, sizes = sizes, np.sqrt(np.mean(left**2, axis=0) + (STATE * scale)**2)
            if not np.all(np.isfinite(left)):
                break
            moved = _solved(slopes, gram, (regressors.T @ left).T, sizes)
            theta = theta + moved[:entries.count]
            effects = effects + moved[entries.count:].reshape(effects.shape)
            if np.all(np.abs(sizes - before) <= _SETTLED * sizes):
                return _judged(entries, data, scale, theta, effects)
    raise InsufficientDataError('the free entries of the dynamics do not settle: no model of the '
                                "draft's structure explains the recording")


def _slopes(entries: FreeEntries, theta: Array, effects: int) -> Array:
    """Return the derivatives (P, n, n + m + effects) of [A, B, C] by theta, then by C."""
    own = entries.derivatives(theta)
    count, n, size = own.shape
    found = np.zeros((count + n * effects, n, size + effects))
    found[:count, :, :size] = own
    for row in range(n):
        for column in range(effects):
            found[count + row * effects + column, row, size + column] = 1.0
    return found


def _solved(slopes: Array, gram: Array, product: Array, sizes: Array) -> Array:
    """
    Return the step (P,) of Gauss-Newton.

    :param product: (n, n + m + effects), sum of residuals times regressors.
    """
    inverse = _inverse(_information(slopes, gram, np.diag(sizes**-2.0)))
    slope = np.einsum('pik,ik,i->p', slopes, product, sizes**-2.0)
    step: Array = inverse @ slope
    return step


def _information(slopes: Array, gram: Array, weights: Array) -> Array:
    """Return sum_k J_k' V J_k (P, P). :param weights: V (n, n)."""
    weighted = np.einsum('ij,qjl->qil', weights, slopes @ gram)
    information: Array = np.einsum('pik,qik->pq', slopes, weighted)
    return information


def _inverse(matrix: Array) -> Array:
    """Return the inverse of a symmetric matrix, in units in which its diagonal is 1."""
    units = np.sqrt(np.diag(matrix))
    units = np.where(units > 0, units, 1.0)
    scaled = matrix / np.outer(units, units)
    if not np.all(np.isfinite(scaled)):
        return np.full_like(matrix, np.nan)
    found: Array = np.linalg.pinv(scaled, rcond=_SINGULAR, hermitian=True) / np.outer(
        units, units)
    return found


def _judged(entries: FreeEntries, data: Transitions, scale: Array, theta: Array, effects: Array
            ) -> Fit:
    """Return the fit with its covariances."""
    step, slopes = entries.over_a_step(theta), _slopes(entries, theta, data.f.shape[1])
    regressors = data.regressors
    left = data.following - regressors @ np.hstack([step, effects]).T
    freedom = data.count - entries.largest_row - data.f.shape[1]
    spread = left.T @ left / freedom + np.diag((STATE * scale)**2)
    weights, gram = np.diag(1 / np.diag(spread)), regressors.T @ regressors
    inverse = _inverse(_information(slopes, gram, weights))
    covariance = inverse @ _information(slopes, gram, weights @ spread @ weights) @ inverse
    size = entries.draft.shape[1]
    deviations = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    return Fit(theta, step, effects, left, slopes[:entries.count, :, :size],
               covariance[:entries.count, :entries.count],
               deviations[entries.count:].reshape(effects.shape), spread, freedom)
