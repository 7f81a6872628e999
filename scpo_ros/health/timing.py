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

"""How punctual the controller is: histograms of its period and of the time an answer takes."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence

import numpy as np
from scpo_ros.health.known import known


# Upper edges of the buckets, as parts of dt; what is longer than the last is only in the total.
PERIOD_EDGES = (0.5, 0.8, 0.9, 0.95, 1.05, 1.1, 1.2, 1.5, 2.0, 5.0)
LATENCY_EDGES = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
_KEPT = 1000  # periods of which the percentile is taken


class Histogram:
    """Counts of numbers up to fixed edges, over the whole run."""

    def __init__(self, edges: Sequence[float]) -> None:
        """Start empty. :param edges: ascending."""
        self._edges, self._counts = tuple(edges), [0] * (len(edges) + 1)

    def add(self, number: float) -> None:
        """Count a number; NaN is beyond every edge."""
        inside = number <= self._edges[-1]
        self._counts[bisect_left(self._edges, number) if inside else -1] += 1

    @property
    def cumulative(self) -> dict[str, int]:
        """Return {'le_EDGE': how many were at most EDGE, ..., 'count': how many there were}."""
        sums = np.cumsum(self._counts).tolist()
        return {**{f'le_{edge:g}': total for edge, total in zip(self._edges, sums)},
                'count': sums[-1]}


class Punctuality:
    """
    Periods between the states answered, and latencies from a state's arrival to its answer.

    Both are measured by the wall clock and counted as parts of dt: with a real-time factor the
    periods are that much shorter. The latency is what the controller itself takes.
    """

    def __init__(self, dt: float, deadline: float = 0.5) -> None:
        """
        Start without a state.

        :param dt: control period [s]. :param deadline: part of dt after which an answer is late.
        """
        self._dt, self._deadline = dt, deadline
        self.late = 0  # answers
        self.arrival: float | None = None  # of the newest state, steady time [s]
        self._recent: list[float] = []
        self.period_ms = self.latency_ms = float('nan')  # the last ones; NaN: none yet
        self.periods, self.latencies = Histogram(PERIOD_EDGES), Histogram(LATENCY_EDGES)

    def note(self, arrival: float, answered: float) -> None:
        """Count an answered state. :param arrival: steady time [s]. :param answered: as well."""
        self.latency_ms = 1e3 * (answered - arrival)
        self.latencies.add((answered - arrival) / self._dt)
        self.late += not answered - arrival <= self._deadline * self._dt  # NaN is late
        if self.arrival is not None:
            self.period_ms = 1e3 * (arrival - self.arrival)
            self._recent = self._recent[1 - _KEPT:] + [self.period_ms]
            self.periods.add((arrival - self.arrival) / self._dt)
        self.arrival = arrival

    @property
    def values(self) -> dict[str, str | int]:
        """Return {key: value} for diagnostics."""
        p99 = float(np.percentile(self._recent, 99)) if self._recent else None
        return {'period_p99_ms': known(p99, '.2f'), 'late_answers': self.late,
                **{f'period_{key}': n for key, n in self.periods.cumulative.items()},
                **{f'latency_{key}': n for key, n in self.latencies.cumulative.items()}}


def period_counts(periods_ms: Iterable[float], dt: float) -> dict[str, int]:
    """Return the cumulative histogram of periods [ms] as parts of dt [s]."""
    histogram = Histogram(PERIOD_EDGES)
    for period in periods_ms:
        histogram.add(1e-3 * period / dt)
    return histogram.cumulative
