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

"""Histograms of the controller's period and latency: counts up to fixed edges."""

import math

import numpy as np
import pytest
from scpo_ros.health.timing import (
    Histogram, LATENCY_EDGES, period_counts, PERIOD_EDGES, Punctuality)


@pytest.mark.parametrize('edges', [PERIOD_EDGES, LATENCY_EDGES])
def test_the_counts_are_those_of_a_comparison_with_each_edge(edges):
    numbers = np.random.default_rng(0).choice([*edges, *np.geomspace(1e-4, 20.0, 50)], 500)
    histogram = Histogram(edges)
    for number in numbers:
        histogram.add(number)
    counts = histogram.cumulative
    assert counts.pop('count') == 500
    assert counts == {f'le_{edge:g}': int(np.sum(numbers <= edge)) for edge in edges}
    assert 0 < min(counts.values()) and max(counts.values()) < 500


@pytest.mark.parametrize('number', [math.nan, math.inf])
def test_what_is_no_time_is_never_counted_as_punctual(number):
    histogram = Histogram(PERIOD_EDGES)
    histogram.add(number)
    counts = histogram.cumulative
    assert counts.pop('count') == 1 and not any(counts.values())


def test_the_edges_ascend_and_dt_is_apart_from_what_is_late():
    for edges in (PERIOD_EDGES, LATENCY_EDGES):
        assert list(edges) == sorted(set(edges))
    assert LATENCY_EDGES[-1] == 1.0 and 1.0 not in PERIOD_EDGES


def test_periods_and_latencies_are_parts_of_dt():
    punctuality = Punctuality(0.02)
    assert punctuality.values['period_count'] == punctuality.values['latency_count'] == 0
    for arrival, latency in ((5.0, 0.0001), (5.02, 0.0004), (5.04, 0.0004), (5.1, 0.03)):
        punctuality.note(arrival, arrival + latency)
    values = punctuality.values
    assert punctuality.arrival == 5.1 and punctuality.period_ms == pytest.approx(60.0)
    assert punctuality.latency_ms == pytest.approx(30.0)
    assert float(values['period_p99_ms']) == pytest.approx(59.2, abs=0.1)
    assert values['period_le_0.95'] == 0 and values['period_le_1.05'] == 2
    assert values['period_le_2'] == 2 and values['period_le_5'] == values['period_count'] == 3
    assert values['latency_le_0.005'] == 1 and values['latency_le_0.05'] == 3
    assert values['latency_le_1'] == 3 and values['latency_count'] == 4


def test_the_counts_of_a_recorded_run():
    counts = period_counts([100.0, 101.0, 250.0], 0.1)
    assert counts['le_0.95'] == 0 and counts['le_1.05'] == 2
    assert counts['le_2'] == 2 and counts['le_5'] == counts['count'] == 3


@pytest.mark.parametrize('deadline, late', [(0.5, 2), (0.2, 3), (1.0, 1)])
def test_answers_after_the_deadline_are_late(deadline, late):
    punctuality = Punctuality(0.02, deadline)
    for latency in (0.001, 0.005, 0.012, 0.021):
        punctuality.note(5.0, 5.0 + latency)
    assert punctuality.late == punctuality.values['late_answers'] == late
    punctuality.note(5.0, math.nan)
    assert punctuality.late == late + 1
