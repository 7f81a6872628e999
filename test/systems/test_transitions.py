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

"""Which transitions can be judged, and for what share of the time."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from scpo_ros.config import SystemConfig
from scpo_ros.systems.linear_system import double_integrator
from scpo_ros.systems.transitions import (
    Gap, INPUT_ERROR, JudgedShare, same_input, TransitionRule)


def state(time, episode=0, applied=0.0):
    """Return a state as far as the rule looks at it."""
    return SimpleNamespace(time=time, episode=episode, applied=np.array([applied]))


def gap(step, jitter=0.0, dt=0.1, **after):
    """Return the gap between two states `step` seconds apart."""
    rule = TransitionRule(double_integrator(SystemConfig(dt=dt, sample_jitter=jitter)))
    return rule.between(state(1.7e9), state(1.7e9 + step, **after)).gap


@pytest.mark.parametrize('step, jitter, expected', [
    (0.1, 0.0, Gap.NONE), (0.1 + 4e-7, 0.0, Gap.NONE), (0.1001, 0.0, Gap.PERIOD),
    (0.101, 0.001, Gap.NONE), (0.099, 0.001, Gap.NONE), (0.1012, 0.001, Gap.PERIOD),
    (0.05, 0.02, Gap.PERIOD), (0.2, 0.0, Gap.LOST), (0.201, 0.0, Gap.LOST), (0.3, 0.0, Gap.LOST),
    (0.15, 0.0, Gap.PERIOD), (0.0, 0.0, Gap.RESTART), (-0.1, 0.0, Gap.RESTART),
    (60.0, 0.0, Gap.RESTART), (np.nan, 0.0, Gap.RESTART)])
def test_a_step_is_judged_where_it_is_dt_up_to_the_admitted_jitter(step, jitter, expected):
    assert gap(step, jitter) is expected


@pytest.mark.parametrize('after, expected', [
    ({'episode': 1}, Gap.EPISODE), ({'applied': np.nan}, Gap.INPUT),
    ({'applied': np.inf}, Gap.INPUT), ({'episode': 1, 'applied': np.nan}, Gap.EPISODE)])
def test_an_episode_and_a_missing_input_cannot_be_judged(after, expected):
    assert gap(0.1, **after) is expected


@pytest.mark.parametrize('dt', [0.005, 0.1, 0.5])
def test_a_restart_counts_for_a_step_at_least_and_a_moment_at_most(dt):
    rule = TransitionRule(double_integrator(SystemConfig(dt=dt)))
    for step in (-1e9, -1e-3, 0.0, 1e9, np.nan):
        duration = rule.between(state(0.0), state(step)).duration
        assert dt <= duration <= max(0.5, 2 * dt)


def share_of(kinds, dt=0.1):
    """Return the JudgedShare after transitions of the given (gap, duration)."""
    system = double_integrator(SystemConfig(dt=dt))
    share, rule = JudgedShare(system), TransitionRule(system)
    one = rule.between(state(0.0), state(dt))
    for kind, duration in kinds:
        share.add(replace(one, gap=kind, step=duration, duration=duration))
    return share


def test_the_share_is_that_of_the_window_and_what_was_not_seen_counts_as_not_judged():
    assert share_of([]).share == 0.0
    assert share_of([(Gap.NONE, 0.1)] * 10).share == pytest.approx(0.5)
    assert share_of([(Gap.NONE, 0.1)] * 200).share == 1.0
    mixed = [(Gap.NONE, 0.1), (Gap.LOST, 0.3)] * 50
    assert share_of(mixed).share == pytest.approx(0.25, abs=0.06)


def test_too_little_is_a_fault_only_once_a_whole_window_was_seen():
    some = [(Gap.NONE, 0.1)] * 4 + [(Gap.LOST, 0.2)] * 7
    assert share_of(some).fault == '' and not share_of(some).enough
    assert 'could be judged' in share_of(some + [(Gap.LOST, 0.2)]).fault


def test_slow_steps_have_a_window_of_ten():
    assert share_of([(Gap.NONE, 0.5)] * 5, dt=0.5).share == 0.5


@pytest.mark.parametrize('applied, same', [
    (0.3, True), (float(np.float32(0.3)), True), (0.3 + 2 * INPUT_ERROR, False), (np.nan, False)])
def test_an_input_that_passed_through_a_32_bit_number_is_the_same(applied, same):
    assert bool(same_input(
        double_integrator(SystemConfig()), np.array([applied]), np.array([0.3]))) is same
