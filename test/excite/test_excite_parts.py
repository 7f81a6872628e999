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

"""The parts of an excitation: draws, amplitude, holds, phases, silence, and the table."""

import csv
import io
import math
from types import SimpleNamespace

import numpy as np
import pytest
from scpo_ros.excite.amplitude import Amplitude, LEAST
from scpo_ros.excite.draws import Draws
from scpo_ros.excite.hold import Hold
from scpo_ros.excite.timetable import Phase, Timetable
from scpo_ros.excite.track import Row, table
from scpo_ros.excite.vigil import Vigil
from scpo_ros.interface.messages import State
from scpo_ros.systems import load

SYSTEM = load('rail_slider')


def drawn(system, longest=10, steps=4000, amplitude=1.0):
    draws = Draws(system, longest, np.random.default_rng(0))
    return np.array([draws.drawn(amplitude) for _ in range(steps)])


@pytest.mark.parametrize('name', ['rail_slider', 'vehicle_lateral', 'planar_quadrotor_hover'])
def test_draws_fill_their_part_of_the_limits(name):
    system = load(name)
    u = drawn(system, amplitude=0.5)
    assert np.all(u <= 0.5 * system.input_upper) and np.all(u >= 0.5 * system.input_lower)
    assert np.all(u.max(axis=0) > 0.48 * system.input_upper)
    assert np.all(u.min(axis=0) < 0.48 * system.input_lower)


def test_draws_are_held_for_one_to_ten_steps_each_by_itself():
    u = drawn(load('planar_quadrotor_hover'))
    for column in u.T:
        lengths = np.diff(np.flatnonzero(np.diff(column) != 0))
        assert set(lengths) == set(range(1, 11))
    assert not np.array_equal(np.diff(u[:, 0]) != 0, np.diff(u[:, 1]) != 0)


def test_the_amplitude_rises_step_by_step_while_the_ratio_is_small():
    amplitude, seen = Amplitude(0.1, 1.0, 5), []
    for _ in range(50):
        amplitude.covered(1.0, 0.1 * amplitude.value)
        seen.append(amplitude.value)
    assert seen[3] == 0.1 and seen[4] == pytest.approx(0.15) and seen[-1] == 1.0
    assert all(later >= before for before, later in zip(seen, seen[1:]))


@pytest.mark.parametrize('slope', [1.2, 2.0, 5.0])
def test_it_ends_where_the_expected_ratio_is_content(slope):
    amplitude = Amplitude(0.1, 1.0, 5)
    for _ in range(200):
        amplitude.covered(1.0, slope * amplitude.value)
    assert amplitude.value == pytest.approx(0.8 / slope)


def test_small_draws_do_not_speak_for_large_ones():
    amplitude = Amplitude(0.2, 1.0, 5)
    for _ in range(5):
        amplitude.covered(0.5, 0.35)
    assert amplitude.value == pytest.approx(0.8 * 0.5 * 0.2 / 0.35)


def test_covered_steps_never_lower_it():
    amplitude = Amplitude(0.2, 1.0, 5)
    for _ in range(50):
        amplitude.covered(0.1, 0.99)
    assert amplitude.value == 0.2


def test_the_backup_takes_more_the_longer_it_lasts():
    parts = [Amplitude(0.05, 1.0, 5).gentle(steps) for steps in range(200)]
    assert parts[0] == 0.1 and parts[-1] == 1.0 and parts == sorted(parts)
    assert Amplitude(0.5, 1.0, 5).gentle(0) == 0.5


def test_it_is_not_raised_to_where_it_was_too_large():
    amplitude = Amplitude(0.4, 1.0, 5)
    amplitude.lower()
    assert amplitude.value == pytest.approx(0.24)
    for _ in range(100):
        amplitude.covered(1.0, 0.0)
    assert amplitude.value == pytest.approx(0.36)


def test_faults_at_the_least_amplitude_spend_it():
    amplitude = Amplitude(LEAST, 1.0, 5)
    for _ in range(4):
        amplitude.lower()
    assert amplitude.value == LEAST and not amplitude.spent
    amplitude.lower()
    assert amplitude.spent


def test_a_hold_ends_after_calm_steps_in_a_row():
    hold = Hold(3, 10)
    assert not hold.stands and hold.begin('first') and hold.stands
    for faultless in (True, True, False, True):
        hold.step(faultless)
    assert not hold.stands and hold.count == 1 and hold.reason == 'first'
    assert hold.begin('second') and not hold.begin('third') and hold.count == 2
    assert hold.reason == 'third'


def test_a_hold_that_does_not_end_is_stuck():
    hold = Hold(3, 10)
    hold.begin('fault')
    for _ in range(11):
        assert not hold.stuck
        hold.step(True)
        hold.begin('fault')
    assert hold.stuck


def test_phases_follow_each_other():
    timetable = Timetable(rest=2, total=5, back=3)
    names = [timetable.phase(k, None, False).value for k in range(9)]
    assert names == ['rest'] * 2 + ['excite'] * 3 + ['return'] * 3 + ['over']
    assert timetable.phase(3, 3, False) is Phase.RETURN
    assert timetable.phase(6, 3, False) is Phase.OVER
    assert timetable.phase(5, None, True) is Phase.OVER and timetable.phase(
        4, None, True) is Phase.EXCITE


def test_silence_is_told_once_and_ends_it():
    vigil = Vigil(0.0, 0.5, 10.0)
    assert not vigil.paused(5.0) and vigil.over(5.0) == ''
    assert vigil.over(11.0) == 'no state came for 11 s'
    vigil.hear(20.0)
    assert not vigil.paused(20.4) and vigil.paused(20.6) and not vigil.paused(20.7)
    vigil.hear(21.0)
    assert vigil.paused(22.0) and vigil.over(31.5) == 'no further state came for 10 s'
    assert vigil.over(math.nan) != ''


def rows_of(applied, commanded, episodes=None):
    """Return the table that is written for states with these inputs, as rows of texts."""
    rows = []
    for k, (before, u) in enumerate(zip(applied, commanded)):
        stamp = SimpleNamespace(sec=1700000000 + k // 10, nanosec=k % 10 * 10**8)
        rows.append(Row(State(
            stamp, stamp.sec + 1e-9 * stamp.nanosec, episodes[k] if episodes else 0,
            np.array([0.1 * k, 0.0]), np.array([before])), np.array([u]), 'excite'))
    return list(csv.DictReader(io.StringIO(table(rows, SYSTEM))))


def inputs(rows):
    return [row['acceleration'] for row in rows]


def test_a_row_holds_the_input_that_acts_from_then_on():
    rows = rows_of([0.0, 0.1, 0.2, 0.3], [0.1, 0.2, 0.3, 0.4])
    assert [row['time'] for row in rows] == [f'{0.1 * k:.9f}' for k in range(4)]
    assert inputs(rows) == ['0.1', '0.2', '0.3', '']  # the last is not known yet
    assert [row['commanded_acceleration'] for row in rows] == ['0.1', '0.2', '0.3', '0.4']


def test_what_was_applied_counts_and_not_what_was_commanded():
    u = np.random.default_rng(0).uniform(-1, 1, 30).round(3).tolist()
    assert inputs(rows_of([0.0, *u[:9], 0.5, *u[10:-1]], u))[9:11] == ['0.5', str(u[10])]


def test_an_input_reported_late_stands_where_it_was_commanded():
    u = np.random.default_rng(0).uniform(-1, 1, 30).round(3).tolist()
    assert inputs(rows_of([0.0, 0.0, *u[:-2]], u)) == [*map(str, u[:-2]), '', '']


def test_commands_stand_in_where_nothing_is_reported():
    assert inputs(rows_of([np.nan] * 3, [0.1, 0.2, 0.3])) == ['0.1', '0.2', '0.3']


def test_no_input_crosses_an_episode():
    rows = rows_of([0.0, 0.1, 0.0, 0.3], [0.1, 0.2, 0.3, 0.4], [0, 0, 1, 1])
    assert inputs(rows) == ['0.1', '', '0.3', '']


def test_nothing_seen_is_a_table_without_rows():
    assert table([], SYSTEM).count('\n') == 1
