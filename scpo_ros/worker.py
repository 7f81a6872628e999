"""
One object in a process of its own, asked one thing at a time, with a time limit.

An exception, a crash and a time-out are answers too: they come back as failures with a reason, so
that whoever asked can refuse. After a crash or a time-out the process is replaced.
"""

from dataclasses import dataclass
import multiprocessing
import signal
import time

from scpo_ros.priority import step_back


@dataclass(frozen=True)
class Answer:
    """What came back."""

    method: str
    value: object = None
    failure: str = ''  # empty when the value is good

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
        first = Answer('start', failure=f'{type(error).__name__}: {error}')
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
            answer = Answer(method, failure=f'{type(error).__name__}: {error}')
        try:
            connection.send(answer)
        except OSError:
            return  # whoever asked is gone


class Worker:
    """Serves `factory(*arguments)` in a spawned process."""

    def __init__(self, factory, arguments, start_timeout=120.0, niceness=0,
                 clock=time.monotonic, started=True):
        """
        Start the process; its first answer is to 'start'.

        :param factory: a picklable callable. :param arguments: its picklable arguments.
        :param start_timeout: longest start [s]. :param niceness: added to the process's.
        :param started: False leaves the first start to :meth:`restart`.
        """
        self._factory, self._start_timeout = factory, start_timeout
        self._niceness, self._clock = niceness, clock
        self._process, self._waiting = None, None
        if started:
            self.restart(arguments)

    def restart(self, arguments):
        """Replace the process by a new one with other arguments."""
        self.stop()
        context = multiprocessing.get_context('spawn')
        self._connection, remote = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(remote, self._factory, arguments, self._niceness), daemon=True)
        self._process.start()
        remote.close()
        self._waiting, self._deadline = 'start', self._clock() + self._start_timeout

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
        try:
            self._connection.send((method, arguments))
        except OSError:
            pass  # the process is gone; poll says so

    def poll(self, wait=0.0):
        """Return the :class:`Answer`, or None while it is outstanding; wait so long for it."""
        if not self.busy:
            return None
        try:
            if self._connection.poll(min(wait, max(0.0, self._deadline - self._clock()))):
                answer, self._waiting = self._connection.recv(), None
                return answer
        except (EOFError, OSError):
            return self._lost('its process ended unexpectedly')
        if self._clock() >= self._deadline:
            return self._lost('no answer within the time limit')
        return None

    def wait(self):
        """Return the outstanding :class:`Answer`, waiting for it until its time limit."""
        answer = None
        while self.busy and answer is None:
            answer = self.poll(0.1)
        return answer

    def _lost(self, why):
        answer, self._waiting = Answer(self._waiting, failure=f'{self._waiting}: {why}'), None
        self.stop()
        return answer

    def stop(self):
        """End the process."""
        process = getattr(self, '_process', None)
        if process is not None:
            self._connection.close()
            process.kill()
            process.join()
        self._process, self._waiting = None, None
