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

"""Enclosures contain the network at every point of every box; without one term they do not."""

import numpy as np
import pytest
from scpo_ros.policy.residual_policy import ResidualNetwork
from scpo_ros.proofs import enclosure
from scpo_ros.proofs.enclosure import enclosed, evaluation_error

SHAPES = [(2, 16, 16), (2, 8), (2, 5, 7, 3), (3, 12, 12), (4, 8, 8)]


def boxes(network, count, width, rng):
    """Return centres and half-widths of boxes inside the limits."""
    half = width * rng.uniform(0, 1, (count, len(network.scale))) * network.scale
    centre = rng.uniform(-1, 1, half.shape) * (network.scale - half)
    return centre, half


def worst_escape(network, thetas, centre, half, rng, draws=24):
    """Return the largest distance of a sampled value from its enclosure, and the tightness."""
    found = enclosed(network, thetas, centre, half)
    worst, span = -np.inf, np.zeros_like(found.radius)
    for draw in range(draws):
        share = rng.uniform(-1, 1, centre.shape)
        x = centre + half * (np.sign(share) if draw % 2 else share)
        line = found.value + np.einsum('pni,ni->pn', found.slope, x - centre)
        distance = np.abs(network(thetas, x)[..., 0] - line)
        span = np.maximum(span, distance)
        worst = max(worst, float(np.max(distance - found.radius)))
    return worst, span, found


def random_weights(network, count, scale, rng):
    """Return weights of one scale, some of them sparse and some with a large layer."""
    thetas = rng.normal(0, scale, (count, network.d))
    thetas[::3] *= rng.random((len(thetas[::3]), network.d)) < 0.3
    thetas[1::3, :network.d // 2] *= 10
    return thetas


@pytest.mark.parametrize('shape', SHAPES, ids=str)
@pytest.mark.parametrize('scale', [0.01, 0.3, 1.0, 5.0, 100.0, 1e6])
def test_random_networks_stay_inside(shape, scale):
    """Over all shapes and scales more than 1,000 networks, saturated ones included."""
    rng = np.random.default_rng([len(shape), int(100 * scale)])
    network = ResidualNetwork(shape, np.array([1.0, 0.6, 2.0, 0.5][:shape[0]]))
    thetas = random_weights(network, 36, scale, rng)
    for width in (1e-6, 0.01, 0.2, 1.0):
        worst, _, found = worst_escape(network, thetas, *boxes(network, 12, width, rng), rng)
        assert np.all(np.isfinite(found.radius)) and worst <= 0


def test_small_boxes_are_enclosed_tightly():
    """The radius shrinks with the square of the width, down to rounding."""
    rng = np.random.default_rng(1)
    network = ResidualNetwork((2, 16, 16), np.ones(2))
    thetas = rng.normal(0, 0.5, (20, network.d))
    centre = rng.uniform(-0.9, 0.9, (50, 2))
    radii = [enclosed(network, thetas, centre, np.full((50, 2), h)).radius
             for h in (0.02, 0.01, 0.005)]
    for wide, narrow in zip(radii, radii[1:]):
        assert 3.5 < np.median(wide / narrow) < 4.5
    point = enclosed(network, thetas, centre, np.zeros((50, 2))).radius
    assert 0 < point.max() < 1e-11


def test_large_boxes_do_no_worse_than_the_range_of_tanh():
    rng = np.random.default_rng(2)
    network = ResidualNetwork((2, 16), np.ones(2))
    thetas = rng.normal(0, 50.0, (10, network.d))
    found = enclosed(network, thetas, np.zeros((1, 2)), np.ones((1, 2)))
    most = np.abs(thetas[:, -16:]).sum(axis=1)
    assert np.all(found.radius[:, 0] <= 1.001 * most)


def curvature_dropped(value, slope, radius, half):
    """Enclose tanh by its tangent alone: unsound."""
    top = np.tanh(value)
    slant = 1 - top * top
    return top, slope * slant[:, :, None, :], slant * radius


def slope_of_radius_dropped(original):
    def enclose(value, slope, radius, half):
        return original(value, slope, np.zeros_like(radius), half)
    return enclose


@pytest.mark.parametrize('unsound', ['curvature', 'radius', 'last'])
def test_an_enclosure_with_one_term_dropped_is_caught(monkeypatch, unsound):
    """Negative control: the soundness test above fails for it."""
    if unsound == 'curvature':
        monkeypatch.setattr(enclosure, '_tanh', curvature_dropped)
    elif unsound == 'radius':
        monkeypatch.setattr(enclosure, '_tanh', slope_of_radius_dropped(enclosure._tanh))
    rng = np.random.default_rng(3)
    network = ResidualNetwork((2, 16, 16), np.ones(2))
    thetas = random_weights(network, 36, 1.0, rng)
    centre, half = boxes(network, 12, 0.2, rng)
    if unsound != 'last':
        assert worst_escape(network, thetas, centre, half, rng)[0] > 0
        return
    # the soundness test has power: radii cannot be much smaller than they are
    _, span, found = worst_escape(network, thetas, centre, half, rng, 200)
    assert np.median(found.radius / np.maximum(span, 1e-9)) < 8


@pytest.mark.parametrize('poison', [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize('at', [0, 40, 200, -1])
def test_weights_that_are_not_finite_never_pass_for_safe(poison, at):
    network = ResidualNetwork((2, 16, 16), np.ones(2))
    theta = np.random.default_rng(4).normal(0, 0.5, network.d)
    theta[at] = poison
    found = enclosed(network, theta[None], np.zeros((3, 2)), np.full((3, 2), 0.1))
    assert not np.any(found.value + found.radius <= 1e300)


@pytest.mark.parametrize('at', [0, 40, 200, -1])
def test_weights_near_overflow_are_enclosed_or_refused(at):
    network = ResidualNetwork((2, 16, 16), np.ones(2))
    theta = np.random.default_rng(4).normal(0, 0.5, network.d)
    theta[at] = 1e307
    found = enclosed(network, theta[None], np.zeros((1, 2)), np.full((1, 2), 0.1))
    with np.errstate(over='ignore'):
        values = network(theta[None], np.random.default_rng(5).uniform(-0.1, 0.1, (50, 2)))[..., 0]
        reach = found.radius + np.sum(np.abs(found.slope), axis=2) * 0.1
        assert not np.any(np.abs(values - found.value) > reach)


def test_weights_that_overflow_when_the_controller_scales_them_are_refused():
    """Its network divides the weights by the scale, the enclosure the boxes."""
    network = ResidualNetwork((2, 16, 16), np.array([1.0, 0.01]))
    theta = np.random.default_rng(4).normal(0, 0.1, network.d)
    theta[16] = 1e307  # of v
    with np.errstate(over='ignore', invalid='ignore'):
        assert np.all(np.isnan(network(theta[None], np.array([[0.1, 0.005], [0.0, 0.0]]))))
    found = enclosed(network, theta[None], np.array([[0.1, 0.005]]), np.full((1, 2), 1e-3))
    assert not np.any(found.radius <= 1e300)


def test_the_rounding_error_is_bounded_and_the_bound_is_not_empty():
    """Against evaluation in extended precision."""
    rng = np.random.default_rng(5)
    network = ResidualNetwork((2, 16, 16), np.ones(2))
    for scale in (0.5, 10.0, 1e4):
        theta = rng.normal(0, scale, network.d)
        x = rng.uniform(-1, 1, (500, 2))
        wide = theta.astype(np.longdouble)
        hidden, output = network.layers(wide[None])
        z = x.astype(np.longdouble)
        for weights, bias in hidden:
            z = np.tanh(z @ weights[0] + bias[0])
        exact = (z @ output[0])[:, 0]
        hidden, output = network.layers(theta[None])
        z = x
        for weights, bias in hidden:
            z = np.tanh(z @ weights[0] + bias[0])
        error = np.abs((z @ output[0])[:, 0] - exact).max()
        bound = evaluation_error(hidden, output)[0]
        assert 0 < error <= bound
