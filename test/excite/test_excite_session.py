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

"""
A joint that is not as its draft says is moved within its limits, and identified from that.

The draft has a gain of 1, no friction, no delay and a wide disturbance.
"""

from dataclasses import replace

from excited_plants import Axis, excited, identified_from, LIMITS, task_of_draft
import numpy as np
import pytest
from scpo_ros.config import ExciteConfig
from scpo_ros.excite.timetable import Phase

MINUTE = ExciteConfig(duration_s=60.0, rest_s=6.0)
ROBOTS = {
    'gain 1.3': {'gain': 1.3}, 'gain 0.7': {'gain': 0.7},
    'friction': {'friction': 0.05},
    'a delay that it reports': {'delay': 1},
    'a delay that it does not report': {'delay': 1, 'reports': 'commanded'},
    'a delay, and no effort': {'delay': 1, 'reports': 'nothing'},
    'gain, friction, damping, noise': {
        'gain': 1.3, 'friction': 0.04, 'damping': -0.2, 'noise': (1e-4, 5e-4)},
    'gain and delay': {'gain': 0.7, 'delay': 1}}


@pytest.fixture(scope='module')
def task():
    return task_of_draft()


def kept(states):
    """Return whether all true states (N, 2) lie within the limits."""
    return bool(np.all(np.abs(states) <= LIMITS))


@pytest.mark.parametrize('robot', ROBOTS)
def test_limits_hold_and_the_truth_is_identified(task, robot, tmp_path):
    axis = Axis(**ROBOTS[robot])
    session, states, _ = excited(task, axis, MINUTE)
    assert session.over and not session.stopped, session.stopped
    assert kept(states)
    found = identified_from(session, task, tmp_path / 'drive.csv')
    assert found.description.delay_steps == axis.delay
    gain, width = found.description.dynamics.B[1, 0], found.region.half_widths[0]
    # the damping is no entry of the draft, and bends the gain by little
    assert abs(gain - axis.gain) <= width + 0.02 * axis.gain
    assert found.rest.samples >= 50


@pytest.mark.parametrize('seed', range(2))
def test_without_the_filter_the_same_inputs_break_limits(task, seed):
    config = replace(MINUTE, seed=seed)
    _, safe, _ = excited(task, Axis(seed=seed), config)
    assert kept(safe)
    session, states, _ = excited(task, Axis(seed=seed), config, filtered=False)
    assert not kept(states)
    assert 'a limit is broken' in session.stopped


def test_the_amplitude_rises_to_the_whole_range_where_the_draft_covers_it(task):
    session, states, said = excited(task, Axis(), MINUTE)
    assert session.amplitude.highest == 1.0 and session.hold.count == 0 and not said
    assert np.abs(states[:60]).max() == 0.0  # the rest
    assert np.max(np.abs(states), axis=0) == pytest.approx(LIMITS, rel=0.25)


def test_a_delay_that_the_draft_knows_needs_no_caution():
    late = task_of_draft(delay=1)
    session, states, said = excited(late, Axis(delay=1), MINUTE)
    assert kept(states)
    assert session.amplitude.highest > 0.9 and session.hold.count == 0, said


def test_the_amplitude_stays_where_the_draft_covers_it(task):
    """A gain of 1.3 is 1.5 times the disturbance of this draft at the whole range."""
    session, _, _ = excited(task, Axis(gain=1.3), MINUTE)
    assert 0.3 < session.amplitude.highest < 0.67
    assert session.hold.count <= 1


def test_a_draft_with_too_small_a_disturbance_ends_early_within_limits():
    narrow = task_of_draft(0.002)
    session, states, said = excited(
        narrow, Axis(disturbance=(2e-3, 8e-3)), replace(MINUTE, duration_s=60))
    assert kept(states)
    assert 'the draft does not cover' in session.stopped
    assert session.over and session.rows[-1].phase in ('backup', 'hold')
    assert any('the amplitude is lowered' in line for line in said)
    assert any(line.startswith('stopped: ') for line in said)


def test_a_draft_whose_disturbance_is_a_third_too_small_ends_early_or_goes_on_within_limits():
    task = task_of_draft(0.006)
    session, states, _ = excited(task, Axis(disturbance=(1e-4, 8e-3)), MINUTE)
    assert kept(states)
    assert session.hold.count > 0


def test_the_largest_amplitude_is_kept(task):
    session, _, _ = excited(task, Axis(), replace(MINUTE, largest_amplitude=0.25))
    assert session.amplitude.highest == 0.25
    drawn = [abs(row.u[0]) for row in session.rows if row.phase == 'excite']
    assert 0.2 < max(drawn) <= 0.25


def test_inputs_follow_the_seed(task):
    first, again, other = (excited(task, Axis(), replace(MINUTE, duration_s=10, seed=seed))[0]
                           for seed in (1, 1, 2))
    inputs = [[row.u[0] for row in session.rows] for session in (first, again, other)]
    assert inputs[0] == inputs[1] != inputs[2]


FAULTS = {  # (step, state) -> what arrives, and a part of what is said
    'a state that is not a number': (lambda k, state: replace(
        state, x=np.full(2, np.nan)) if k == 100 else state, 'a state was malformed'),
    'a state that is lost': (lambda k, state: None if k == 100 else state, 'states are missing'),
    'a jump': (lambda k, state: replace(
        state, x=state.x + [0.0, 0.2]) if k == 100 else state, 'model error'),
    'a state outside the safe set': (lambda k, state: replace(
        state, x=np.array([0.79, 0.49])) if k == 100 else state, 'model error')}


@pytest.mark.parametrize('fault', FAULTS)
def test_after_a_fault_the_backup_answers_and_says_so(task, fault):
    disturb, says = FAULTS[fault]
    session, states, said = excited(task, Axis(), replace(MINUTE, duration_s=20), disturb=disturb)
    assert kept(states)
    assert sum(line.startswith('the backup answers: ') for line in said) == 1
    assert says in said[0], said
    assert all('\n' not in line for line in said)
    phases = [row.phase for row in session.rows]
    begin = phases.index('hold')
    assert 95 < begin < 105 and phases[begin:begin + 10] == ['hold'] * 10
    assert 'excite' in phases[begin + 10:]  # it goes on
    assert len(session.rows) + (fault.endswith(('lost', 'not a number'))) >= 260


def test_no_answer_to_what_is_not_a_state(task):
    session, _, _ = excited(task, Axis(), replace(MINUTE, duration_s=5))
    state = replace(Axis().state(), x=np.array([np.nan, 0.0]))
    assert session.answer(state) is None


def test_a_filter_that_fails_leaves_the_feedback(task, monkeypatch):
    calls = []

    def failing(self, x, wanted):
        calls.append(1)
        if len(calls) > 90:
            raise RuntimeError('the solver broke')
        return original(self, x, wanted)

    original = type(task.law(task.initial_theta)).toward
    monkeypatch.setattr(type(task.law(task.initial_theta)), 'toward', failing)
    session, states, said = excited(task, Axis(), replace(MINUTE, duration_s=20))
    assert kept(states)
    assert 'the safety filter failed: an unexpected error: the solver broke' in said[0]
    assert session.over and 'does not cover the backup' in session.stopped


def test_the_end_brings_the_robot_back(task):
    session, states, _ = excited(task, Axis(), replace(MINUTE, duration_s=30))
    assert session.phase is Phase.OVER
    end = next(k for k, row in enumerate(session.rows[360:], 360) if row.phase == 'backup')
    assert np.linalg.norm(states[-1]) < np.linalg.norm(states[end]) or len(states) - end <= 2


def test_an_unstable_draft_has_no_rest():
    from scpo_ros.excite.assembly import stands
    from scpo_ros.systems import load
    assert stands(load('rail_slider')) and not stands(load('cart_pole_upright'))
