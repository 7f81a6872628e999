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

"""The audit of a ledger: silent about a good one, precise about any other."""

from dataclasses import replace

from admission_samples import chain_of
import numpy as np
import pytest
from scpo_ros.ledger.ledger import Ledger
from scpo_ros.ledger.policy_entry import record_values
from scpo_ros.ledger_audit import audit, main, parts


@pytest.fixture
def path(tmp_path):
    """Return a ledger of two files."""
    ledger, chain = Ledger(tmp_path / 'x.ledger'), chain_of(4)
    for version in (0, 1, 2):
        ledger.append({'kind': 'accepted', 'record': record_values(chain[version])})
    ledger.turn({'kind': 'accepted', 'record': record_values(chain[2])})
    ledger.append({'kind': 'refused', 'why': 'lineage', 'reason': 'x'},
                  {'kind': 'accepted', 'record': record_values(chain[3])})
    ledger.close()
    return tmp_path / 'x.ledger'


def test_a_good_ledger_holds(path, capsys):
    counts, wrong, last = audit(path)
    assert (counts, wrong) == ({'accepted': 5, 'refused: lineage': 1}, [])
    assert len(parts(path)) == 2
    assert main([str(path)]) == 0 and last in capsys.readouterr().out


def test_a_changed_byte_anywhere_is_told(path, capsys):
    for part in parts(path):
        data = part.read_bytes()
        for at in np.linspace(0, len(data) - 1, 12).astype(int):
            changed = bytearray(data)
            changed[at] ^= 1
            part.write_bytes(changed)
            assert audit(path)[1], (part.name, at)
        part.write_bytes(data)
    assert audit(path)[1] == []
    path.write_bytes(b'')
    parts(path)[0].unlink()
    assert main([str(path)]) == 0  # there is nothing, and nothing is wrong with it


@pytest.mark.parametrize('changes, part', [
    ({'digest': '0' * 64}, 'its weights'), ({'version': 1}, 'another policy before'),
    ({'parent_digest': 'f' * 64}, 'its parent')])
def test_a_policy_that_does_not_hold_is_told(path, changes, part, capsys):
    ledger = Ledger(path)
    ledger.append({'kind': 'accepted', 'record': record_values(
        replace(chain_of(4)[4], **changes))})
    ledger.close()
    assert main([str(path)]) == 1
    assert part in capsys.readouterr().out


def test_a_missing_file_is_an_error(tmp_path):
    assert main([str(tmp_path / 'none.ledger')]) == 2
