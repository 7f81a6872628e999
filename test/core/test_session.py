"""The adapter's bookkeeping: pairing, pacing, publishing, and staying in step."""

import numpy as np
import pytest
from scpo_ros.adaptation import AdaptationReport
from scpo_ros.agreement import Acknowledgement
from scpo_ros.arrays import digest
from scpo_ros.config import AdapterConfig
from scpo_ros.nodes.conversions import State
from scpo_ros.scpo import Certificate
from scpo_ros.session import Session
from scpo_ros.worker import Answer


DT = 0.1


def report(number, outcome='ACCEPTED', changed=True, parent=''):
    theta = np.full(3, float(number))
    certificate = Certificate('sampled', '', [-1.0], [-1.0], [1.0], 0.02, digest(theta), parent,
                              0.0, 0.0, 1, -1.0)
    return AdaptationReport(outcome, 'because', theta, certificate, changed, 0.1, -0.1, 1.0)


@pytest.fixture
def session():
    """Return a session that has published the backup."""
    return begun(Session(AdapterConfig(rollout_steps=5, update_period_s=0.5), DT))


def begun(session):
    assert session.next_request(True) == ('describe',)
    assert session.conclude(Answer('describe', ('spec', np.zeros((4, 2))))) == []
    assert session.next_request(True) == ('begin',)
    records = session.conclude(Answer('begin', report(0, 'UNCHANGED')))
    assert [r.version for r in records] == [0]
    return session


def tick(session, step, source='policy/0', episode=0):
    time = step * DT
    session.add_state(State(None, time, episode, np.array([0.1 * step, 0.0]), 0.5))
    return session.add_command(time, source)


def acknowledgement(version, ready=None, refused=-1, kind='', refusals=0, theta=None):
    theta = np.full(3, float(version)) if theta is None else theta
    return Acknowledgement(theta, version, digest(theta), version if ready is None else ready,
                           refused, kind, 'a reason', refusals)


def test_states_are_paired_with_the_commands_that_answer_them(session):
    rollouts = [tick(session, step) for step in range(12)]
    complete = [r for r in rollouts if r is not None]
    assert [r.step for r in complete] == [0, 5]
    assert complete[0].x.shape == (6, 2) and complete[0].u.shape == (5, 1)
    np.testing.assert_allclose(complete[1].x[:, 0], 0.1 * np.arange(5, 11))


def test_a_command_without_its_state_and_one_that_comes_twice_are_ignored(session):
    assert session.add_command(3.0, 'policy/0') is None
    for step in range(5):
        tick(session, step)
        assert session.add_command(step * DT, 'policy/0') is None


def test_forged_states_and_commands_of_another_time_do_not_stop_the_pairing(session):
    for step in range(3):
        tick(session, step)
    for ahead in range(40):  # more than are kept, each answered by the forger
        forged = 10**6 + 50 * ahead
        tick(session, forged, 'policy/0')
        assert session.add_command(forged * DT, 'policy/0') is None
    assert [r.step for r in (tick(session, step) for step in range(3, 12)) if r] == [0, 5]


@pytest.mark.parametrize('start', [0, 10**6])
def test_another_time_line_is_taken_over_once_three_states_in_a_row_speak_for_it(session, start):
    for step in range(5000, 5004):
        tick(session, step)
    assert session.next_request(True) is not None
    session.conclude(Answer('step', []))
    found = [tick(session, step, episode=1) for step in range(start, start + 8)]
    assert [r.step for r in found if r] == [start + 2]
    assert session.next_request(True)[0] == 'step'


def test_a_state_that_is_not_finite_is_not_kept(session):
    session.add_state(State(None, 0.0, 0, np.array([np.nan, 0.0]), 0.5))
    assert session.add_command(0.0, 'policy/0') is None and session.next_request(True) is None


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


def test_after_a_failed_verification_learning_goes_on_from_what_the_robot_has(session):
    session.conclude(Answer('step', [report(1)]))
    session.conclude(Answer('step', [report(2)]))
    assert not session.in_step
    session.acknowledge(acknowledgement(0, ready=1, refused=2, kind='verification', refusals=1))
    assert session.in_step
    assert session.next_request(True)[0] == 'avoid'
    request = session.next_request(True)
    assert request[0] == 'restore' and np.array_equal(request[1], np.full(3, 1.0))
    assert session.conclude(Answer('restore', report(1))) == []  # it is published already
    records = session.conclude(Answer('step', [report(5)]))
    assert [(r.version, r.parent) for r in records] == [(3, 1)]


def test_a_step_made_from_a_policy_that_was_refused_meanwhile_is_not_published(session):
    session.conclude(Answer('step', [report(1)]))
    session.conclude(Answer('step', [report(2)]))
    session.acknowledge(acknowledgement(0, ready=1, refused=2, kind='verification', refusals=1))
    overtaken = report(3, parent=digest(np.full(3, 2.0)))
    assert session.conclude(Answer('step', [overtaken])) == []
    assert [session.next_request(True)[0] for _ in range(2)] == ['avoid', 'restore']
    session.conclude(Answer('restore', report(1)))
    good = report(4, parent=digest(np.full(3, 1.0)))
    assert [(r.version, r.parent) for r in session.conclude(Answer('step', [good]))] == [(3, 1)]


def test_a_controller_that_was_restarted_gets_the_policy_as_a_child_of_its_own(session):
    session.conclude(Answer('step', [report(1)]))
    session.acknowledge(acknowledgement(0, refused=1, kind='lineage', refusals=1))
    assert session.next_request(True) == ('begin',)
    records = session.conclude(Answer('begin', report(1, 'UNCHANGED')))
    assert [(r.version, r.parent) for r in records] == [(2, 0)]


def test_an_adapter_that_was_restarted_adopts_what_the_robot_runs(session):
    theta = np.full(3, 37.0)
    session.acknowledge(
        acknowledgement(37, refused=0, kind='lineage', refusals=1, theta=theta))
    request = session.next_request(True)
    assert request[0] == 'restore' and np.array_equal(request[1], theta)
    assert session.conclude(Answer('restore', report(37))) == []
    assert [(r.version, r.parent) for r in session.conclude(Answer('step', [report(1)]))] == [
        (38, 37)]


def test_the_same_refusal_is_handled_once(session):
    session.conclude(Answer('step', [report(1)]))
    seen = acknowledgement(0, refused=1, kind='verification', refusals=1)
    session.acknowledge(seen)
    assert [session.next_request(True)[0] for _ in range(2)] == ['avoid', 'restore']
    session.acknowledge(seen)
    assert session.next_request(True) is None


def test_in_lock_step_only_demonstrations_of_the_past_are_used():
    session = begun(Session(
        AdapterConfig(update_period_s=0.5, demonstration_lag_s=1.0), DT, lockstep=True))
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


@pytest.mark.parametrize('lockstep', [True, False])
def test_in_lock_step_a_teacher_who_was_not_found_yet_is_waited_for(lockstep):
    now = [100.0]
    session = begun(Session(AdapterConfig(teacher_wait_s=8.0), DT, lockstep, lambda: now[0]))
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
    session = begun(Session(AdapterConfig(), DT, True, lambda: now[0]))
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
    assert session.refused_in_a_row == 3 and session.outcome == 'UNSAFE_CANDIDATE'
    session.conclude(Answer('step', [report(1, 'ACCEPTED', True)]))
    assert session.refused_in_a_row == 0
    session.conclude(Answer('step', failure='step: no answer within the time limit'))
    assert session.refused_in_a_row == 1 and session.outcome == 'WORKER'


def test_an_inactive_adapter_keeps_nobody_waiting(session):
    tick(session, 0)
    session.acknowledge(acknowledgement(0))
    assert session.processed(busy=False) is None  # an update is due
    assert session.processed(busy=False, active=False) == 0.0
