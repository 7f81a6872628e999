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
The measurement error, from segments at rest.

A robot that stands still shows the error of its sensors alone. While it moves the error cannot be
told from the disturbance. A segment is at rest where the input is constant and every measured
state is constant, or varies around its mean without memory: its successive differences are as
large as those of independent numbers (von Neumann's ratio, 2 for independent numbers, near 0 for
anything that moves).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.identification.record import Record, Run

LEAST = 50  # samples of a segment at rest
_RATIO = 1.2  # least ratio; 50 independent numbers stay below it in 1 of 500 cases


@dataclass(frozen=True, eq=False)
class Rest:
    """What the segments at rest show."""

    samples: int  # of all segments; 0: there is none
    places: str  # of the longest one, in words
    half_widths: Array  # (n,), half of the largest spread; with the resolution of the readings


def rest_of(record: Record, resolution: Array) -> Rest:
    """
    Return what the segments at rest of a recording show.

    :param resolution: (n,), of the readings.
    """
    found = [(run, part) for run in record.runs for part in _segments(run)]
    widths = np.zeros(len(resolution))
    if not found:
        return Rest(0, '', widths)
    for run, part in found:
        widths = np.maximum(widths, np.ptp(run.x[part], axis=0) / 2)
    run, part = max(found, key=lambda pair: pair[1].stop - pair[1].start)
    return Rest(sum(part.stop - part.start for _, part in found),
                f'{run.places[part.start]} to {run.places[part.stop - 1]}',
                np.maximum(widths, resolution / 2))


def _segments(run: Run) -> Iterator[slice]:
    """Yield the segments at rest of a run."""
    changes = np.flatnonzero(np.any(np.diff(run.u, axis=0) != 0, axis=1)) + 1
    edges = [0, *changes.tolist(), run.steps]
    for begin, end in zip(edges, edges[1:]):
        while end + 1 - begin >= LEAST:
            if all(map(_still, run.x[begin:end + 1].T)):
                yield slice(begin, end + 1)
                break
            begin += max(1, (end + 1 - begin) // 4)  # it may have come to rest on the way


def _still(values: Array) -> bool:
    """Return whether readings (T,) are constant, or vary without memory."""
    away = values - values.mean()
    spread = float(away @ away)
    if not np.ptp(values) > 0:
        return True
    return float(np.sum(np.diff(values)**2)) >= _RATIO * spread


def resolution_of(record: Record) -> Array:
    """
    Return the resolution (n,) of the readings: the step of the grid that they lie on.

    It is 0 where no grid is seen: where more than a quarter of the readings differ.
    """
    values = np.vstack([run.x for run in record.runs])
    found = np.zeros(values.shape[1])
    for column, readings in enumerate(values.T):
        different = np.unique(readings)
        if 2 <= len(different) <= len(readings) / 4:
            found[column] = np.min(np.diff(different))
    return found
