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
How far the robot is moved: raised while the draft covers what it does, lowered where it does not.

The *amplitude* a is the part of the input limits over which inputs are drawn. The *ratio* of a
step is its model error over the disturbance of the draft, 1 where the draft just covers it. A
draft with a wrong gain or delay has errors that grow with the inputs: with s the largest part of
the limits that was drawn at this amplitude and r the largest ratio seen, the ratio at s' > s is
expected to be at most r s' / s. So a is kept, or raised by _GROWTH at most and to no more than

    _CONTENT s / r.

A step that the draft does not cover lowers a, and a is not raised to where that happened again.
At the least amplitude nothing is left to lower: after some such steps it is :attr:`spent`.
"""

import math

LEAST = 0.02
_CONTENT = 0.8
_GROWTH = 1.5
_GENTLE = 0.1
_URGENCY, _URGENT = 1.03, 100
_LOWERED = 0.6
_CEILING = 0.9  # of the amplitude at which a step was not covered
_FAULTS = 5  # at the least amplitude


class Amplitude:
    """The amplitude of the inputs, and what was seen of the robot at it."""

    def __init__(self, first: float, largest: float, steps: int) -> None:
        """Start. :param steps: over which an amplitude is looked at before it is changed."""
        self.value, self.highest = min(first, largest), 0.0
        self._largest, self._steps = largest, steps
        self._faults = 0  # at the least amplitude, in a row
        self._count, self._drawn, self._ratio = 0, 0.0, 0.0

    @property
    def reach(self) -> float:
        """Return the part of the safe set in which inputs are drawn, its square root."""
        return math.sqrt(self.value)

    def gentle(self, steps: int) -> float:
        """
        Return the part of the input limits that the backup may take.

        :param steps: since it began to bring the robot back; it may take more the longer it lasts.
        """
        return float(min(1.0, max(_GENTLE, self.value) * _URGENCY**min(steps, _URGENT)))

    @property
    def spent(self) -> bool:
        """Return whether the draft does not cover the least amplitude either."""
        return self._faults >= _FAULTS

    def covered(self, drawn: float, ratio: float) -> None:
        """
        Take in a step that the draft covers.

        :param drawn: the largest part of a limit that was drawn. :param ratio: of the step.
        """
        self.highest = max(self.highest, self.value)
        self._count += 1
        self._drawn = max(self._drawn, drawn * self.value)
        self._ratio = max(self._ratio, ratio)
        if self._count >= self._steps:
            expected = _CONTENT * self._drawn / self._ratio if self._ratio > 0 else math.inf
            self._faults = 0
            self._set(max(self.value, min(self._largest, _GROWTH * self.value, expected)))

    def lower(self) -> None:
        """Lower it: a step was not covered."""
        self._faults += self.value <= LEAST
        self._largest = min(self._largest, _CEILING * self.value)
        self._set(_LOWERED * self.value)

    def _set(self, value: float) -> None:
        self.value = max(LEAST, value)
        self._count, self._drawn, self._ratio = 0, 0.0, 0.0
