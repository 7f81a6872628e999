"""
One object in a process of its own, asked one thing at a time, with a time limit.

An exception, a crash, a time-out and a start that the system refuses (no memory, no file
descriptors) are answers too: they come back as failures with a reason, so that whoever asked can
refuse. A process that has ended is replaced by :meth:`Worker.revive`. After a start that failed it
waits before it tries again, longer after each further failure: starting costs what the machine is
short of.
"""

from dataclasses import dataclass
from enum import Enum
import errno
import multiprocessing
import signal
import time

from scpo_ros.exceptions import InvalidArrayError
from scpo_ros.process.priority import step_back
from scpo_ros.process.stopping import stop_each


_FIRST_WAIT_S, _LONGEST_WAIT_S = 1.0, 30.0  # after a start that failed, doubled in between


class Fault(Enum):
    """Why an answer is a failure."""

    NONE = 'none'
    MALFORMED = 'malformed'  # the arguments broke a rule
    RAISED = 'raised'  # any other exception of the method
    LATE = 'late'  # the time limit passed
    ENDED = 'ended'  # the process is gone, or was never there
    UNREADABLE = 'unreadable'  # question or answer cannot travel


@dataclass(frozen=True)
class Answer:
    """What came back."""

    method: str
    value: object = None
    failure: str = ''  # empty when the value is good
    fault: Fault = Fault.NONE  # what kind of failure

    @property
    def ok(self):
        """Return whether the value may be used."""
        return not self.failure


def _serve(connection, factory, arguments, niceness):
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when to stop
    step_back(niceness, apart=niceness > 0)
    served, first = None, Answer('start')
    try:
        served = factory(*arguments)
    except Exception as error:  # noqa: B902 - whatever it is, the parent must hear of it
        first = Answer('start', failure=f'{type(error).__name__}: {error}', fault=Fault.RAISED)
    try:
        connection.send(first)
    except OSError:
        return  # whoever asked is gone
    while first.ok:
        try:
            method, given = connection.recv()
        except (EOFError, OSError):
            return
        try:
            answer = Answer(method, getattr(served, method)(*given))
        except Exception as error:  # noqa: B902
            kind = Fault.MALFORMED if isinstance(error, InvalidArrayError) else Fault.RAISED
            answer = Answer(method, failure=f'{type(error).__name__}: {error}', fault=kind)
        try:
            connection.send(answer)
        except OSError:
            return  # whoever asked is gone


def _in_words(error):
    """Return what an error says, with the name of its errno."""
    name = errno.errorcode.get(getattr(error, 'errno', None), '')
    return f'{type(error).__name__}: {name and name + " "}{error}'


class Worker:
    """Serves `factory(*arguments)` in a spawned process."""

    def __init__(self, factory, arguments, start_timeout=120.0, niceness=0,
                 clock=time.monotonic, started=True, pause=0.0):
        """
        Start the process; its first answer is to 'start'.

        :param factory: a picklable callable. :param arguments: its picklable arguments.
        :param start_timeout: longest start [s]. :param niceness: added to the process's.
        :param started: False leaves the first start to :meth:`revive`.
        :param pause: least time from one start, or from now, to the next by :meth:`revive` [s].
        """
        self._factory, self._start_timeout = factory, start_timeout
        self._niceness, self._clock, self._pause = niceness, clock, pause
        self._process, self._connection, self._waiting = None, None, None
        self._refusal = None  # the Answer to what could not even be asked, until it is polled
        self._wait, self._next_start = 0.0, clock() + pause
        if started:
            self.restart(arguments)

    def restart(self, arguments):
        """Replace the process by one with other arguments; :meth:`poll` tells how it went."""
        try:
            self.stop()
            self._process, self._connection = self._begun(arguments)
        except Exception as error:  # noqa: B902 - whatever it is, it is an answer
            self._refusal = Answer(
                'start', failure=f'its process cannot be started: {_in_words(error)}',
                fault=Fault.ENDED)
        self._next_start = self._clock() + self._pause
        self._waiting, self._deadline = 'start', self._clock() + self._start_timeout

    def _begun(self, arguments):
        """Return a running process and the connection to it; nothing is left of a failure."""
        context = multiprocessing.get_context('spawn')
        connection, remote = context.Pipe()
        try:
            process = context.Process(
                target=_serve, args=(remote, self._factory, arguments, self._niceness),
                daemon=True)
            process.start()
        except BaseException:
            stop_each(connection.close, remote.close)
            raise
        remote.close()
        return process, connection

    def revive(self, arguments):
        """
        Start a process again that has ended, unless the last start is too short a while ago.

        After starts that failed the while is 1 s, doubled by each further failure, up to 30 s.

        :param arguments: () -> those of the new process. :returns: whether a start was tried.
        """
        if self.alive or self._refusal is not None or not self._clock() >= self._next_start:
            return False
        self.restart(arguments())
        return True

    def _concluded(self, answer):
        """Return an answer after noting what it means for the next start."""
        self._waiting = self._refusal = None
        if answer.method == 'start' and answer.ok:
            self._wait = 0.0
        elif answer.method == 'start':
            self._wait = min(_LONGEST_WAIT_S, 2 * self._wait or _FIRST_WAIT_S)
            self._next_start = max(self._next_start, self._clock() + self._wait)
        return answer

    @property
    def busy(self):
        """Return whether an answer is outstanding."""
        return self._waiting is not None

    @property
    def alive(self):
        """Return whether the process runs."""
        return self._process is not None and self._process.is_alive()

    def request(self, method, *arguments, timeout):
        """
        Ask for a method of the object; :meth:`poll` brings the answer.

        :param timeout: seconds until the answer counts as missing.
        """
        if self.busy:
            raise RuntimeError(f'the worker is still busy with {self._waiting!r}')
        self._waiting, self._deadline = method, self._clock() + timeout
        if self._connection is None:
            return  # there is no process; poll says so
        try:
            self._connection.send((method, arguments))
        except OSError:
            pass  # the process is gone; poll says so
        except Exception as error:  # noqa: B902 - what cannot be sent is not answered
            self._refusal = Answer(method, failure=f'it cannot be asked: {_in_words(error)}',
                                   fault=Fault.UNREADABLE)

    def poll(self, wait=0.0):
        """Return the :class:`Answer`, or None while it is outstanding; wait so long for it."""
        if not self.busy:
            return None
        if self._refusal is not None:
            return self._concluded(self._refusal)
        if self._connection is None:
            return self._lost('its process does not run', Fault.ENDED)
        try:
            if self._connection.poll(min(wait, max(0.0, self._deadline - self._clock()))):
                return self._concluded(self._connection.recv())
        except (EOFError, OSError):
            return self._lost('its process ended unexpectedly', Fault.ENDED)
        except Exception as error:  # noqa: B902 - an answer that cannot be read is none
            return self._lost(f'its answer cannot be read: {_in_words(error)}', Fault.UNREADABLE)
        if self._clock() >= self._deadline:
            return self._lost('no answer within the time limit', Fault.LATE)
        return None

    def wait(self):
        """Return the outstanding :class:`Answer`, waiting for it until its time limit."""
        answer = None
        while self.busy and answer is None:
            answer = self.poll(0.1)
        return answer

    def _lost(self, why, fault):
        answer = Answer(self._waiting, failure=f'{self._waiting}: {why}', fault=fault)
        self.stop()
        return self._concluded(answer)

    def stop(self):
        """End the process; what it still owes is forgotten."""
        process, connection = self._process, self._connection
        self._process = self._connection = self._waiting = self._refusal = None
        parts = [] if process is None else [process.kill, process.join]
        stop_each(*([] if connection is None else [connection.close]), *parts)
