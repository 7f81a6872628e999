"""The controller's gate and the adapter's chain: identity, lineage, dwell, and their repair."""

from dataclasses import replace

import numpy as np
import pytest
from scpo_ros.arrays import digest
from scpo_ros.policy_chain import PolicyChain
from scpo_ros.policy_gate import PolicyGate
from scpo_ros.policy_record import backup_record, identity_defects, PolicyRecord, record_defects
from scpo_ros.scpo import Certificate


SPEC = 'spec'
THETA = np.zeros(3)


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
    return PolicyGate(backup_record(THETA, SPEC), margin=0.02, dwell=6.0)


def test_a_good_record_waits_for_its_verdict_and_its_tick(gate, chain):
    record = child(chain, 1)
    assert gate.submit(record)
    assert gate.running.version == 0
    gate.verdict(True, '')
    assert (gate.running.version, gate.newest.version) == (0, 1)
    assert gate.swap(0.0, in_safe_set=False) is None
    assert gate.swap(0.0, in_safe_set=True) is record
    assert gate.running is record


def test_two_swaps_are_at_least_the_dwell_apart(gate, chain):
    for number in (1, 2):
        assert gate.submit(child(chain, number))
        gate.verdict(True, '')
        if number == 1:
            assert gate.swap(10.0, True) is not None
    assert gate.swap(15.9, True) is None
    assert gate.swap(16.0, True).version == 2


def test_the_newest_of_several_verified_policies_is_taken(gate, chain):
    for number in (1, 2, 3):
        gate.submit(child(chain, number))
    for _ in range(3):
        gate.verdict(True, '')
    assert gate.swap(0.0, True).version == 3


def test_a_failed_verification_changes_nothing_and_drops_the_descendants(gate, chain):
    gate.submit(child(chain, 1))
    gate.submit(child(chain, 2))
    gate.verdict(False, 'too fast')
    assert gate.head is None
    assert (gate.running.version, gate.newest.version) == (0, 0)
    assert (gate.refused.version, gate.refused.kind) == (1, 'verification')
    assert gate.refused.reason == 'too fast'


def test_a_descendant_of_a_refused_policy_has_an_unknown_parent(gate, chain):
    gate.submit(child(chain, 1))
    gate.verdict(False, 'too fast')
    assert not gate.submit(child(chain, 2))
    assert gate.refused.kind == 'lineage'


def test_a_latched_message_that_comes_again_is_no_refusal(gate, chain):
    record = child(chain, 1)
    gate.submit(record)
    gate.verdict(True, '')
    assert not gate.submit(record)
    assert gate.refusals == 0


def test_the_queue_is_bounded(gate, chain):
    taken = [gate.submit(child(chain, number)) for number in range(1, 12)]
    assert taken == [True] * 8 + [False] * 3
    assert 'wait' in gate.refused.reason or 'parent' in gate.refused.reason


def tampered(record):
    """Yield records with one thing wrong, and a part of the reason."""
    theta = np.array([1.0, 1.0, 1.0 + 1e-15 * 2])
    yield replace(record, theta=theta), 'digest'
    yield replace(record, theta=np.array([1.0, np.inf, 1.0])), 'not finite'
    yield replace(record, theta=np.ones(4)), 'shape'
    yield replace(record, theta=np.ones((3, 1))), 'shape'
    yield replace(record, spec_digest='other'), 'specification'
    yield replace(record, version=0), 'version'
    yield replace(record, version=-1), 'version'
    yield replace(record, parent=5, version=6), 'unknown'
    yield replace(record, parent=-1), 'parent'
    yield replace(record, parent_digest='x'), 'parent digest'
    yield replace(record, certificate=None), 'no certificate'
    yield replace(record, certificate=replace(record.certificate, parent_digest='x')), 'parent'
    yield replace(record, certificate=replace(record.certificate, margin=0.01)), 'margin'


def test_the_untampered_record_has_no_defect(chain):
    record = child(chain, 1)
    assert record_defects(record, 3, SPEC, {0: digest(THETA)}, 0.02) == ()


@pytest.mark.parametrize('index', range(13))
def test_every_tampering_is_found(chain, gate, index):
    record, part = list(tampered(child(chain, 1)))[index]
    assert not gate.submit(record)
    assert part in gate.refused.reason
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
