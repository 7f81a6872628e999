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

"""The files of a ledger: they take so much disk and no more, and nothing that stands is lost."""

from dataclasses import replace
import os

from admission_samples import admission, chain_of, CLAIM, Verifier
import numpy as np
import pytest
from scpo_ros.ledger.history import History
from scpo_ros.ledger.ledger import GENESIS, Ledger, lines_of, read
from scpo_ros.ledger.retention import MIB, number_of, put_aside, Room, surplus
from scpo_ros.ledger_audit import audit, main

SMALL = Room(64 * 1024)  # a file of 8 KiB, 48 KiB aside


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Do not wait for the disk: thousands of entries are written."""
    monkeypatch.setattr(os, 'fsync', lambda _: None)


def size_of(folder):
    return sum(part.stat().st_size for part in folder.iterdir())


def flooded(folder, entries=3000, room=SMALL):
    """Return the ledger's path after many entries, each on the disk, and the largest size seen."""
    history, largest = History(folder, 'x', room=room), 0
    for number in range(entries):
        history.note('refused', version=-1, why='malformed', reason='x' * 80,
                     number=number).result(10)
        if number % 50 == 0:
            largest = max(largest, size_of(folder))
    history.stop()
    return folder / 'x.ledger', max(largest, size_of(folder))


def test_a_room_has_place_for_the_file_and_those_put_aside():
    for total in (16 * MIB, 1024 * MIB, 2**40):
        room = Room(total)
        assert room.file <= 64 * MIB and room.aside + 2 * room.file == total
        assert room.aside >= 6 * room.file


def test_however_much_is_written_the_files_take_no_more(tmp_path):
    path, largest = flooded(tmp_path)
    assert 40 * 1024 < largest <= SMALL.total
    numbers = [number_of(part) for part in put_aside(path, 'full')]
    assert numbers[0] > 20 and numbers == list(range(numbers[0], numbers[-1] + 1))
    newest = read(path.read_bytes()).entries[-1]
    assert newest.body['number'] == 2999


def test_the_audit_says_what_was_deleted_and_holds_for_the_rest(tmp_path, capsys):
    path, _ = flooded(tmp_path)
    counts, wrong, _ = audit(path)
    assert wrong == [] and counts['deleted'] >= 1
    assert main([str(path)]) == 0
    assert 'cannot be shown any more' in capsys.readouterr().out


def test_a_file_that_nobody_says_was_deleted_is_missed(tmp_path):
    path, _ = flooded(tmp_path)
    put_aside(path, 'full')[0].unlink()
    assert any('nothing says that it was deleted' in text for text in audit(path)[1])
    path, _ = flooded(tmp_path / 'few', entries=200)
    put_aside(path, 'full')[0].unlink()
    assert any('nothing says that it was deleted' in text for text in audit(path)[1])


def test_a_hole_in_the_middle_is_missed(tmp_path):
    path, _ = flooded(tmp_path)
    put_aside(path, 'full')[2].unlink()
    assert any('does not go on' in text for text in audit(path)[1])


def test_what_stands_is_never_lost(tmp_path):
    verifier, chain = Verifier(), chain_of(1)
    admitted = admission(tmp_path, verifier)
    admitted.history.stop()
    admitted.history = History(tmp_path, 'controller', room=SMALL)
    record = chain[1]
    admitted.history.accept(record, CLAIM).result(10)
    admitted.history.note('running', version=1, digest=record.digest)
    admitted.history.note('revoked', reason='the model is wrong')
    admitted.history.note('tested', tests=7)
    for number in range(2000):
        admitted.history.note('refused', version=number, reason='x' * 80).result(10)
    admitted.history.stop()
    assert len(put_aside(tmp_path / 'controller.ledger', 'full')) < 10
    again = History(tmp_path, 'controller', room=SMALL)
    assert (again.revoked, again.tests) == ('the model is wrong', 7)
    assert np.array_equal(again.accepted[1].theta, record.theta)
    again.stop()


def test_what_runs_stays_however_many_policies_wait_after_it(tmp_path):
    history = History(tmp_path, 'x', room=SMALL)
    record = chain_of(1)[1]
    history.accept(record, CLAIM).result(10)
    history.note('running', version=1, digest=record.digest).result(10)
    for version in range(2, 301):
        history.accept(replace(record, version=version), CLAIM).result(10)
    history.stop()
    again = History(tmp_path, 'x', room=SMALL)
    assert {1, 300} <= set(again.accepted) and 100 not in again.accepted
    again.stop()


def test_damaged_files_are_deleted_as_well(tmp_path):
    path = tmp_path / 'x.ledger'
    data = b''.join(lines_of(GENESIS, [{'kind': 'x', 'text': 'y' * 900}] * 8)[1])
    for _ in range(30):
        path.write_bytes(data[:-10] + b'\n' + b'noise\n')
        Ledger(path, room=SMALL).close()
        assert size_of(tmp_path) <= SMALL.total
    numbers = [number_of(part) for part in put_aside(path, 'damaged')]
    assert numbers == list(range(numbers[0], 31)) and numbers[0] > 1


def test_the_oldest_of_both_kinds_goes_first(tmp_path):
    for when, name in enumerate(('full-1', 'damaged-1', 'full-2', 'damaged-2')):
        part = tmp_path / f'x.ledger.{name}'
        part.write_bytes(bytes(100))
        os.utime(part, (when, when))
    names = [part.name.rpartition('.')[2] for part in surplus(tmp_path / 'x.ledger', 150)]
    assert names == ['full-1', 'damaged-1', 'full-2']
    names = [part.name.rpartition('.')[2] for part in surplus(tmp_path / 'x.ledger', 10**6, 2)]
    assert names == ['full-1', 'damaged-1']
    os.utime(tmp_path / 'x.ledger.full-1', (9, 9))  # a clock that was set leaves no hole
    names = [part.name.rpartition('.')[2] for part in surplus(tmp_path / 'x.ledger', 150)]
    assert names == ['damaged-1', 'damaged-2', 'full-1']


def test_a_kill_between_the_word_and_the_deletion_is_made_good(tmp_path, monkeypatch):
    path, _ = flooded(tmp_path, entries=700)
    with monkeypatch.context() as patched:
        patched.setattr(type(path), 'unlink', lambda *_, **__: (_ for _ in ()).throw(OSError()))
        with pytest.raises(OSError):
            Ledger(path, room=Room(32 * 1024))
    assert audit(path)[1] == []
    Ledger(path, room=Room(32 * 1024)).close()
    assert size_of(tmp_path) <= 32 * 1024 and audit(path)[1] == []


def test_a_smaller_limit_holds_from_the_start(tmp_path):
    path, _ = flooded(tmp_path, entries=600, room=Room(256 * 1024))
    before = sum(part.stat().st_size for part in put_aside(path, 'full'))
    Ledger(path, room=SMALL).close()
    left = sum(part.stat().st_size for part in put_aside(path, 'full'))
    assert left <= SMALL.aside < before and audit(path)[1] == []
