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

"""A policy from a file is read bit for bit, or refused with the file and the rule it broke."""

from dataclasses import replace
import os
import zipfile

from admission_samples import chain_of, SPEC
import numpy as np
import pytest
from scpo_ros.adapter.adaptation import Adaptation
from scpo_ros.adapter.requests import Begin, Describe, Restore
from scpo_ros.adapter.session import Session
from scpo_ros.arrays import digest
from scpo_ros.config import AdapterConfig, Spec
from scpo_ros.interface.policy_codec import policy_values
from scpo_ros.interface.policy_file import load_policy, PolicyFileError, write_policy
from scpo_ros.process.requests import answer_of
from session_samples import SYSTEM


MARGIN = 0.02


def load(path, size=3, spec=SPEC, margin=MARGIN):
    return load_policy(path, size, spec, margin, 'sampled')


@pytest.fixture
def good():
    """Return a record whose weights are not round."""
    return chain_of(2, np.array([np.pi, 5e-324, -0.0]))[2]


def test_what_was_written_is_read_bit_for_bit(good, tmp_path):
    path = tmp_path / 'policy.npz'
    write_policy(path, good)
    again = load(path)
    assert again.theta.tobytes() == good.theta.tobytes() and not again.theta.flags.writeable
    for name, item in policy_values(good).items():
        read = policy_values(again)[name]
        assert type(read) is type(item), name
        assert np.asarray(read).tobytes() == np.asarray(item).tobytes(), name


def bent(path):
    data = bytearray(path.read_bytes())
    data[data.index(b'policy.theta.npy') + 160] ^= 1
    path.write_bytes(data)


def cut(path):
    path.write_bytes(path.read_bytes()[:-100])


def squeezed_and_bent(path):
    with np.load(path) as file:
        np.savez_compressed(path, **dict(file))
    data = bytearray(path.read_bytes())
    start = data.index(b'policy.theta.npy') + len('policy.theta.npy') + 20
    data[start:start + 30] = b'\xff' * 30
    path.write_bytes(data)


def without(name):
    return lambda values: {key: item for key, item in values.items() if key != name}


def heavier(values):
    theta = values['policy.theta'] + 1.0
    return {**values, 'policy.theta': theta}


class Weapon:
    """Does harm when it is unpickled."""

    def __reduce__(self):
        return os.mkdir, ('harmed',)


BYTES = [(bent, 'CRC'), (squeezed_and_bent, 'decompressing'), (cut, 'zip'),
         (lambda path: path.write_bytes(b''), 'zip'),
         (lambda path: path.write_text('theta: [1, 2]'), 'zip'),
         (lambda path: path.unlink(), 'no such file'),
         (lambda path: (path.unlink(), path.mkdir()), 'no such file'),
         (lambda path: (path.unlink(), os.mkfifo(path)), 'no such file')]
VALUES = [
    (without('policy.theta'), 'policy.theta'), (without('certificate.margin'), 'margin'),
    (heavier, 'the digest is not that of theta'),
    (lambda v: {**v, 'policy.version': 0.5}, 'policy.version'),
    (lambda v: {**v, 'policy.theta': np.array(Weapon(), dtype=object)}, 'pickle'),
    (lambda v: {**v, 'policy.theta': v['policy.theta'] + 0j}, 'complex'),
    (lambda v: {**v, 'policy.theta': np.array(['a', 'b', 'c'])}, 'convert'),
    (lambda v: {**v, 'certificate.g': np.array(['a'])}, 'convert'),
    (lambda v: {name: item for name, item in v.items() if not name.startswith('certificate')},
     'no certificate'),
    (lambda v: {**v, 'more': np.zeros(2**23 + 1)}, 'more than')]


def refusal(path, **reader):
    with pytest.raises(PolicyFileError) as error:
        load(path, **reader)
    assert str(path) in str(error.value)
    return str(error.value)


@pytest.mark.parametrize('harm, rule', BYTES)
def test_what_is_no_such_file_is_refused(good, tmp_path, harm, rule):
    path = tmp_path / 'policy.npz'
    write_policy(path, good)
    load(path)
    harm(path)
    assert rule in refusal(path)


@pytest.mark.parametrize('change, rule', VALUES)
def test_what_contradicts_itself_is_refused(good, tmp_path, monkeypatch, change, rule):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / 'policy.npz'
    np.savez(path, **change(policy_values(good)))
    assert rule in refusal(path)
    assert not (tmp_path / 'harmed').exists()


def test_an_array_that_claims_more_than_there_is_ends_nothing(good, tmp_path):
    path = tmp_path / 'policy.npz'
    write_policy(path, good)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    wider = b'(%d,), }' % 10**15
    members['policy.theta.npy'] = members['policy.theta.npy'].replace(
        b'(3,), }'.ljust(len(wider)), wider)
    with zipfile.ZipFile(path, 'w') as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    assert 'there is not enough memory' in refusal(path)


def test_a_policy_for_something_else_is_refused(good, tmp_path):
    path = tmp_path / 'policy.npz'
    write_policy(path, good)
    assert 'another specification' in refusal(path, spec='another robot')
    assert 'shape' in refusal(path, size=4)
    assert 'margin' in refusal(path, margin=0.5)
    write_policy(path, replace(good, parent=9))
    assert 'parent' in refusal(path)
    write_policy(path, replace(good, certificate=replace(
        good.certificate, verification_max=0.1)))
    assert 'verified metric' in refusal(path)


@pytest.fixture(scope='module')
def learner():
    """Return an Adaptation that has certified the backup."""
    made = Adaptation(Spec(), AdapterConfig())
    assert made.begin().certificate is not None
    return made


def signed(record, theta):
    """Return the record with other weights and every digest in order."""
    return replace(record, theta=theta, digest=digest(theta), certificate=replace(
        record.certificate, theta_digest=digest(theta)))


def test_a_file_in_order_is_verified_anew_and_what_is_not_safe_changes_nothing(
        learner, tmp_path):
    session = begun(learner)
    backup = session.publication.chain.latest
    path = tmp_path / 'policy.npz'
    size, spec = backup.theta.size, backup.spec_digest
    for push, safe in ((1.0, False), (0.01, True)):
        theta = backup.theta.copy()
        theta[-16:] += push
        write_policy(path, signed(backup, theta))
        record = load_policy(path, size, spec, MARGIN, 'proved')  # its writer got all of it right
        answer = answer_of(Restore(record.theta), learner)
        published, (report,) = session.conclude(answer), answer.value
        assert bool(published) is report.changed is safe, report.reason
        if not safe:
            reason = session.results.reason
            assert 'VERIFICATION_FAILED' in reason or 'UNSAFE' in reason
            assert session.publication.chain.latest is backup
            np.testing.assert_array_equal(learner.updater.theta, backup.theta)
    new = published[0]
    assert (new.version, new.parent, new.digest) == (1, 0, record.digest)
    assert new.certificate is not None
    assert new.certificate.verification_max != record.certificate.verification_max  # its own


def begun(learner):
    session = Session(AdapterConfig(), SYSTEM)
    for request in (Describe(), Begin()):
        assert session.next_request(False) == request
        session.conclude(answer_of(request, learner))
    return session
