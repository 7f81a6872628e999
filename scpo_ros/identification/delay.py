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
The delay, by comparison: how well each delay explains the same transitions.

The score of a delay is N sum_i log s_i, with s_i the size of what its best model leaves of row i.
The least score wins. It is clear when the next best one is larger by :data:`CLEAR`: for normal
disturbances the recording would then be a thousand times as likely under the winner.
"""

from dataclasses import dataclass

import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.identification.free_entries import FreeEntries
from scpo_ros.identification.insufficient import InsufficientDataError
from scpo_ros.identification.least_squares import fit
from scpo_ros.identification.record import Record
from scpo_ros.identification.transitions import distinct_effects, transitions
from scpo_ros.systems.description import SystemDescription
from scpo_ros.systems.lateness import LONGEST

CLEAR = float(np.log(1000))


@dataclass(frozen=True)
class DelayComparison:
    """The scores of delays from 0 steps on."""

    scores: tuple[float, ...]  # less the least one; inf where no model was found
    sizes: tuple[Array, ...]  # (n,) each, of what is left of each row

    @property
    def best(self) -> int:
        """Return the delay that explains the recording best [steps]."""
        return int(np.argmin(self.scores))

    @property
    def second(self) -> int | None:
        """Return the delay that comes next; None where only one was tried."""
        order = np.argsort(self.scores)
        return int(order[1]) if len(order) > 1 else None

    @property
    def clear(self) -> bool:
        """Return whether no other delay explains the recording nearly as well."""
        return self.second is None or bool(self.scores[self.second] >= CLEAR)


def compared_delays(record: Record, description: SystemDescription, entries: FreeEntries,
                    scale: Array, least: int) -> DelayComparison:
    """
    Return the comparison of all delays that leave enough transitions.

    :param scale: (n,), limits of the states. :param least: transitions that are enough.
    """
    longest = LONGEST
    while longest and transitions(record, 0, longest).count < least:
        longest -= 1
    scores, sizes = [], []
    for delay in range(longest + 1):
        data = transitions(record, delay, longest)
        data = data.with_effects(distinct_effects(description, data))
        try:
            found = fit(entries, data, scale).sizes
        except InsufficientDataError:
            found = np.full(len(scale), np.inf)
        sizes.append(found)
        scores.append(data.count * float(np.sum(np.log(found / scale))))
    least_score = min(scores)
    if not np.isfinite(least_score):
        raise InsufficientDataError("no model of the draft's structure explains the recording")
    return DelayComparison(tuple(score - least_score for score in scores), tuple(sizes))
