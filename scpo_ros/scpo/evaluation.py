"""The gate around safety evaluations: what is not finite or of the right shape is refused."""

import numpy as np
from scpo_ros.arrays import frozen
from scpo_ros.exceptions import ConfigurationError, ScpoRosError
from scpo_ros.scpo.outcome import Refusal, UpdateOutcome


class EvaluationError(ScpoRosError):
    """A safety evaluation raised, or gave something that cannot be used."""


def measured(name, function, thetas, count=None):
    """
    Return function(thetas) as a read-only array (m, k), k >= 1; entries may be non-finite.

    :param name: what to call the function in the error.
    :param function: callable (m, d) -> (m, k).
    :param thetas: policies (m, d); the callable gets a copy.
    :param count: the k expected, None for any.
    :raises EvaluationError: whatever goes wrong in the callable.
    """
    try:
        values = frozen(function(np.array(thetas)))
    except Exception as error:  # the callable is the caller's: any failure is a refusal
        raise EvaluationError(f'{name} raised {type(error).__name__}: {error}') from error
    rows = len(thetas)
    if values.ndim != 2 or values.shape[0] != rows or count not in (None, values.shape[1]):
        wanted = 'k' if count is None else count
        raise EvaluationError(f'{name} gave the shape {values.shape}, not ({rows}, {wanted})')
    if values.shape[1] == 0:
        raise EvaluationError(f'{name} gave no metric at all: nothing would be verified')
    return values


def measured_finite(name, function, thetas, count=None):
    """
    Return :func:`measured` with every entry finite.

    :raises EvaluationError: also for NaN and infinity of either sign.
    """
    values = measured(name, function, thetas, count)
    if not np.all(np.isfinite(values)):
        row, column = np.argwhere(~np.isfinite(values))[0]
        raise EvaluationError(
            f'{name} gave {values[row, column]} for metric {column} of policy {row} in the batch')
    return values


def is_safe(values, margin):
    """Return whether there is at least one metric and all are finite and at most -margin."""
    return bool(np.size(values) > 0 and np.all(np.isfinite(values)) and np.all(values <= -margin))


class SafetySets:
    """
    The two sets that a policy must be safe on: design, which is planned with, and verification.

    :param evaluate: callable, policies (m, d) -> design metrics (m, k).
    :param verify: callable, policies (m, d) -> verification metrics (m, k_v), or None for the
        design set alone.
    :param margin: m_acc, metric units.
    :raises ConfigurationError: if one cannot be called.
    """

    def __init__(self, evaluate, verify, margin):
        for name, function in (('evaluate', evaluate), ('verify', verify)):
            if not (callable(function) or (name == 'verify' and function is None)):
                raise ConfigurationError(name, function, 'must be callable')
        self._evaluate, self._verify, self._margin = evaluate, verify, margin

    def design(self, thetas, count=None):
        """
        Return finite design metrics (m, k).

        :raises Refusal: EVALUATION_FAILED.
        """
        return _gated(UpdateOutcome.EVALUATION_FAILED, measured_finite,
                      'evaluate', self._evaluate, thetas, count)

    def verification(self, theta):
        """
        Return finite verification metrics (k_v,), empty without a verification set.

        :raises Refusal: VERIFICATION_FAILED_TO_RUN.
        """
        if self._verify is None:
            return np.empty(0)
        return _gated(UpdateOutcome.VERIFICATION_FAILED_TO_RUN, measured_finite,
                      'verify', self._verify, theta[None, :])[0]

    def examined(self, theta):
        """
        Return the metrics (k,) and (k_v,) of one policy, which may be non-finite.

        :raises Refusal: if they cannot be evaluated.
        """
        g = _gated(UpdateOutcome.EVALUATION_FAILED, measured,
                   'evaluate', self._evaluate, theta[None, :])[0]
        if self._verify is None:
            return g, np.empty(0)
        return g, _gated(UpdateOutcome.VERIFICATION_FAILED_TO_RUN, measured,
                         'verify', self._verify, theta[None, :])[0]

    def safe_on_design(self, g):
        """Return whether the design metrics are finite and at most -m_acc."""
        return is_safe(g, self._margin)

    def safe_on_verification(self, verified):
        """Return the same for the verification metrics, true without a verification set."""
        return self._verify is None or is_safe(verified, self._margin)

    def require_safe(self, g, verified):
        """
        Pass metrics that are safe on both sets.

        :raises Refusal: UNSAFE_CANDIDATE or VERIFICATION_FAILED.
        """
        if not self.safe_on_design(g):
            raise Refusal(UpdateOutcome.UNSAFE_CANDIDATE, self.complaint(g))
        if not self.safe_on_verification(verified):
            raise Refusal(UpdateOutcome.VERIFICATION_FAILED, self.complaint(g, verified))

    def failures(self, values):
        """Return the indices of the metrics that are not finite or above -m_acc."""
        return np.flatnonzero(~(np.isfinite(values) & (values <= -self._margin)))

    def complaint(self, g, verified=np.empty(0)):
        """Return a sentence on the first of the two sets that fails."""
        for name, values in (('design', g), ('verification', verified)):
            failed = self.failures(values)
            if failed.size:
                worst = failed[np.argmax(np.nan_to_num(values[failed], nan=np.inf))]
                return (f'{failed.size} of {values.size} {name} metrics fail, the worst is number '
                        f'{worst} with {values[worst]:.6g} where {-self._margin:.6g} is allowed.')
        return 'Nothing fails.'


def _gated(outcome, gate, *arguments):
    """Return gate(*arguments); its error becomes a refusal of the given kind."""
    try:
        return gate(*arguments)
    except EvaluationError as error:
        raise Refusal(outcome, f'{error}.') from error
