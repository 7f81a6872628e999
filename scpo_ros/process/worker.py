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

"""
One object in a process of its own. It is asked one thing at a time, with a time limit.

A question is a :class:`~scpo_ros.process.requests.Request`. An exception, a crash, a time-out and
a start that the system refuses (no memory, no file descriptors) are answers too: they come back as
failures with a reason, so that the caller can refuse. A process that has ended is replaced by
:meth:`Worker.revive`. It ends with the process that started it, in the middle of an answer too
(:mod:`scpo_ros.process.parent`). After a start that failed the worker waits before it tries again,
longer after each further failure: a start costs the resources of which the machine is short.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
import multiprocessing
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
import os
import signal
import time
from typing import Generic

from scpo_ros.exceptions import in_words
from scpo_ros.process.parent import follow
from scpo_ros.process.priority import step_back
from scpo_ros.process.requests import (
    Answer, answer_of, Fault, name_of, Request, Served, Start, Value)
from scpo_ros.process.stopping import stop_each


_FIRST_WAIT_S, _LONGEST_WAIT_S = 1.0, 30.0  # after a start that failed, doubled in between


def _serve(connection: Connection, factory: Callable[..., Served],
           arguments: tuple[object, ...], niceness: int, parent: int) -> None:
    """Run in the other process: make the object, then answer until nobody asks any more."""
    follow(parent, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when to stop
    step_back(niceness, apart=niceness > 0)
    try:
        served = factory(*arguments)
    except Exception as error:  # noqa: B902 - the parent must hear of every one
        _send(connection, Answer(failure=in_words(error), fault=Fault.RAISED))
        return
    there = _send(connection, Answer())
    while there:
        try:
            request: Request[Served, object] = connection.recv()
        except (EOFError, OSError):
            return
        # The question stays here: the parent has it, and it may be large.
        there = _send(connection, replace(answer_of(request, served), request=Start()))


def _send(connection: Connection, answer: Answer[Served, Value]) -> bool:
    """Send an answer; return whether the parent is still there."""
    try:
        connection.send(answer)
    except OSError:
        return False
    return True


@contextmanager
def _in_a_folder() -> Iterator[None]:
    """Leave a working directory that was removed for a while: nothing can be spawned there."""
    try:
        os.getcwd()
    except FileNotFoundError:
        here = os.open('.', os.O_RDONLY)
        os.chdir('/')
        try:
            yield
        finally:
            os.fchdir(here)
            os.close(here)
    else:
        yield


class Worker(Generic[Served, Value]):
    """Serves the object `factory(*arguments)` in a spawned process."""

    def __init__(self, factory: Callable[..., Served], arguments: tuple[object, ...],
                 start_timeout: float = 120.0, niceness: int = 0,
                 clock: Callable[[], float] = time.monotonic, started: bool = True,
                 pause: float = 0.0) -> None:
        """
        Start the process; its first answer is to :class:`Start`.

        :param factory: a picklable callable. :param arguments: its picklable arguments.
        :param start_timeout: longest start [s]. :param niceness: added to the process's.
        :param started: False leaves the first start to :meth:`revive`.
        :param pause: least time from one start, or from now, to the next by :meth:`revive` [s].
        """
        self._factory, self._start_timeout = factory, start_timeout
        self._niceness, self._clock, self._pause = niceness, clock, pause
        self._process: BaseProcess | None = None
        self._connection: Connection | None = None
        self._waiting: Request[Served, Value] | Start | None = None
        # The Answer to what could not even be asked, until it is polled.
        self._refusal: Answer[Served, Value] | None = None
        self._wait, self._next_start = 0.0, clock() + pause
        if started:
            self.restart(arguments)

    def restart(self, arguments: tuple[object, ...]) -> None:
        """Replace the process by one with other arguments; :meth:`poll` tells how it went."""
        try:
            self.stop()
            self._process, self._connection = self._begun(arguments)
        except Exception as error:  # noqa: B902 - every exception is an answer
            self._refusal = Answer(
                failure=f'its process cannot be started: {in_words(error)}', fault=Fault.ENDED)
        self._next_start = self._clock() + self._pause
        self._waiting, self._deadline = Start(), self._clock() + self._start_timeout

    def _begun(self, arguments: tuple[object, ...]) -> tuple[BaseProcess, Connection]:
        """Return a running process and the connection to it; nothing is left of a failure."""
        context = multiprocessing.get_context('spawn')
        connection, remote = context.Pipe()
        try:
            process = context.Process(
                target=_serve, daemon=True,
                args=(remote, self._factory, arguments, self._niceness, os.getpid()))
            with _in_a_folder():
                process.start()
        except BaseException:
            stop_each(connection.close, remote.close)
            raise
        remote.close()
        return process, connection

    def revive(self, arguments: Callable[[], tuple[object, ...]]) -> bool:
        """
        Start a process again that has ended, unless the last start is too short a while ago.

        After starts that failed the while is 1 s, doubled by each further failure, up to 30 s.

        :param arguments: () -> those of the new process. :returns: whether a start was tried.
        """
        if self.alive or self._refusal is not None or not self._clock() >= self._next_start:
            return False
        self.restart(arguments())
        return True

    def _concluded(self, answer: Answer[Served, Value]) -> Answer[Served, Value]:
        """Return an answer after noting what it means for the next start."""
        self._waiting = self._refusal = None
        if isinstance(answer.request, Start) and answer.ok:
            self._wait = 0.0
        elif isinstance(answer.request, Start):
            self._wait = min(_LONGEST_WAIT_S, 2 * self._wait or _FIRST_WAIT_S)
            self._next_start = max(self._next_start, self._clock() + self._wait)
        return answer

    @property
    def busy(self) -> bool:
        """Return whether an answer is outstanding."""
        return self._waiting is not None

    @property
    def alive(self) -> bool:
        """Return whether the process runs."""
        return self._process is not None and self._process.is_alive()

    def request(self, request: Request[Served, Value], timeout: float) -> None:
        """
        Ask the object; :meth:`poll` brings the answer.

        :param timeout: seconds until the answer counts as missing.
        :raises TypeError: for what is no request. :raises RuntimeError: while the worker is busy.
        """
        if not isinstance(request, Request):
            raise TypeError(f'{request!r} is no request: it has no method ask')
        if self._waiting is not None:
            raise RuntimeError(f'the worker is still busy with {name_of(self._waiting)!r}')
        self._waiting, self._deadline = request, self._clock() + timeout
        if self._connection is None:
            return  # there is no process; poll says so
        try:
            self._connection.send(request)
        except OSError:
            pass  # the process is gone; poll says so
        except Exception as error:  # noqa: B902 - what cannot be sent is not answered
            self._refusal = Answer(request, failure=f'it cannot be asked: {in_words(error)}',
                                   fault=Fault.UNREADABLE)

    def poll(self, wait: float = 0.0) -> Answer[Served, Value] | None:
        """Return the :class:`Answer`, or None while it is outstanding; wait so long for it."""
        asked = self._waiting
        if asked is None:
            return None
        if self._refusal is not None:
            return self._concluded(self._refusal)
        if self._connection is None:
            return self._lost(asked, 'its process does not run', Fault.ENDED)
        try:
            if self._connection.poll(min(wait, max(0.0, self._deadline - self._clock()))):
                return self._concluded(replace(self._connection.recv(), request=asked))
        except (EOFError, OSError):
            return self._lost(asked, 'its process ended unexpectedly', Fault.ENDED)
        except Exception as error:  # noqa: B902 - an answer that cannot be read is none
            return self._lost(asked, f'its answer cannot be read: {in_words(error)}',
                              Fault.UNREADABLE)
        if self._clock() >= self._deadline:
            return self._lost(asked, 'no answer within the time limit', Fault.LATE)
        return None

    def wait(self) -> Answer[Served, Value] | None:
        """Return the outstanding :class:`Answer`, waiting for it until its time limit."""
        answer = None
        while self.busy and answer is None:
            answer = self.poll(0.1)
        return answer

    def _lost(self, asked: Request[Served, Value] | Start, why: str,
              fault: Fault) -> Answer[Served, Value]:
        self.stop()
        return self._concluded(Answer(asked, failure=f'{name_of(asked)}: {why}', fault=fault))

    def stop(self) -> None:
        """End the process; what it still owes is forgotten."""
        process, connection = self._process, self._connection
        self._process = self._connection = self._waiting = self._refusal = None
        parts = [] if process is None else [process.kill, process.join]
        stop_each(*([] if connection is None else [connection.close]), *parts)
