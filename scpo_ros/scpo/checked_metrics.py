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
The metrics of a policy as the caller's two functions give them, checked before they are used.

What raises, has the wrong shape or is not finite becomes a refusal.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scpo_ros.arrays import Array, frozen, Integers
from scpo_ros.exceptions import ConfigurationError, ScpoRosError
from scpo_ros.scpo.outcome import Refusal, UpdateOutcome

MetricFunction: TypeAlias = Callable[[Array], npt.ArrayLike]  # policies (m, d) -> (m, k)


class MetricsError(ScpoRosError):
    """A function that evaluates metrics raised, or gave something that cannot be used."""


def measured(name: str, function: MetricFunction, thetas: Array,
             count: int | None = None) -> Array:
    """
    Return function(thetas) as a read-only array (m, k), k >= 1; entries may be non-finite.

    :param name: what to call the function in the error.
    :param function: callable (m, d) -> (m, k).
    :param thetas: policies (m, d); the callable gets a copy.
    :param count: the k expected, None for any.
    :raises MetricsError: whatever goes wrong in the callable.
    """
    try:
        given = function(np.array(thetas))
    except Exception as error:  # the callable is the caller's: any failure is a refusal
        raise MetricsError(f'{name} raised {type(error).__name__}: {error}') from error
    try:
        values = frozen(given)
    except Exception as error:  # what it gave is the caller's too
        raise MetricsError(f'{name} gave no array of real numbers: {error}') from error
    rows = len(thetas)
    if values.ndim != 2 or values.shape[0] != rows or count not in (None, values.shape[1]):
        wanted = 'k' if count is None else count
        raise MetricsError(f'{name} gave the shape {values.shape}, not ({rows}, {wanted})')
    if values.shape[1] == 0:
        raise MetricsError(f'{name} gave no metric at all: nothing would be verified')
    return values


def measured_finite(name: str, function: MetricFunction, thetas: Array,
                    count: int | None = None) -> Array:
    """
    Return :func:`measured` with every entry finite.

    :raises MetricsError: also for NaN and infinity of either sign.
    """
    values = measured(name, function, thetas, count)
    if not np.all(np.isfinite(values)):
        row, column = np.argwhere(~np.isfinite(values))[0]
        raise MetricsError(
            f'{name} gave {values[row, column]} for metric {column} of policy {row} in the batch')
    return values


def is_safe(values: Array, margin: float) -> bool:
    """Return whether there is at least one metric and all are finite and at most -margin."""
    return bool(np.size(values) > 0 and np.all(np.isfinite(values)) and np.all(values <= -margin))


class CheckedMetrics:
    """
    The metrics that a policy must keep: the design metrics, which a plan sees, and the verified.

    :param evaluate: callable, policies (m, d) -> metrics on the design set (m, k).
    :param verify: callable, policies (m, d) -> metrics on the verification set (m, k_v), or None
        where the design set is the verification set.
    :param margin: m_acc, metric units.
    :raises ConfigurationError: if one cannot be called.
    """

    def __init__(self, evaluate: MetricFunction, verify: MetricFunction | None,
                 margin: float) -> None:
        for name, function in (('evaluate', evaluate), ('verify', verify)):
            if not (callable(function) or (name == 'verify' and function is None)):
                raise ConfigurationError(name, function, 'must be callable')
        self._evaluate, self._verify, self._margin = evaluate, verify, margin

    def design_metrics(self, thetas: Array, count: int | None = None) -> Array:
        """
        Return finite design metrics (m, k).

        :raises Refusal: EVALUATION_FAILED.
        """
        with _refused_as(UpdateOutcome.EVALUATION_FAILED):
            return measured_finite('evaluate', self._evaluate, thetas, count)

    def verification_metrics(self, theta: Array) -> Array:
        """
        Return finite verification metrics (k_v,), empty without a verification set.

        :raises Refusal: VERIFICATION_FAILED_TO_RUN.
        """
        if self._verify is None:
            return np.empty(0)
        with _refused_as(UpdateOutcome.VERIFICATION_FAILED_TO_RUN):
            row: Array = measured_finite('verify', self._verify, theta[None, :])[0]
        return row

    def both(self, theta: Array) -> tuple[Array, Array]:
        """
        Return the metrics (k,) and (k_v,) of one policy, which may be non-finite.

        :raises Refusal: if they cannot be evaluated.
        """
        with _refused_as(UpdateOutcome.EVALUATION_FAILED):
            g = measured('evaluate', self._evaluate, theta[None, :])[0]
        if self._verify is None:
            return g, np.empty(0)
        with _refused_as(UpdateOutcome.VERIFICATION_FAILED_TO_RUN):
            return g, measured('verify', self._verify, theta[None, :])[0]

    def safe_on_design(self, g: Array) -> bool:
        """Return whether the design metrics are finite and at most -m_acc."""
        return is_safe(g, self._margin)

    def safe_on_verification(self, verified: Array) -> bool:
        """Return the same for the verification metrics, true without a verification set."""
        return self._verify is None or is_safe(verified, self._margin)

    def safe(self, g: Array, verified: Array) -> bool:
        """Return whether the metrics are safe on both sets."""
        return self.safe_on_design(g) and self.safe_on_verification(verified)

    def require_safe(self, g: Array, verified: Array) -> None:
        """
        Pass metrics that are safe on both sets.

        :raises Refusal: UNSAFE_CANDIDATE or VERIFICATION_FAILED.
        """
        if not self.safe_on_design(g):
            raise Refusal(UpdateOutcome.UNSAFE_CANDIDATE, self.reason(g))
        if not self.safe_on_verification(verified):
            raise Refusal(UpdateOutcome.VERIFICATION_FAILED, self.reason(g, verified))

    def failed(self, values: Array) -> Integers:
        """Return the indices of the metrics that are not finite or above -m_acc."""
        return np.flatnonzero(~(np.isfinite(values) & (values <= -self._margin)))

    def reason(self, g: Array, verified: Array = np.empty(0)) -> str:
        """Return a sentence on the first of the two sets that fails."""
        for name, values in (('design', g), ('verification', verified)):
            failed = self.failed(values)
            if failed.size:
                worst = failed[np.argmax(np.nan_to_num(values[failed], nan=np.inf))]
                return (f'{failed.size} of {values.size} {name} metrics fail, the worst is number '
                        f'{worst} with {values[worst]:.6g} where {-self._margin:.6g} is allowed.')
        return 'Nothing fails.'


@contextmanager
def _refused_as(outcome: UpdateOutcome) -> Iterator[None]:
    """Turn a MetricsError inside into a refusal of the given kind."""
    try:
        yield
    except MetricsError as error:
        raise Refusal(outcome, f'{error}.') from error
