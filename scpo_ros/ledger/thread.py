"""Writing a ledger in a thread, so that no control callback waits for a disk. No ROS."""

from concurrent.futures import Future
import queue
import threading

from scpo_ros.ledger.ledger import LedgerError


_STOP_S = 10.0  # longest wait for the disk at the end


class LedgerThread:
    """
    Appends in a thread, so that no control callback waits for a disk; what waits is one write.

    Every entry gets its outcome: on the disk, or a LedgerError.
    """

    def __init__(self, ledger, limit=1024, snapshot=tuple, patience=_STOP_S):
        """
        Start the thread.

        :param ledger: a Ledger. :param limit: most entries in waiting.
        :param snapshot: () -> bodies with which a fresh file begins when the old one is full.
        :param patience: longest wait for the disk at the end [s].
        :raises LedgerError: when no thread can be started; the ledger is closed then.
        """
        self._ledger, self._queue, self._patience = ledger, queue.Queue(limit), patience
        self._snapshot, self.failure, self.written = snapshot, '', 0
        self._ended = threading.Event()  # asked to end: nothing more is taken
        self._thread = threading.Thread(target=self._run, name='ledger', daemon=True)
        try:
            self._thread.start()
        except RuntimeError as error:
            ledger.close()
            raise LedgerError(f'the ledger has no thread: {error}') from error

    def append(self, body):
        """Return a Future: None once the entry is on the disk, else a LedgerError."""
        future = Future()
        try:
            if self._ended.is_set():
                raise LedgerError('the ledger is closed')
            self._queue.put_nowait((body, future))
        except queue.Full:
            future.set_exception(LedgerError('too many entries wait for the disk'))
        except LedgerError as error:
            future.set_exception(error)
        return future

    def _run(self):
        while not (self._ended.is_set() and self._queue.empty()):
            batch = [self._queue.get()]
            while len(batch) < 256 and not self._queue.empty():
                batch.append(self._queue.get())
            self._write([item for item in batch if item is not None])

    def _write(self, batch):
        """Write entries; whatever fails is an outcome, and never ends the thread."""
        if not batch:
            return
        try:
            if self._ledger.full:
                self._ledger.turn(*self._snapshot())
            self._ledger.append(*(body for body, _ in batch))
        except Exception as error:  # noqa: B902 - the thread must live to write the next entry
            self._fail(batch, str(error) or type(error).__name__)
            return
        self.failure, self.written = '', self.written + len(batch)
        for _, future in batch:
            future.set_result(None)

    def _fail(self, batch, why):
        self.failure = why
        for _, future in batch:
            future.set_exception(LedgerError(why))

    def stop(self):
        """
        Write what waits, however much it is, and end.

        :raises LedgerError: when the disk does not answer in time. What waits fails then, and the
            file is left to the system, since the thread may still write to it.
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

    def _waiting(self):
        """Take what waits off the queue."""
        batch = []
        while not self._queue.empty():
            try:
                batch.append(self._queue.get_nowait())
            except queue.Empty:
                break
        return [item for item in batch if item is not None]
