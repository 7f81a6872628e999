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

"""Writing a ledger in a thread, so that no control callback waits for a disk. No ROS."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
import queue
import threading
from typing import TypeAlias

from scpo_ros.ledger.ledger import Body, Ledger, LedgerError


_STOP_S = 10.0  # longest wait for the disk at the end
_BATCH = 256  # entries of one write, at most
_Item: TypeAlias = tuple[Body, 'Future[None]']  # an entry that waits, and its outcome


class LedgerThread:
    """
    Appends in a thread; the entries that wait together are one write.

    Every entry gets its outcome: on the disk, or a LedgerError.
    """

    def __init__(self, ledger: Ledger, limit: int = 1024,
                 snapshot: Callable[[], Iterable[Body]] = tuple,
                 patience: float = _STOP_S) -> None:
        """
        Start the thread.

        :param limit: largest number of entries that wait.
        :param snapshot: () -> bodies with which a fresh file begins when the old one is full.
        :param patience: longest wait for the disk at the end [s].
        :raises LedgerError: when no thread can be started; the ledger is closed then.
        """
        self._ledger, self._patience = ledger, patience
        self._queue: queue.Queue[_Item | None] = queue.Queue(limit)
        self._snapshot, self.failure = snapshot, ''
        self._ended = threading.Event()  # asked to end: nothing more is taken
        self._thread = threading.Thread(target=self._run, name='ledger', daemon=True)
        try:
            self._thread.start()
        except RuntimeError as error:
            ledger.close()
            raise LedgerError(f'the ledger has no thread: {error}') from error

    def append(self, body: Body) -> 'Future[None]':
        """Return a Future: None once the entry is on the disk, else a LedgerError."""
        future: Future[None] = Future()
        try:
            if self._ended.is_set():
                raise LedgerError('the ledger is closed')
            self._queue.put_nowait((body, future))
        except queue.Full:
            future.set_exception(LedgerError('too many entries wait for the disk'))
        except LedgerError as error:
            future.set_exception(error)
        return future

    def _run(self) -> None:
        """Write batches until the end is asked for and nothing waits."""
        while not (self._ended.is_set() and self._queue.empty()):
            batch = [self._queue.get()]
            while len(batch) < _BATCH and not self._queue.empty():
                batch.append(self._queue.get())
            self._write([item for item in batch if item is not None])

    def _write(self, batch: Sequence[_Item]) -> None:
        """Write entries; a failure is their outcome, and never ends the thread."""
        if not batch:
            return
        try:
            if self._ledger.full:
                self._ledger.turn(*self._snapshot())
            self._ledger.append(*(body for body, _ in batch))
        except Exception as error:  # noqa: B902 - the thread must live to write the next entry
            self._fail(batch, str(error) or type(error).__name__)
            return
        self.failure = ''
        for _, future in batch:
            future.set_result(None)

    def _fail(self, batch: Sequence[_Item], why: str) -> None:
        """Give entries a LedgerError as their outcome."""
        self.failure = why
        for _, future in batch:
            future.set_exception(LedgerError(why))

    def stop(self) -> None:
        """
        Write every entry that waits, and end.

        :raises LedgerError: when the disk does not answer in time. The entries that wait fail
            then, and the file stays open, since the thread may still write to it.
        """
        if self._ended.is_set():
            return
        self._ended.set()
        try:
            self._queue.put_nowait(None)  # wakes a thread that waits for entries
        except queue.Full:
            pass  # it does not wait
        self._thread.join(self._patience)
        if self._thread.is_alive():
            self._fail(self._waiting(), 'the disk does not answer')
            raise LedgerError(f'the ledger {self._ledger.path} is not written: no answer from the '
                              f'disk within {self._patience:.3g} s')
        self._ledger.close()

    def _waiting(self) -> list[_Item]:
        """Take every entry off the queue."""
        batch: list[_Item | None] = []
        while not self._queue.empty():
            try:
                batch.append(self._queue.get_nowait())
            except queue.Empty:
                break
        return [item for item in batch if item is not None]
