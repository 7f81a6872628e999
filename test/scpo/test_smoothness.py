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

"""Laws of the smoothness constants."""

import numpy as np
import pytest
from scpo_ros.scpo import SmoothnessConstants


def constants(values, cap=1e5, floor=1e-6):
    return SmoothnessConstants(
        np.array(values), initial=1.0, growth=2.0, decay=0.8, floor=floor, cap=cap)


def test_new_constraints_start_at_the_initial_value_and_old_ones_stay():
    grown = constants([3.0, 4.0]).resized(4)
    assert np.array_equal(grown.values, [3.0, 4.0, 1.0, 1.0])
    assert np.array_equal(grown.resized(1).values, [3.0])


def test_only_exceeded_constants_are_raised_and_enough():
    raised = constants([1.0, 1.0, 1.0]).raised(np.array([0.9, 1.5, 7.0]))
    assert np.array_equal(raised.values, [1.0, 2.0, 7.0])


@pytest.mark.parametrize('required', [np.inf, np.nan])
def test_what_no_constant_covers_counts_as_exceeded(required):
    assert constants([1.0]).raised(np.array([required])).values[0] >= 2.0


def test_the_cap_and_the_floor_hold():
    low, high = constants([1e-6, 1.0]), constants([1e5, 1.0])
    assert low.relaxed(np.zeros(2)).values[0] == 1e-6
    assert np.all(high.raised(np.full(2, 1e9)).values == 1e5)


def test_only_constants_less_than_half_used_decay():
    relaxed = constants([1.0, 1.0, 1.0]).relaxed(np.array([0.49, 0.5, np.nan]))
    assert np.allclose(relaxed.values, [0.8, 1.0, 1.0])


def test_raising_reaches_any_constant_in_logarithmically_many_steps():
    state, steps = constants([1e-6]), 0
    while not state.values[0] >= 1e3:
        state = state.raised(np.nextafter(state.values, np.inf))
        steps += 1
    assert steps == 30


def test_values_are_read_only():
    with pytest.raises(ValueError):
        constants([1.0]).values[0] = 0.0
