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

"""Joint region and scenario bound hold what they state; with a fault built in they do not."""

from collections import Counter

import numpy as np
import pytest
from scipy import stats
from scpo_ros.identification.campaign import counted, delays_found
from scpo_ros.identification.confidence import Region, scenario_probability

SETS = 40
LEAST = int(stats.binom.ppf(0.001, SETS, 0.95))  # of 40 sets at a confidence of 0.95


@pytest.fixture(scope='module', params=['uniform', 'vertex'])
def counts(request):
    """Return in how many data sets of the cart-pole each statement held."""
    return Counter(counted('cart_pole', request.param, SETS, seed=7))


def test_the_truth_lies_in_the_region_as_often_as_stated(counts):
    assert counts['inside'] >= LEAST


def test_fresh_transitions_exceed_the_bound_as_rarely_as_stated(counts):
    assert counts['covered'] >= LEAST


def test_the_delay_is_right(counts):
    assert counts['delay_right'] == SETS


def test_a_region_with_the_freedom_of_one_entry_is_too_small(counts):
    assert counts['inside_single'] < LEAST


def test_a_region_for_a_delay_that_is_off_by_one_misses_the_truth(counts):
    assert counts['inside_late'] < LEAST


def test_the_delay_is_right_where_inputs_move_five_times_the_disturbance():
    assert delays_found('double_integrator', 5.0, 20, seed=1) == {
        'right': 20, 'refused': 0, 'wrong': 0}


def test_inputs_of_a_fiftieth_of_the_disturbance_are_refused():
    assert delays_found('double_integrator', 0.02, 5, seed=1)['right'] == 0


def test_the_region_of_one_entry_is_an_interval():
    region = Region(np.array([2.0]), np.array([[0.25]]), 2.0)
    assert region.half_widths == pytest.approx([1.0])
    assert region.contains(np.array([2.999])) and not region.contains(np.array([3.001]))
    assert not region.contains(np.array([np.nan]))


def test_the_region_turns_with_its_covariance():
    region = Region(np.zeros(2), np.array([[1.0, 0.9], [0.9, 1.0]]), 1.0)
    assert region.contains(np.array([0.9, 0.9])) and not region.contains(np.array([0.9, -0.9]))


def test_a_prediction_differs_most_at_a_vertex_and_at_most_by_the_sum():
    rng = np.random.default_rng(0)
    root = rng.standard_normal((4, 4))
    region = Region(np.zeros(4), root @ root.T, 1.5)
    slopes, limits = rng.standard_normal((4, 2, 3)), np.array([1.0, 0.3, 2.0])
    inside = rng.uniform(-1, 1, (5000, 3)) * limits
    largest = region.within(slopes, limits)
    assert np.all(region.of_predictions(slopes, inside) <= largest)
    alone = region.of_predictions(slopes, np.diag(limits)).sum(axis=0)
    assert np.all(largest <= alone) and np.any(largest < 0.99 * alone)


def test_many_limits_take_the_sum():
    region = Region(np.zeros(1), np.eye(1), 1.0)
    slopes = np.ones((1, 1, 20))
    assert region.within(slopes, np.full(20, 0.5)) == pytest.approx([10.0])


@pytest.mark.parametrize('samples, widths', [(50, 1), (1000, 2), (1000, 12)])
def test_the_scenario_bound_solves_its_equation(samples, widths):
    epsilon = scenario_probability(samples, widths, 0.99)
    assert stats.binom.cdf(widths - 1, samples, epsilon) == pytest.approx(0.01, rel=1e-6)


def test_one_width_has_a_closed_form():
    assert scenario_probability(300, 1, 0.99) == pytest.approx(1 - 0.01**(1 / 300))


def test_fewer_samples_than_widths_say_nothing():
    assert scenario_probability(3, 4, 0.99) == 1.0


def test_the_scenario_bound_holds_on_uniform_samples_and_half_of_it_does_not():
    rng, samples = np.random.default_rng(3), 100
    largest = rng.uniform(0, 1, (4000, samples, 2)).max(axis=1)
    exceeded = 1 - largest.prod(axis=1)
    epsilon = scenario_probability(samples, 2, 0.99)
    assert np.mean(exceeded <= epsilon) >= 0.985
    assert np.mean(exceeded <= epsilon / 2) < 0.95
