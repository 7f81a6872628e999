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
Which of the robot's messages are the samples of the model, one every dt.

The broadcaster goes at a rate of its own. A message is a sample when none that follows can be
nearer to the time of the last sample plus dt, as far as the newest messages tell how long they
are apart. Its stamp stays what it is: whether the step was dt, the controller judges.
"""

from collections import deque
import math
from statistics import median

_SEEN = 15  # times between messages that are kept


class Sampler:
    """Chooses samples by their stamps."""

    def __init__(self, dt: float) -> None:
        """Start before the first message. :param dt: step of the model [s]."""
        self._dt = dt
        self._periods: deque[float] = deque(maxlen=_SEEN)
        self._newest: float | None = None  # stamp of the newest message [s]
        self._sample: float | None = None  # stamp of the newest sample [s]
        self.step = math.nan  # between the newest two samples [s]

    @property
    def period(self) -> float:
        """Return the time between two messages [s], NaN before there were two."""
        return median(self._periods) if self._periods else math.nan

    def restart(self) -> None:
        """Begin anew: the stamps that follow have nothing to do with those before."""
        self._periods.clear()
        self._newest = self._sample = None

    def take(self, time: float) -> bool:
        """Return whether a message, the newest by its stamp [s], is a sample."""
        if self._newest is not None:
            self._periods.append(time - self._newest)
        self._newest = time
        if self._sample is not None:
            step = time - self._sample
            if not step >= self._dt - self.period / 2:
                return False
            self.step = step
        self._sample = time
        return True
