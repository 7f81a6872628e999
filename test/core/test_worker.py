"""The worker process: every way to fail is an answer with a reason."""

import os
import signal
import time

import pytest
from scpo_ros.worker import Worker


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


@pytest.fixture
def worker():
    """Return a started worker."""
    worker = Worker(Served, (1,))
    assert worker.wait().ok
    yield worker
    worker.stop()


def test_it_answers(worker):
    worker.request('add', 2, 3, timeout=20)
    assert worker.busy
    answer = worker.wait()
    assert (answer.method, answer.value, answer.ok) == ('add', 6, True)
    assert not worker.busy and worker.poll() is None


@pytest.mark.parametrize('method, part', [('fail', 'broken on purpose'),
                                          ('nothing', 'AttributeError')])
def test_an_exception_is_a_failure_and_it_serves_on(worker, method, part):
    worker.request(method, timeout=20)
    answer = worker.wait()
    assert not answer.ok and part in answer.failure
    worker.request('add', 1, 1, timeout=20)
    assert worker.wait().value == 3


@pytest.mark.parametrize('method, timeout, part', [('die', 20, 'ended'), ('hang', 0.5, 'limit')])
def test_a_crash_and_a_time_out_are_failures_and_it_can_be_replaced(worker, method, timeout, part):
    worker.request(method, timeout=timeout)
    answer = worker.wait()
    assert not answer.ok and part in answer.failure
    assert not worker.alive
    worker.restart((10,))
    assert worker.wait().ok
    worker.request('add', 1, 1, timeout=20)
    assert worker.wait().value == 12


def test_a_start_that_fails_says_why():
    worker = Worker(Served, (None,))
    answer = worker.wait()
    assert answer.method == 'start' and 'no offset' in answer.failure
    worker.stop()


def test_two_requests_at_once_are_refused(worker):
    worker.request('add', 1, 1, timeout=20)
    with pytest.raises(RuntimeError, match='busy'):
        worker.request('add', 1, 1, timeout=20)
    worker.wait()
