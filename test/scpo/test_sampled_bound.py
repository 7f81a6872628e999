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

"""The arithmetic of tests with fresh scenarios."""

import math

import numpy as np
import pytest
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.scpo import required_scenarios, SampledBound, spent_doubt


@pytest.mark.parametrize('test, count', [(1, 7402), (1000, 21211)])
def test_the_published_numbers(test, count):
    assert required_scenarios(1e-3, 1e-3, test) == count


@pytest.mark.parametrize('p', [1e-4, 1e-2, 0.3])
@pytest.mark.parametrize('beta', [1e-6, 1e-3, 0.5])
@pytest.mark.parametrize('test', [1, 2, 17, 10 ** 6])
def test_enough_and_not_one_too_many(p, beta, test):
    count, doubt = required_scenarios(p, beta, test), spent_doubt(beta, test)
    assert count * math.log1p(-p) <= math.log(doubt) + 1e-9
    assert (count - 1) * math.log1p(-p) > math.log(doubt)


def test_all_tests_together_spend_the_doubt_and_no_more():
    spent = sum(spent_doubt(1e-3, j) for j in range(1, 20001))
    assert 0.9999e-3 < spent < 1e-3


def test_the_counter_counts_and_needs_more_each_time():
    bound = SampledBound(p=0.01, beta=0.01)
    counts = []
    for _ in range(5):
        counts.append(bound.scenarios)
        bound = bound.spent()
    assert bound.tests == 5 and counts == sorted(set(counts))
    assert SampledBound(0.01, 0.01, tests=5) == bound


def test_bad_policies_pass_less_often_than_the_doubt():
    """A policy that violates with probability 2 p passes some test of a long run: never here."""
    rng, p, passed = np.random.default_rng(0), 0.05, 0
    for _ in range(200):
        bound = SampledBound(p=p, beta=0.05)
        for _ in range(10):
            count, bound = bound.scenarios, bound.spent()
            passed += not np.any(rng.random(count) < 2 * p)
    assert passed <= 0.05 * 200


@pytest.mark.parametrize('values', [
    {'p': 0.0}, {'p': 1.0}, {'p': math.nan}, {'beta': 0.0}, {'beta': 1.5}, {'tests': -1},
    {'tests': 0.5}])
def test_values_out_of_range_are_refused(values):
    with pytest.raises(ConfigurationError):
        SampledBound(**values)


def test_the_statement_says_what_is_bounded():
    statement = SampledBound(p=0.002, beta=0.01, tests=3).statement('a box')
    assert 'confidence 0.99 ' in statement and 'at most 0.002' in statement
    assert 'drawn from a box' in statement
