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

"""The ledger: what was appended is there after any kill; what is not whole is never believed."""

import hashlib
import os
import resource
import signal
import subprocess
import sys
import threading
import time

from hypothesis import given
from hypothesis import strategies as st
import pytest
from scpo_ros.ledger.ledger import (
    GENESIS, Ledger, LedgerError, line_of, lines_of, read, read_line)
from scpo_ros.ledger.thread import LedgerThread


BODIES = [{'kind': 'accepted', 'number': number, 'text': 'x' * number} for number in range(12)]


def chain(bodies, previous=GENESIS):
    """Return the bytes of a ledger with the given entries."""
    return b''.join(lines_of(previous, bodies)[1])


def bodies(reading):
    return [entry.body for entry in reading.entries]


def opened(path, **limits):
    """Return the Reading that a fresh start finds."""
    ledger = Ledger(path, **limits)
    ledger.close()
    return ledger.reading


def test_what_is_appended_is_read_again(tmp_path):
    ledger = Ledger(tmp_path / 'a' / 'x.ledger')
    ledger.append(*BODIES[:5])
    ledger.append(BODIES[5])
    ledger.close()
    assert bodies(opened(tmp_path / 'a' / 'x.ledger')) == BODIES[:6]


def test_a_tail_cut_anywhere_is_dropped_and_the_rest_is_kept(tmp_path):
    data, path = chain(BODIES[:3]), tmp_path / 'x.ledger'
    kept = len(chain(BODIES[:2]))
    for cut in range(kept, len(data)):
        path.write_bytes(data[:cut])
        ledger = Ledger(path)
        assert bodies(ledger.reading) == BODIES[:2]
        assert ledger.reading.fault == ('torn tail' if cut > kept else '')
        ledger.append(BODIES[7])
        ledger.close()
        assert bodies(opened(path)) == [*BODIES[:2], BODIES[7]]


def test_blocks_that_never_reached_the_disk_are_a_torn_tail():
    data = chain(BODIES[:2]) + b'\0' * 4096 + b'\n'
    assert read(data).fault == 'torn tail' and len(read(data).entries) == 2


@pytest.mark.parametrize('change', ['bit', 'removed', 'inserted', 'swapped', 'last'])
def test_whatever_was_altered_is_damage_and_nothing_behind_it_is_believed(tmp_path, change):
    lines = chain(BODIES[:6]).splitlines(keepends=True)
    first = {'bit': 2, 'removed': 2, 'inserted': 3, 'swapped': 2, 'last': 5}[change]
    if change in ('bit', 'last'):
        line = bytearray(lines[first])
        line[150] ^= 1
        lines[first] = bytes(line)
    elif change == 'removed':
        del lines[2]
    elif change == 'inserted':
        lines.insert(3, chain([BODIES[9]]))  # whole in itself
    else:
        lines[2], lines[3] = lines[3], lines[2]
    path = tmp_path / 'x.ledger'
    path.write_bytes(b''.join(lines))
    reading = opened(path)
    assert (bodies(reading), reading.fault) == (BODIES[:first], 'damage')
    assert (tmp_path / 'x.ledger.damaged-1').read_bytes() == b''.join(lines)
    assert bodies(opened(path)) == BODIES[:first] and opened(path).fault == ''


@given(st.binary(max_size=600), st.integers(0, 4))
def test_no_bytes_make_the_reader_fail_or_believe(noise, number):
    reading = read(chain(BODIES[:number]) + noise)
    assert bodies(reading)[:number] == BODIES[:number]
    assert len(reading.entries) == number  # noise with a right digest is not found by chance


@given(st.integers(0, 5), st.integers(0, 10**6), st.integers(1, 255))
def test_a_changed_byte_is_always_found(number, at, flip):
    data = bytearray(chain(BODIES[:number + 1]))
    data[at % len(data)] ^= flip
    reading = read(bytes(data))
    assert len(reading.entries) <= number and bodies(reading) == BODIES[:len(reading.entries)]


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(),
                    lambda x: st.lists(x) | st.dictionaries(st.text(), x)))
def test_only_objects_are_entries(value):
    _, line = line_of(GENESIS, value)
    assert (read_line(line[:-1]) is not None) == isinstance(value, dict)


def test_nesting_without_end_is_no_entry():
    rest = f'{GENESIS} '.encode() + b'[' * 100000
    line = hashlib.sha256(rest).hexdigest().encode() + b' ' + rest
    assert read_line(line) is None


def test_two_processes_cannot_write_one_ledger(tmp_path):
    ledger = Ledger(tmp_path / 'x.ledger')
    with pytest.raises(LedgerError):
        Ledger(tmp_path / 'x.ledger')
    ledger.close()


def test_an_unwritable_folder_is_an_error_with_the_path(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(LedgerError, match='file'):
        Ledger(tmp_path / 'file' / 'x.ledger')


def test_a_large_file_is_put_aside_and_the_chain_goes_on(tmp_path):
    path = tmp_path / 'x.ledger'
    thread = LedgerThread(Ledger(path, limit=2000), snapshot=lambda: [{'kind': 'snapshot'}])
    for number in range(40):
        assert thread.append({'number': number}).result(10) is None
    thread.stop()
    parts = sorted(tmp_path.glob('x.ledger.full-*'), key=lambda p: int(p.name.split('-')[-1]))
    assert len(parts) >= 2
    readings = [read(part.read_bytes()) for part in [*parts, path]]
    for before, after in zip(readings, readings[1:]):
        assert before.fault == after.fault == ''
        assert after.entries[0].previous == before.entries[-1].digest
        assert after.entries[0].body == {'kind': 'snapshot'}
    numbers = [b['number'] for r in readings for b in bodies(r) if 'number' in b]
    assert numbers == list(range(40))


@pytest.mark.parametrize('flushes', range(4))
def test_a_disk_that_fails_while_a_file_is_put_aside_loses_and_doubles_nothing(
        tmp_path, monkeypatch, flushes):
    path, fsync, left = tmp_path / 'x.ledger', os.fsync, [flushes]
    ledger = Ledger(path, limit=450)
    ledger.append(*BODIES[:3])

    def failing(descriptor):
        if not left[0]:
            raise OSError(5, 'no answer')
        left[0] -= 1
        fsync(descriptor)
    monkeypatch.setattr(os, 'fsync', failing)
    with pytest.raises(LedgerError):
        ledger.turn(BODIES[3])
        ledger.append(BODIES[4])
    monkeypatch.undo()
    if ledger.full:
        ledger.turn(BODIES[3])
    ledger.append(BODIES[4])
    ledger.close()
    parts = [tmp_path / 'x.ledger.full-1', path]
    assert sorted(tmp_path.iterdir()) == sorted(parts)
    before, after = [read(part.read_bytes()) for part in parts]
    assert bodies(before) + bodies(after) == BODIES[:5]
    assert after.entries[0].previous == before.entries[-1].digest


def test_what_the_thread_cannot_write_fails_with_its_reason(tmp_path):
    thread = LedgerThread(Ledger(tmp_path / 'x.ledger'))
    with pytest.raises(LedgerError, match='serializable'):
        thread.append({'bad': object()}).result(10)
    assert thread.failure
    assert thread.append({'good': 1}).result(10) is None
    assert thread.failure == ''
    thread.stop()


FULL = """
import resource, sys
from scpo_ros.ledger.ledger import Ledger, LedgerError
ledger = Ledger(sys.argv[1])
ledger.append({'number': 1})
resource.setrlimit(resource.RLIMIT_FSIZE, (300, resource.RLIM_INFINITY))
failed = 0
for _ in range(3):
    try:
        ledger.append({'number': 2, 'text': 'x' * 200})
    except LedgerError as error:
        failed += 1
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
ledger.append({'number': 3})
print(failed)
"""


def test_a_full_disk_is_an_error_and_no_damage(tmp_path):
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    path = tmp_path / 'x.ledger'
    done = subprocess.run([sys.executable, '-c', FULL, str(path)], capture_output=True, text=True,
                          timeout=30)
    assert done.stdout.strip() == '3', done.stderr
    reading = opened(path)
    assert [b['number'] for b in bodies(reading)] == [1, 3] and reading.fault == ''


WRITER = """
import sys
import threading
from scpo_ros.ledger.ledger import Ledger
ledger = Ledger(sys.argv[1], limit=20000)
last = ledger.reading.entries[-1].body['number'] if ledger.reading.entries else 0
while True:
    last += 1
    if ledger.full:
        ledger.turn({'number': last})
    else:
        ledger.append({'number': last, 'text': 'x' * (37 * last % 500)})
    print(last, flush=True)
"""


def test_after_kills_at_any_instant_nothing_that_was_acknowledged_is_missing(tmp_path):
    path = tmp_path / 'x.ledger'
    acknowledged = 0
    for number in range(8):
        process = subprocess.Popen([sys.executable, '-c', WRITER, str(path)],
                                   stdout=subprocess.PIPE, text=True)
        assert int(process.stdout.readline()) > acknowledged
        time.sleep(0.03 * (number % 4))
        os.kill(process.pid, signal.SIGKILL)
        told = [int(line) for line in process.stdout.read().split('\n')[:-1] if line]
        process.wait()
        acknowledged = max([acknowledged, *told])
        reading = opened(path)
        assert reading.fault in ('', 'torn tail')
        assert reading.entries[-1].body['number'] >= acknowledged


def slow(thread, release):
    """Have every write of a thread wait for an event."""
    append = thread._ledger.append

    def wait_and_append(*bodies):
        release.wait(10)
        append(*bodies)
    thread._ledger.append = wait_and_append


def test_a_full_queue_is_written_before_the_end(tmp_path):
    path, release = tmp_path / 'x.ledger', threading.Event()
    thread = LedgerThread(Ledger(path), limit=4)
    slow(thread, release)
    taken = [thread.append({'number': n}) for n in range(300)]
    assert isinstance(taken[-1].exception(), LedgerError)  # the queue is full
    threading.Timer(0.05, release.set).start()
    thread.stop()
    written = [f for f in taken if f.exception(0) is None]
    assert len(written) >= 4 and len(read(path.read_bytes()).entries) == len(written)


def test_a_disk_that_does_not_answer_ends_the_end_and_what_waits_fails(tmp_path):
    release = threading.Event()
    thread = LedgerThread(Ledger(tmp_path / 'x.ledger'), limit=4, patience=0.05)
    slow(thread, release)
    taken = [thread.append({'number': n}) for n in range(300)]
    with pytest.raises(LedgerError, match='no answer from the disk within 0.05 s'):
        thread.stop()
    assert sum(not f.done() for f in taken) <= 256  # what is being written
    assert isinstance(thread.append({}).exception(0), LedgerError)
    release.set()
    thread._thread.join(10)
    assert not thread._thread.is_alive() and all(f.done() for f in taken)


def test_whatever_a_write_raises_is_an_outcome_and_the_thread_lives_on(tmp_path):
    thread = LedgerThread(Ledger(tmp_path / 'x.ledger'))
    append = thread._ledger.append
    thread._ledger.append = lambda *bodies: [][0]
    assert 'index' in str(thread.append({}).exception(10))
    thread._ledger.append = append
    assert thread.append({}).exception(10) is None
    thread.stop()
    thread.stop()  # twice is once


def test_without_a_thread_the_file_is_let_go(tmp_path, monkeypatch):
    def refused(_):
        raise RuntimeError("can't start new thread")
    monkeypatch.setattr(threading.Thread, 'start', refused)
    with pytest.raises(LedgerError, match='no thread'):
        LedgerThread(Ledger(tmp_path / 'x.ledger'))
    monkeypatch.undo()
    Ledger(tmp_path / 'x.ledger').close()  # the lock is free


def test_what_could_not_be_locked_is_not_written(tmp_path):
    path = tmp_path / 'x.ledger'
    ledger = Ledger(path)
    ledger.close()
    other = Ledger(path)
    for _ in range(2):
        with pytest.raises(LedgerError):
            ledger.append({'number': 1})
    other.close()
    assert read(path.read_bytes()).entries == ()
