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

"""Published numbers: totals never fall, updates are concluded once, unmeasured is no number."""

import math

import pytest
from scpo_ros.recording.reported_numbers import ReportedNumbers, TOTALS


def test_before_anything_was_published_no_number_is_known():
    numbers = ReportedNumbers()
    assert [numbers.total(name) for name in TOTALS] == [None] * 4
    assert numbers.measured('worst_metric') is None and numbers.updates == []


@pytest.mark.parametrize('name', TOTALS)
def test_a_total_goes_on_when_its_node_was_started_again(name):
    numbers = ReportedNumbers()
    totals = []
    for item in (1.0, 5.0, 0.0, 2.0, 1.0):  # started again twice
        numbers.add(name, item, 0.0)
        totals.append(numbers.total(name))
    assert totals == [1, 5, 5, 7, 8] == sorted(totals)


def test_a_measure_falls_when_it_is_measured_lower():  # the negative control
    numbers = ReportedNumbers()
    for item in (5.0, 1.0):
        numbers.add('loss', item, 0.0)
    assert numbers.measured('loss') == 1.0


def test_each_new_total_of_updates_concludes_one_with_the_newest_numbers():
    numbers = ReportedNumbers()
    numbers.add('accepted', 0.0, 1.0)
    assert numbers.updates == []  # the total says that there was none
    numbers.add('loss', 0.5, 2.0)
    numbers.add('accepted', 1.0, 2.0)
    numbers.add('accepted', 1.0, 3.0)  # published again
    numbers.add('worst_metric', -0.1, 4.0)
    numbers.add('refused', 1.0, 4.0)
    first, second = numbers.updates
    assert first[:2] == (2.0, 1.0) and first[3] == 0.5
    assert math.isnan(first[2]) and math.isnan(first.worst_metric)  # not heard of yet
    assert second == (4.0, 1.0, 1.0, 0.5, -0.1)


def test_a_number_that_became_unknown_is_unknown():
    numbers = ReportedNumbers()
    numbers.add('worst_metric', -0.1, 0.0)
    numbers.add('worst_metric', math.nan, 1.0)
    assert numbers.measured('worst_metric') is None


def test_only_periods_that_were_measured_count():
    numbers = ReportedNumbers()
    for item in (math.nan, 0.0, 100.0, -1.0):
        numbers.add('period_ms', item, 0.0)
    assert numbers.periods == [100.0]
