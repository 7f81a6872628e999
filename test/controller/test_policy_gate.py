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

"""The controller's gate and the adapter's chain: identity, lineage, dwell, and their repair."""

from dataclasses import replace

import numpy as np
import pytest
from scpo_ros.adapter.policy_chain import PolicyChain
from scpo_ros.arrays import digest
from scpo_ros.controller.policy_gate import PolicyGate
from scpo_ros.interface.claim import Claim
from scpo_ros.interface.policy_record import (
    backup_record, identity_defects, LARGEST_JUMP, LARGEST_VERSION, PolicyRecord, record_defects)
from scpo_ros.interface.refusal import RefusalKind
from scpo_ros.scpo import Certificate


SPEC = 'spec'
THETA = np.zeros(3)
CLAIM = Claim('sampled', 'what was really looked at', 0.02, -0.1, 10)


def certificate(theta, parent):
    return Certificate('sampled', 'all of it', [-0.1, -0.2], [-0.1, -0.1], [1.0, 1.0], 0.02,
                       digest(theta), parent, 0.0, 0.0, 10, -0.1)


@pytest.fixture
def chain():
    """Return a chain with the backup."""
    chain = PolicyChain(SPEC)
    chain.append(THETA, certificate(THETA, digest(THETA)))
    return chain


def child(chain, number):
    theta = np.full(3, float(number))
    return chain.append(theta, certificate(theta, chain[chain.base].digest))


@pytest.fixture
def gate(chain):
    """Return a gate that runs the chain's backup."""
    return PolicyGate(backup_record(THETA, SPEC), margin=0.02, dwell=6.0, kind='sampled')


def test_a_good_record_waits_for_its_verdict_and_its_tick(gate, chain):
    record = child(chain, 1)
    assert gate.submit(record)
    assert gate.running.version == 0
    gate.verdict(True, '', claim=CLAIM)
    assert (gate.running.version, gate.newest.version) == (0, 1)
    assert gate.swap(0.0, in_safe_set=False) is None
    assert gate.swap(0.0, in_safe_set=True) is record
    assert gate.running is record


def test_two_swaps_are_at_least_the_dwell_apart(gate, chain):
    for number in (1, 2):
        assert gate.submit(child(chain, number))
        gate.verdict(True, '', claim=CLAIM)
        if number == 1:
            assert gate.swap(10.0, True) is not None
    assert gate.swap(15.9, True) is None
    assert gate.swap(16.0, True).version == 2


def test_the_newest_of_several_verified_policies_is_taken(gate, chain):
    for number in (1, 2, 3):
        gate.submit(child(chain, number))
    for _ in range(3):
        gate.verdict(True, '', claim=CLAIM)
    assert gate.swap(0.0, True).version == 3


def test_a_failed_verification_changes_nothing_and_drops_the_descendants(gate, chain):
    gate.submit(child(chain, 1))
    gate.submit(child(chain, 2))
    gate.verdict(False, 'too fast')
    assert gate.head is None
    assert (gate.running.version, gate.newest.version) == (0, 0)
    assert (gate.refused.version, gate.refused.kind) == (1, RefusalKind.VERIFICATION)
    assert gate.refused.reason == 'too fast'


def test_a_descendant_of_a_refused_policy_has_an_unknown_parent(gate, chain):
    gate.submit(child(chain, 1))
    gate.verdict(False, 'too fast')
    assert not gate.submit(child(chain, 2))
    assert gate.refused.kind is RefusalKind.LINEAGE


def test_a_latched_message_that_comes_again_is_no_refusal(gate, chain):
    record = child(chain, 1)
    gate.submit(record)
    gate.verdict(True, '', claim=CLAIM)
    assert not gate.submit(record)
    assert gate.refusals == 0


def test_the_queue_is_bounded(gate, chain):
    taken = [gate.submit(child(chain, number)) for number in range(1, 12)]
    assert taken == [True] * 8 + [False] * 3
    assert 'wait' in gate.refused.reason or 'parent' in gate.refused.reason


def test_a_full_queue_is_no_defect_of_the_policy(gate, chain):
    for number in range(1, 10):
        gate.submit(child(chain, number))
    assert 'too many policies wait' in gate.refused.reason
    assert gate.refused.kind is RefusalKind.UNVERIFIED


MALFORMED, LINEAGE = RefusalKind.MALFORMED, RefusalKind.LINEAGE


def tampered(record):
    """Yield records with one thing wrong, a part of the reason, and the kind."""
    theta = np.array([1.0, 1.0, 1.0 + 1e-15 * 2])
    yield replace(record, theta=theta), 'digest', MALFORMED
    yield replace(record, theta=np.array([1.0, np.inf, 1.0])), 'not finite', MALFORMED
    yield replace(record, theta=np.ones(4)), 'shape', MALFORMED
    yield replace(record, theta=np.ones((3, 1))), 'shape', MALFORMED
    yield replace(record, spec_digest='other'), 'specification', MALFORMED
    yield replace(record, version=0), 'version', LINEAGE
    yield replace(record, version=-1), 'version', LINEAGE
    yield replace(record, parent=5, version=6), 'unknown', LINEAGE
    yield replace(record, parent=-1), 'parent', LINEAGE
    yield replace(record, parent_digest='x'), 'parent digest', LINEAGE
    yield replace(record, certificate=None), 'no certificate', MALFORMED
    yield (replace(record, certificate=replace(record.certificate, parent_digest='x')), 'parent',
           MALFORMED)
    yield (replace(record, certificate=replace(record.certificate, margin=0.01)), 'margin',
           MALFORMED)
    yield (replace(record, certificate=replace(record.certificate, kind='proved')), 'kind',
           MALFORMED)
    yield replace(record, version=2**63 - 1), 'largest', LINEAGE
    yield replace(record, version=LARGEST_VERSION), 'above the newest', LINEAGE
    yield replace(record, version=LARGEST_JUMP + 1), 'above the newest', LINEAGE


def test_the_untampered_record_has_no_defect(chain):
    record = child(chain, 1)
    assert record_defects(record, 3, SPEC, {0: digest(THETA)}, 0.02, 'sampled') == ()


@pytest.mark.parametrize('index', range(17))
def test_every_tampering_is_found(chain, gate, index):
    record, part, kind = list(tampered(child(chain, 1)))[index]
    assert not gate.submit(record)
    assert part in gate.refused.reason and gate.refused.kind is kind
    assert gate.head is None and gate.newest.version == 0


def test_version_zero_is_its_own_parent():
    record = backup_record(THETA, SPEC)
    assert identity_defects(record, 3, SPEC) == ()
    assert identity_defects(replace(record, version=1, parent=1), 3, SPEC)


def test_unchecked_admission_still_needs_the_right_size(gate):
    gate.admit_unchecked(PolicyRecord(np.ones(4), 1, 0, '', '', '', None))
    assert gate.newest.version == 0
    gate.admit_unchecked(PolicyRecord(np.ones(3), 1, 0, '', '', '', None))
    assert gate.newest.version == 1


def test_the_chain_numbers_and_remembers(chain):
    first, second = child(chain, 1), child(chain, 2)
    assert (first.version, first.parent) == (1, 0)
    assert (second.version, second.parent_digest) == (2, first.digest)
    assert chain.before(2) is first
    for number in range(3, 200):
        child(chain, number)
    assert 0 in chain and 199 in chain and 50 not in chain


def test_after_a_refusal_the_chain_goes_on_from_another_base(chain):
    child(chain, 1)
    chain.base = 0
    record = child(chain, 2)
    assert (record.version, record.parent, record.parent_digest) == (2, 0, digest(THETA))


def test_a_chain_adopts_what_the_robot_runs(chain):
    theta = np.full(3, 9.0)
    chain.adopt(37, theta, digest(theta))
    record = child(chain, 1)
    assert (record.version, record.parent, record.parent_digest) == (38, 37, digest(theta))


def test_a_record_says_what_its_certificate_covers(chain):
    assert backup_record(THETA, SPEC).claim == 'the backup'
    record = chain.append(THETA, certificate(THETA, digest(THETA)))
    assert record.claim == record.certificate.coverage


@pytest.mark.parametrize('words', ['parent', 'not newer'])
def test_the_kind_of_a_refusal_is_not_looked_for_in_its_words(gate, chain, words, monkeypatch):
    def fail(*_):
        raise ValueError(words)
    monkeypatch.setattr('scpo_ros.controller.policy_gate.record_defects', fail)
    gate.submit(child(chain, 1))
    assert words in gate.refused.reason and gate.refused.kind is RefusalKind.MALFORMED


@pytest.mark.parametrize('version', [1, 5000, 50000, LARGEST_JUMP])
def test_a_controller_without_a_ledger_takes_what_an_old_adapter_numbers(gate, chain, version):
    record = replace(child(chain, 1), version=version)
    assert gate.submit(record)
    gate.verdict(True, '', claim=CLAIM)
    assert gate.newest.version == version


def test_from_the_backup_one_can_always_begin_again(gate, chain):
    for number in range(1, 80):
        gate.submit(child(chain, number))
        gate.verdict(True, '', claim=CLAIM)
        gate.swap(10.0 * number, True)
    gate.revoke(1000.0, 'the model')  # and what was suspended is not safe any more
    gate.revocation.end()
    chain.base = 0
    assert gate.submit(child(chain, 100)), gate.refused.reason
    gate.verdict(True, '', claim=CLAIM)
    chain.base = 3  # negative control: others are forgotten
    chain._records[3] = replace(chain[79], version=3)
    assert not gate.submit(child(chain, 101)) and 'is unknown' in gate.refused.reason


def test_one_message_uses_up_a_ten_thousand_millionth_of_the_versions():
    assert LARGEST_VERSION / LARGEST_JUMP > 9e9
    assert float(LARGEST_VERSION) == LARGEST_VERSION and len(str(LARGEST_VERSION)) < 19
    assert int(float(LARGEST_VERSION + 2)) != LARGEST_VERSION + 2


def test_what_runs_is_claimed_by_the_controller_itself(gate, chain):
    assert gate.claim.coverage == 'the backup'
    gate.submit(child(chain, 1))
    gate.verdict(True, '', claim=CLAIM)
    assert gate.claim.coverage == 'the backup'  # until the swap
    gate.swap(0.0, True)
    assert gate.claim is CLAIM
    gate.revoke(1.0, 'the model')
    assert gate.claim.coverage == 'the backup'


def test_without_safety_nothing_is_claimed(gate, chain):
    gate.admit_unchecked(child(chain, 1))
    gate.swap(0.0, True)
    assert gate.claim.kind == 'unchecked'
