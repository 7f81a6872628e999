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

"""Laws of the sampled subspace and of the differences measured in it."""

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest
from scpo_ros.exceptions import InvalidArrayError
from scpo_ros.scpo import difference_slopes, orthonormal_basis, sample_points
from scpo_ros.scpo.perturbation import checked_directions


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10 ** 6), st.integers(1, 30), st.integers(1, 20), st.integers(1, 8))
def test_columns_are_orthonormal_and_as_many_as_fit(seed, d, n, given_count):
    rng = np.random.default_rng(seed)
    vectors = list(rng.standard_normal((given_count, d)) * 10.0 ** rng.uniform(-9, 9))
    basis = orthonormal_basis(vectors, n, rng)
    assert basis.shape == (d, min(n, d))
    assert np.allclose(basis.T @ basis, np.eye(min(n, d)), atol=1e-14)


def test_given_directions_come_first_in_order():
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((3, 10))
    basis = orthonormal_basis(list(vectors), 6, rng)
    for j in range(1, 4):
        inside = basis[:, :j] @ (basis[:, :j].T @ vectors[:j].T)
        assert np.allclose(inside, vectors[:j].T)


def test_first_column_is_the_raw_step():
    step = np.array([3.0, 0.0, 4.0])
    basis = orthonormal_basis([step], 2, np.random.default_rng(0))
    assert np.allclose(basis[:, 0], [0.6, 0.0, 0.8])


def test_near_dependent_and_zero_directions_are_dropped():
    rng = np.random.default_rng(1)
    v = rng.standard_normal(8)
    w = rng.standard_normal(8)
    basis = orthonormal_basis([v, 2 * v, np.zeros(8), v + 1e-9 * w, w], 2, rng)
    assert np.allclose(basis @ (basis.T @ w), w)


@pytest.mark.parametrize('size', [1e-300, 1e300])
def test_extreme_lengths_neither_under_nor_overflow(size):
    basis = orthonormal_basis([size * np.ones(4)], 3, np.random.default_rng(0))
    assert np.allclose(basis.T @ basis, np.eye(3))


@pytest.mark.parametrize('antithetic', [False, True])
def test_sample_points_lie_at_the_radius(antithetic):
    rng = np.random.default_rng(2)
    theta = rng.standard_normal(7)
    basis = orthonormal_basis([rng.standard_normal(7)], 4, rng)
    points = sample_points(theta, basis, 0.01, antithetic)
    assert len(points) == (9 if antithetic else 5)
    assert np.array_equal(points[0], theta)
    assert np.allclose(np.linalg.norm(points[1:] - theta, axis=1), 0.01)


@pytest.mark.parametrize('antithetic', [False, True])
def test_slopes_of_a_linear_function_are_exact(antithetic):
    rng = np.random.default_rng(3)
    a = rng.standard_normal((7, 2))
    basis = orthonormal_basis([rng.standard_normal(7)], 4, rng)
    points = sample_points(rng.standard_normal(7), basis, 0.1, antithetic)
    assert np.allclose(difference_slopes(points @ a, 0.1, antithetic), a.T @ basis)


@pytest.mark.parametrize('antithetic', [False, True])
def test_slope_error_is_at_most_half_l_r(antithetic):
    radius, constant = 0.1, 3.0
    basis = np.eye(4)
    points = sample_points(np.zeros(4), basis, radius, antithetic)
    values = 0.5 * constant * np.sum(points ** 2, axis=1)[:, None]
    error = np.abs(difference_slopes(values, radius, antithetic))
    assert np.all(error <= 0.5 * constant * radius + 1e-12)
    assert np.allclose(error, 0.0 if antithetic else 0.5 * constant * radius)


def test_directions_come_as_columns_or_as_a_list():
    columns = np.arange(6.0).reshape(3, 2)
    as_list = checked_directions([columns[:, 0], columns[:, 1]], 3)
    assert np.array_equal(checked_directions(columns, 3), as_list)
    assert checked_directions(None, 3) == []


@pytest.mark.parametrize('bad', [np.ones((2, 3)), [np.ones(2)], [np.array([1.0, np.nan, 0.0])],
                                 np.ones(3), ['abc']])
def test_malformed_directions_raise(bad):
    with pytest.raises(InvalidArrayError):
        checked_directions(bad, 3)
