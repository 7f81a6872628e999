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

"""When messages arrived, by a wall clock of which the steps are taken out. No ROS."""

from collections.abc import Callable
import time


_STEP_NS = 50_000_000  # a difference between two readings that no slewing makes: the clock was set
_LONGEST_NS = 1_000_000_000  # longest wait for its callback of a message from before a step


class ArrivalClock:
    """
    The wall clock as it would go had nobody set it since the start.

    A machine without a clock of its own sets it when it finds a time server. Messages that are
    recorded by such a clock come to lie before those that they answer.
    """

    def __init__(self, wall: Callable[[], int] = time.time_ns,
                 steady: Callable[[], int] = time.monotonic_ns) -> None:
        """Start. :param wall: () -> wall clock [ns]. :param steady: () -> steady clock [ns]."""
        self._wall, self._steady = wall, steady
        self._offset = wall() - steady()  # between the two, when they were read last
        self._shift = 0  # the steps since the start, with the other sign
        self._set = wall()  # after the newest step, or at the start

    def time_of(self, received: int) -> int:
        """Return when a message arrived [ns]. :param received: as the wall clock had it, or 0."""
        wall = self._wall()
        offset = wall - self._steady()
        if abs(offset - self._offset) > _STEP_NS:
            self._shift -= offset - self._offset
            self._set = wall
        self._offset = offset
        waited = wall - received  # where nobody set the clock since, any time: a busy machine
        usable = 0 <= waited <= (_LONGEST_NS if received < self._set else waited)
        return self._shift + (received if usable else wall)
