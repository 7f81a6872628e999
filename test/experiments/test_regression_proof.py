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

"""The parts of the regression: derivatives, the metric of the step, and the proof of the bound."""

from hypothesis import given, strategies as st
import numpy as np
import pytest
from scpo_ros.experiments.regression_bound import cell_maxima, OutputBound
from scpo_ros.experiments.regression_learner import MinibatchStep, stratified_inputs
from scpo_ros.experiments.regression_network import CHUNK, TanhNetwork

NETWORK = TanhNetwork(width=6)
BOUND = OutputBound(
    NETWORK, limit=1.4, half_width=2.0, groups=5, cells=3, refinement=4, interpolation=1e-3)
seeds = st.integers(0, 2 ** 32 - 1)


def weights(seed, scale=1.0):
    """Return random weights with an output."""
    rng = np.random.default_rng(seed)
    return NETWORK.initial(rng, 2.0, 2.0) + scale * rng.standard_normal(NETWORK.size)


def constant(value):
    """Return the weights of a constant policy."""
    return np.append(np.zeros(NETWORK.size - 1), value)


# -- network --------------------------------------------------------------------------------


def test_the_output_is_that_of_the_formula_in_any_shape():
    theta = weights(0)
    w1, b1, w2, b2, w3, b3 = NETWORK.layers(theta)
    x = np.linspace(-2.0, 2.0, 2 * CHUNK + 6).reshape(2, -1)
    expected = [w3 @ np.tanh(w2.T @ np.tanh(w1 * xi + b1) + b2) + b3 for xi in x.ravel()]
    assert NETWORK.output(theta, x).shape == x.shape
    assert np.allclose(NETWORK.output(theta, x).ravel(), expected, rtol=0, atol=1e-13)
    assert NETWORK.output(theta, 0.5).shape == ()


@given(seeds)
def test_the_jacobian_is_that_of_central_differences(seed):
    theta, x = weights(seed), np.linspace(-2.0, 2.0, 7)
    output, jacobian = NETWORK.jacobian(theta, x)
    assert np.allclose(output, NETWORK.output(theta, x), rtol=0, atol=1e-13)
    steps = 1e-5 * np.eye(NETWORK.size)
    differences = [NETWORK.output(theta + s, x) - NETWORK.output(theta - s, x) for s in steps]
    assert np.allclose(jacobian, np.transpose(differences) / 2e-5, rtol=0, atol=1e-6)


@given(seeds, st.floats(0.1, 3.0))
def test_the_curvature_bound_covers_second_differences(seed, scale):
    theta = weights(seed, scale)
    x, h = np.linspace(-4.0, 4.0, 4001), 1e-3
    second = (NETWORK.output(theta, x + h) - 2.0 * NETWORK.output(theta, x)
              + NETWORK.output(theta, x - h)) / h ** 2
    assert np.max(np.abs(second)) <= NETWORK.curvature_bound(theta) + 1e-6


def test_the_curvature_bound_is_attained_by_a_single_unit():
    # w1, b1 so small that the first layer is the identity: pi = tanh(10 x) to first order.
    network = TanhNetwork(width=1)
    theta = np.array([1e-4, 0.0, 1e5, 0.0, 1.0, 0.0])
    x = np.linspace(-0.5, 0.5, 100_001)
    second = np.diff(network.output(theta, x), 2) / 1e-10
    assert network.curvature_bound(theta) == pytest.approx(np.max(np.abs(second)), rel=1e-2)


# -- bound ----------------------------------------------------------------------------------


@given(seeds, st.floats(0.1, 3.0))
def test_a_verified_policy_obeys_the_bound_everywhere(seed, scale):
    theta = weights(seed, scale)
    dense = np.linspace(-2.0, 2.0, 20_001)
    proved = BOUND.limit + np.max(BOUND.verify(theta[None]))
    assert np.max(np.abs(NETWORK.output(theta, dense))) <= proved


def test_without_the_slack_a_bump_between_enforced_inputs_would_be_missed():
    # 5 tanh'(.)-like bump of width 0.01, centred between two enforced inputs
    theta = np.zeros(NETWORK.size)
    w1, b1, w2, _, w3, _ = NETWORK.layers(theta)
    h = BOUND.enforced[1] - BOUND.enforced[0]
    centre = BOUND.enforced[7] + 0.5 * h
    w1[:2], w2[0, 0], w2[1, 1] = 1000.0, 1.0, 1.0
    b1[:2] = -1000.0 * (centre + np.array([-0.01, 0.01]))
    w3[:2] = 2.0, -2.0
    assert NETWORK.output(theta, centre) > BOUND.limit
    assert np.max(np.abs(NETWORK.output(theta, BOUND.enforced))) < 0.01
    assert np.all(BOUND.verify(theta[None]) > 0)


@pytest.mark.parametrize('value', [0.0, 1.39, -1.39, 1.41, -1.41])
def test_metrics_of_constant_policies(value):
    theta = constant(value)[None]
    assert BOUND.verify(theta).shape == (1, 5 * 3 * 4 + 1)
    assert np.allclose(BOUND.verify(theta), abs(value) - 1.4, rtol=0, atol=1e-12)
    expected = np.repeat([value, -value], 5) - 1.4 + 1e-3
    assert np.allclose(BOUND.design(theta), expected, rtol=0, atol=1e-12)


def test_nan_stays_nan():
    theta = constant(np.nan)[None]
    assert np.all(np.isnan(BOUND.verify(theta))) and np.all(np.isnan(BOUND.design(theta)))


def test_batches_are_evaluated_row_by_row():
    thetas = np.array([weights(seed) for seed in range(3)])
    for evaluate in (BOUND.design, BOUND.verify):
        rows = np.concatenate([evaluate(theta[None]) for theta in thetas])
        assert np.array_equal(evaluate(thetas), rows)


def test_the_enforced_grid_holds_both_ends_and_the_middle_of_every_cell():
    assert BOUND.enforced[0] == -2.0 and BOUND.enforced[-1] == 2.0
    inside = BOUND.middles[1:-1]
    assert inside.shape == (15,) and np.all(np.abs(inside) < 2.0)
    assert np.all(np.abs(BOUND.middles[[0, -1]]) > 2.0)
    assert np.allclose(np.min(np.abs(inside[:, None] - BOUND.enforced), axis=1), 0, atol=1e-12)


@given(*[st.floats(-10.0, 10.0)] * 3)
def test_cell_maxima_are_exact_for_quadratics(a, b, c):
    t = np.linspace(-0.5, 0.5, 1001)
    dense = np.max(a + b * t + c * t ** 2)
    values = a + b * np.arange(-1, 2) + c * np.arange(-1, 2) ** 2
    highest = cell_maxima(values)[0]
    assert dense - 1e-9 <= highest <= dense + 1e-5 * max(1.0, abs(b), abs(c))


def test_cell_maxima_see_peaks_between_the_points():
    points = np.linspace(-3.0, 3.0, 100)
    for phase in np.linspace(0.0, 1.0, 23):
        values = np.sin(7.0 * points + phase)
        assert np.max(cell_maxima(values)) == pytest.approx(1.0, abs=1e-2)


# -- learner --------------------------------------------------------------------------------


@pytest.fixture()
def batch():
    x = stratified_inputs(np.random.default_rng(0), 20, 2.0)
    return MinibatchStep.made(NETWORK, weights(0, 0.3), x, np.sin(x), 1e-2, np.array([0, 7, 15]))


def test_stratified_inputs_have_one_in_each_cell():
    x = stratified_inputs(np.random.default_rng(0), 50, 2.0)
    assert np.array_equal(np.floor((x + 2.0) / 4.0 * 50), np.arange(50))


def test_the_step_is_the_least_squares_one_and_the_parts_add_up(batch):
    theta = weights(0, 0.3)
    errors = NETWORK.output(theta, batch.x) - batch.y
    stacked = np.vstack([batch.jacobian / np.sqrt(20), 0.1 * np.eye(NETWORK.size)])
    wanted = np.linalg.lstsq(
        stacked, -np.append(errors / np.sqrt(20), np.zeros(NETWORK.size)), rcond=None)[0]
    assert np.allclose(batch.step, wanted, rtol=0, atol=1e-9)
    assert batch.parts.shape == (NETWORK.size, 4) and not np.any(batch.parts[:, 0])
    assert np.allclose(batch.parts.sum(axis=1), batch.step, rtol=0, atol=1e-12)


def test_the_metric_is_that_of_the_step(batch):
    theta = weights(0, 0.3)
    product = batch.metric(batch.step[:, None])[:, 0]
    gradient = [(batch.loss(theta + e) - batch.loss(theta - e)) / 2e-6
                for e in 1e-6 * np.eye(NETWORK.size)]
    assert np.allclose(product, -0.5 * np.array(gradient), rtol=0, atol=1e-6)  # M s = -grad L / 2
    identity = np.eye(NETWORK.size)
    matrix = batch.metric(identity)
    assert np.allclose(matrix, matrix.T) and np.linalg.eigvalsh(matrix)[0] >= 0.99e-2
