"""The controller's verdict: NaN and infinities of both signs are refusals with a reason."""

from types import SimpleNamespace

import numpy as np
import pytest
from scpo_ros.control.safety_metrics import REGRETS, SAMPLING_ALLOWANCE
from scpo_ros.verification import Verifier


class Fixed:
    """An evaluation with given metrics."""

    def __init__(self, metrics):
        self._metrics = np.array(metrics)

    def verify(self, thetas):
        """Return the given metrics."""
        return self._metrics[None]


@pytest.mark.parametrize('metrics, index', [
    ([-1.0, np.nan, -1.0], 1), ([-1.0, -1.0, np.inf], 2), ([-np.inf, -1.0, -1.0], 0),
    ([-1.0, 0.1, 5.0], 1), ([0.1, np.nan, -np.inf], 0)])
def test_what_is_not_finite_or_positive_is_refused_with_its_reason(metrics, index):
    verifier = Verifier.__new__(Verifier)
    verifier._evaluation = Fixed(metrics)
    verifier._counterexample = lambda theta, metrics, failed: (None, failed[0])
    verifier._in_words = lambda theta, metrics, index: f'metric {index}'
    verdict = verifier.judge(np.zeros(3))
    assert verdict.safe is False and verdict.reason == f'metric {index}'


def test_metrics_that_are_finite_and_not_positive_pass():
    verifier = Verifier.__new__(Verifier)
    verifier._evaluation = Fixed([-1.0, -0.5, 0.0])
    verdict = verifier.judge(np.zeros(3))
    assert verdict.safe is True and verdict.worst == 0.0


def test_only_who_looks_at_another_machines_verdict_again_admits_its_rounding():
    assert Verifier.__init__.__defaults__ == (0.0,)
    for tolerance, metric, safe in (
            (0.0, 1e-12, False), (1e-7, 9e-8, True), (1e-7, 1e-6, False), (1e-7, np.nan, False)):
        verifier = Verifier.__new__(Verifier)
        verifier._tolerance, verifier._evaluation = tolerance, Fixed([-1.0, metric])
        verifier._counterexample = lambda theta, metrics, failed: (None, failed[0])
        verifier._in_words = lambda theta, metrics, index: f'metric {index}'
        verdict = verifier.judge(np.zeros(3))
        assert verdict.safe is safe and verdict.reason == ('' if safe else 'metric 1')


@pytest.mark.parametrize('index, words', [
    (0, 'verification metric 0 = 0.01 > 0: because'),
    (1, 'task cost = 1.05 > 1.04 times that of the backup over 5.0 s, the mean of the '
        'verification rollouts in ordinary operation'),
    (REGRETS, 'task cost = 1.05 > 1.04 times that of the backup over 5.0 s, the mean of the '
              'verification rollouts under stress'),
    (REGRETS + 1, f'verification metric {REGRETS + 1} = 0.01 > 0: because')])
def test_a_failure_without_a_rollout_is_put_in_words(index, words):
    verifier = Verifier.__new__(Verifier)
    verifier._evaluation = SimpleNamespace(
        explain=lambda theta, number: 'because', task=SimpleNamespace(
            metric=SimpleNamespace(tolerance=0.04 - SAMPLING_ALLOWANCE),
            spec=SimpleNamespace(metrics=SimpleNamespace(horizon_s=5.0))))
    assert verifier._in_words(np.zeros(3), np.full(9, 0.01), index) == words
