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
