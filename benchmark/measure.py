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

"""Timing side by side, and what a measurement is."""

from dataclasses import asdict, dataclass
import time

import numpy as np


@dataclass(frozen=True)
class Result:
    """One number with its spread (interquartile range) and, where one is set, its target."""

    name: str
    value: float
    spread: float
    unit: str
    target: float = None
    higher_is_better: bool = True
    note: str = ''

    @property
    def met(self):
        """Return whether the target is reached, None without a target; NaN reaches none."""
        if self.target is None:
            return None
        if self.higher_is_better:
            return bool(self.value >= self.target)
        return bool(self.value <= self.target)

    @property
    def entry(self):
        """Return what goes into the results file."""
        fields = asdict(self)
        return {name: fields[name] for name in ('name', 'value', 'spread', 'unit')}


def spread_of(samples):
    """Return the interquartile range."""
    low, high = np.quantile(samples, [0.25, 0.75])
    return float(high - low)


def summarised(name, samples, unit, **more):
    """Return the :class:`Result` with the median of samples."""
    return Result(name, float(np.median(samples)), spread_of(samples), unit, **more)


def interleaved(calls, rounds, clock=time.process_time):
    """
    Time callables in turn, round after round; return seconds (len(calls), rounds).

    The clock is the processor time of this process, which has one thread: other load on the
    machine then changes the caches and the frequency, but not what is counted.

    :param calls: callables of the number of the round. Each is called once before, untimed.
    """
    for call in calls:
        call(0)
    times = np.empty((len(calls), rounds))
    for index in range(rounds):
        for row, call in enumerate(calls):
            start = clock()
            call(index)
            times[row, index] = clock() - start
    return times


def blocks(call, items, size):
    """Return a callable for :func:`interleaved` that applies `call` to one block of items."""
    count = max(1, len(items) // size)

    def block(index):
        start = index % count * size
        for item in items[start:start + size]:
            call(item)

    return block


def ratio(name, ours, other, target=None, note=''):
    """
    Return the :class:`Result` of the alternative's time over ours, round by round.

    :param ours: seconds (rounds,). :param other: seconds (rounds,), or any shape that divides.
    """
    return summarised(name, np.asarray(other) / np.asarray(ours), 'x', target=target, note=note)
