"""A worker without a process: the same interface, answered at once. For volume."""

from scpo_ros.process.requests import answer_of


class InlineWorker:
    """Serves one object; what it raises is a failure, as in the real one."""

    def __init__(self, served):
        """Serve an object."""
        self._served, self._answer, self.alive = served, None, True

    @property
    def busy(self):
        """Return whether an answer is outstanding."""
        return self._answer is not None

    def request(self, request, timeout):
        """Ask; the answer waits for :meth:`poll`."""
        self._answer = answer_of(request, self._served)

    def poll(self, wait=0.0):
        """Return the answer, once."""
        answer, self._answer = self._answer, None
        return answer

    def revive(self, arguments):
        """Do nothing: it never ends."""
        return False

    def stop(self):
        """End."""
