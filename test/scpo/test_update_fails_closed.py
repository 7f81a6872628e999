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

"""Whatever goes wrong in evaluate, verify or loss is a refusal, wherever it happens."""

import numpy as np
import pytest
from scpo_ros.scpo import certificate_defects, is_safe, ScpoUpdater, UpdateOutcome


D, STEP = 3, np.array([0.1, 0.05, 0.0])


def good(thetas):
    return np.sum(thetas ** 2, axis=1, keepdims=True) - np.array([[1.0, 2.0]])


def raising(thetas):
    raise RuntimeError('the plant exploded')


def poisoned(value):
    def function(thetas):
        g = good(thetas)
        g[-1, 1] = value
        return g
    return function


FAULTS = {
    'raises': raising,
    'exits': lambda thetas: [][0],
    'NaN': poisoned(np.nan),
    '+inf': poisoned(np.inf),
    '-inf': poisoned(-np.inf),
    'None': lambda thetas: None,
    'a scalar': lambda thetas: -1.0,
    'flat': lambda thetas: good(thetas)[:, 0],
    'a row too many': lambda thetas: np.vstack([good(thetas), good(thetas[:1])]),
    'a row too few': lambda thetas: good(thetas)[1:],
    'transposed': lambda thetas: np.full((7, len(thetas)), -1.0),
    'no metric': lambda thetas: np.empty((len(thetas), 0)),
    'words': lambda thetas: [['safe', 'safe']] * len(thetas),
    'complex': lambda thetas: good(thetas) + 0j,
    'masked': lambda thetas: np.ma.array(good(thetas), mask=good(thetas) > 0),
    'masked rows': lambda thetas: [np.ma.array(row, mask=[True, False]) for row in good(thetas)],
    'objects': lambda thetas: good(thetas).astype(object),
    'numbers in words': lambda thetas: good(thetas).astype(str),
    'ragged': lambda thetas: [[-1.0]] + [[-1.0, -1.0]] * len(thetas),
}


def nth(fault, n):
    """Return a callable that is good but for its n-th call (counted from 0)."""
    calls = []

    def function(thetas):
        calls.append(len(thetas))
        return (fault if len(calls) == n + 1 else good)(thetas)

    return function


@pytest.mark.parametrize('name', FAULTS)
@pytest.mark.parametrize('call', [0, 1])
def test_faults_in_evaluate_are_refusals(name, call):
    """Call 0 is the batch of samples, call 1 the candidate."""
    updater = ScpoUpdater(nth(FAULTS[name], call), np.zeros(D), good, rng=0)
    result = updater.update(STEP)
    assert result.outcome is UpdateOutcome.EVALUATION_FAILED
    assert 'evaluate' in result.reason and result.certificate is None
    assert np.array_equal(updater.theta, np.zeros(D)) and len(updater.accepted) == 1
    assert updater.update(STEP).accepted


@pytest.mark.parametrize('name', FAULTS)
def test_faults_in_verify_are_refusals(name):
    updater = ScpoUpdater(good, np.zeros(D), nth(FAULTS[name], 0), rng=0)
    result = updater.update(STEP)
    assert result.outcome is UpdateOutcome.VERIFICATION_FAILED_TO_RUN
    assert 'verify' in result.reason and result.certificate is None
    assert np.array_equal(updater.theta, np.zeros(D)) and len(updater.accepted) == 1
    assert updater.update(STEP).accepted


@pytest.mark.parametrize('which', ['evaluate', 'verify'])
def test_a_candidate_that_cannot_be_evaluated_halves_the_trust_radius(which):
    """Otherwise a step into divergence would be proposed again for ever."""
    functions = {'evaluate': good, 'verify': good}
    functions[which] = nth(raising, 1 if which == 'evaluate' else 0)
    updater = ScpoUpdater(functions['evaluate'], np.zeros(D), functions['verify'], rng=0)
    updater.update(STEP)
    assert updater.trust_radius == 0.25


@pytest.mark.parametrize('metrics', [(-1e308, 1e308), (-1e308, -1.0), (-1e300, -1e-1)])
@pytest.mark.parametrize('far', [0.0, 5e-3])
def test_finite_metrics_of_absurd_size_are_a_result(metrics, far):
    """Their differences may overflow, among the samples (far = 0) or at the candidate alone."""
    def absurd(thetas):
        moved = np.linalg.norm(thetas, axis=1) > far
        return np.where(moved, metrics[1], metrics[0])[:, None]

    updater = ScpoUpdater(absurd, np.zeros(D), rng=0)
    result = updater.update(STEP)
    if result.accepted:
        assert certificate_defects(result.certificate, result.theta, 0.02, 1e-6) == ()
    else:
        assert np.array_equal(updater.theta, np.zeros(D))
    assert result.accepted == (metrics[0] == -1e300 and far > 0)


def test_a_change_of_k_within_an_update_is_a_refusal():
    updater = ScpoUpdater(
        nth(lambda thetas: good(thetas)[:, :1], 1), np.zeros(D), rng=0)
    assert updater.update(STEP).outcome is UpdateOutcome.EVALUATION_FAILED


def test_the_reason_names_the_fault():
    updater = ScpoUpdater(raising, np.zeros(D), rng=0)
    assert 'RuntimeError: the plant exploded' in updater.update(STEP).reason
    updater = ScpoUpdater(poisoned(np.nan), np.zeros(D), rng=0)
    assert 'nan for metric 1' in updater.update(STEP).reason


def test_an_interrupt_is_not_swallowed():
    def interrupted(thetas):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ScpoUpdater(interrupted, np.zeros(D), rng=0).update(STEP)


@pytest.mark.parametrize('value', [
    np.nan, np.inf, -np.inf, 'x', None, 1j, np.complex128(0), np.ma.array(0.0, mask=True),
    np.ma.array(0.0), np.array(0.0, dtype=object), [0.0, 0.0]])
@pytest.mark.parametrize('call', [0, 1])
def test_a_loss_that_is_no_number_is_a_refusal(value, call):
    calls = []

    def loss(theta):
        calls.append(0)
        return value if len(calls) == call + 1 else np.sum((theta - STEP) ** 2)

    updater = ScpoUpdater(good, np.zeros(D), good, rng=0, max_tries=1)
    result = updater.update(STEP, loss=loss)
    assert result.outcome is UpdateOutcome.LOSS_NOT_LOWERED
    assert np.array_equal(updater.theta, np.zeros(D))


@pytest.mark.parametrize('fault', [np.nan, np.inf, -np.inf])
def test_no_certificate_for_a_policy_with_non_finite_metrics(fault):
    for evaluate, verify in ((poisoned(fault), None), (good, poisoned(fault))):
        updater = ScpoUpdater(evaluate, np.zeros(D), verify, rng=0)
        assert updater.certify() is None
        assert updater.reverify().outcome is UpdateOutcome.NO_SAFE_POLICY
        assert updater.restore(STEP).outcome in (
            UpdateOutcome.UNSAFE_CANDIDATE, UpdateOutcome.VERIFICATION_FAILED)
        assert np.array_equal(updater.theta, np.zeros(D))


@pytest.mark.parametrize('values', [[], [np.nan], [-1.0, np.nan], [-np.inf], [np.inf], [-0.01],
                                    [-1.0, 0.0]])
def test_is_safe_is_false_for_anything_doubtful(values):
    assert not is_safe(np.array(values), 0.02)
    assert is_safe(np.array([-0.02, -1.0]), 0.02)
    assert not is_safe(np.array([-1.0]), np.nan)
