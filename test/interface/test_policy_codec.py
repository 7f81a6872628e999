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

"""The codec of a policy record: what was written before is read, and every type is checked."""

from dataclasses import replace
import hashlib
import io

from admission_samples import chain_of
import numpy as np
import pytest
from scpo_ros.exceptions import InvalidArrayError
from scpo_ros.interface.policy_codec import policy_of, policy_values
from scpo_ros.interface.policy_file import write_policy
from scpo_ros.ledger.ledger import GENESIS, line_of
from scpo_ros.ledger.policy_entry import read_record, record_values


RECORD = chain_of(2, np.array([np.pi, 5e-324, -0.0]))[2]
BARE = replace(RECORD, certificate=None)
# As they were written before there was one codec for all of them.
LINES = {
    'e75c7219ad3dad1a5b774871ad9b6211e2893c9fd21d67ac5995144499185288': RECORD,
    'bab23a23ecf4ecf9dc9269a9badfadb38ec8a9cd25120f71ec2f50a7f1f16cb4': BARE}
FILES = {
    '833e61a396a36bec8e4b83a0659d8f56ea509bf8ed94ade8887a39b760885ea4': RECORD,
    'd3a73b9ec5e592541d4c38a47027beec7237e736ce8da25e7b0a086933fb11e2': BARE}
WRONG = {str: 5, int: 0.5, float: 3, np.ndarray: 'x'}


@pytest.mark.parametrize('identity', LINES)
def test_the_ledger_writes_what_it_always_wrote(identity):
    assert line_of(GENESIS, {'record': record_values(LINES[identity])})[0] == identity


@pytest.mark.skipif(np.__version__ < '2', reason='numpy 1 writes other headers of the archive')
@pytest.mark.parametrize('identity', FILES)
def test_a_file_holds_what_it_always_held(identity):
    stream = io.BytesIO()
    write_policy(stream, FILES[identity])
    assert hashlib.sha256(stream.getvalue()).hexdigest() == identity


@pytest.mark.parametrize('record', [RECORD, BARE])
def test_a_record_comes_back_bit_for_bit_and_frozen(record):
    again = policy_of(policy_values(record))
    assert not again.theta.flags.writeable
    for name, item in policy_values(record).items():
        read = policy_values(again)[name]
        assert type(read) is type(item), name
        assert np.asarray(read).tobytes() == np.asarray(item).tobytes(), name


@pytest.mark.parametrize('name', policy_values(RECORD))
def test_every_value_must_be_there_and_of_its_type(name):
    values = policy_values(RECORD)
    kind = type(values[name])
    wrong = [WRONG[kind], True, None]
    if kind is np.ndarray:
        wrong += [np.float64(1.0), np.ones((2, 1)), np.array(['a', 'b', 'c']), np.array(1.0)]
    for item in wrong:
        with pytest.raises(InvalidArrayError, match=name):
            policy_of({**values, name: item})
    del values[name]
    with pytest.raises(InvalidArrayError, match=name):
        policy_of(values)


@pytest.mark.parametrize('field', ['kind', 'coverage', 'theta_digest', 'g', 'margin'])
def test_the_ledger_reads_by_the_same_rules(field):
    values = record_values(RECORD)
    assert read_record(values).version == 2
    with pytest.raises(InvalidArrayError):
        read_record({**values, 'certificate': {**values['certificate'], field: 5}})
    with pytest.raises(InvalidArrayError):
        read_record({**values, 'certificate': {**values['certificate'], 'more': 5}})


def test_what_is_not_of_a_record_is_left_out():
    assert policy_of({**policy_values(BARE), 'claim.kind': 'proved'}).certificate is None
