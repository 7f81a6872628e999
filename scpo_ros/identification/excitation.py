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
Excitation, direction by direction: whether the recording shows what each of them does.

Row by row the regressors whose entries are free are taken in units of their limits, without their
mean: a constant value excites nothing. A *direction* d is an eigenvector of their sum of squares,
and S the root of its eigenvalue. What the direction does at the limits is then known up to

    e = r s |d|_1 / S        (s: size of the residuals of the row, r: radius of the joint region)

It counts as excited where e is at most 3 times the largest residual of the row, or at most a tenth
of the most by which the draft changes the state in a step.
"""

from dataclasses import dataclass

import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.identification.free_entries import FreeEntries
from scpo_ros.identification.transitions import Transitions

_OF_RESIDUALS = 3.0
_OF_CHANGE = 0.1
_NOTHING = 1e-7  # root mean square of a direction, in units of the limits, that is rounding
_SHOWN = 0.05  # weight in a direction, over the largest, that is named


@dataclass(frozen=True, eq=False)
class Direction:
    """The least excited direction of the regressors of a row."""

    row: int
    weights: Array  # d (n + m), of norm 1, in units of the limits
    movement: float  # root mean square along d in the recording, in units of the limits
    uncertainty: float  # e, units of x per step; inf where the direction was not moved
    excited: bool

    def in_words(self, names: tuple[str, ...]) -> str:
        """Return the direction with the names of its states and inputs, the largest first."""
        largest = float(np.max(np.abs(self.weights)))
        scaled = self.weights / self.weights[np.argmax(np.abs(self.weights))]
        order = [int(j) for j in np.argsort(-np.abs(scaled)) if abs(scaled[j]) >= _SHOWN]
        words = [names[order[0]]]
        for j in order[1:]:
            words.append(f'{"+" if scaled[j] > 0 else "-"} {abs(scaled[j]):.2f} {names[j]}')
        return ' '.join(words) if largest > 0 else 'nothing'


def directions(entries: FreeEntries, data: Transitions, limits: Array, sizes: Array,
               largest: Array, radius: float) -> list[Direction]:
    """
    Return the least excited direction of every row with free entries.

    :param limits: (n + m,), of states and inputs. :param sizes: s (n,). :param largest: (n,), the
        largest residuals. :param radius: r.
    """
    moved = (data.z - data.z.mean(axis=0)) / limits
    change = np.abs(entries.over_a_step(entries.start) - np.eye(*entries.draft.shape)) @ limits
    found = []
    for row in np.flatnonzero(entries.free.any(axis=1)):
        columns = np.flatnonzero(entries.free[row])
        values, vectors = np.linalg.eigh(moved[:, columns].T @ moved[:, columns])
        movement = float(np.sqrt(max(values[0], 0.0) / data.count))
        weights = np.zeros(len(limits))
        weights[columns] = vectors[:, 0]
        uncertainty = np.inf
        if movement > _NOTHING:
            uncertainty = float(radius * sizes[row] * np.sum(np.abs(weights))
                                / (movement * np.sqrt(data.count)))
        allowed = max(_OF_RESIDUALS * largest[row], _OF_CHANGE * change[row])
        found.append(Direction(int(row), weights, movement, uncertainty,
                               bool(uncertainty <= allowed)))
    return found
