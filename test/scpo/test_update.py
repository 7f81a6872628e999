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

"""Updates: every outcome, what a result tells, and how the state of the updater moves."""

from dataclasses import replace

import numpy as np
import pytest
from scpo_ros.arrays import digest
from scpo_ros.exceptions import ConfigurationError, InvalidArrayError
from scpo_ros.scpo import certificate_defects, ScpoUpdater, UpdateOutcome
import scpo_ros.scpo.conic_program as conic_program
import scpo_ros.scpo.plan as plan
import scpo_ros.scpo.projection as projection
from scpo_ros.scpo.trust_region import TrustRegion
from scpo_toys import WalledBowl


D = 4
STEP = np.array([0.1, 0.0, 0.0, 0.0])


def slack(thetas):
    """Return metrics that are safe everywhere near 0: ||theta||^2 - 1, and a linear one."""
    return np.stack([np.sum(thetas ** 2, axis=1) - 1.0, thetas[:, 0] - 0.9], axis=1)


def always(*values):
    """Return a callable that gives the same metrics to every policy."""
    return lambda thetas: np.tile(np.array(values, float), (len(thetas), 1))


def make(evaluate=slack, verify=None, theta0=np.zeros(D), **settings):
    return ScpoUpdater(evaluate, theta0, verify, **{'rng': 0, **settings})


def assert_refused(result, outcome, updater):
    """Assert that there is a sentence and no certificate, and that theta stays."""
    assert result.outcome is outcome and not result.accepted
    assert result.certificate is None and result.step_norm == 0.0
    assert len(result.reason) > 10 and result.reason.endswith('.')
    assert np.array_equal(result.theta, np.zeros(D))
    assert len(updater.accepted) == 1


# -- acceptance -----------------------------------------------------------------------------


def test_an_unconstrained_step_is_taken_whole():
    updater = make(verify=slack)
    result = updater.update(STEP, loss=lambda t: np.sum((t - STEP) ** 2))
    assert result.outcome is UpdateOutcome.ACCEPTED and result.accepted
    assert np.allclose(result.theta, STEP, atol=1e-9)
    assert np.array_equal(updater.theta, result.theta)
    assert result.step_norm == pytest.approx(0.1)
    assert result.loss_before == pytest.approx(0.01) and result.loss_after < 1e-12
    assert result.tries == 1 and result.rollouts == 1 + D + 1
    assert np.array_equal(result.g, slack(result.theta[None])[0])


def test_the_certificate_is_consistent_and_covers():
    updater = make(verify=slack)
    parent = updater.theta
    result = updater.update(STEP)
    c = result.certificate
    assert certificate_defects(c, result.theta, 0.02, 1e-6) == ()
    assert c.theta_digest == digest(result.theta) and c.parent_digest == digest(parent)
    assert np.all(c.g <= c.bound) and np.array_equal(c.g, result.g)
    assert c.verification_size == 2 and c.verification_max == np.max(c.g)


def test_the_smoothness_of_a_certificate_covers_what_planning_underestimated():
    def curved(thetas):
        return 40.0 * np.sum(thetas ** 2, axis=1, keepdims=True) - 5.0

    result = make(curved, initial_smoothness=1.0).update(STEP)
    c = result.certificate
    assert result.accepted and c.smoothness[0] == pytest.approx(80.0, rel=0.2)
    assert c.bound[0] >= c.g[0] and c.bound[0] == pytest.approx(c.g[0])


def test_without_loss_and_verification_the_result_says_so():
    result = make().update(STEP)
    assert np.isnan(result.loss_before) and np.isnan(result.loss_after)
    assert result.certificate.verification_size == 2


def test_antithetic_costs_twice_the_samples():
    assert make(antithetic=True).update(STEP).rollouts == 1 + 2 * D + 1


def test_more_directions_than_weights_are_cut_and_fewer_are_used():
    assert make(directions=50).update(STEP).rollouts == 1 + D + 1
    assert make(directions=2).update(STEP).rollouts == 1 + 2 + 1


def test_arrays_of_a_result_are_read_only():
    updater = make(verify=slack)
    result = updater.update(STEP)
    arrays = [result.theta, result.g, result.candidate, result.counterexamples, updater.theta,
              result.certificate.g, updater.smoothness]
    assert not any(array.flags.writeable for array in arrays)


def test_the_callers_arrays_are_neither_kept_nor_changed():
    theta0, step = np.zeros(D), STEP.copy()
    updater = make(theta0=theta0)
    theta0[:] = 9.0
    updater.update(step)
    assert np.array_equal(updater.accepted[0], np.zeros(D)) and np.array_equal(step, STEP)


def test_a_callable_that_writes_into_its_argument_does_no_harm():
    def vandal(thetas):
        g = slack(thetas)
        thetas[:] = 7.0
        return g

    def loss(theta):
        value = np.sum((theta - STEP) ** 2)
        theta[:] = 7.0
        return value

    updater = make(vandal, vandal)
    result = updater.update(STEP, loss=loss)
    assert result.accepted and np.allclose(updater.theta, STEP, atol=1e-9)


# -- refusals, one a kind -------------------------------------------------------------------


def test_zero_step():
    updater = make()
    result = updater.update(np.zeros(D))
    assert_refused(result, UpdateOutcome.ZERO_STEP, updater)
    assert result.rollouts == 0 and result.candidate is None and result.g.size == 0


@pytest.mark.parametrize('g', [0.5, 0.0, -0.0199999])
def test_unsafe_parent(g):
    updater = make(always(-1.0, g))
    assert_refused(updater.update(STEP), UpdateOutcome.UNSAFE_PARENT, updater)


def test_a_parent_exactly_at_the_margin_stays():
    updater = make(always(-1.0, -0.02))
    assert_refused(updater.update(STEP), UpdateOutcome.STALLED, updater)


def test_stalled_by_a_negligible_raw_step():
    updater = make()
    assert_refused(updater.update(1e-12 * STEP), UpdateOutcome.STALLED, updater)


def test_stalling_relaxes_the_constants_that_may_be_stale():
    updater = make(always(-1.0, -0.02), initial_smoothness=8.0)
    for _ in range(3):
        assert updater.update(STEP).outcome is UpdateOutcome.STALLED
    assert np.allclose(updater.smoothness, 8.0 * 0.8 ** 3)


def test_stalled_by_rounding():
    updater = make(always(-1.0), theta0=np.full(D, 1e9))
    result = updater.update(1e-8 * np.ones(D))
    assert result.outcome is UpdateOutcome.STALLED


def test_unsafe_candidate():
    def cliff(thetas):
        """Jump a little outside of the sampled radius: no slope can tell."""
        return np.where(np.linalg.norm(thetas, axis=1) > 2e-3, 1.0, -1.0)[:, None]

    updater = make(cliff, max_tries=3)
    result = updater.update(STEP)
    assert_refused(result, UpdateOutcome.UNSAFE_CANDIDATE, updater)
    assert result.tries == 3 and result.candidate is not None
    assert 'number 0 with 1 where -0.02 is allowed' in result.reason


def test_verification_failed_names_its_counterexamples():
    def verify(thetas):
        moved = np.linalg.norm(thetas, axis=1) > 0
        return np.stack([np.full(len(thetas), -1.0), np.where(moved, 0.3, -1.0),
                         np.where(moved, -0.01, -1.0)], axis=1)

    updater = make(verify=verify)
    result = updater.update(STEP)
    assert_refused(result, UpdateOutcome.VERIFICATION_FAILED, updater)
    assert np.array_equal(result.counterexamples, [1, 2])
    assert 'number 1' in result.reason and result.tries == 6


def test_loss_not_lowered():
    updater = make()
    result = updater.update(STEP, loss=lambda t: np.sum((t + STEP) ** 2))
    assert_refused(result, UpdateOutcome.LOSS_NOT_LOWERED, updater)
    assert result.loss_after > result.loss_before


def test_an_equal_loss_is_not_lower():
    updater = make()
    assert_refused(updater.update(STEP, loss=lambda t: 1.0), UpdateOutcome.LOSS_NOT_LOWERED,
                   updater)


def test_projection_failed_without_an_answer(monkeypatch):
    monkeypatch.setattr(conic_program, 'TOLERANCES', ())
    monkeypatch.setattr(projection, 'dual_answers', lambda problem: ())
    updater = make()
    result = updater.update(STEP)
    assert_refused(result, UpdateOutcome.PROJECTION_FAILED, updater)
    assert 'inf' in result.reason


@pytest.mark.parametrize('change', [
    {'violation': 1e-15}, {'violation': np.nan}, {'duality_gap': 2e-9}, {'duality_gap': np.nan},
    {'b': np.full(D, np.nan)}])
def test_an_answer_without_a_good_certificate_is_not_used(monkeypatch, change):
    honest = plan.solve_projection

    def doubtful(problem):
        answer = honest(problem)
        if 'b' in change:
            return replace(answer, **change, violation=np.inf)
        return replace(answer, **change)

    monkeypatch.setattr(plan, 'solve_projection', doubtful)
    updater = make()
    assert_refused(updater.update(STEP), UpdateOutcome.PROJECTION_FAILED, updater)


@pytest.mark.parametrize('metric', [
    lambda v: -v, lambda v: v[:-1], lambda v: np.nan * v, lambda v: 1 / 0, lambda v: None,
    lambda v: np.array([[0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [1, 0, 0, 0.]]) @ v])
def test_a_metric_that_is_none_is_a_refusal(metric):
    updater = make()
    assert_refused(updater.update(STEP, metric=metric), UpdateOutcome.PROJECTION_FAILED, updater)


@pytest.mark.parametrize('length', [1e30, 1e100, 1e200, 1e300])
def test_an_absurdly_long_step_is_projected_or_refused(length):
    result = make().update(length * np.ones(D))
    assert result.outcome is (
        UpdateOutcome.ACCEPTED if length < 1e150 else UpdateOutcome.PROJECTION_FAILED)


def test_every_outcome_has_its_own_sentence():
    sentences = [outcome.value for outcome in UpdateOutcome]
    assert len(set(sentences)) == 13
    assert all(s.endswith('.') and s[0].isupper() for s in sentences)


# -- malformed input raises -----------------------------------------------------------------


@pytest.mark.parametrize('step', [
    np.zeros(D + 1), np.zeros((1, D)), [0, 0, 0, np.nan], [0, 0, 0, np.inf], 'abcd', None, 1.0])
def test_a_malformed_raw_step_raises(step):
    with pytest.raises(InvalidArrayError):
        make().update(step)


@pytest.mark.parametrize('keyword', [
    {'metric': np.eye(D + 1)}, {'metric': np.triu(np.ones((D, D)))},
    {'directions': np.ones((D + 1, 2))}, {'directions': [np.ones(D - 1)]}])
def test_malformed_metric_and_directions_raise(keyword):
    with pytest.raises(InvalidArrayError):
        make().update(STEP, **keyword)


@pytest.mark.parametrize('theta0', [[np.nan], [], [[1.0]], 3.0])
def test_a_malformed_first_policy_raises(theta0):
    with pytest.raises(InvalidArrayError):
        make(theta0=theta0)


@pytest.mark.parametrize('keyword', [
    {'evaluate': None}, {'evaluate': 3}, {'verify': 'no'}, {'rng': None}])
def test_what_cannot_work_is_a_configuration_error(keyword):
    with pytest.raises(ConfigurationError):
        make(**keyword)


# -- state ----------------------------------------------------------------------------------


def test_a_refused_update_can_be_followed_by_an_accepted_one():
    updater = make()
    updater.update(STEP, loss=lambda t: 1.0)
    assert updater.update(STEP).accepted


def test_the_trust_radius_halves_on_failure_and_recovers():
    updater = make()
    updater.update(STEP, loss=lambda t: 1.0)
    low = updater.trust_radius
    assert low < 0.25
    updater.update(STEP)
    assert updater.trust_radius == 1.5 * low
    for _ in range(40):
        updater.update(1e-3 * STEP)
    assert updater.trust_radius == 0.5


def test_the_trust_radius_never_falls_below_the_sampling_radius():
    updater = make(radius=0.1)
    for _ in range(5):
        updater.update(STEP, loss=lambda t: 1.0)
    assert updater.trust_radius == 0.1


def test_laws_of_the_trust_region():
    region = TrustRegion(0.5, 0.1, 0.5)
    assert region.halved().radius == 0.25 and region.grown().radius == 0.5
    assert region.below(0.3) == 0.15
    assert region.below(0.15) == 0.1
    assert region.below(0.1) is None


def test_a_step_shorter_than_the_trust_radius_is_shortened_at_once():
    """Halving an R of 0.5 would only repeat a step of length 0.1."""
    lengths = []

    def loss(theta):
        lengths.append(np.linalg.norm(theta))
        return 1.0

    make().update(STEP, loss=loss)
    tried = np.array(lengths[1:])
    assert np.all(tried[1:] <= 0.51 * tried[:-1])


def test_exceeded_constants_are_raised_without_new_samples():
    def curved(thetas):
        return 40.0 * np.sum(thetas ** 2, axis=1, keepdims=True) - 0.2

    updater = make(curved)
    result = updater.update(STEP)
    assert result.accepted and result.tries > 1
    assert result.rollouts == 1 + D + result.tries
    assert updater.smoothness[0] >= 40.0
    assert updater.trust_radius == 0.5  # the constants explained it


def test_loose_constants_decay_only_on_acceptance():
    updater = make(initial_smoothness=100.0)
    assert updater.update(STEP).accepted
    assert np.allclose(updater.smoothness, 80.0)
    updater.update(STEP, loss=lambda t: 1.0)
    assert np.allclose(updater.smoothness, 80.0)


@pytest.mark.parametrize('power', [0.5, 1.0])
def test_adaptation_ends_where_no_constant_covers(power):
    """Kinks at the present policy have no smoothness constant; L stays capped."""
    def kink(thetas):
        return 50 * np.sum(np.abs(thetas) ** power, axis=1, keepdims=True) - 0.03

    updater = make(kink, max_tries=40, smoothness_cap=1e3)
    result = updater.update(STEP)
    assert result.tries <= 40 and np.all(updater.smoothness <= 1e3)
    assert updater.trust_radius < 0.5
    assert kink(updater.theta[None])[0, 0] <= -0.02


def test_the_number_of_constraints_may_change_between_updates():
    metrics = [slack]
    updater = make(lambda thetas: np.concatenate([m(thetas) for m in metrics], axis=1))
    assert updater.update(0.1 * STEP).certificate.g.size == 2
    metrics.append(always(-1.0, -2.0))
    assert updater.update(0.1 * STEP).certificate.g.size == 4
    del metrics[1:]
    assert updater.update(0.1 * STEP).certificate.g.size == 2
    assert updater.smoothness.size == 2


def test_accepted_policies_are_kept_within_bounds_and_theta0_for_ever():
    updater = make(memory=3)
    for _ in range(6):
        assert updater.update(0.1 * STEP).accepted
    assert len(updater.accepted) == 4
    assert np.array_equal(updater.accepted[0], np.zeros(D))
    assert np.array_equal(updater.accepted[-1], updater.theta)


def test_the_last_steps_are_sampled_again():
    seen = []

    def evaluate(thetas):
        seen.append(thetas)
        return always(-1.0)(thetas)

    updater = ScpoUpdater(evaluate, np.zeros(50), rng=0, directions=6)
    steps = np.random.default_rng(1).standard_normal((6, 50)) * 0.01
    for step in steps:
        assert updater.update(step).accepted
    batch = [t for t in seen if len(t) > 1][-1]
    basis = (batch[1:] - batch[0]).T / 1e-3
    inside = basis @ np.linalg.lstsq(basis, steps[1:5].T, rcond=None)[0]
    assert np.allclose(inside, steps[1:5].T, atol=1e-7)


def test_extra_directions_are_sampled():
    seen = []

    def evaluate(thetas):
        seen.append(thetas)
        return always(-1.0)(thetas)

    extra = np.random.default_rng(1).standard_normal(50)
    updater = ScpoUpdater(evaluate, np.zeros(50), rng=0, directions=2)
    updater.update(np.ones(50), directions=[extra])
    basis = (seen[0][1:] - seen[0][0]).T / 1e-3
    assert np.allclose(basis @ (basis.T @ extra), extra)


def run(seed, updates=15):
    bowl = WalledBowl(d=20)
    updater = ScpoUpdater(bowl.evaluate, bowl.theta0, bowl.verify, rng=seed, directions=6)
    results = [updater.update(-0.3 * bowl.gradient(updater.theta), loss=bowl.loss)
               for _ in range(updates)]
    return np.array([r.theta for r in results])


def test_one_seed_gives_one_sequence():
    assert np.array_equal(run(3), run(3))
    assert np.array_equal(run(3), run(np.random.default_rng(3)))
    assert not np.array_equal(run(3), run(4))


def test_the_global_random_state_is_not_touched():
    np.random.seed(0)
    before = np.random.get_state()[1].copy()
    run(3, updates=2)
    assert np.array_equal(before, np.random.get_state()[1])


# -- metric ---------------------------------------------------------------------------------


def loss_after(seed, metric, updates):
    """Return the loss after Newton steps on an ill-conditioned bowl behind walls."""
    bowl = WalledBowl(d=8, curvature=np.logspace(0, 3, 8), seed=seed)
    updater = ScpoUpdater(bowl.verify, bowl.theta0, rng=0)
    for _ in range(updates):
        newton = bowl.goal - updater.theta
        updater.update(newton, metric=bowl.metric if metric else None, loss=bowl.loss)
    return bowl.loss(updater.theta) / bowl.loss(bowl.theta0)


@pytest.mark.parametrize('seed', range(4))
def test_the_metric_of_the_step_helps(seed):
    """Newton steps projected in their own metric get in 10 updates where M = I never gets."""
    matched = loss_after(seed, True, updates=10)
    assert matched < loss_after(seed, False, updates=40) - 0.03


def test_a_metric_as_array_and_as_callable_agree():
    matrix = np.diag([1.0, 2.0, 3.0, 4.0])
    step = 2.0 * np.ones(D)
    by_array = make().update(step, metric=matrix).theta
    assert np.allclose(by_array, make().update(step, metric=lambda v: matrix @ v).theta)
    assert not np.allclose(by_array, make().update(step).theta, atol=1e-3)
