"""The adapter's bookkeeping: pairing, pacing, asking the worker, and counting."""

import numpy as np
import pytest
from scpo_ros.adapter.advice import Cause
from scpo_ros.adapter.session import Session
from scpo_ros.config import AdapterConfig
from scpo_ros.nodes.conversions import State
from scpo_ros.process.worker import Answer, Fault
from session_samples import acknowledgement, APPLIED, begun, DT, report, show, SPEC, SYSTEM, tick


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
    assert session.add_command(3.0, 'policy/0', 0.5) is None
    for step in range(5):
        tick(session, step)
        assert session.add_command(step * DT, 'policy/0', 0.5) is None


def test_forged_states_and_commands_of_another_time_do_not_stop_the_pairing(session):
    for step in range(3):
        tick(session, step)
    for ahead in range(40):  # more than are kept, each answered by the forger
        forged = 10**6 + 50 * ahead
        tick(session, forged, 'policy/0')
        assert session.add_command(forged * DT, 'policy/0', 0.5) is None
    assert times(tick(session, step) for step in range(3, 12)) == [0, 5]


@pytest.mark.parametrize('start', [0, 10**6])
def test_another_time_line_is_taken_over_once_three_states_in_a_row_speak_for_it(session, start):
    for step in range(5000, 5004):
        tick(session, step)
    assert session.next_request(True) is not None
    session.conclude(Answer('step', []))
    found = [tick(session, step, episode=1) for step in range(start, start + 8)]
    assert times(found) == [start + 2]
    assert session.next_request(True)[0] == 'step'


def test_a_state_that_is_not_finite_is_not_kept(session):
    session.add_state(State(None, 0.0, 0, np.array([np.nan, 0.0]), 0.5))
    assert session.add_command(0.0, 'policy/0', 0.5) is None and session.next_request(True) is None


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
            assert request[0] == 'step'
            session.conclude(Answer('step', []))
    assert np.flatnonzero(asked).tolist() == [0, 5, 10, 15, 20]
    session.enabled = False
    tick(session, 26)
    assert session.next_request(True) is None


@pytest.mark.parametrize('wrong', ['no applied input', 'episodes', 'half of the states'])
def test_nothing_is_learned_from_what_cannot_be_judged(session, wrong):
    session.add_proposal(np.zeros(3))
    for step in range(30):
        if wrong == 'no applied input':
            tick(session, step, applied=np.nan)
        elif wrong == 'episodes':
            tick(session, step, episode=step)
        elif step % 2:
            tick(session, step)
    assert session.next_request(True) is None and 'could be judged' in session.unwatched
    assert session.processed(busy=False) is None or session.in_step
    for step in range(31, 61):
        tick(session, step)
    assert session.unwatched == '' and session.next_request(True)[0] == 'propose'


def test_in_lock_step_the_plant_need_not_wait_while_nothing_can_be_learned(session):
    session.acknowledge(acknowledgement(0))
    for step in range(30):
        tick(session, step, applied=np.nan)
    assert session.next_request(True) is None
    assert session.processed(busy=False) == pytest.approx(29 * DT)


def test_learning_begins_once_half_of_a_window_was_judged():
    session = Session(AdapterConfig(rollout_steps=5), SYSTEM)
    session.conclude(Answer('describe', (SPEC, np.zeros((4, 2)))))
    session.conclude(Answer('begin', report(0, 'UNCHANGED')))
    session._requests = []
    asked = []
    for step in range(12):
        show(session, step)
        if True not in asked:  # nothing depends on when a state is looked at before its answer
            assert session.next_request(True) is None
        session.add_command(step * DT, 'policy/0', APPLIED)
        asked.append(session.next_request(True) is not None)
    assert asked.index(True) == 10 and 'judged_share' in session.values()


def test_an_accepted_update_is_published_and_a_refused_one_is_not(session):
    first = session.conclude(Answer('step', [report(1)]))
    assert [(r.version, r.parent) for r in first] == [(1, 0)]
    assert session.conclude(Answer('step', [report(1, 'VERIFICATION_FAILED', False)])) == []
    assert (session.accepted, session.refused, session.last_refused) == (1, 1, True)
    assert 'because' in session.reason


def test_a_failure_of_the_worker_is_a_refusal_with_its_reason(session):
    assert session.conclude(Answer('step', failure='no answer within the time limit')) == []
    assert session.refused == 1 and 'time limit' in session.reason
    assert session.replacement() is not None
    assert session.next_request(True) == ('describe',)


def test_in_lock_step_only_demonstrations_of_the_past_are_used():
    session = begun(Session(
        AdapterConfig(update_period_s=0.5, demonstration_lag_s=1.0), SYSTEM, lockstep=True))
    for step in range(26):
        tick(session, step)
        request = session.next_request(True)
        if request:
            session.conclude(Answer('step', []))
        if step % 5 == 4 and step < 15:
            session.add_demonstration(step * DT, np.zeros((5, 2)), np.zeros((5, 1)))
    assert session.next_request(True) is None  # waits for the demonstrations up to 1.5 s
    assert session.processed(busy=False) is None
    session.add_demonstration(1.5, np.zeros((5, 2)), np.zeros((5, 1)))
    method, demonstrations, _, learn = session.next_request(True)
    assert (method, len(demonstrations), learn) == ('step', 2, True)
    session.conclude(Answer('step', []))
    for step in range(26, 31):
        tick(session, step)
    session.add_demonstration(2.0, np.ones((5, 2)), np.zeros((5, 1)))
    (states, _), = session.next_request(True)[1]  # what was handed over is not handed over again
    assert states.all()


@pytest.mark.parametrize('lockstep', [True, False])
def test_in_lock_step_a_teacher_who_was_not_found_yet_is_waited_for(lockstep):
    now = [100.0]
    session = begun(Session(AdapterConfig(teacher_wait_s=8.0), SYSTEM, lockstep, lambda: now[0]))
    tick(session, 0)
    session.acknowledge(acknowledgement(0))
    now[0] += 7.9
    assert (session.next_request(False) is None) == lockstep  # else it learns from rollouts
    if not lockstep:
        return
    assert session.processed(busy=False) is None  # and the plant waits with it
    now[0] += 0.2
    assert session.next_request(False)[0] == 'step'  # nobody came
    session.conclude(Answer('step', []))
    assert session.processed(busy=False) == 0.0


def test_in_lock_step_a_teacher_who_left_is_not_waited_for():
    now = [100.0]
    session = begun(Session(AdapterConfig(), SYSTEM, True, lambda: now[0]))
    tick(session, 0)
    session.add_demonstration(0.0, np.zeros((1, 2)), np.zeros((1, 1)))
    assert session.next_request(False)[0] == 'step'


def test_a_demonstration_that_comes_twice_counts_once(session):
    tick(session, 0)
    for end, teacher in ((0.0, 'one'), (0.0, 'one'), (0.0, 'other'), (1.0, 'one')):
        session.add_demonstration(end, np.zeros((1, 2)), np.zeros((1, 1)), teacher)
    assert session.teacher == 'one'
    method, demonstrations, *_ = session.next_request(True)
    assert method == 'step' and len(demonstrations) == 3


def test_new_settings_reach_the_worker_and_freeze_learning(session):
    tick(session, 0)
    session.reconfigure(AdapterConfig(enabled=False, damping=0.5))
    method, config = session.next_request(True)
    assert method == 'reconfigure' and config.damping == 0.5
    assert session.conclude(Answer('reconfigure')) == []
    assert session.next_request(True) is None


def test_what_is_frozen_for_long_does_not_grow(session):
    session.enabled = False
    for k in range(3000):
        session.add_demonstration(0.1 * k, np.zeros((1, 2)), np.zeros((1, 1)))
    session.enabled = True
    tick(session, 0)
    assert len(session.next_request(True)[1]) == session.config.demonstrations


def test_refusals_in_a_row_are_counted(session):
    for _ in range(3):
        session.conclude(Answer('step', [report(0, 'UNSAFE_CANDIDATE')]))
    assert session.refused_in_a_row == 3 and session.cause is Cause.UNSAFE_CANDIDATE
    session.conclude(Answer('step', [report(1, 'ACCEPTED', True)]))
    assert session.refused_in_a_row == 0
    session.conclude(Answer('step', failure='step: no answer within the time limit',
                            fault=Fault.LATE))
    assert session.refused_in_a_row == 1 and session.cause is Cause.WORKER_LATE
    session.conclude(Answer('reconfigure', failure='reconfigure: its process ended unexpectedly'))
    assert (session.refused, session.refused_in_a_row) == (5, 1)  # that was no update


def test_an_inactive_adapter_keeps_nobody_waiting(session):
    tick(session, 0)
    session.acknowledge(acknowledgement(0))
    assert session.processed(busy=False) is None  # an update is due
    assert session.processed(busy=False, active=False) == 0.0


def test_before_anything_is_certified_there_is_no_version_and_nothing_to_go_on_from():
    session = Session(AdapterConfig(), SYSTEM)
    tick(session, 0)
    for _ in range(2):  # before and after the specification is known
        assert (session.version, session.claim, session.replacement()) == (-1, '', None)
        assert session.rollback_target() is None and session.model_valid and session.in_step
        session.conclude(Answer('describe', (SPEC, np.zeros((4, 2)))))
    assert session.values()['malformed_messages'] == 0


@pytest.mark.parametrize('method', ['start', 'describe', 'begin'])
def test_a_worker_that_could_not_begin_is_asked_anew_before_all_else(method):
    session = Session(AdapterConfig(), SYSTEM)
    session.reconfigure(AdapterConfig(damping=0.5))  # it was started with another value
    for name in {'start': (), 'describe': ('describe',), 'begin': ('describe', 'begin')}[method]:
        assert session.next_request(True) == (name,)
        if name != method:
            session.conclude(Answer(name, (SPEC, np.zeros((4, 2)))))
    assert session.conclude(Answer(method, failure='a reason')) == []
    assert (session.last_refused, session.refused) == (True, 0)
    assert session.cause is (Cause.WORKER_NOT_STARTED if method == 'start' else
                             Cause.WORKER_RAISED)
    assert [session.next_request(True)[0] for _ in range(3)] == [
        'describe', 'begin', 'reconfigure']


@pytest.mark.parametrize('kept', [0, 1, 3])
def test_the_worker_gets_the_newest_rollouts_once_and_no_more_than_it_replays(kept):
    session = begun(Session(AdapterConfig(rollout_steps=2, rollouts=kept), SYSTEM))
    for step in range(21):
        tick(session, step)
    newest = [14, 16, 18][-max(1, kept):]  # without replays one still tests the model
    assert times(session.next_request(True)[2]) == newest
    session.conclude(Answer('step', []))
    shown = [x[0, 0] for x in session.seen_rollouts]
    np.testing.assert_allclose(shown, 0.1 * np.array(newest))
    for step in range(21, 26):
        tick(session, step)
    assert times(session.next_request(True)[2]) == [20, 22][-max(1, kept):]


def test_of_the_proposals_of_other_learners_the_newest_four_wait_and_go_first(session):
    tick(session, 0)
    for number in range(6):
        session.add_proposal(number)
    session.enabled = False
    assert session.next_request(True) is None
    session.enabled = True
    for number in range(2, 6):
        assert session.next_request(True) == ('propose', number)
        session.conclude(Answer('propose', report(number)))
    assert session.accepted == 4 and session.next_request(True)[0] == 'step'


def test_what_was_refused_last_stays_to_be_shown_with_what_runs_instead(session):
    bad, runs, then = np.ones((4, 2)), np.zeros((4, 2)), np.full((4, 2), 0.5)
    session.conclude(Answer('step', [report(
        0, 'UNSAFE_CANDIDATE', False, reason='too fast', trajectory=bad, present=runs)]))
    session.conclude(Answer('step', [report(1, present=then)]))
    session.conclude(Answer('step', [report(1, 'FEW_DEMONSTRATIONS', False, reason='no')]))
    assert session.refused_trajectory is bad and session.refused_reason == 'too fast'
    assert session.present_trajectory is then


def test_what_the_whole_step_would_do_stays_until_it_is_looked_at_again(session):
    told = []
    for objection in ('too fast', '', 'too far'):
        session.conclude(Answer('step', [report(1, objection=objection)]))
        told.append(session.values()['whole_step'])
    assert told == ['too fast', 'too fast', 'too far']


def test_the_model_counts_as_valid_until_the_worker_says_that_it_is_not(session):
    session.conclude(Answer('step', [report(0, 'MODEL_INVALID'),
                                     report(0, 'MODEL_INVALID', False)]))
    assert not session.model_valid and session.refused == 2
    session.conclude(Answer('reset', report(0, 'RESET')))
    assert session.model_valid and session.refused == 2


def test_malformed_messages_are_counted_with_the_reason_of_the_last(session):
    session.ignore('no numbers')
    session.ignore('no time')
    values = session.values()
    assert (values['malformed_messages'], values['last_malformed']) == (2, 'no time')
    assert 'no time' not in session.reason  # what learning says is another matter


def test_an_update_takes_as_long_as_its_answer_was_waited_for():
    now = [0.0]
    session = begun(Session(AdapterConfig(), SYSTEM, clock=lambda: now[0]))
    tick(session, 0)
    assert session.next_request(True)[0] == 'step'
    now[0] = 0.25
    session.conclude(Answer('step', []))
    assert session.update_time_ms == pytest.approx(250.0)


def test_nothing_is_done_with_while_the_worker_is_busy_or_has_something_to_be_told(session):
    assert session.processed(busy=False, active=False) is None  # no state was seen
    tick(session, 0)
    session.acknowledge(acknowledgement(0))
    session.next_request(True)
    assert session.processed(busy=True) is None
    session.conclude(Answer('step', []))
    assert session.processed(busy=False) == 0.0
    session.reconfigure(session.config)
    assert session.processed(busy=False) is None
    assert session.processed(busy=False, active=False) == 0.0
    session.next_request(True)
    session.conclude(Answer('reconfigure'))
    session.conclude(Answer('step', [report(1)]))
    assert session.processed(busy=False) is None  # the controller has not said what becomes of it
