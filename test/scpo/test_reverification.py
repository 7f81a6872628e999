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

"""Certifying, re-verifying after new scenarios, rolling back and restoring."""

import numpy as np
import pytest
from scpo_ros.arrays import digest
from scpo_ros.exceptions import InvalidArrayError
from scpo_ros.scpo import certificate_defects, ScpoUpdater, UpdateOutcome


D, STEP = 3, np.array([0.05, 0.0, 0.0])


class Walls:
    """theta_0 <= wall for every wall; scenarios are added by appending walls."""

    def __init__(self, *walls):
        self.walls = list(walls)

    def __call__(self, thetas):
        return thetas[:, :1] - np.array([self.walls])


def climbed(design, verify, updates=5, **settings):
    updater = ScpoUpdater(design, np.zeros(D), verify, rng=0, **settings)
    for _ in range(updates):
        assert updater.update(STEP).accepted
    return updater


def test_the_first_policy_is_certified_as_its_own_parent():
    updater = ScpoUpdater(Walls(1.0), np.zeros(D), Walls(1.0, 2.0), rng=0, coverage='two walls')
    c = updater.certify()
    assert certificate_defects(c, updater.theta, 0.02, 1e-6) == ()
    assert c.parent_digest == c.theta_digest == digest(np.zeros(D))
    assert np.array_equal(c.bound, c.g) and c.verification_size == 2
    assert c.coverage == 'two walls'


def test_an_unsafe_policy_is_not_certified_and_stays():
    verify = Walls(1.0)
    updater = climbed(Walls(1.0), verify)
    theta = updater.theta
    verify.walls.append(0.1)
    assert updater.certify() is None
    assert np.array_equal(updater.theta, theta)
    assert updater.reverify(fall_back=False).outcome is UpdateOutcome.UNSAFE_PARENT


def test_a_policy_that_is_still_safe_stays_with_a_fresh_certificate():
    verify = Walls(1.0)
    updater = climbed(Walls(1.0), verify)
    verify.walls.append(0.5)
    result = updater.reverify()
    assert result.outcome is UpdateOutcome.UNCHANGED and len(updater.accepted) == 6
    assert certificate_defects(result.certificate, updater.theta, 0.02, 1e-6) == ()
    assert result.certificate.verification_size == 2


@pytest.mark.parametrize('which', ['design', 'verify'])
def test_new_scenarios_roll_back_to_the_last_safe_policy(which):
    sets = {'design': Walls(1.0), 'verify': Walls(1.0)}
    updater = climbed(sets['design'], sets['verify'])
    before = updater.accepted
    sets[which].walls.append(0.13)  # 0.05 and 0.10 keep the margin 0.02, 0.15 does not
    result = updater.reverify()
    assert result.outcome is UpdateOutcome.ROLLED_BACK
    assert np.array_equal(result.theta, before[2]) and np.array_equal(updater.theta, before[2])
    assert len(updater.accepted) == 3
    assert certificate_defects(result.certificate, result.theta, 0.02, 1e-6) == ()
    assert result.certificate.parent_digest == digest(result.theta)
    assert result.counterexamples.size == (1 if which == 'verify' else 0)


def test_the_way_back_ends_at_the_first_policy():
    verify = Walls(1.0)
    updater = climbed(Walls(1.0), verify)
    verify.walls.append(0.03)
    result = updater.reverify()
    assert result.outcome is UpdateOutcome.ROLLED_BACK
    assert np.array_equal(updater.theta, np.zeros(D))


def test_no_safe_policy_leaves_the_first_one_without_a_certificate():
    verify = Walls(1.0)
    updater = climbed(Walls(1.0), verify)
    verify.walls.append(-1.0)
    result = updater.reverify()
    assert result.outcome is UpdateOutcome.NO_SAFE_POLICY and result.certificate is None
    assert np.array_equal(updater.theta, np.zeros(D)) and len(updater.accepted) == 1


@pytest.mark.parametrize('which, outcome', [
    (0, UpdateOutcome.EVALUATION_FAILED), (1, UpdateOutcome.VERIFICATION_FAILED_TO_RUN)])
def test_an_evaluation_that_raises_says_nothing_and_changes_nothing(which, outcome):
    broken = []

    def maybe(index):
        def function(thetas):
            if index in broken:
                raise OSError('worker died')
            return Walls(1.0)(thetas)
        return function

    updater = climbed(maybe(0), maybe(1))
    theta = updater.theta
    broken.append(which)
    for result in (updater.reverify(), updater.restore(np.zeros(D))):
        assert result.outcome is outcome and result.certificate is None
    assert updater.certify() is None
    assert np.array_equal(updater.theta, theta) and len(updater.accepted) == 6


def test_a_policy_that_is_non_finite_on_a_new_scenario_is_rolled_back():
    diverges = []

    def verify(thetas):
        g = Walls(1.0)(thetas)
        return np.where(diverges and thetas[:, :1] > 0.12, -np.inf, g) if diverges else g

    updater = climbed(Walls(1.0), verify)
    diverges.append(True)
    assert updater.reverify().outcome is UpdateOutcome.ROLLED_BACK
    assert updater.theta[0] == pytest.approx(0.1, abs=1e-6)


def test_restoring_verifies_first():
    updater = ScpoUpdater(Walls(1.0), np.zeros(D), Walls(1.0, 0.5), rng=0)
    saved = np.array([0.3, 1.0, 2.0])
    result = updater.restore(saved)
    assert result.accepted and np.array_equal(updater.theta, saved)
    assert certificate_defects(result.certificate, saved, 0.02, 1e-6) == ()
    assert result.certificate.parent_digest == digest(np.zeros(D))
    assert updater.restore([0.6, 0, 0]).outcome is UpdateOutcome.VERIFICATION_FAILED
    assert updater.restore([1.6, 0, 0]).outcome is UpdateOutcome.UNSAFE_CANDIDATE
    assert np.array_equal(updater.theta, saved) and not updater.theta.flags.writeable


@pytest.mark.parametrize('theta', [np.zeros(D + 1), [np.nan, 0, 0], None])
def test_restoring_something_malformed_raises(theta):
    with pytest.raises(InvalidArrayError):
        ScpoUpdater(Walls(1.0), np.zeros(D), rng=0).restore(theta)


def test_updates_go_on_after_a_roll_back():
    verify = Walls(1.0)
    updater = climbed(Walls(1.0), verify)
    verify.walls.append(0.13)
    updater.reverify()
    for _ in range(10):
        result = updater.update(STEP)
        assert np.all(verify(updater.theta[None]) <= -0.02)
    assert result.outcome is UpdateOutcome.VERIFICATION_FAILED
    assert np.array_equal(result.counterexamples, [1])
