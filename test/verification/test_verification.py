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

"""The controller's verdict: NaN and infinities of both signs are refusals with a reason."""

from types import SimpleNamespace

import numpy as np
import pytest
from scpo_ros.config import Spec
from scpo_ros.interface.claim import Claim
from scpo_ros.verification.metric_layout import block, CONDITIONS, MetricKind
from scpo_ros.verification.safety_metrics import SAMPLING_ALLOWANCE
from scpo_ros.verification.verifier import Verifier


ROUNDING = 1e-7  # of another processor
COSTS = len(CONDITIONS)
LAYOUT = (block(1, MetricKind.INVARIANCE) + block(COSTS, MetricKind.BASELINE_COST)
          + block(6, MetricKind.CONSTRAINT))


def thin_margin(task, rng, bound=-1e-6):
    """Return weights (d,) along a random residual whose proved bound is just that."""
    direction, low, high = np.zeros(task.initial_theta.size), 0.0, 4.0
    direction[-16:] = rng.normal(size=16)
    for _ in range(40):
        middle = (low + high) / 2
        found = task.invariance_proof.prove(task.initial_theta + middle * direction)
        low, high = (middle, high) if found.bound <= bound else (low, middle)
    return task.initial_theta + low * direction


class Fixed:
    """An evaluation with given metrics."""

    def __init__(self, metrics):
        self._metrics = np.array(metrics)

    kind, coverage, proved_metrics = 'proved', 'all of it', [0]
    label = LAYOUT.label

    def verify(self, thetas):
        """Return the given metrics."""
        return self._metrics[None]


def verifier_of(metrics, margin=0.0):
    """Return a verifier whose first metric is a proved bound."""
    verifier = Verifier.__new__(Verifier)
    verifier._evaluation, verifier._margin = Fixed(metrics), margin
    verifier._rounding, verifier._tolerance = ROUNDING, 0.0
    return verifier


@pytest.mark.parametrize('metrics, index', [
    ([-1.0, np.nan, -1.0], 1), ([-1.0, -1.0, np.inf], 2), ([-np.inf, -1.0, -1.0], 0),
    ([-1.0, 0.1, 5.0], 1), ([0.1, np.nan, -np.inf], 0)])
def test_what_is_not_finite_or_positive_is_refused_with_its_reason(metrics, index):
    verifier = verifier_of(metrics)
    verifier._counterexample = lambda theta, metrics, failed: (None, failed[0])
    verifier._in_words = lambda theta, metrics, index: f'metric {index}'
    verdict = verifier.judge(np.zeros(3))
    assert verdict.safe is False and verdict.reason == f'metric {index}'


def test_metrics_that_are_finite_and_not_positive_pass():
    verifier = verifier_of([-1.0, -0.5, 0.0])
    verdict = verifier.judge(np.zeros(3))
    assert verdict.safe is True and verdict.worst == 0.0


def test_only_who_looks_at_another_machines_verdict_again_admits_its_rounding():
    assert Verifier.__init__.__defaults__ == (0.0,)
    for tolerance, metric, safe in (
            (0.0, 1e-12, False), (1e-7, 9e-8, True), (1e-7, 1e-6, False), (1e-7, np.nan, False)):
        verifier = verifier_of([-1.0, metric], 0.02)
        verifier._tolerance = tolerance
        verifier._counterexample = lambda theta, metrics, failed: (None, failed[0])
        verifier._in_words = lambda theta, metrics, index: f'metric {index}'
        verdict = verifier.judge(np.zeros(3))
        assert verdict.safe is safe and verdict.reason == ('' if safe else 'metric 1')


@pytest.mark.parametrize('bound, safe', [
    (-0.02, True), (-0.02 + ROUNDING / 2, True), (-0.02 + 2 * ROUNDING, False),
    (-1e-6, False), (0.0, False), (np.nan, False)])
@pytest.mark.parametrize('proved', [[0], [-1], [0, -1]])
def test_a_proved_bound_keeps_the_margin_and_a_sampled_metric_the_limit(bound, safe, proved):
    metrics = np.zeros(4)  # the sampled ones lie on their limit
    metrics[proved] = bound
    verifier = verifier_of(metrics, 0.02)
    verifier._evaluation.proved_metrics = proved
    verifier._evaluation.explain = lambda theta, index: 'because'
    verifier._counterexample = lambda theta, metrics, failed: (None, failed[0])
    verdict = verifier.judge(np.zeros(3))
    assert verdict.safe is safe and bool(verdict.reason) is not safe
    assert (verdict.claim is not None) is safe
    if bound == -1e-6:
        assert 'with the margin 1e-06 only, 0.02 is asked for' in verdict.reason


@pytest.mark.parametrize('margin', [np.nan, np.inf])
def test_a_margin_that_is_no_number_is_kept_by_nothing(margin):
    verifier = verifier_of([-1.0, -1.0], margin)
    verifier._counterexample = lambda theta, metrics, failed: (None, failed[0])
    assert verifier.judge(np.zeros(3)).safe is False


def test_the_claim_is_that_of_the_verification():
    claim = verifier_of([-1.0, -0.5, 0.0], 0.02).judge(np.zeros(3)).claim
    assert claim == Claim('proved', 'all of it', 0.02, 0.0, 3)


def test_weights_proved_with_hardly_any_margin_do_not_pass():
    """With the limit 0 in place of the margin they would."""
    believing, own = Verifier(Spec(), 0.0), Verifier(Spec(), 0.02)
    task = own._evaluation.task
    theta = thin_margin(task, np.random.default_rng(0))
    assert -2e-6 < task.invariance_proof.prove(theta).bound <= -1e-6
    assert believing.judge(theta).safe is True
    verdict = own.judge(theta)
    assert verdict.safe is False and verdict.counterexample is None
    assert 'is proved with the margin 1e-06 only' in verdict.reason
    good = own.judge(task.initial_theta)
    assert good.safe is True and good.claim.kind == 'proved'
    assert good.claim.coverage == own._evaluation.coverage


@pytest.mark.parametrize('index, words', [
    (0, 'verification metric 0 = 0.01 > 0: because'),
    (1, 'task cost = 1.05 > 1.04 times that of the backup over 5.0 s, the mean of the '
        'verification rollouts in ordinary operation'),
    (COSTS, 'task cost = 1.05 > 1.04 times that of the backup over 5.0 s, the mean of the '
            'verification rollouts under stress'),
    (COSTS + 1, f'verification metric {COSTS + 1} = 0.01 > 0: because')])
def test_a_failure_without_a_rollout_is_put_in_words(index, words):
    verifier = Verifier.__new__(Verifier)
    verifier._evaluation = SimpleNamespace(
        explain=lambda theta, number: 'because', label=LAYOUT.label, task=SimpleNamespace(
            metric=SimpleNamespace(tolerance=0.04 - SAMPLING_ALLOWANCE),
            spec=SimpleNamespace(metrics=SimpleNamespace(horizon_s=5.0))))
    assert verifier._in_words(np.zeros(3), np.full(9, 0.01), index) == words
