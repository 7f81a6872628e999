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

"""From message to swap: verified, on the disk, then run; after any restart verified anew."""

from concurrent.futures import Future
from dataclasses import replace
from itertools import permutations
import json
from types import SimpleNamespace

from admission_samples import admission, BACKUP, chain_of, CLAIM, settle, Verifier
import numpy as np
import pytest
from scpo_ros.config import Spec
from scpo_ros.config.specification import spec_digest
from scpo_ros.config.validation import build
from scpo_ros.controller.admission import Admission
from scpo_ros.controller.policy_gate import PolicyGate
from scpo_ros.interface.policy_record import backup_record
from scpo_ros.interface.refusal import RefusalKind
from scpo_ros.ledger.history import find_version, History
from scpo_ros.ledger.ledger import GENESIS, LedgerError, line_of, read
from scpo_ros.ledger.policy_entry import read_record, record_values


def kinds(folder):
    data = (folder / 'controller.ledger').read_bytes()
    return [entry.body['kind'] for entry in read(data).entries]


def let_through(admitted, verifier, record):
    assert admitted.submit(record)
    verifier.say(safe=True)
    settle(admitted)


def recalled():
    """Return an admission whose only policy was revoked and is being verified anew."""
    verifier = Verifier()
    admitted = admission('', verifier)
    let_through(admitted, verifier, chain_of(1)[1])
    admitted.revoke(1.0, 'the model is wrong')
    admitted.recall()
    admitted.poll()
    return admitted, verifier


def test_a_record_is_kept_bit_for_bit():
    record = chain_of(1)[1]
    theta = np.array([np.pi, 5e-324, -0.0])
    again = read_record(json.loads(json.dumps(record_values(record))))
    assert again.theta.tobytes() == record.theta.tobytes() and again.digest == record.digest
    assert again.certificate.g.tobytes() == record.certificate.g.tobytes()
    assert again.certificate.margin == record.certificate.margin
    assert read_record({**record_values(record), 'theta': {
        'shape': [3], 'float64': record_values(chain_of(0, theta)[0])['theta']['float64']
    }}).theta.tobytes() == theta.tobytes()


def test_what_is_accepted_is_on_the_disk_before_it_can_run(tmp_path):
    verifier = Verifier()
    admitted = admission(tmp_path, verifier)
    record = chain_of(1)[1]
    admitted.submit(record)
    assert admitted.gate.ready is None
    verifier.say(safe=True)
    settle(admitted)
    assert admitted.gate.ready is record and kinds(tmp_path) == ['accepted']
    assert admitted.swap(0.0, True) is record
    admitted.stop()
    assert kinds(tmp_path) == ['accepted', 'running']


def test_a_ledger_that_cannot_be_written_lets_nothing_through(tmp_path, monkeypatch):
    verifier = Verifier()
    admitted = admission(tmp_path, verifier)

    def full(*_):
        raise OSError(28, 'No space left on device')
    monkeypatch.setattr('scpo_ros.ledger.ledger.os.write', full)
    let_through(admitted, verifier, chain_of(1)[1])
    assert admitted.gate.newest.version == 0 and admitted.gate.refused.kind == 'ledger'
    assert 'No space left' in admitted.gate.refused.reason
    assert admitted.history.accepted == {}
    monkeypatch.undo()
    let_through(admitted, verifier, chain_of(2)[1])
    assert admitted.gate.newest.version == 1
    admitted.stop()


def test_after_a_restart_the_last_policy_is_verified_anew(tmp_path):
    verifier, chain = Verifier(), chain_of(2)
    admitted = admission(tmp_path, verifier)
    let_through(admitted, verifier, chain[1])
    let_through(admitted, verifier, chain[2])
    admitted.stop()

    again = Verifier()
    admitted = admission(tmp_path, again)
    assert admitted.gate.running.version == 0  # nothing runs on the word of a disk
    admitted.poll()
    assert np.array_equal(again.asked[0], chain[2].theta)
    assert admitted.swap(0.0, True) is None
    again.say(safe=True)
    settle(admitted)
    assert admitted.swap(0.0, True).version == 2
    assert not admitted.submit(chain[2]) and admitted.gate.refusals == 0  # the latched message
    admitted.stop()


def test_what_no_longer_verifies_gives_way_to_the_policy_before(tmp_path):
    verifier, chain = Verifier(), chain_of(2)
    admitted = admission(tmp_path, verifier)
    let_through(admitted, verifier, chain[1])
    let_through(admitted, verifier, chain[2])
    admitted.stop()
    again = Verifier()
    admitted = admission(tmp_path, again)
    admitted.poll()
    again.say(safe=False, reason='another model')
    settle(admitted)
    assert admitted.gate.refused.version == 2
    again.say(safe=True)
    settle(admitted)
    assert admitted.swap(0.0, True).version == 1
    admitted.stop()


def test_a_policy_of_another_specification_is_not_taken_from_the_ledger(tmp_path):
    history = History(tmp_path, 'controller')
    record = chain_of(1)[1]
    for values in ({'spec_digest': 'other'}, {'digest': '0' * 64}):
        history.accept(read_record({**record_values(record), **values}))
    history.stop()
    admitted = admission(tmp_path)
    assert admitted.gate.head is None and admitted.gate.newest.version == 0
    assert 'restored from the ledger' in admitted.gate.refused.reason
    admitted.stop()


def test_a_ledger_with_digests_of_before_is_refused_in_one_line_that_says_why(tmp_path):
    history, own = History(tmp_path, 'controller'), spec_digest(Spec())
    record = chain_of(1)[1]
    for values in ({'spec_digest': 'd736bf85986c' + '0' * 52},
                   {'spec_digest': spec_digest(build(Spec, {'system.dt': 0.05}))}):
        history.accept(read_record({**record_values(record), **values}))
        gate = PolicyGate(backup_record(BACKUP, own), 0.02, 0.0, 'sampled')
        Admission(gate, Verifier(), history, 5.0)
        said = gate.refused.reason
        assert gate.head is None and '\n' not in said and len(said) < 300
        assert ('system.*' if 'scpo-2' in values['spec_digest'] else "'d736bf85...'") in said
    history.stop()


def test_of_two_policies_of_one_number_the_newest_file_decides(tmp_path, monkeypatch):
    path, chain = tmp_path / 'x.ledger', chain_of(1)
    names = ('', '.full-1', '.full-2', '.full-10')
    for number, name in enumerate(names):
        other = replace(chain[1], theta=chain[1].theta + number)
        line = line_of(GENESIS, {'kind': 'accepted', 'record': record_values(other)})[1]
        path.with_name(path.name + name).write_bytes(line)
    listed = [path.with_name(path.name + name) for name in names]
    for order in permutations(listed):
        monkeypatch.setattr(type(path), 'glob', lambda self, _, order=order: iter(order))
        assert find_version(path, 1).theta[0] == chain[1].theta[0]
        rest = [part for part in order if part != path]
        monkeypatch.setattr(type(path), 'glob', lambda self, _, rest=rest: iter(rest))
        assert find_version(path, 1).theta[0] == chain[1].theta[0] + 3


def test_any_version_can_be_found_in_the_ledger(tmp_path):
    history, chain = History(tmp_path, 'controller'), chain_of(90)
    for version in range(91):
        if version in chain:
            history.accept(chain[version]).result(10)
    assert 0 in history.accepted and len(history.accepted) <= 66
    for version in range(91):
        if version in chain:
            assert history.find(version).digest == chain[version].digest
    assert history.find(1000) is None
    history.stop()


@pytest.mark.parametrize('values', [
    {}, {'theta': 3}, {'certificate': 1}, {'certificate': {}}, {'theta': {'float64': 'AA'}},
    {'version': 'x'}, {'version': True}, {'unknown': 1}])
def test_what_is_no_policy_in_a_ledger_is_left_out(tmp_path, values):
    history, record = History(tmp_path, 'controller'), record_values(chain_of(1)[1])
    history.note('accepted', record={} if not values else {**record, **values})
    history.accept(chain_of(1)[1])
    history.stop()
    again = History(tmp_path, 'controller')
    assert list(again.accepted) == [1] and again.fault == 'an entry that holds no policy'
    again.stop()


@pytest.mark.parametrize('field', ['kind', 'coverage', 'theta_digest', 'parent_digest'])
def test_a_policy_of_a_ledger_with_a_malformed_certificate_is_no_policy(tmp_path, field):
    history, record = History(tmp_path, 'controller'), record_values(chain_of(1)[1])
    history.note('accepted', record={**record, 'certificate': {
        **record['certificate'], field: 5}})
    history.stop()
    admitted = admission(tmp_path)
    assert admitted.gate.head is None and admitted.gate.newest.version == 0
    assert admitted.history.fault == 'an entry that holds no policy'
    admitted.stop()


@pytest.mark.parametrize('entry', [{}, {'reason': ''}, {'reason': None}])
def test_a_revocation_of_a_ledger_without_a_reason_is_one(tmp_path, entry):
    history = History(tmp_path, 'controller')
    history.note('revoked', **entry)
    history.stop()
    admitted = admission(tmp_path)
    assert 'gives no reason' in admitted.gate.revoked
    assert not admitted.submit(chain_of(1)[1])
    admitted.recall()
    admitted.stop()
    again = History(tmp_path, 'controller')
    assert again.revoked == ''  # negative control: it was reinstated
    again.stop()


def filled(admitted):
    """Have the ledger put aside, twice at least, as a flood of messages does."""
    admitted.history._thread._ledger._limit = 1
    for number in range(3):
        admitted.history.note('refused', version=number, why='malformed', reason='').result(10)


def test_a_revocation_outlives_a_ledger_that_was_put_aside(tmp_path):
    admitted = admission(tmp_path)
    admitted.revoke(1.0, 'the model is wrong')
    admitted.explain('the plant is late: the model is wrong')
    filled(admitted)
    admitted.stop()
    assert len(list(tmp_path.glob('controller.ledger.full-*'))) >= 2
    admitted = admission(tmp_path)
    assert admitted.gate.revoked == 'the plant is late: the model is wrong'
    filled(admitted)  # also where the process before has revoked
    admitted.stop()
    admitted = admission(tmp_path)
    assert admitted.gate.revoked == 'the plant is late: the model is wrong'
    admitted.recall()
    filled(admitted)
    admitted.stop()
    again = History(tmp_path, 'controller')
    assert again.revoked == ''  # negative control: one that has ended is not brought back
    again.stop()


def test_a_revocation_runs_the_backup_at_once_and_outlives_a_restart(tmp_path):
    verifier, chain = Verifier(), chain_of(2)
    admitted = admission(tmp_path, verifier)
    let_through(admitted, verifier, chain[1])
    admitted.swap(0.0, True)
    admitted.submit(chain[2])
    admitted.revoke(1.0, 'the model is wrong')
    assert admitted.gate.running.version == 0
    verifier.say(safe=True)  # it was asked before
    settle(admitted)
    assert admitted.gate.newest.version == 0
    assert (admitted.gate.refused.version, admitted.gate.refused.kind) == (2, 'revoked')
    assert not admitted.submit(chain[2]) and 'stopped' in admitted.gate.refused.reason
    admitted.stop()

    again = Verifier()
    admitted = admission(tmp_path, again)
    admitted.poll()
    assert again.asked == [] and admitted.gate.revoked == 'the model is wrong'
    admitted.recall()
    admitted.poll()
    assert np.array_equal(again.asked[0], chain[1].theta) and admitted.gate.revoked
    again.say(safe=True)
    settle(admitted)
    assert not admitted.gate.revoked
    assert admitted.swap(0.0, True).version == 1
    admitted.stop()
    assert kinds(tmp_path).count('reinstated') == 1


def test_a_suspended_policy_that_fails_its_new_verification_does_not_come_back():
    admitted, verifier = recalled()
    verifier.say(safe=False, reason='not any more')
    admitted.poll()
    assert not admitted.gate.revoked and admitted.gate.newest.version == 0
    assert np.array_equal(admitted.gate.running.theta, BACKUP)


def test_a_verifier_that_fails_is_asked_again_for_a_policy_that_ran_before():
    admitted, verifier = recalled()
    for _ in range(2):
        verifier.say(failure='no answer within the time limit')
        admitted.poll()
        assert admitted.gate.revoked
    verifier.say(safe=True)
    admitted.poll()
    assert admitted.gate.newest.version == 1


def test_a_verifier_that_fails_three_times_has_refused():
    admitted, verifier = recalled()
    for _ in range(3):
        assert admitted.gate.revoked and admitted.busy
        verifier.say(failure='no answer within the time limit')
        admitted.poll()
    assert not admitted.busy and admitted.gate.newest.version == 0
    assert admitted.gate.refused.reason == 'no answer within the time limit'


def test_a_verifier_that_does_not_start_refuses_what_waits_for_it():
    verifier = Verifier()
    admitted = admission('', verifier)
    verifier.started(failure='no memory')
    admitted.poll()
    assert admitted.gate.refusals == 0  # nothing waited
    admitted.submit(chain_of(1)[1])
    verifier.started()
    admitted.poll()
    assert admitted.busy and admitted.gate.refusals == 0
    verifier.started(failure='no memory')
    admitted.poll()
    assert not admitted.busy and admitted.gate.newest.version == 0
    assert admitted.gate.refused.reason == 'the verifier does not start: no memory'


@pytest.mark.parametrize('verdict, reason', [
    ({'failure': 'no answer'}, 'no answer'), ({'safe': False, 'reason': 'too fast'}, 'too fast'),
    ({'safe': False}, 'the verification gave no verdict')])
def test_a_refusal_says_what_the_verifier_said(verdict, reason):
    verifier = Verifier()
    admitted = admission('', verifier)
    admitted.submit(chain_of(1)[1])
    verifier.say(**verdict)
    admitted.poll()
    assert admitted.gate.refused.reason == reason


def test_nothing_is_recalled_that_was_not_revoked_or_is_being_verified():
    verifier, chain = Verifier(), chain_of(1)
    admitted = admission('', verifier)
    let_through(admitted, verifier, chain[1])
    admitted.recall()
    assert not admitted.busy and admitted.gate.newest.version == 1
    admitted.revoke(1.0, 'the model is wrong')
    for _ in range(2):
        admitted.recall()
        admitted.poll()
    verifier.say(safe=True)
    admitted.poll()
    assert len(verifier.asked) == 2 and not admitted.busy and admitted.gate.newest.version == 1


def test_an_announcement_carries_the_counterexample_of_the_last_refusal():
    verifier = Verifier()
    admitted = admission('', verifier)
    assert admitted.announcement()['refused.x0'].size == 0
    admitted.submit(chain_of(1)[1])
    found = SimpleNamespace(x0=np.array([0.5, 0.1]), w=np.ones((4, 2)))
    verifier.say(safe=False, reason='too fast', counterexample=found)
    admitted.poll()
    told = admitted.announcement()
    assert np.array_equal(told['refused.x0'], [0.5, 0.1])
    assert np.array_equal(told['refused.w'], np.ones(8))


def test_without_a_verifier_everything_of_the_right_shape_is_taken():
    admitted = admission('')
    admitted._worker = None
    assert not admitted.submit(chain_of(1)[1])
    admitted.poll()
    assert admitted.gate.newest.version == 1
    admitted.stop()


def test_its_end_ends_the_verifier():
    verifier = Verifier()
    admission('', verifier).stop()
    assert verifier.stopped


@pytest.mark.parametrize('verdict', [
    {'safe': False, 'reason': 'too fast'}, {'safe': None}, {'safe': 1}, {'safe': 'yes'},
    {'safe': np.bool_(True)}, {'failure': 'no answer within the time limit'}])
def test_only_the_word_true_lets_a_policy_through(verdict):
    verifier = Verifier()
    admitted = admission('', verifier)
    admitted.submit(chain_of(1)[1])
    verifier.say(**verdict)
    admitted.poll()
    assert admitted.gate.newest.version == 0 and admitted.gate.refused.reason


def test_a_disk_that_does_not_answer_is_a_refusal(tmp_path):
    verifier, now = Verifier(), [0.0]
    admitted = admission(tmp_path, verifier, clock=lambda: now[0])
    admitted.history.accept = lambda record, claim: Future()
    admitted.submit(chain_of(1)[1])
    verifier.say(safe=True)
    admitted.poll()
    assert admitted.busy and admitted.gate.refusals == 0
    now[0] = 1.1
    admitted.poll()
    assert not admitted.busy and admitted.gate.newest.version == 0
    assert (admitted.gate.refused.kind, 'disk' in admitted.gate.refused.reason) == ('ledger', True)
    admitted.stop()


def test_a_flood_of_refusals_does_not_fill_the_disk(tmp_path):
    admitted = admission(tmp_path)
    for number in range(5000):
        admitted.refuse(-1, RefusalKind.MALFORMED, f'number {number}')
    admitted.stop()
    assert kinds(tmp_path) == ['refused'] * 100 + ['unwritten']
    assert admitted.gate.refusals == 5000 == 100 + entries_of(
        tmp_path, 'unwritten')[0]['unwritten']


def test_refusals_after_a_flood_are_recorded_at_ten_a_second(tmp_path):
    now = [0.0]
    admitted = admission(tmp_path, clock=lambda: now[0])
    for number in range(300):
        now[0] += 0.0 if number < 100 else 0.05
        admitted.refuse(-1, RefusalKind.MALFORMED, f'number {number}')
    admitted.stop()
    assert 199 <= len(kinds(tmp_path)) <= 201


def entries_of(folder, kind):
    data = (folder / 'controller.ledger').read_bytes()
    return [entry.body for entry in read(data).entries if entry.body['kind'] == kind]


def test_refusals_that_were_verified_do_not_fill_the_disk_either(tmp_path):
    now, verifier, chain = [0.0], Verifier(), chain_of(1)
    admitted = admission(tmp_path, verifier, clock=lambda: now[0])
    for _ in range(500):
        assert admitted.submit(chain[1])
        verifier.say(safe=False, reason='unsafe')
        admitted.poll()
    now[0] = 1.0
    admitted.refuse(-1, RefusalKind.MALFORMED, 'after the flood')
    for _ in range(12):
        admitted.refuse(-1, RefusalKind.MALFORMED, 'too many again')
    admitted.stop()
    refused = entries_of(tmp_path, 'refused')
    assert len(refused) == 110 and admitted.gate.refusals == 513
    assert [body['unwritten'] for body in refused[98:102]] == [0, 0, 400, 0]
    assert refused[100]['reason'] == 'after the flood'
    assert entries_of(tmp_path, 'unwritten')[0]['unwritten'] == 3
    assert len(refused) + 400 + 3 == admitted.gate.refusals  # none is uncounted


def test_the_ledger_keeps_no_word_of_the_sender_of_what_was_refused(tmp_path):
    verifier, record = Verifier(), chain_of(1)[1]
    admitted = admission(tmp_path, verifier)
    sent = np.full(100_000, -0.1)
    admitted.submit(replace(record, certificate=replace(
        record.certificate, g=sent, bound=sent, smoothness=sent + 2, verification_max=-0.1)))
    verifier.say(safe=False, reason='unsafe')
    admitted.poll()
    admitted.stop()
    kept, = entries_of(tmp_path, 'refused')
    assert np.array_equal(read_record(kept['record']).theta, record.theta)
    assert (tmp_path / 'controller.ledger').stat().st_size < 2000


def test_a_closed_ledger_says_why(tmp_path):
    admitted = admission(tmp_path)
    with pytest.raises(LedgerError, match='cannot be opened'):
        admission(tmp_path)
    admitted.stop()


@pytest.mark.parametrize('broken', [True, False])
def test_a_verifier_that_cannot_be_stopped_keeps_no_entry_from_the_disk(tmp_path, broken):
    verifier = Verifier()
    admitted = admission(tmp_path, verifier)

    def fail():
        raise OSError('its process cannot be killed')
    verifier.stop = fail if broken else verifier.stop
    admitted.history.note('revoked', reason='the last word')
    if broken:
        with pytest.raises(OSError, match='cannot be killed'):
            admitted.stop()
    else:
        admitted.stop()
    assert kinds(tmp_path) == ['revoked']
    admission(tmp_path).stop()  # the lock is free


def test_what_is_told_and_kept_is_the_controllers_own_claim(tmp_path):
    verifier, record = Verifier(), chain_of(1)[1]
    forged = replace(record, certificate=replace(record.certificate, coverage='TRUST ME',
                                                 margin=0.05, verification_size=10**9))
    admitted = admission(tmp_path, verifier)
    let_through(admitted, verifier, forged)
    assert admitted.announcement()['claim.coverage'] == 'the backup'
    admitted.swap(0.0, True)
    told = admitted.announcement()
    assert {name: told[f'claim.{name}'] for name in vars(CLAIM)} == vars(CLAIM)
    admitted.stop()
    kept = (tmp_path / 'controller.ledger').read_text()
    assert 'TRUST ME' not in kept and CLAIM.coverage in kept
    again = History(tmp_path, 'controller')
    assert again.accepted[1].certificate is None and again.fault == ''
    assert CLAIM.coverage in str(again._snapshot())
    again.stop()


@pytest.mark.parametrize('claim', [None, replace(CLAIM, kind='proved'), replace(CLAIM, kind='')])
def test_a_verdict_without_a_claim_of_the_kind_asked_for_is_none(tmp_path, claim):
    verifier = Verifier()
    admitted = admission(tmp_path, verifier)
    admitted.submit(chain_of(1)[1])
    verifier.say(safe=True, claim=claim)
    settle(admitted)
    assert admitted.gate.newest.version == 0 and admitted.gate.refused.reason
    admitted.stop()
    assert kinds(tmp_path) == ['refused']


@pytest.mark.parametrize('version', [2**63 - 1, 2**53])
def test_a_version_of_a_ledger_that_no_reader_can_show_gives_way_to_the_one_before(
        tmp_path, version):
    history, chain = History(tmp_path, 'controller'), chain_of(2)
    history.accept(chain[1])
    history.accept(replace(chain[2], version=version))
    history.stop()
    verifier = Verifier()
    admitted = admission(tmp_path, verifier)
    assert (admitted.gate.refused.version, admitted.gate.refused.kind) == (
        version, RefusalKind.LINEAGE)
    assert f'above the largest, {2**53 - 1}' in admitted.gate.refused.reason
    admitted.poll()
    verifier.say(safe=True)
    settle(admitted)
    assert admitted.gate.newest.version == 1
    let_through(admitted, verifier, chain[2])
    assert admitted.gate.newest.version == 2  # and learning goes on
    admitted.stop()


class Clock:
    """A clock that a test sets."""

    now = 0.0

    def __call__(self):
        """Return the time [s]."""
        return self.now


def refused_by_the_disk(admitted, monkeypatch, call):
    """Make a call while the disk is full; return once the ledger has refused the entry."""
    def full(*_):
        raise OSError(28, 'No space left on device')
    monkeypatch.setattr('scpo_ros.ledger.ledger.os.write', full)
    call()
    with pytest.raises(LedgerError):
        admitted.history.note('probe').result(10)  # entries are written in their order
    monkeypatch.undo()


def test_a_revocation_that_the_disk_refused_is_written_once_it_can_be(tmp_path, monkeypatch):
    time = Clock()
    admitted = admission(tmp_path, clock=time)
    refused_by_the_disk(admitted, monkeypatch, lambda: admitted.revoke(1.0, 'wrong'))
    admitted.poll()
    assert kinds(tmp_path) == []  # negative control: not before a second has passed
    time.now += 1.0
    admitted.poll()
    admitted.stop()
    assert kinds(tmp_path) == ['revoked']
    again = admission(tmp_path)
    assert again.gate.revoked == 'wrong'
    again.stop()


def test_an_entry_that_was_written_is_not_written_again(tmp_path):
    time = Clock()
    admitted = admission(tmp_path, clock=time)
    admitted.revoke(1.0, 'wrong')
    admitted.history.note('probe').result(10)
    for _ in range(3):
        time.now += 1.0
        admitted.poll()
    admitted.stop()
    assert kinds(tmp_path).count('revoked') == 1
