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

"""The adapter's bookkeeping: pairing, pacing, asking the worker, and counting."""

from dataclasses import replace

import numpy as np
import pytest
from scpo_ros.adapter.cause import Cause
from scpo_ros.adapter.health import values_of
from scpo_ros.adapter.requests import Begin, Describe, Reconfigure
from scpo_ros.adapter.session import Session
from scpo_ros.config import AdapterConfig
from scpo_ros.nodes.conversions import State
from scpo_ros.process.requests import Fault, name_of, Start
from session_samples import (
    acknowledgement, answer, APPLIED, begun, DESCRIBED, DT, PROPOSE, report, RESET, show, STEP,
    SYSTEM, tick)


@pytest.fixture
def session():
    """Return a session that has published the backup."""
    return begun(Session(AdapterConfig(rollout_steps=5, update_period_s=0.5), SYSTEM))


def times(rollouts):
    """Return the first steps of the rollouts that are there."""
    return [round(rollout.time / DT) for rollout in rollouts if rollout is not None]


def test_states_are_paired_with_the_commands_that_answer_them(session):
    rollouts = [tick(session, step) for step in range(12)]
    complete = [r for r in rollouts if r is not None]
    assert times(complete) == [0, 5]
    assert complete[0].x.shape == (6, 2) and complete[0].u.shape == (5, 1)
    np.testing.assert_allclose(complete[1].x[:, 0], 0.1 * np.arange(5, 11))


def test_a_command_without_its_state_and_one_that_comes_twice_are_ignored(session):
    assert session.add_command(3.0, 'policy/0', np.array([0.5])) is None
    for step in range(5):
        tick(session, step)
        assert session.add_command(step * DT, 'policy/0', np.array([0.5])) is None


def test_forged_states_and_commands_of_another_time_do_not_stop_the_pairing(session):
    for step in range(3):
        tick(session, step)
    for ahead in range(40):  # more than are kept, each answered by the forger
        forged = 10**6 + 50 * ahead
        tick(session, forged, 'policy/0')
        assert session.add_command(forged * DT, 'policy/0', np.array([0.5])) is None
    assert times(tick(session, step) for step in range(3, 12)) == [0, 5]


@pytest.mark.parametrize('start', [0, 10**6])
def test_another_time_line_is_taken_over_once_three_states_in_a_row_speak_for_it(session, start):
    for step in range(5000, 5004):
        tick(session, step)
    assert session.next_request(True) is not None
    session.conclude(answer(STEP))
    found = [tick(session, step, episode=1) for step in range(start, start + 8)]
    assert times(found) == [start + 2]
    assert name_of(session.next_request(True)) == 'step'


def test_a_state_that_is_not_finite_is_not_kept(session):
    session.seen.add_state(State(None, 0.0, 0, np.array([np.nan, 0.0]), np.array([0.5])))
    assert session.add_command(0.0, 'policy/0', np.array([0.5])) is None
    assert session.next_request(True) is None


@pytest.mark.parametrize('step, source, episode', [
    (7, 'policy/0', 0), (3, 'guard/0', 0), (3, 'policy/1', 0), (3, 'policy/0', 1)])
def test_a_lost_tick_a_guard_a_swap_and_an_episode_break_the_window(
        session, step, source, episode):
    for k in range(3):
        tick(session, k)
    tick(session, step, source, episode)
    later = [tick(session, k, 'policy/2', 2) for k in range(8, 13)]
    assert all(r is None for r in later)


def test_updates_are_asked_for_at_their_period_and_not_while_frozen(session):
    asked = []
    for step in range(21):
        tick(session, step)
        request = session.next_request(True)
        asked.append(request is not None)
        if request:
            assert name_of(request) == 'step'
            session.conclude(answer(STEP))
    assert np.flatnonzero(asked).tolist() == [0, 5, 10, 15, 20]
    session.config = replace(session.config, enabled=False)
    tick(session, 26)
    assert session.next_request(True) is None


@pytest.mark.parametrize('wrong', ['no applied input', 'episodes', 'half of the states'])
def test_nothing_is_learned_from_what_cannot_be_judged(session, wrong):
    session.inbox.add_proposal(np.zeros(3))
    for step in range(30):
        if wrong == 'no applied input':
            tick(session, step, applied=np.nan)
        elif wrong == 'episodes':
            tick(session, step, episode=step)
        elif step % 2:
            tick(session, step)
    assert session.next_request(True) is None and 'could be judged' in session.seen.too_few
    assert session.processed(busy=False) is None or session.publication.in_step
    for step in range(31, 61):
        tick(session, step)
    assert session.seen.too_few == '' and name_of(session.next_request(True)) == 'propose'


def test_in_lock_step_the_plant_need_not_wait_while_nothing_can_be_learned(session):
    session.acknowledge(acknowledgement(0))
    for step in range(30):
        tick(session, step, applied=np.nan)
    assert session.next_request(True) is None
    assert session.processed(busy=False) == pytest.approx(29 * DT)


def test_learning_begins_once_half_of_a_window_was_judged():
    session = Session(AdapterConfig(rollout_steps=5), SYSTEM)
    for told in (DESCRIBED, answer(Begin(), report(0, 'UNCHANGED'))):
        assert session.next_request(True) == told.request
        session.conclude(told)
    asked = []
    for step in range(12):
        show(session, step)
        if True not in asked:  # nothing depends on when a state is looked at before its answer
            assert session.next_request(True) is None
        session.add_command(step * DT, 'policy/0', np.array([APPLIED]))
        asked.append(session.next_request(True) is not None)
    assert asked.index(True) == 10 and 'judged_share' in values_of(session)


def test_an_accepted_update_is_published_and_a_refused_one_is_not(session):
    first = session.conclude(answer(STEP, report(1)))
    assert [(r.version, r.parent) for r in first] == [(1, 0)]
    assert session.conclude(answer(STEP, report(1, 'VERIFICATION_FAILED', False))) == []
    results = session.results
    assert (results.accepted, results.refused, results.last_refused) == (1, 1, True)
    assert 'because' in results.reason


def test_a_failure_of_the_worker_is_a_refusal_with_its_reason(session):
    assert session.conclude(answer(STEP, failure='no answer within the time limit')) == []
    assert session.results.refused == 1 and 'time limit' in session.results.reason
    assert session.replacement() is not None
    assert session.next_request(True) == Describe()


def test_in_lock_step_only_demonstrations_of_the_past_are_used():
    session = begun(Session(
        AdapterConfig(update_period_s=0.5, demonstration_lag_s=1.0), SYSTEM, lockstep=True))
    for step in range(26):
        tick(session, step)
        request = session.next_request(True)
        if request:
            session.conclude(answer(STEP))
        if step % 5 == 4 and step < 15:
            session.add_demonstration(step * DT, np.zeros((5, 2)), np.zeros((5, 1)))
    assert session.next_request(True) is None  # waits for the demonstrations up to 1.5 s
    assert session.processed(busy=False) is None
    session.add_demonstration(1.5, np.zeros((5, 2)), np.zeros((5, 1)))
    assert len(session.next_request(True).demonstrations) == 2
    session.conclude(answer(STEP))
    for step in range(26, 31):
        tick(session, step)
    session.add_demonstration(2.0, np.ones((5, 2)), np.zeros((5, 1)))
    (states, _), = session.next_request(True).demonstrations
    assert states.all()  # what was handed over is not handed over again


@pytest.mark.parametrize('lockstep', [True, False])
def test_in_lock_step_an_expert_that_was_not_found_yet_is_waited_for(lockstep):
    now = [100.0]
    session = begun(Session(AdapterConfig(expert_wait_s=8.0), SYSTEM, lockstep, lambda: now[0]))
    tick(session, 0)
    session.acknowledge(acknowledgement(0))
    now[0] += 7.9
    assert (session.next_request(False) is None) == lockstep  # else it learns from rollouts
    if not lockstep:
        return
    assert session.processed(busy=False) is None  # and the plant waits with it
    now[0] += 0.2
    assert name_of(session.next_request(False)) == 'step'  # no expert came
    session.conclude(answer(STEP))
    assert session.processed(busy=False) == 0.0


def test_in_lock_step_an_expert_that_left_is_not_waited_for():
    now = [100.0]
    session = begun(Session(AdapterConfig(), SYSTEM, True, lambda: now[0]))
    tick(session, 0)
    session.add_demonstration(0.0, np.zeros((1, 2)), np.zeros((1, 1)))
    assert name_of(session.next_request(False)) == 'step'


def test_a_demonstration_that_comes_twice_counts_once(session):
    tick(session, 0)
    for end, expert in ((0.0, 'one'), (0.0, 'one'), (0.0, 'other'), (1.0, 'one')):
        session.add_demonstration(end, np.zeros((1, 2)), np.zeros((1, 1)), expert)
    assert session.inbox.expert == 'one'
    assert len(session.next_request(True).demonstrations) == 3


@pytest.mark.parametrize('end, rule', [(0.0, 'header.stamp is 0'), (1.5, 'a stamp of its own')])
def test_demonstrations_that_share_a_stamp_are_counted_and_named(session, end, rule):
    for action in (0.0, 0.0, 0.1):
        session.add_demonstration(end, np.zeros((1, 2)), np.full((1, 1), action), 'mine')
    assert session.inbox.ignored == 1 and rule in session.inbox.malformed
    assert "'mine'" in session.inbox.malformed


def test_new_settings_reach_the_worker_and_freeze_learning(session):
    tick(session, 0)
    session.reconfigure(AdapterConfig(enabled=False, damping=0.5))
    request = session.next_request(True)
    assert isinstance(request, Reconfigure) and request.config.damping == 0.5
    assert session.conclude(answer(request)) == []
    assert session.next_request(True) is None


def test_what_is_frozen_for_long_does_not_grow(session):
    session.config = replace(session.config, enabled=False)
    for k in range(3000):
        session.add_demonstration(0.1 * k, np.zeros((1, 2)), np.zeros((1, 1)))
    session.config = replace(session.config, enabled=True)
    tick(session, 0)
    assert len(session.next_request(True).demonstrations) == session.config.demonstrations


def test_refusals_in_a_row_are_counted(session):
    for _ in range(3):
        session.conclude(answer(STEP, report(0, 'UNSAFE_CANDIDATE')))
    assert session.results.refused_in_a_row == 3
    assert session.results.cause is Cause.UNSAFE_CANDIDATE
    session.conclude(answer(STEP, report(1, 'ACCEPTED', True)))
    assert session.results.refused_in_a_row == 0
    session.conclude(answer(STEP, failure='step: no answer within the time limit',
                            fault=Fault.LATE))
    assert session.results.refused_in_a_row == 1 and session.results.cause is Cause.WORKER_LATE
    session.conclude(answer(Reconfigure(AdapterConfig()), failure='its process ended'))
    results = session.results
    assert (results.refused, results.refused_in_a_row) == (5, 1)  # that was no update


def test_an_inactive_adapter_keeps_nobody_waiting(session):
    tick(session, 0)
    session.acknowledge(acknowledgement(0))
    assert session.processed(busy=False) is None  # an update is due
    assert session.processed(busy=False, active=False) == 0.0


def test_before_anything_is_certified_there_is_no_version_and_nothing_to_go_on_from():
    session = Session(AdapterConfig(), SYSTEM)
    tick(session, 0)
    for _ in range(2):  # before and after the specification is known
        publication = session.publication
        assert (publication.version, publication.claim, publication.in_step) == (-1, '', True)
        assert session.replacement() is None and session.rollback_target() is None
        assert session.results.model_valid
        session.conclude(DESCRIBED)
    assert values_of(session)['malformed_messages'] == 0


@pytest.mark.parametrize('failed', [Start(), Describe(), Begin()])
def test_a_worker_that_could_not_begin_is_asked_anew_before_all_else(failed):
    session = Session(AdapterConfig(), SYSTEM)
    session.reconfigure(AdapterConfig(damping=0.5))  # it was started with another value
    for request in () if failed == Start() else (Describe(), Begin()):
        assert session.next_request(True) == request
        if request == failed:
            break
        session.conclude(DESCRIBED)
    assert session.conclude(answer(failed, failure='a reason')) == []
    assert (session.results.last_refused, session.results.refused) == (True, 0)
    assert session.results.cause is (
        Cause.WORKER_NOT_STARTED if failed == Start() else Cause.WORKER_RAISED)
    assert [name_of(session.next_request(True)) for _ in range(3)] == [
        'describe', 'begin', 'reconfigure']


@pytest.mark.parametrize('kept', [0, 1, 3])
def test_the_worker_gets_the_newest_rollouts_once_and_no_more_than_it_replays(kept):
    session = begun(Session(AdapterConfig(rollout_steps=2, rollouts=kept), SYSTEM))
    for step in range(21):
        tick(session, step)
    newest = [14, 16, 18][-max(1, kept):]  # without replays one still tests the model
    assert times(session.next_request(True).rollouts) == newest
    session.conclude(answer(STEP))
    shown = [x[0, 0] for x in session.inbox.shown_rollouts]
    np.testing.assert_allclose(shown, 0.1 * np.array(newest))
    for step in range(21, 26):
        tick(session, step)
    assert times(session.next_request(True).rollouts) == [20, 22][-max(1, kept):]


def test_of_the_proposals_of_other_learners_the_newest_four_wait_and_go_first(session):
    tick(session, 0)
    for number in range(6):
        session.inbox.add_proposal(number)
    session.config = replace(session.config, enabled=False)
    assert session.next_request(True) is None
    session.config = replace(session.config, enabled=True)
    for number in range(2, 6):
        assert session.next_request(True).step == number
        session.conclude(answer(PROPOSE, report(number)))
    assert session.results.accepted == 4 and name_of(session.next_request(True)) == 'step'


def test_what_was_refused_last_stays_to_be_shown_with_what_runs_instead(session):
    bad, runs, then = np.ones((4, 2)), np.zeros((4, 2)), np.full((4, 2), 0.5)
    session.conclude(answer(STEP, report(
        0, 'UNSAFE_CANDIDATE', False, reason='too fast', trajectory=bad, present=runs)))
    session.conclude(answer(STEP, report(1, present=then)))
    session.conclude(answer(STEP, report(1, 'FEW_DEMONSTRATIONS', False, reason='no')))
    results = session.results
    assert results.refused_trajectory is bad and results.refused_reason == 'too fast'
    assert results.present_trajectory is then


def test_what_the_whole_step_would_do_stays_until_it_is_looked_at_again(session):
    told = []
    for objection in ('too fast', '', 'too far'):
        session.conclude(answer(STEP, report(1, objection=objection)))
        told.append(values_of(session)['whole_step'])
    assert told == ['too fast', 'too fast', 'too far']


def test_the_model_counts_as_valid_until_the_worker_says_that_it_is_not(session):
    session.conclude(
        answer(STEP, report(0, 'MODEL_INVALID'), report(0, 'MODEL_INVALID', False)))
    assert not session.results.model_valid and session.results.refused == 2
    session.conclude(answer(RESET, report(0, 'RESET')))
    assert session.results.model_valid and session.results.refused == 2


def test_malformed_messages_are_counted_with_the_reason_of_the_last(session):
    session.inbox.ignore('no numbers')
    session.inbox.ignore('no time')
    values = values_of(session)
    assert (values['malformed_messages'], values['last_malformed']) == (2, 'no time')
    assert 'no time' not in session.results.reason  # what learning says is another matter


def test_an_update_takes_as_long_as_its_answer_was_waited_for():
    now = [0.0]
    session = begun(Session(AdapterConfig(), SYSTEM, clock=lambda: now[0]))
    tick(session, 0)
    assert name_of(session.next_request(True)) == 'step'
    now[0] = 0.25
    session.conclude(answer(STEP))
    assert session.results.update_time_ms == pytest.approx(250.0)


def test_nothing_is_done_with_while_the_worker_is_busy_or_has_something_to_be_told(session):
    assert session.processed(busy=False, active=False) is None  # no state was seen
    tick(session, 0)
    session.acknowledge(acknowledgement(0))
    session.next_request(True)
    assert session.processed(busy=True) is None
    session.conclude(answer(STEP))
    assert session.processed(busy=False) == 0.0
    session.reconfigure(session.config)
    assert session.processed(busy=False) is None
    assert session.processed(busy=False, active=False) == 0.0
    session.next_request(True)
    session.conclude(answer(Reconfigure(AdapterConfig())))
    session.conclude(answer(STEP, report(1)))
    assert session.processed(busy=False) is None  # the controller has not said what becomes of it
