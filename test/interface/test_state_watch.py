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

"""Which states are acted upon: order, repetition, jumps, and no way to poison the time line."""

from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest
from scpo_ros.interface.state_watch import Fate, StateWatch


DT = 0.1


def state(step, x=(0.1, 0.0), applied=0.0, episode=0, start=1000.0):
    return SimpleNamespace(time=start + step * DT, x=np.array(x), applied=applied,
                           episode=episode)


@pytest.fixture
def watch():
    """Return a watch that has seen step 0."""
    watch = StateWatch(DT, gap=0.5)
    assert watch.judge(state(0)) is Fate.FRESH
    return watch


def test_states_in_order_are_fresh_and_a_lost_one_does_not_matter(watch):
    assert [watch.judge(state(k)) for k in (1, 2, 4, 8)] == [Fate.FRESH] * 4


def test_a_repetition_is_told_from_a_conflict(watch):
    assert watch.judge(state(0)) is Fate.REPEATED
    assert watch.judge(state(0, x=(0.2, 0.0))) is Fate.CONFLICTING
    assert watch.judge(state(0, applied=0.1)) is Fate.CONFLICTING
    assert watch.judge(state(0, episode=1)) is Fate.CONFLICTING


@pytest.mark.parametrize('x, applied', [
    ((np.nan, 0.0), 0.0), ((0.0, np.inf), 0.0), ((np.nan, 0.0), np.nan)])
def test_what_is_not_finite_is_malformed_and_forgotten(watch, x, applied):
    assert watch.judge(state(1, x, applied)) is Fate.MALFORMED
    assert watch.judge(state(1)) is Fate.FRESH


@pytest.mark.parametrize('applied', [np.nan, np.inf])
def test_a_state_without_an_applied_input_is_fresh_and_its_repetition_is_one(watch, applied):
    assert watch.judge(state(1, (0.1, 0.0), applied)) is Fate.FRESH
    assert watch.judge(state(1, (0.1, 0.0), applied)) is Fate.REPEATED
    assert watch.judge(state(1, (0.1, 0.0), 0.0)) is Fate.CONFLICTING


def test_the_past_is_not_acted_upon(watch):
    watch.judge(state(1))
    assert watch.judge(state(0)) is Fate.OUT_OF_ORDER
    assert watch.judge(state(2)) is Fate.FRESH


@pytest.mark.parametrize('jump', [1e5, -1e5, 1e12])
def test_single_stamps_from_elsewhere_cannot_shift_the_time_line(watch, jump):
    for k in range(1, 20):
        assert watch.judge(state(k)) is Fate.FRESH
        assert watch.judge(state(k + jump)) in (Fate.AHEAD, Fate.OUT_OF_ORDER)
    assert watch.time_lines == 1


@pytest.mark.parametrize('jump', [1e5, -1e5])
def test_a_clock_that_was_set_begins_another_time_line_after_three_states(watch, jump):
    fates = [watch.judge(state(k + jump)) for k in range(1, 6)]
    assert fates[2:] == [Fate.FRESH] * 3 and Fate.FRESH not in fates[:2]
    assert watch.time_lines == 2
    assert watch.judge(state(2)) is not Fate.FRESH


def test_a_plant_that_waits_for_its_answer_is_heard_again(watch):
    fates = [watch.judge(state(-5000)) for _ in range(4)]
    assert fates[2:] == [Fate.FRESH, Fate.REPEATED]


def test_the_age_is_looked_at_where_it_is_limited():
    watch = StateWatch(DT, gap=0.5, age_limit=0.3)
    assert watch.judge(state(0), now=1000.1) is Fate.FRESH
    assert watch.judge(state(1), now=1001.0) is Fate.STALE
    assert watch.judge(state(30), now=1001.0) is Fate.AHEAD
    assert watch.judge(state(10), now=float('nan')) is not Fate.FRESH


@given(st.lists(st.tuples(st.integers(-30, 60), st.sampled_from([0.1, 0.2]))))
def test_no_sequence_makes_time_go_back_within_a_time_line(messages):
    watch, newest, line = StateWatch(DT, gap=0.5), None, 0
    for step, p in messages:
        fate = watch.judge(state(step, x=(p, 0.0)))
        if fate is Fate.FRESH:
            assert newest is None or watch.time_lines > line or step > newest
            newest, line = step, watch.time_lines
    assert sum(watch.counts.values()) == len(messages)
