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

"""The worker process: every way to fail is an answer with a reason."""

from dataclasses import dataclass
import errno
import gc
import os
import resource
import signal
import time
from types import SimpleNamespace

import pytest
from scpo_ros.process.requests import Start
from scpo_ros.process.stopping import stop_each
from scpo_ros.process.worker import Worker


class Served:
    """What is served."""

    def __init__(self, offset=0):
        if offset is None:
            raise ValueError('no offset')
        self._offset = offset

    def add(self, a, b):
        """Return a sum."""
        return a + b + self._offset

    def fail(self):
        """Raise."""
        raise RuntimeError('broken on purpose')

    def hang(self):
        """Never answer."""
        time.sleep(1000)

    def die(self):
        """End the process."""
        os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True)
class Add:
    """Ask for a sum."""

    a: int
    b: int

    def ask(self, served):
        return served.add(self.a, self.b)


class Fail:
    """Have it raise."""

    def ask(self, served):
        served.fail()


class Missing:
    """Ask for something that the object does not have."""

    def ask(self, served):
        return served.nothing()


class Hang:
    """Have it never answer."""

    def ask(self, served):
        served.hang()


class Die:
    """Have it end its process."""

    def ask(self, served):
        served.die()


@pytest.fixture
def worker():
    """Return a started worker."""
    worker = Worker(Served, (1,))
    assert worker.wait().ok
    yield worker
    worker.stop()


def test_it_answers(worker):
    worker.request(Add(2, 3), timeout=20)
    assert worker.busy
    answer = worker.wait()
    assert (answer.request, answer.value, answer.ok) == (Add(2, 3), 6, True)
    assert not worker.busy and worker.poll() is None


@pytest.mark.parametrize('request_, part', [(Fail(), 'broken on purpose'),
                                            (Missing(), "no attribute 'nothing'")])
def test_an_exception_is_a_failure_and_it_serves_on(worker, request_, part):
    worker.request(request_, timeout=20)
    answer = worker.wait()
    assert not answer.ok and part in answer.failure
    worker.request(Add(1, 1), timeout=20)
    assert worker.wait().value == 3


@pytest.mark.parametrize('request_, timeout, part', [
    (Die(), 20, 'die: its process ended'), (Hang(), 0.5, 'hang: no answer within')])
def test_a_crash_and_a_time_out_are_failures_and_it_can_be_replaced(
        worker, request_, timeout, part):
    worker.request(request_, timeout=timeout)
    answer = worker.wait()
    assert not answer.ok and part in answer.failure and answer.request is request_
    assert not worker.alive
    worker.restart((10,))
    assert worker.wait().ok
    worker.request(Add(1, 1), timeout=20)
    assert worker.wait().value == 12


def test_a_start_that_fails_says_why():
    worker = Worker(Served, (None,))
    answer = worker.wait()
    assert answer.request == Start() and 'no offset' in answer.failure
    worker.stop()


@pytest.mark.parametrize('misspelt', ['add', ('add', 1, 1), None])
def test_what_is_no_request_is_an_error_of_the_caller_and_it_serves_on(worker, misspelt):
    with pytest.raises(TypeError, match='is no request: it has no method ask'):
        worker.request(misspelt, timeout=20)
    worker.request(Add(1, 1), timeout=20)
    assert worker.wait().value == 3


def test_two_requests_at_once_are_refused(worker):
    worker.request(Add(1, 1), timeout=20)
    with pytest.raises(RuntimeError, match="busy with 'add'"):
        worker.request(Add(1, 1), timeout=20)
    worker.wait()


# Starts that the system refuses --------------------------------------------------------------


def emfile(*_, **__):
    raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))


def open_files():
    """Return how many file descriptors are open."""
    return len(os.listdir('/proc/self/fd'))


def broken(monkeypatch, part):
    """Have one part of every start fail."""
    target = {'pipe': 'multiprocessing.context.BaseContext.Pipe',
              'process': 'multiprocessing.process.BaseProcess.start'}[part]
    monkeypatch.setattr(target, emfile)


@pytest.mark.parametrize('part', ['pipe', 'process'])
def test_a_start_that_the_system_refuses_is_an_answer_and_leaves_nothing_open(monkeypatch, part):
    gc.collect()  # what tests before this one left
    before = open_files()
    broken(monkeypatch, part)
    worker = Worker(Served, (1,))
    assert worker.busy and not worker.alive
    answer = worker.poll()
    assert answer.request == Start() and not answer.ok
    assert 'EMFILE' in answer.failure and 'Too many open files' in answer.failure
    assert not worker.busy and worker.poll() is None
    gc.collect()
    assert open_files() == before
    worker.stop()


def test_without_file_descriptors_it_is_refused_and_with_them_it_starts():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    now = [0.0]
    worker = Worker(Served, (1,), clock=lambda: now[0], started=False)
    least = open_files()
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (least, hard))
        assert worker.revive(lambda: (1,))
        assert 'EMFILE' in worker.poll().failure
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    now[0] = 1.0
    assert worker.revive(lambda: (1,))
    assert worker.wait().ok and worker.alive
    worker.stop()


def test_after_each_start_that_failed_it_waits_longer_up_to_half_a_minute(monkeypatch):
    now, tried = [0.0], []
    worker = Worker(Served, (1,), clock=lambda: now[0], started=False)
    broken(monkeypatch, 'process')
    for tick in range(1200):
        now[0] = 0.1 * tick
        if worker.revive(lambda: (1,)):
            tried.append(now[0])
            assert not worker.poll().ok
    gaps = [b - a for a, b in zip(tried, tried[1:])]
    assert gaps == pytest.approx([1, 2, 4, 8, 16, 30, 30])
    monkeypatch.undo()
    now[0] = tried[-1] + 30
    assert worker.revive(lambda: (1,)) and worker.wait().ok
    worker.request(Die(), timeout=20)
    assert not worker.wait().ok
    assert worker.revive(lambda: (1,))  # a start that went well ends the waiting
    assert worker.wait().ok
    worker.stop()


def test_it_is_not_revived_while_it_lives_or_owes_the_answer_to_its_start(monkeypatch, worker):
    assert not worker.revive(lambda: pytest.fail('it was asked for arguments'))
    broken(monkeypatch, 'pipe')
    worker.restart((1,))
    assert not worker.revive(lambda: pytest.fail('it was asked for arguments'))


def test_between_two_starts_lies_a_pause():
    now, starts = [0.0], []
    worker = Worker(Served, (1,), clock=lambda: now[0], started=False, pause=1.0)
    worker._begun = lambda arguments: (starts.append(now[0]), emfile())  # never comes up
    worker._concluded = lambda answer: answer  # and is not counted as a failure
    for tick in range(41):
        now[0] = 0.1 * tick
        worker.revive(lambda: (1,))
        worker._refusal = worker._waiting = None
    assert starts == pytest.approx([1.0, 2.0, 3.0, 4.0])


def test_what_is_asked_of_no_process_fails_at_once(monkeypatch):
    broken(monkeypatch, 'pipe')
    worker = Worker(Served, (1,))
    worker.poll()
    worker.request(Add(1, 1), timeout=20)
    assert 'does not run' in worker.poll().failure


def test_what_cannot_be_sent_fails_at_once(worker):
    worker.request(Add(lambda: None, 1), timeout=20)
    assert 'cannot be asked' in worker.poll().failure
    worker.request(Add(1, 1), timeout=20)
    assert worker.wait().value == 3


def test_every_part_is_stopped_whatever_the_others_raise(worker):
    process, ended = worker._process, []

    def kill():
        ended.append('kill')
        raise OSError(errno.EPERM, 'not permitted')
    worker._connection, real = SimpleNamespace(close=emfile), worker._connection
    worker._process = SimpleNamespace(kill=kill, join=lambda: ended.append('join'))
    with pytest.raises(OSError):
        worker.stop()
    assert ended == ['kill', 'join'] and not worker.alive
    real.close()
    process.kill()
    process.join()


def test_parts_are_stopped_in_their_order_and_the_last_failure_is_told():
    ended = []
    with pytest.raises(KeyError):
        stop_each(lambda: ended.append(1), lambda: [][0], lambda: {}['x'], lambda: ended.append(2))
    assert ended == [1, 2]
    stop_each()


def test_a_process_is_started_again_where_the_working_directory_was_removed(tmp_path, monkeypatch):
    (tmp_path / 'gone').mkdir()
    monkeypatch.chdir(tmp_path / 'gone')
    os.rmdir(tmp_path / 'gone')
    worker = Worker(Served, ())
    assert worker.wait().failure == ''
    worker.request(Add(1, 2), timeout=10)
    assert worker.wait().value == 3
    worker.stop()
    with pytest.raises(FileNotFoundError):
        os.getcwd()  # no relative path means another file than before
