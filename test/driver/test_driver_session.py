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

"""The driver's life: what is published, what is refused, what the robot is told."""

from driver_samples import answer, NAN, RAIL, see, sent, session_of, stamp_of
import numpy as np
import pytest

DT = 0.1


def running(session, until=1.0, u=0.1, period=0.02, x=(0.1, 0.0)):
    """Answer every sample until a time; return the states."""
    states = []
    for time in np.arange(0, until, period).round(6):
        moved = (x[0] + 1e-4 * time, x[1] + 1e-4 * time)
        state = see(session, 100 + time, moved)
        if state is not None:
            states.append(state)
            answer(session, state, u)
    return states


def test_samples_are_published_with_their_own_stamps_in_one_episode():
    states = running(session_of())
    assert [state.time for state in states] == pytest.approx(100 + DT * np.arange(10))
    assert {state.episode for state in states} == {0}


def test_the_command_as_sent_is_what_was_applied_where_the_robot_says_nothing():
    states = running(session_of(), u=0.25)
    assert np.isnan(states[0].applied).all()  # nothing was sent before the first answer
    assert all(state.applied.tolist() == [0.25] for state in states[1:])


def test_under_a_delay_the_command_of_so_many_steps_ago_was_applied(tmp_path):
    path = tmp_path / 'late.yaml'
    from scpo_ros.config.resources import share_file
    text = share_file('config/systems/rail_slider.yaml').read_text()
    path.write_text(text + 'delay_steps: 1\n')
    session = session_of({'system.description': str(path)})
    for k in range(5):
        state = see(session, k * DT, (0.1 + 1e-3 * k, 0.0))
        expected = NAN if k < 2 else 0.1 * (k - 2)
        assert state.applied == pytest.approx([expected], nan_ok=True)
        answer(session, state, 0.1 * k)


@pytest.mark.parametrize('tolerance, reported, applied', [
    (0.0, 0.25, 0.25), (0.0, 0.26, 0.26), (0.05, 0.26, 0.25), (0.05, 0.31, 0.31),
    (0.05, NAN, 0.25), (0.0, -1.0, -1.0)])
def test_a_robot_that_says_what_it_applies_is_believed(tolerance, reported, applied):
    session = session_of(effort_tolerance=tolerance)
    answer(session, see(session, 0.0), 0.25)
    state = see(session, DT, (0.11, 0.0), effort=(NAN, reported, NAN))
    assert state.applied.tolist() == [applied]


def test_what_nobody_heard_was_not_applied():
    session = session_of()
    session.answer(np.array([0.25]), see(session, 0.0).stamp)
    session.applied.sent(None)  # no subscriber
    assert np.isnan(see(session, DT, (0.11, 0.0)).applied).all()


@pytest.mark.parametrize('x, why', [
    ((NAN, 0.0), "the position of the joint 'slider' is nan"),
    ((0.1, float('inf')), "the velocity of the joint 'slider' is inf")])
def test_a_state_that_is_no_number_is_not_published_and_no_older_one_in_its_place(x, why):
    session = session_of()
    running(session)
    assert all(see(session, 101 + 0.02 * k, x) is None for k in range(20))
    assert why in session.refusals.sentence and session.refusals.counts == {'malformed': 20}


def test_a_frozen_stamp_is_not_published_again():
    session = session_of()
    running(session)
    for _ in range(20):
        assert see(session, 100.98, (0.1 + 1e-4 * 0.98, 1e-4 * 0.98)) is None
    assert session.refusals.counts == {'repeated': 20}
    assert 'the robot does not measure' in session.refusals.sentence


def test_other_numbers_under_the_same_stamp_are_not_published():
    session = session_of()
    running(session)
    assert see(session, 100.98, (0.5, 0.0)) is None
    assert session.refusals.counts == {'conflicting': 1}


@pytest.mark.parametrize('now, fate', [(103.0, 'stale'), (98.0, 'ahead_of_time'), (NAN, 'stale')])
def test_a_state_that_is_late_or_from_the_future_is_refused(now, fate):
    session = session_of(state_age_limit_s=0.1)
    assert see(session, 100.0, now=100.05) is not None
    refused = see(session, 100.1, now=now)
    assert refused is None
    assert session.refusals.states == 1
    if now == now:
        assert fate in session.refusals.counts


def test_numbers_that_stay_the_same_while_the_robot_is_pushed_are_stuck():
    session = session_of()
    seen = []
    for k in range(20):
        state = see(session, k * DT, (0.1, 0.0))
        seen.append(state is not None)
        if state is not None:
            answer(session, state, 0.5)
        else:
            sent(session, session.without_state())
    assert sum(seen) < 8 and not any(seen[8:])  # never again while they stay
    assert 'the sensors hang' in session.refusals.sentence
    assert see(session, 2.0, (0.1 + 1e-9, 0.0)) is not None  # they move: the robot measures


def test_a_robot_at_rest_is_not_stuck():
    session = session_of()
    for k in range(50):
        state = see(session, k * DT, (0.0, 0.0))
        assert state is not None
        answer(session, state, 0.0)


@pytest.mark.parametrize('gap, episode', [(0.3, 0), (0.49, 0), (0.6, 1), (30.0, 1)])
def test_a_gap_begins_an_episode(gap, episode):
    session = session_of()
    last = running(session)[-1].time
    states = [see(session, last + gap + 0.1 * k, (0.2 + 0.01 * k, 0.0)) for k in range(6)]
    found = [state for state in states if state is not None]
    assert found and {state.episode for state in found} == {episode}


def test_stamps_that_go_back_begin_an_episode_once_they_are_confirmed():
    session = session_of()
    running(session)
    assert see(session, 50.0) is None and see(session, 50.1) is None  # a message that was late?
    assert see(session, 50.2).episode == 1  # the clock was set
    assert see(session, 50.3, (0.12, 0.0)).episode == 1


def test_one_message_from_the_past_changes_nothing():
    session = session_of()
    running(session)
    assert see(session, 99.0) is None
    assert see(session, 101.0).episode == 0


def test_a_state_has_one_answer_and_only_its_own():
    session = session_of()
    state = see(session, 7.0)
    assert answer(session, state, NAN) is None
    assert session.answer(np.zeros(2), state.stamp) is None
    assert session.answer(np.zeros(1), stamp_of(5.0)) is None
    assert session.answer(np.zeros(1), stamp_of(7.0)).tolist() == [0.0]
    assert session.answer(np.ones(1), stamp_of(7.0)) is None
    assert session.refusals.counts == {'malformed_command': 2, 'late_command': 2}
    assert session.counts.commands == 1


def test_a_command_without_a_stamp_is_told_apart():
    session = session_of()
    see(session, 7.0)
    assert session.answer(np.zeros(1), stamp_of(0.0)) is None
    assert session.refusals.counts == {'unstamped': 1}


def test_commands_are_cut_to_the_limits():
    session = session_of()
    assert answer(session, see(session, 0.0), 7.0).tolist() == [1.0]
    assert see(session, DT, (0.2, 0.0)).applied.tolist() == [1.0]


def test_nothing_is_sent_before_the_first_command():
    session = session_of()
    see(session, 0.0)
    assert session.without_answer() is None and session.without_state() is None


SILENT = {'zero': [0.0], 'hold': [0.5]}


@pytest.fixture(params=['zero', 'hold', 'feedback'])
def silence(request, tmp_path):
    """Return (what on_silence says, a session of a robot that was answered with 0.5)."""
    from scpo_ros.config.resources import share_file
    text = share_file('config/systems/rail_slider.yaml').read_text()
    path = tmp_path / 'rail.yaml'
    path.write_text(text.replace('on_silence: feedback', f'on_silence: {request.param}'))
    session = session_of({'system.description': str(path)})
    assert answer(session, see(session, 0.0), 0.5).tolist() == [0.5]
    return request.param, session


def test_a_late_answer_leaves_the_robot_to_what_the_description_says_of_silence(silence):
    said, session = silence
    state = see(session, DT, (0.4, 0.1))
    told = sent(session, session.without_answer())
    if said == 'feedback':
        assert -1.0 <= told[0] < -0.05  # back towards the origin
    else:
        assert told.tolist() == SILENT[said]
    assert answer(session, state, 0.5) is None  # too late: the step has its input
    assert see(session, 2 * DT, (0.41, 0.1)).applied.tolist() == told.tolist()
    assert session.counts.missed == 1


def test_without_a_state_nothing_is_computed_from_an_old_one(silence):
    said, session = silence
    told = session.without_state()
    assert told.tolist() == ([0.5] if said == 'hold' else [0.0])
    assert session.counts.blind == 1


def test_the_double_integrator_holds_and_then_brakes():
    session = session_of({}, command_joints=('slider',), command_timeout_s=0.2)
    assert answer(session, see(session, 0.0, (0.1, 0.3)), 0.5).tolist() == [0.5]
    told = []
    for k in range(1, 5):
        see(session, k * DT, (0.1 + 0.01 * k, 0.05))
        told.append(session.without_answer()[0])
    assert told == pytest.approx([0.5, 0.5, -0.5, -0.5])
    assert session.without_state().tolist() == [0.0]


def test_an_answer_after_silence_is_taken():
    session = session_of(RAIL)
    answer(session, see(session, 0.0), 0.5)
    see(session, DT, (0.11, 0.0))
    session.without_answer()
    assert answer(session, see(session, 2 * DT, (0.12, 0.0)), 0.3).tolist() == [0.3]
