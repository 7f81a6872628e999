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

"""The local safe region is an inner approximation, and the sampling term is what makes it one."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest
from scpo_ros.exceptions import InvalidArrayError, InvalidValueError
from scpo_ros.scpo import LocalSafeRegion, planning_target, ProjectionProblem, solve_projection
from scpo_toys import sampled_region, SmoothFamily


class WithoutSamplingTerm(LocalSafeRegion):
    """The classic silent error: slopes of differences taken for gradients."""

    @property
    def sampling_weight(self):
        return np.zeros_like(self.g)


def steps_within(rng, count, n, radius):
    b = rng.standard_normal((count, n))
    lengths = radius * rng.uniform(0, 1, (count, 1)) ** 2
    return b / np.linalg.norm(b, axis=1, keepdims=True) * lengths


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10 ** 6), st.booleans(), st.floats(-4, -1), st.integers(1, 5))
def test_bound_covers_smooth_functions(seed, antithetic, log_radius, count):
    rng = np.random.default_rng(seed)
    function = SmoothFamily(rng)
    theta = rng.standard_normal(function.d)
    basis, region = sampled_region(
        function, theta, rng, 10.0 ** log_radius, 0.5, antithetic, count=count)
    b = steps_within(rng, 40, count, 0.5)
    assert np.all(function(theta + b @ basis.T) <= region.bound(b) + 1e-8)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10 ** 6), st.booleans())
def test_bound_covers_noisy_evaluations(seed, antithetic):
    rng, noise = np.random.default_rng(seed), 1e-3
    function = SmoothFamily(rng)

    def noisy(thetas):
        g = function(thetas)
        return g + noise * rng.choice([-1.0, 1.0], g.shape)

    noisy.constants = function.constants
    theta = rng.standard_normal(function.d)
    basis, region = sampled_region(noisy, theta, rng, 0.05, 0.5, antithetic, noise=noise)
    b = steps_within(rng, 40, 3, 0.5)
    assert np.all(function(theta + b @ basis.T) <= region.bound(b) + noise + 1e-8)


def test_control_without_the_sampling_term_the_bound_is_violated():
    rng, violated = np.random.default_rng(0), 0
    for _ in range(50):
        function = SmoothFamily(rng, kinds=('convex',))
        theta = rng.standard_normal(function.d)
        basis, region = sampled_region(function, theta, rng, radius=0.1)
        naive = sampled_region(function, theta, rng, radius=0.1, cls=WithoutSamplingTerm)[1]
        naive = replace(naive, slope=region.slope)
        b = -np.abs(steps_within(rng, 20, 3, 0.5))
        truth = function(theta + b @ basis.T)
        assert np.all(truth <= region.bound(b) + 1e-9)
        violated += np.sum(truth > naive.bound(b) + 1e-9)
    assert violated > 0.9 * 50 * 20 * 6


def test_control_without_the_sampling_term_projected_steps_are_unsafe():
    """Take g = L ||x||^2 / 2 + a'x with L known exactly; projected steps must keep g <= c."""
    rng, unsafe = np.random.default_rng(1), 0
    for _ in range(30):
        function = SmoothFamily(rng, kinds=('convex',))
        theta, pull = rng.standard_normal(function.d), rng.standard_normal(3)
        for cls in (LocalSafeRegion, WithoutSamplingTerm):
            basis, region = sampled_region(
                function, theta, np.random.default_rng(2), radius=0.1, cls=cls)
            b = solve_projection(ProjectionProblem(np.eye(3), pull, region)).b
            reached = function((theta + basis @ b)[None, :])[0]
            excess = np.max(reached - region.target)
            if cls is LocalSafeRegion:
                assert excess <= 1e-9
            else:
                unsafe += excess > 1e-3
    assert unsafe >= 5


def test_formula_in_one_coordinate():
    region = LocalSafeRegion([-1.0], [[2.0]], [4.0], 0.1, 0.5, 0.01, [0.0])
    b = -0.3
    expected = -1.0 + 2.0 * b + 2.0 * (0.1 * 0.3 + 0.09) + 2 * 0.01 / 0.1 * 0.3
    assert region.bound([b]) == pytest.approx([expected])
    assert region.violation(np.array([b])) == pytest.approx(max(expected, 0.3 - 0.5))


def test_formula_equals_that_of_the_design_in_the_coordinates_of_the_samples():
    """With b = r a: g + delta'a + (L/2)(r^2 |a|_1 + |D a|^2) + 2 nu |a|_1."""
    rng, r, nu = np.random.default_rng(3), 0.01, 0.001
    delta, constant, a = rng.standard_normal((4, 3)), rng.uniform(0, 5, 4), rng.standard_normal(3)
    g = rng.standard_normal(4)
    region = LocalSafeRegion(g, delta / r, constant, r, 1.0, nu, g)
    ones = np.sum(np.abs(a))
    design = g + delta @ a + 0.5 * constant * (
        r ** 2 * ones + r ** 2 * a @ a) + 2 * nu * ones
    assert np.allclose(region.bound(r * a), design)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10 ** 6))
def test_required_smoothness_is_the_smallest_that_covers(seed):
    rng = np.random.default_rng(seed)
    function = SmoothFamily(rng)
    theta = rng.standard_normal(function.d)
    basis, region = sampled_region(function, theta, rng)
    b = steps_within(rng, 1, 3, 0.5)[0] + 1e-3
    observed = function((theta + basis @ b)[None, :])[0]
    required = region.required_smoothness(b, observed)
    covering = replace(region, smoothness=required).bound(b)
    assert np.all(required <= function.constants * (1 + 1e-6) + 1e-6)
    assert np.all(covering >= observed - 1e-12)
    assert np.allclose(covering[required > 0], observed[required > 0])


def test_required_smoothness_of_no_step():
    region = LocalSafeRegion([-1.0, -1.0], np.ones((2, 2)), [1.0, 1.0], 0.1, 0.5, 0.0, [0.0, 0.0])
    required = region.required_smoothness(np.zeros(2), np.array([-1.0, -0.9]))
    assert np.array_equal(required, [0.0, np.inf])


@given(st.floats(-2.0, -0.0200001))
def test_standing_still_is_strictly_feasible_below_the_margin(g):
    target = planning_target(np.array([g]), 0.02, 0.025)[0]
    assert g < target <= -0.02


def test_planning_target_far_from_and_above_the_margin():
    assert np.allclose(planning_target(np.array([-1.0, -0.022, 0.1]), 0.02, 0.025),
                       [-0.025, -0.021, 0.04])


def test_nan_is_outside():
    region = LocalSafeRegion([-1.0], [[1.0]], [1.0], 0.1, 0.5, 0.0, [0.0])
    assert region.contains(np.zeros(1))
    assert not region.contains(np.array([np.nan]))
    assert not region.contains(np.array([0.51]))


@pytest.mark.parametrize('change', [
    {'g': [np.nan]}, {'slope': [[1.0], [2.0]]}, {'target': [1.0, 2.0]}, {'smoothness': [-1.0]},
    {'radius': 0.0}, {'radius': 0.6}, {'trust_radius': np.inf}, {'noise': -1.0},
    {'noise': np.nan}])
def test_malformed_regions_raise(change):
    good = {'g': [-1.0], 'slope': [[1.0]], 'smoothness': [1.0], 'radius': 0.1,
            'trust_radius': 0.5, 'noise': 0.0, 'target': [0.0]}
    LocalSafeRegion(**good)
    with pytest.raises((InvalidArrayError, InvalidValueError)):
        LocalSafeRegion(**{**good, **change})
