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

"""The numbers that the nodes publish about themselves, followed over a run. No ROS."""

from typing import NamedTuple

import numpy as np


TOTALS = ('accepted', 'refused', 'guard_interventions', 'deadline_misses')  # never decrease


class Update(NamedTuple):
    """Totals and metrics when an update was concluded: one row of the table of updates."""

    time: float  # of the plant [s]
    accepted: float  # updates so far, NaN where that was not heard
    refused: float  # updates so far, NaN where that was not heard
    loss: float  # imitation loss, NaN where none was heard
    worst_metric: float  # NaN where none was heard, or none was certified


class ReportedNumbers:
    """
    The newest value of each published number, the updates, and the control periods.

    A node that was started again counts from 0: its total of before is added.
    """

    def __init__(self) -> None:
        """Start with unmeasured numbers: NaN."""
        self.newest = dict.fromkeys(('loss', 'worst_metric', *TOTALS), np.nan)
        self.updates: list[Update] = []
        self.periods: list[float] = []  # of the controller [ms]
        self._offsets: dict[str, tuple[float, float]] = {}  # {total: (counted before, last)}

    def add(self, name: str, item: float, now: float) -> None:
        """
        Add a published number; a new total of accepted or refused updates concludes an update.

        :param name: a key of `newest`, or 'period_ms'. :param now: time of the plant [s].
        """
        if name == 'period_ms':
            if item > 0:
                self.periods.append(item)
            return
        before = self._concluded
        self.newest[name] = self._continued(name, item) if name in TOTALS else item
        if name in ('accepted', 'refused') and self._concluded > before:
            accepted, refused, loss, worst = (float(self.newest[key]) for key in (
                'accepted', 'refused', 'loss', 'worst_metric'))
            self.updates.append(Update(now, accepted, refused, loss, worst))

    @property
    def _concluded(self) -> float:
        """Return how many updates were reported."""
        return float(np.nansum([self.newest['accepted'], self.newest['refused']]))

    def _continued(self, name: str, item: float) -> float:
        """Return a total over all starts of its node."""
        offset, last = self._offsets.get(name, (0.0, 0.0))
        if item < last:
            offset += last
        self._offsets[name] = (offset, item)
        return offset + item

    def measured(self, name: str) -> float | None:
        """Return the newest value of a number, None where it was not measured."""
        return None if np.isnan(self.newest[name]) else float(self.newest[name])

    def total(self, name: str) -> int | None:
        """Return a total, None where it was not measured."""
        return None if np.isnan(self.newest[name]) else int(self.newest[name])
