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

"""What the adapter makes of the controller's words: steps back, halts, rollbacks, the ledger."""

from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from threading import Timer
from types import SimpleNamespace

from admission_samples import certificate, chain_of, CLAIM
import numpy as np
import pytest
from scpo_ros.adapter.cause import Cause
from scpo_ros.adapter.policy_chain import PolicyChain
from scpo_ros.adapter.publication import Publication
from scpo_ros.adapter.requests import Avoid, Begin, Describe, Restore
from scpo_ros.adapter.session import Session
from scpo_ros.arrays import digest
from scpo_ros.config import AdapterConfig
from scpo_ros.controller.policy_gate import PolicyGate
from scpo_ros.interface.acknowledgement import Acknowledgement
from scpo_ros.interface.policy_record import backup_record, LARGEST_JUMP, PolicyRecord
from scpo_ros.ledger.history import History
from scpo_ros.ledger.ledger import Ledger, LedgerError, read
from scpo_ros.process.requests import name_of
from session_samples import (
    acknowledgement, answer, begun, DESCRIBED, DT, PROPOSE, report, RESTORE, RESUME, SPEC, STEP,
    SYSTEM, tick)


@pytest.fixture
def session():
    """Return a session that has published the backup."""
    return begun(Session(AdapterConfig(rollout_steps=2), SYSTEM))


def learn(session, *numbers):
    """Have the session publish a policy for each number; return their versions."""
    return [record.version for number in numbers
            for record in session.conclude(answer(STEP, report(number)))]


def asked(session, count):
    """Return the names of what the worker is asked next."""
    return [name_of(session.next_request(True)) for _ in range(count)]


def last(session):
    """Return the cause of what happened last, and whether it was a refusal."""
    return session.results.cause, session.results.last_refused


def is_restore(request, theta):
    """Return whether the worker is asked to go on from these weights."""
    return isinstance(request, Restore) and np.array_equal(request.theta, theta)


def test_after_a_failed_verification_learning_goes_on_from_what_the_robot_has(session):
    session.conclude(answer(STEP, report(1)))
    session.conclude(answer(STEP, report(2)))
    assert not session.publication.in_step
    session.acknowledge(acknowledgement(0, ready=1, refused=2, kind='verification', refusals=1))
    assert session.publication.in_step
    assert name_of(session.next_request(True)) == 'avoid'
    request = session.next_request(True)
    assert is_restore(request, np.full(3, 1.0))
    assert session.conclude(answer(RESTORE, report(1))) == []  # it is published already
    records = session.conclude(answer(STEP, report(5)))
    assert [(r.version, r.parent) for r in records] == [(3, 1)]


def test_a_step_made_from_a_policy_that_was_refused_meanwhile_is_not_published(session):
    session.conclude(answer(STEP, report(1)))
    session.conclude(answer(STEP, report(2)))
    session.acknowledge(acknowledgement(0, ready=1, refused=2, kind='verification', refusals=1))
    overtaken = report(3, parent=digest(np.full(3, 2.0)))
    assert session.conclude(answer(STEP, overtaken)) == []
    assert asked(session, 2) == ['avoid', 'restore']
    session.conclude(answer(RESTORE, report(1)))
    good = report(4, parent=digest(np.full(3, 1.0)))
    assert [(r.version, r.parent) for r in session.conclude(answer(STEP, good))] == [(3, 1)]


def test_a_controller_that_was_restarted_gets_the_policy_as_a_child_of_its_own(session):
    session.conclude(answer(STEP, report(1)))
    session.acknowledge(acknowledgement(0, refused=1, kind='lineage', refusals=1))
    assert session.next_request(True) == Begin()
    records = session.conclude(answer(Begin(), report(1, 'UNCHANGED')))
    assert [(r.version, r.parent) for r in records] == [(2, 0)]


def test_an_adapter_that_was_restarted_adopts_what_the_robot_runs(session):
    theta = np.full(3, 37.0)
    session.acknowledge(
        acknowledgement(37, refused=0, kind='lineage', refusals=1, theta=theta))
    request = session.next_request(True)
    assert is_restore(request, theta)
    assert session.conclude(answer(RESTORE, report(37))) == []
    assert [(r.version, r.parent) for r in session.conclude(answer(STEP, report(1)))] == [
        (38, 37)]


def test_another_policy_under_a_version_of_ours_is_gone_on_from(session):
    learn(session, 1)
    theta = np.full(3, 7.0)
    session.acknowledge(acknowledgement(1, refused=1, kind='lineage', refusals=1, theta=theta))
    assert is_restore(session.next_request(True), theta)
    child, = session.conclude(answer(STEP, report(2)))
    assert (child.parent, child.parent_digest) == (1, digest(theta))


def test_a_policy_of_ours_that_waits_for_its_swap_becomes_the_parent(session):
    learn(session, 1, 2)
    session.acknowledge(acknowledgement(0, ready=1, refused=2, kind='lineage', refusals=1))
    assert session.next_request(True) == Begin()
    child, = session.conclude(answer(Begin(), report(2, 'UNCHANGED')))
    assert (child.version, child.parent) == (3, 1)


def test_the_same_refusal_is_handled_once(session):
    session.conclude(answer(STEP, report(1)))
    seen = acknowledgement(0, refused=1, kind='verification', refusals=1)
    session.acknowledge(seen)
    assert asked(session, 2) == ['avoid', 'restore']
    session.acknowledge(seen)
    assert session.next_request(True) is None


def test_a_controller_that_was_restarted_and_counts_its_refusals_anew_is_heard(session):
    for number in (1, 2):
        version, = learn(session, number)
        session.acknowledge(acknowledgement(
            0, refused=version, kind='verification', refusals=version))
        assert asked(session, 2) == ['avoid', 'restore']
        session.conclude(answer(RESTORE, report(0)))
    learn(session, 3)
    session.acknowledge(acknowledgement(0, refused=3, kind='lineage', refusals=1))
    assert session.next_request(True) == Begin()


def test_a_refusal_is_told_once_and_what_the_worker_says_next_replaces_it(session):
    learn(session, 1)
    seen = acknowledgement(0, refused=1, kind='malformed', refusals=1)
    session.acknowledge(seen)
    assert last(session) == (Cause.CONTROLLER_MALFORMED, True)
    assert session.results.reason == 'the controller refused policy 1: a reason'
    session.conclude(answer(STEP, report(0, 'FEW_DEMONSTRATIONS', False)))
    session.acknowledge(seen)
    assert last(session) == (Cause.FEW_DEMONSTRATIONS, False)


def test_a_refusal_is_handled_as_soon_as_it_is_known_what_runs(session):
    learn(session, 1)
    session.acknowledge(acknowledgement(0, ready=9, refused=1, kind='verification', refusals=1))
    assert session.results.cause is Cause.CONTROLLER_VERIFICATION
    assert session.next_request(True) is None
    session.acknowledge(acknowledgement(0, refused=1, kind='verification', refusals=1))
    assert asked(session, 2) == ['avoid', 'restore']


def test_what_was_let_through_while_collected_rollouts_wait_leaves_them(session):
    for step in range(3):
        tick(session, step)
    learn(session, 1)
    session.acknowledge(acknowledgement(1))
    assert [r.time for r in session.next_request(True).rollouts] == [0.0]


def test_while_the_controller_takes_nothing_nothing_is_asked_and_nothing_published(session):
    learn(session, 1)
    for step in range(3):
        tick(session, step)
    session.acknowledge(acknowledgement(0, revoked='friction'))
    assert 'friction' in session.publication.halted
    assert last(session) == (Cause.CONTROLLER_REVOKED, True)
    assert session.next_request(True) is None and learn(session, 2) == []
    assert session.processed(busy=False) == 2 * DT  # the plant need not wait
    assert session.processed(busy=True) is None
    assert session.rollback_target() is None


def test_a_halt_is_told_once_and_its_end_is_no_refusal(session):
    learn(session, 1)
    session.acknowledge(acknowledgement(0, revoked='friction'))
    session.conclude(answer(STEP, report(1, 'FEW_DEMONSTRATIONS', False)))
    for revoked in ('friction', ''):
        session.acknowledge(acknowledgement(1, revoked=revoked))
        assert last(session) == (Cause.FEW_DEMONSTRATIONS, False)
        assert session.results.reason == 'FEW_DEMONSTRATIONS: because'
    assert not session.publication.halted


def test_after_a_halt_learning_goes_on_from_what_runs_without_the_rollouts_of_before(session):
    learn(session, 1, 2)
    for step in range(3):
        tick(session, step)
    session.acknowledge(acknowledgement(0, revoked='friction'))
    session.acknowledge(acknowledgement(1))
    request = session.next_request(True)
    assert name_of(request) == 'resume' and np.array_equal(request.theta, np.full(3, 1.0))
    session.conclude(answer(RESUME, report(1)))
    assert session.next_request(True).rollouts == ()
    assert session.rollback_target().version == 0  # it is the record that was published
    assert learn(session, 3) == [3] and session.publication.chain[3].parent == 1


def test_before_the_specification_is_known_a_halt_keeps_no_worker_from_starting():
    session = Session(AdapterConfig(), SYSTEM)
    session.acknowledge(acknowledgement(0, revoked='friction'))
    assert session.publication.halted and session.next_request(True) == Describe()
    for _ in range(2):  # before and after
        session.acknowledge(acknowledgement(0))
        assert not session.publication.halted
        session.conclude(DESCRIBED)


@pytest.mark.parametrize('published, asked_for, found', [
    ((), -1, None),  # the backup has no parent
    ((1,), -1, 0),
    ((1, 2, 3), -1, 2),
    ((1, 2, 3), 0, 0),
    ((1, 2, 3), 1, 1),
    ((1, 2, 3), 4, None)])
def test_a_rollback_goes_to_the_parent_or_to_the_version_asked_for(published, asked_for, found):
    session = begun(Session(AdapterConfig(rollback_version=asked_for), SYSTEM))
    learn(session, *published)
    target = session.rollback_target()
    assert (target.version if target else None) == found


def test_after_a_refusal_a_rollback_goes_to_the_parent_of_what_runs(session):
    learn(session, 1, 2, 3)
    session.acknowledge(acknowledgement(2, refused=3, kind='verification', refusals=1))
    assert session.rollback_target().version == 1


def test_the_parent_of_a_policy_that_another_life_published_is_not_known(session):
    session.acknowledge(acknowledgement(37, refused=0, kind='lineage', refusals=1))
    assert session.publication.chain.base == 37 and session.rollback_target() is None


def test_a_rollback_finds_versions_that_only_the_ledger_remembers(tmp_path):
    history = History(str(tmp_path), 'adapter')
    session = begun(Session(AdapterConfig(rollback_version=2), SYSTEM, history=history))
    learn(session, *range(1, 80))
    assert 2 not in session.publication.chain
    assert np.array_equal(session.rollback_target().theta, np.full(3, 2.0))
    history.stop()


def test_a_chain_remembers_the_first_policy_the_newest_and_the_one_that_runs():
    chain = chain_of(10)
    chain.base = 3
    for number in range(100):
        chain.append(np.full(3, 1e3 + number), None)
        if number < 99:
            chain.base = 3
    remembered = [version for version in range(chain.latest.version + 1) if version in chain]
    assert remembered == [0, 3, *range(47, 111)]
    assert chain.before(110).version == 3 and chain.before(4) is None


def ledger_of(folder, records):
    """Return a History that begins with records."""
    history = History(str(folder), 'adapter')
    for record in records:
        history.accept(record).result(10)
    return history


def test_the_newest_policy_of_an_earlier_life_is_verified_anew_and_published_again(tmp_path):
    history = ledger_of(tmp_path, [chain_of(3)[version] for version in range(4)])
    session = Session(AdapterConfig(), SYSTEM, history=history)
    session.reconfigure(AdapterConfig(damping=0.5))
    assert session.next_request(True) == Describe()
    session.conclude(DESCRIBED)
    theta = np.full(3, 3.0)
    assert is_restore(session.next_request(True), theta)
    assert [r.version for r in session.conclude(answer(RESTORE, report(3)))] == [3]
    assert name_of(session.next_request(True)) == 'reconfigure'  # changed meanwhile, and not lost
    assert np.array_equal(session.replacement(), theta)
    assert learn(session, 4) == [4] and session.publication.chain[4].parent == 3
    back, = session.conclude(answer(RESTORE, report(2)))  # a rollback is no such return
    assert (back.version, back.parent) == (5, 4) and np.array_equal(back.theta, np.full(3, 2.0))
    history.stop()


def test_a_policy_of_an_earlier_life_that_fails_now_makes_way_for_what_the_worker_has(tmp_path):
    history = ledger_of(tmp_path, [chain_of(1)[version] for version in range(2)])
    session = Session(AdapterConfig(), SYSTEM, history=history)
    assert session.next_request(True) == Describe()
    session.conclude(DESCRIBED)
    assert name_of(session.next_request(True)) == 'restore'
    assert session.conclude(answer(RESTORE, report(0, changed=False))) == []
    assert session.next_request(True) == Begin()
    records = session.conclude(answer(Begin(), report(0, 'UNCHANGED')))
    assert [(r.version, r.parent) for r in records] == [(2, 1)]
    history.stop()


@pytest.mark.parametrize('changes', [{'spec_digest': 'another'}, {'digest': '0' * 64}])
def test_records_of_another_specification_or_with_a_wrong_digest_are_left_out(changes):
    sound = chain_of(1)
    bad = replace(sound[1], **changes)
    chain = PolicyChain(SPEC, records=[sound[0], bad])
    assert chain.base == chain.latest.version == 0 and 1 not in chain
    assert PolicyChain(SPEC, records=[bad]).latest is None


def test_the_chain_alone_keeps_policies_and_a_full_ledger_goes_on_with_them(
        tmp_path, monkeypatch):
    monkeypatch.setattr('scpo_ros.ledger.history.Ledger', partial(Ledger, limit=2000))
    history = ledger_of(tmp_path, [chain_of(1)[version] for version in range(2)])
    session = Session(AdapterConfig(), SYSTEM, history=history)
    for told in (DESCRIBED, answer(RESTORE, report(1))):
        session.conclude(told)
    assert history.accepted == {}
    session.acknowledge(acknowledgement(40, refused=1, kind='lineage', refusals=1))
    learn(session, *range(2, 30))
    history.stop()
    assert list(tmp_path.glob('adapter.ledger.full-*'))
    again = History(str(tmp_path), 'adapter').accepted
    assert set(again) == {0, 1, *range(41, 69)}  # the adopted one was not published
    assert again[68].digest == session.publication.chain.latest.digest


def test_the_ledger_says_that_policies_of_another_specification_were_left_out(tmp_path):
    history = History(str(tmp_path), 'adapter')
    for record in chain_of(2)._records.values():
        history.accept(replace(record, spec_digest='0' * 64))
    assert Publication(history).begin(SPEC) == []
    history.stop()
    entries = [e.body for e in read((tmp_path / 'adapter.ledger').read_bytes()).entries]
    (noted,) = [e for e in entries if e['kind'] == 'refused']
    assert noted['reason'].startswith('3 policies of the ledger are left out: it was certified')


def test_every_refused_update_is_kept_in_the_ledger_with_its_reason(tmp_path):
    history = History(str(tmp_path), 'adapter')
    session = begun(Session(AdapterConfig(), SYSTEM, history=history))
    session.conclude(answer(STEP, report(0, 'ROLLED_BACK', reason='a rollout'), report(1)))
    session.conclude(answer(STEP, report(1, 'FEW_DEMONSTRATIONS', False)))
    session.conclude(answer(PROPOSE, report(1, 'UNSAFE_CANDIDATE', False, reason='x' * 5000)))
    session.conclude(answer(RESTORE, report(1, 'UNSAFE_CANDIDATE', False)))  # was no update
    history.stop()
    entries = [e.body for e in read((tmp_path / 'adapter.ledger').read_bytes()).entries]
    noted = [(e['version'], e['why'], e['reason']) for e in entries if e['kind'] == 'refused']
    assert noted == [(-1, 'ROLLED_BACK', 'a rollout'), (-1, 'UNSAFE_CANDIDATE', 'x' * 1000)]
    assert session.results.refused == 2


def test_without_a_ledger_a_refusal_is_only_counted(session):
    session.conclude(answer(STEP, report(0, 'UNSAFE_CANDIDATE', False)))
    assert session.results.refused == 1


@pytest.mark.parametrize('error', [None, LedgerError('the disk is full')])
def test_a_policy_is_published_when_the_disk_has_it_or_cannot_take_it(error):
    written = Future()
    finish = written.set_result if error is None else written.set_exception
    timer = Timer(0.1, finish, [error])
    history = SimpleNamespace(accepted={}, tests=0, accept=lambda record: timer.start() or written,
                              leave_policies_to=lambda keeper: None)
    begun(Session(AdapterConfig(), SYSTEM, history=history))
    assert written.done()
    timer.join()


# Versions far above or below --------------------------------------------------------------------


class Robot:
    """A gate and the session's view of it: what is published is judged, verified and run."""

    def __init__(self, session):
        """Start with the backup only, as a controller without a ledger does."""
        self.session = session
        self.gate = PolicyGate(backup_record(np.zeros(3), SPEC), 0.02, 0.0, 'sampled')

    def take(self, record, certified=True):
        """Receive a policy, run it if it is let through, and tell the adapter."""
        if certified:
            record = replace(record, certificate=certificate(record.theta, record.parent_digest))
        if self.gate.submit(record):
            self.gate.verdict(True, '', claim=CLAIM)
            self.gate.swap(0.0, True)
        self.tell()
        return self.gate.running.version == record.version

    def tell(self):
        gate = self.gate
        self.session.acknowledge(Acknowledgement(
            gate.running.theta, gate.running.version, gate.running.digest, gate.newest.version,
            gate.refused.version, gate.refused.kind, gate.refused.reason, gate.refusals,
            np.zeros(0), np.zeros(0)))

    def learn(self, number, rounds=4):
        """Have the adapter learn something; return whether it runs in the end."""
        theta = np.full(3, float(number))
        records = self.session.conclude(answer(STEP, report(number)))
        for _ in range(rounds):
            for record in records:
                self.take(record)
            if np.array_equal(self.gate.running.theta, theta):
                return True
            request = self.session.next_request(True)
            while isinstance(request, Avoid):
                request = self.session.next_request(True)
            if request is None:
                return False
            known = theta[0] if request == Begin() else request.theta[0]
            records = self.session.conclude(answer(request, report(known, 'UNCHANGED')))
            if isinstance(request, Restore):
                records += self.session.conclude(answer(STEP, report(number)))
        return False


def at_version(version):
    """Return a session whose newest policy has that version."""
    session = begun(Session(AdapterConfig(), SYSTEM))
    session.publication.chain.adopt(version - 1, np.full(3, 0.5), digest(np.full(3, 0.5)))
    learn(session, 2)
    assert session.publication.version == version
    return session


@pytest.mark.parametrize('version', [5000, 50000, LARGEST_JUMP - 1, LARGEST_JUMP + 5, 10**9])
def test_a_controller_without_its_ledger_is_taught_by_an_adapter_of_any_version(version):
    robot = Robot(at_version(version))
    latched = robot.session.publication.chain.latest
    robot.take(latched)  # the controller does not know its parent
    assert robot.learn(3) and robot.learn(4)
    far = version >= LARGEST_JUMP
    assert (robot.gate.newest.version <= 4) is far
    assert robot.session.publication.in_step


def hostile(robot, version, number):
    """Return good weights of somebody else's, under any version, that would be taken next."""
    running = robot.gate.running
    theta = np.full(3, float(number))
    return PolicyRecord(theta, version, running.version, digest(theta), running.digest, SPEC, None)


@pytest.mark.parametrize('restarts', ['', 'adapter', 'adapter with its ledger', 'controller'])
def test_a_version_far_above_is_adopted_and_gone_on_from(restarts, tmp_path):
    robot = Robot(begun(Session(AdapterConfig(), SYSTEM)))
    assert robot.learn(1)
    assert not robot.take(hostile(robot, 2**63 - 1, 7))
    assert robot.learn(2), 'the last version there is would have ended all learning'
    for jump in range(1, 4):
        above = robot.gate.newest.version + LARGEST_JUMP
        assert robot.take(hostile(robot, above, 10 * jump))
        if restarts == 'controller':
            robot.gate = PolicyGate(backup_record(np.zeros(3), SPEC), 0.02, 0.0, 'sampled')
            robot.tell()
        elif restarts:
            history = None
            if restarts != 'adapter':
                history = ledger_of(tmp_path / str(jump), [chain_of(3)[v] for v in range(4)])
            robot.session = Session(AdapterConfig(), SYSTEM, history=history)
            assert robot.session.next_request(True) == Describe()
            robot.session.conclude(DESCRIBED)
            request = robot.session.next_request(True)
            record, = robot.session.conclude(answer(request, report(
                0 if request == Begin() else request.theta[0], 'UNCHANGED')))
            robot.take(record)
            if history is not None:
                history.stop()
        assert robot.learn(10 * jump + 1) and robot.learn(10 * jump + 2)
        if restarts != 'controller':
            assert robot.gate.newest.version > above


def test_a_rollback_goes_on_after_a_version_far_above_was_adopted():
    robot = Robot(begun(Session(AdapterConfig(), SYSTEM)))
    assert robot.learn(1)
    robot.take(hostile(robot, LARGEST_JUMP, 7))
    assert robot.learn(2) and robot.learn(3)
    target = robot.session.rollback_target()
    assert np.array_equal(target.theta, np.full(3, 2.0))
    back, = robot.session.conclude(answer(RESTORE, report(2)))
    assert robot.take(back) and back.version == LARGEST_JUMP + 3


def test_an_adapter_goes_on_without_what_its_ledger_holds_of_a_version_that_no_reader_shows():
    sound = chain_of(2)
    absurd = replace(sound[2], version=2**63 - 1)
    chain = PolicyChain(SPEC, records=[sound[0], sound[1], absurd])
    assert chain.latest.version == 1
