"""How many refusals a flood of messages may write to the ledger. No ROS."""

from collections.abc import Callable


class Allowance:
    """Entries of the ledger that may be written: they come back at a fixed rate, up to a burst."""

    def __init__(self, per_second: float, burst: float, clock: Callable[[], float]) -> None:
        """Start full."""
        self._rate, self._burst, self._clock = per_second, burst, clock
        self._left, self._filled = burst, clock()

    def take(self, always: bool) -> bool:
        """Return whether an entry may be written, and count it; `always` overdraws."""
        now = self._clock()
        self._left = min(self._burst, self._left + self._rate * (now - self._filled))
        self._filled = now
        if self._left < 1 and not always:
            return False
        self._left -= 1
        return True
