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

"""Certificates: weak duality, KKT, and every way of tampering is found."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest
from scpo_ros.exceptions import InvalidArrayError
from scpo_ros.scpo import (
    Certificate, certificate_defects, check_projection, dual_bound, ScpoUpdater, solve_projection)
from scpo_ros.scpo.local_safe_region import pulled_in
from scpo_toys import random_problem, WalledBowl


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10 ** 6), st.floats(-6, 3))
def test_weak_duality_for_any_multipliers_and_any_point(seed, exponent):
    problem = random_problem(seed)
    rng = np.random.default_rng(seed)
    n, k = len(problem.linear), len(problem.region.g)
    mu, nu = 10.0 ** exponent * rng.standard_normal(k), rng.standard_normal()
    bound = dual_bound(problem, rng.standard_normal(n), mu, nu)
    for b in rng.standard_normal((20, n)):
        feasible = rng.uniform() * pulled_in(problem.region, b)[0]
        assert bound <= problem.objective(feasible) + 1e-9 * abs(bound)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10 ** 6))
def test_kkt_stationarity_and_complementarity(seed):
    problem = random_problem(seed)
    answer = solve_projection(problem)
    b, mu, nu, region = answer.b, answer.multipliers, answer.ball_multiplier, problem.region
    unit = 2.0 * np.linalg.norm(problem.linear) + np.max(mu)
    gradient = 2 * problem.gram @ b - 2 * problem.linear + region.slope.T @ mu + (
        region.smoothness @ mu + 2 * nu) * b
    width = region.sampling_weight @ mu
    assert np.all(np.abs(gradient) <= width + 1e-4 * unit)
    slack = np.append(region.target - region.bound(b), region.trust_radius ** 2 - b @ b)
    assert np.all(slack * np.append(mu, nu) <= 1e-6 * problem.scale)


def test_a_worse_point_or_wrong_multipliers_show_in_the_gap():
    problem = random_problem(11, n=4, k=5)
    answer = solve_projection(problem)
    good = check_projection(problem, answer.b, answer.multipliers, answer.ball_multiplier)
    assert good == (answer.violation, answer.duality_gap)
    half = check_projection(
        problem, 0.5 * answer.b, answer.multipliers, answer.ball_multiplier)
    assert half[0] < 0 and half[1] > 1e-3
    wrong = check_projection(problem, answer.b, 0.0 * answer.multipliers, 0.0)
    assert wrong[1] > 1e-3


@pytest.mark.parametrize('poison', [np.nan, np.inf])
def test_what_cannot_be_checked_is_infinite(poison):
    problem = random_problem(11, n=4, k=5)
    assert check_projection(problem, np.full(4, poison), np.ones(5), 1.0) == (np.inf, np.inf)
    assert check_projection(problem, np.zeros(4), np.full(5, poison), 1.0)[1] == np.inf


@pytest.fixture(scope='module')
def accepted():
    """Return (certificate, theta) of a genuine update."""
    bowl = WalledBowl()
    updater = ScpoUpdater(bowl.evaluate, bowl.theta0, bowl.verify, rng=0, coverage='a toy')
    result = updater.update(-0.3 * bowl.gradient(bowl.theta0), loss=bowl.loss)
    assert result.accepted
    return result.certificate, result.theta


def test_a_genuine_certificate_has_no_defects(accepted):
    assert certificate_defects(*accepted, 0.02, 1e-6) == ()
    assert accepted[0].coverage == 'a toy' and accepted[0].kind == 'sampled'


def changed(array, value):
    array = np.array(array)
    array[1] = value
    return array


TAMPERING = {
    'length of g': lambda c: {'g': c.g[:-1]},
    'length of bound': lambda c: {'bound': c.bound[:-1]},
    'length of smoothness': lambda c: {'smoothness': np.append(c.smoothness, 1.0)},
    'empty': lambda c: {'g': [], 'bound': [], 'smoothness': []},
    'two-dimensional': lambda c: {
        'g': c.g[None], 'bound': c.bound[None], 'smoothness': c.smoothness[None]},
    'g NaN': lambda c: {'g': changed(c.g, np.nan)},
    'g -inf': lambda c: {'g': changed(c.g, -np.inf)},
    'bound NaN': lambda c: {'bound': changed(c.bound, np.nan)},
    'bound inf': lambda c: {'bound': changed(c.bound, np.inf)},
    'smoothness NaN': lambda c: {'smoothness': changed(c.smoothness, np.nan)},
    'smoothness 0': lambda c: {'smoothness': changed(c.smoothness, 0.0)},
    'g above the margin': lambda c: {
        'g': changed(c.g, -0.019), 'bound': changed(c.bound, 0.0), 'verification_max': -0.0195},
    'g above its bound': lambda c: {'bound': changed(c.bound, c.g[1] - 1e-6)},
    'margin too small': lambda c: {'margin': 0.019},
    'margin NaN': lambda c: {'margin': np.nan},
    'violation': lambda c: {'violation': 1e-12},
    'violation NaN': lambda c: {'violation': np.nan},
    'violation -inf': lambda c: {'violation': -np.inf},
    'gap too large': lambda c: {'duality_gap': 2e-6},
    'gap negative': lambda c: {'duality_gap': -1e-6},
    'gap NaN': lambda c: {'duality_gap': np.nan},
    'gap inf': lambda c: {'duality_gap': np.inf},
    'nothing verified': lambda c: {'verification_size': 0},
    'verified metric unsafe': lambda c: {'verification_max': -0.01},
    'verified metric NaN': lambda c: {'verification_max': np.nan},
    'verified metric below g': lambda c: {'verification_max': np.max(c.g) - 1.0},
    'digest': lambda c: {'theta_digest': c.parent_digest},
    'kind': lambda c: {'kind': 'promised'},
}


@pytest.mark.parametrize('name', TAMPERING)
def test_tampering_is_found(accepted, name):
    certificate, theta = accepted
    tampered = replace(certificate, **TAMPERING[name](certificate))
    defects = certificate_defects(tampered, theta, 0.02, 1e-6)
    assert defects and all(isinstance(sentence, str) for sentence in defects)


def test_another_policy_or_stricter_requirements_are_found(accepted):
    certificate, theta = accepted
    moved = np.array(theta)
    moved[0] = np.nextafter(moved[0], np.inf)
    assert certificate_defects(certificate, moved, 0.02, 1e-6)
    assert certificate_defects(certificate, theta, 0.0201, 1e-6)
    assert certificate_defects(certificate, theta, np.nan, 1e-6)
    assert certificate_defects(certificate, theta, 0.02, np.nan)


def test_arrays_are_read_only_and_must_be_numbers(accepted):
    certificate, _ = accepted
    for array in (certificate.g, certificate.bound, certificate.smoothness):
        assert not array.flags.writeable
    with pytest.raises(InvalidArrayError):
        replace(certificate, g=['a'])
    assert isinstance(certificate, Certificate)
