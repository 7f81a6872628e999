"""How many refusals a flood of messages may write to the ledger. No ROS."""

from collections.abc import Callable


class Allowance:
    """Entries of the ledger that may be written: they come back at a fixed rate, up to a burst."""

    def __init__(self, per_second: float, burst: float, clock: Callable[[], float]) -> None:
        """Start full."""
        self._rate, self._burst, self._clock = per_second, burst, clock
        self._left, self._filled = burst, clock()
        self.unwritten = 0  # asked for in vain since the last entry

    def take(self) -> bool:
        """Return whether an entry may be written; count it, or that it may not."""
        now = self._clock()
        self._left = min(self._burst, self._left + self._rate * (now - self._filled))
        self._filled = now
        if not self._left >= 1:
            self.unwritten += 1
            return False
        self._left -= 1
        return True

    def settle(self) -> int:
        """Return how many were asked for in vain, and begin to count anew."""
        unwritten, self.unwritten = self.unwritten, 0
        return unwritten
