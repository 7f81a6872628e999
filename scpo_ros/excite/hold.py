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

"""Why the backup answers in the place of random inputs, and for how long yet."""


class Hold:
    """Begins with a reason, ends after so many faultless steps in a row."""

    def __init__(self, calm: int, longest: int) -> None:
        """
        Start without one.

        :param calm: faultless steps in a row that end it. :param longest: steps after which it is
            :attr:`stuck`.
        """
        self._calm, self._longest = calm, longest
        self._left = self._lasted = 0
        self.reason = ''  # of the present one, or the last
        self.count = 0  # how many there were

    @property
    def stands(self) -> bool:
        """Return whether the backup answers."""
        return self._left > 0

    @property
    def stuck(self) -> bool:
        """Return whether the robot does not become calm under the backup either."""
        return self.stands and self._lasted > self._longest

    def begin(self, reason: str) -> bool:
        """Hold because of a fault; return whether that is a new hold."""
        fresh = not self.stands
        self.count += fresh
        self._lasted = 0 if fresh else self._lasted
        self._left, self.reason = self._calm, reason
        return fresh

    def step(self, faultless: bool) -> None:
        """Take in a step under the backup."""
        self._lasted += 1
        if faultless:
            self._left = max(0, self._left - 1)
