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

"""Least squares, delay, excitation, rest and effects on recordings that were made for them."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from scpo_ros.identification.confidence import joint_region
from scpo_ros.identification.delay import compared_delays
from scpo_ros.identification.disturbance_bound import bias_of, disturbance_bound
from scpo_ros.identification.free_entries import free_entries
from scpo_ros.identification.identified import Choices, identify
from scpo_ros.identification.insufficient import InsufficientDataError
from scpo_ros.identification.least_squares import fit
from scpo_ros.identification.record import Record, Run
from scpo_ros.identification.rest import resolution_of, rest_of
from scpo_ros.identification.simulated import Experiment, guess_of, recorded, truth_of
from scpo_ros.identification.transitions import Effect, transitions
from scpo_ros.systems import load
from scpo_ros.systems.requirements import check_limits

CHAIN = load('spring_mass_chain_4').description


def recording(description=CHAIN, delay=0, seed=0, error=0.0, kind='uniform', **experiment):
    """Return (truth, record, draft)."""
    rng = np.random.default_rng(seed)
    truth = truth_of(description, kind, delay)
    return truth, recorded(truth, Experiment(**experiment), rng, error), guess_of(
        description, rng)


def still(truth):
    """Return a truth without disturbance."""
    return replace(truth, disturbance=np.zeros_like(truth.disturbance))


def test_without_disturbance_the_entries_are_exact():
    rng = np.random.default_rng(0)
    record = recorded(still(truth_of(CHAIN, 'uniform')), Experiment(), rng)
    entries = free_entries(guess_of(CHAIN, rng))
    found = fit(entries, transitions(record, 0), check_limits(CHAIN))
    assert np.allclose(found.theta, free_entries(CHAIN).start, rtol=0, atol=1e-8)


def test_at_the_fit_the_residuals_are_orthogonal_to_the_slopes():
    _, record, draft = recording()
    data = transitions(record, 0)
    found = fit(free_entries(draft), data, check_limits(CHAIN))
    slopes = np.einsum('pik,nk->pni', found.derivatives, data.z) / found.sizes**2
    product = np.einsum('pni,ni->p', slopes, found.residuals)
    size = np.sqrt(np.einsum('pni,pni->p', slopes, slopes) * np.sum(found.residuals**2))
    assert np.all(np.abs(product) <= 1e-4 * size)


def test_the_covariance_is_that_of_many_recordings():
    thetas, stated = [], []
    for seed in range(60):
        _, record, draft = recording(load('cart_pole').description, seed=seed, episodes=10)
        found = fit(free_entries(draft), transitions(record, 0), check_limits(draft))
        thetas.append(found.theta)
        stated.append(np.sqrt(np.diag(found.covariance)))
    ratio = np.std(thetas, axis=0) / np.mean(stated, axis=0)
    assert np.all(ratio < 1.3) and np.all(ratio > 0.7)


def test_few_transitions_are_refused():
    _, record, draft = recording(episodes=1, steps=4)
    with pytest.raises(InsufficientDataError, match='too few'):
        fit(free_entries(draft), transitions(record, 0), check_limits(CHAIN))


@pytest.mark.parametrize('delay', [0, 1, 10])
def test_the_delay_with_the_least_remainder_wins(delay):
    _, record, draft = recording(delay=delay)
    found = compared_delays(record, draft, free_entries(draft), check_limits(CHAIN), 50)
    assert found.best == delay and found.clear and len(found.scores) == 11


def test_no_input_crosses_an_episode():
    _, record, _ = recording(delay=3, episodes=4, steps=20)
    data = transitions(record, 3)
    assert data.count == 4 * 17
    for number, run in enumerate(record.runs):
        assert np.array_equal(data.z[data.run == number, CHAIN.n:], run.u[:17])


def test_short_runs_shorten_the_delays_that_are_compared():
    _, record, draft = recording(episodes=40, steps=8)
    found = compared_delays(record, draft, free_entries(draft), check_limits(CHAIN), 100)
    assert len(found.scores) == 6  # 40 runs with 3 transitions each behind 5 steps


def test_a_delay_that_cannot_be_told_is_refused():
    _, record, draft = recording()
    slow = tuple(Run(run.x, np.repeat(run.u[:1], run.steps, axis=0), run.places)
                 for run in record.runs)  # one input an episode: every delay has the same
    with pytest.raises(InsufficientDataError, match='does not tell a delay|does not excite'):
        identify(draft, replace(record, runs=slow))


def test_the_bound_covers_every_recorded_step_and_grows_by_the_factor():
    truth, record, draft = recording()
    found = identify(draft, record)
    left = np.abs(found.fit.model_residuals(found.data))
    assert np.all(left.max(axis=0) <= found.bound.observed)
    assert np.all(truth.disturbance * 0.99 <= found.bound.sampled)
    wider = identify(draft, record, Choices(factor=3.0))
    assert np.allclose(wider.bound.total - found.bound.total, 1.8 * found.bound.observed)


def test_a_measurement_error_is_taken_off_and_not_below_0():
    _, record, draft = recording()
    data = transitions(record, 0)
    limits = np.hstack([check_limits(CHAIN), [1.0]])
    found = fit(free_entries(draft), data, limits[:4])
    region = joint_region(found, 0.95)
    plain = disturbance_bound(found, data, region, limits, np.zeros(4), 1.2)
    small = disturbance_bound(found, data, region, limits, np.full(4, 1e-5), 1.2)
    large = disturbance_bound(found, data, region, limits, np.full(4, 1e-3), 1.2)
    error = 1e-5 + np.abs(found.step[:, :4]) @ np.full(4, 1e-5)
    assert np.allclose(small.disturbance, plain.disturbance + small.bias - error)
    assert np.all(large.disturbance >= 0) and np.any(large.disturbance == 0)


def test_the_bias_by_the_measurement_error_is_the_one_that_is_seen():
    error, away, stated = np.array([5e-3, 5e-3, 2e-2, 2e-2]), [], []
    for seed in range(20):
        _, record, draft = recording(seed=seed, error=error)
        data = transitions(record, 0)
        found = fit(free_entries(draft), data, check_limits(CHAIN))
        away.append(found.theta - free_entries(CHAIN).start)
        stated.append(bias_of(found, data, error))
    seen, deviation = np.mean(away, axis=0), np.std(away, axis=0) / np.sqrt(20)
    strong = np.abs(seen) > 5 * deviation
    assert strong.sum() >= 2
    assert np.all(np.abs(np.mean(stated, axis=0) - seen)[strong] <= 0.5 * np.abs(seen)[strong])


def at_rest(noise, drift=0.0, grid=0.0, count=80):
    """Return the record of an axis that stands at 0.1, with noise, or drifts by it."""
    rng = np.random.default_rng(0)
    x = 0.1 + rng.uniform(-1, 1, (count, 2)) * noise + np.cumsum(
        rng.uniform(-1, 1, (count, 2)), axis=0) * drift
    x = np.round(x / grid) * grid if grid else x
    run = Run(x, np.zeros((count - 1, 1)), tuple(map(str, range(count))))
    return Record('rest', (run,), count, Counter(), 0.1)


def test_rest_shows_the_noise():
    found = rest_of(at_rest(1e-3), np.zeros(2))
    assert found.samples == 80 and np.all(found.half_widths <= 1e-3)
    assert np.all(found.half_widths >= 0.9e-3)


def test_what_drifts_is_not_at_rest():
    assert rest_of(at_rest(0.0, drift=1e-3), np.zeros(2)).samples == 0
    assert rest_of(at_rest(1e-3, count=40), np.zeros(2)).samples == 0  # too short


def test_readings_on_a_grid_have_half_of_its_step_as_error_even_when_they_do_not_change():
    record = at_rest(0.0, grid=0.01)
    assert rest_of(record, np.array([0.01, 0.0])).half_widths.tolist() == [0.005, 0.0]
    noisy = at_rest(0.02, grid=0.01)
    assert resolution_of(noisy) == pytest.approx([0.01, 0.01])
    assert resolution_of(at_rest(1e-3)).tolist() == [0, 0]


def test_the_mean_sign_over_a_step_is_between_the_two_and_0_for_rest():
    x, following = np.array([[0.2], [-0.1], [0.1], [0.0]]), np.array([[0.1], [0.3], [-0.1], [0.0]])
    assert Effect(0).of(x, following) == pytest.approx([1.0, 0.5, 0.0, 0.0])
    assert Effect(None).of(x, following).tolist() == [1, 1, 1, 1]
