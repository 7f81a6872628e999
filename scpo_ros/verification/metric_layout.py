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
Which column of an array of metrics is which metric.

A metric array (m, k) holds one row for every policy. Its columns come in blocks, in this order:

* invariance: one column for every group of states, or one for the worst state;
* baseline cost: one column for each of CONDITIONS;
* rollouts: for every scenario its constraint and its return metric, as far as they are evaluated;
* stability: one column for every group of states, or one for the worst, where it is proved;
* fresh: the worst of the fresh scenarios, where a verification draws some.
"""

from dataclasses import dataclass
from enum import Enum

from scpo_ros.exceptions import InvalidValueError


CONDITIONS = ('in ordinary operation', 'under stress')  # of the two baseline-cost constraints


class MetricKind(Enum):
    """What a metric measures; the value is its name in sentences."""

    INVARIANCE = 'invariance of the safe set, states'
    BASELINE_COST = 'baseline cost'
    CONSTRAINT = 'constraint, scenario'
    RETURN = 'return to the origin, scenario'
    STABILITY = 'stability, states'
    FRESH_CONSTRAINT = 'constraint, worst fresh scenario'
    FRESH_RETURN = 'return to the origin, worst fresh scenario'
    OTHER = 'a metric that the layout does not name, column'


@dataclass(frozen=True)
class Label:
    """One metric: its kind, and the number of the group, condition or scenario that it is of."""

    kind: MetricKind
    number: int

    @property
    def name(self) -> str:
        """Return the metric in words."""
        if self.kind is MetricKind.BASELINE_COST:
            return f'{self.kind.value} {CONDITIONS[self.number]}'
        return f'{self.kind.value} {self.number}'


@dataclass(frozen=True)
class ColumnBlock:
    """Neighbouring columns: all kinds of number 0, all kinds of number 1, and so on."""

    kinds: tuple[MetricKind, ...]
    count: int

    @property
    def size(self) -> int:
        """Return the number of columns."""
        return len(self.kinds) * self.count


@dataclass(frozen=True)
class MetricLayout:
    """The columns of an array of metrics; no kind is in two blocks."""

    blocks: tuple[ColumnBlock, ...]

    def __post_init__(self) -> None:
        """
        Check that a kind names one set of columns.

        :raises InvalidValueError: for a kind that is there twice.
        """
        kinds = [kind for block in self.blocks for kind in block.kinds]
        if len(set(kinds)) != len(kinds):
            raise InvalidValueError('blocks', self.blocks, 'must hold every kind once at most')

    def __add__(self, other: 'MetricLayout') -> 'MetricLayout':
        """Return the layout of two arrays side by side."""
        return MetricLayout(self.blocks + other.blocks)

    @property
    def size(self) -> int:
        """Return the number of columns."""
        return sum(block.size for block in self.blocks)

    def columns(self, *kinds: MetricKind) -> list[int]:
        """Return the columns of the given kinds, ascending within each."""
        every = range(self.size)
        return [column for kind in kinds for column in every[self.slice_of(kind)]]

    def slice_of(self, kind: MetricKind) -> 'slice[int, int, int]':
        """Return the slice of the columns of a kind, an empty one where there are none."""
        start = 0
        for block in self.blocks:
            if kind in block.kinds and block.count:
                first = start + block.kinds.index(kind)
                return slice(first, start + block.size, len(block.kinds))
            start += block.size
        return slice(0, 0, 1)

    def label(self, column: int) -> Label:
        """Return the label of a column, >= 0; OTHER beyond the last block."""
        start = 0
        for block in self.blocks:
            if start <= column < start + block.size:
                number, kind = divmod(column - start, len(block.kinds))
                return Label(block.kinds[kind], number)
            start += block.size
        return Label(MetricKind.OTHER, column)


def block(count: int, *kinds: MetricKind) -> MetricLayout:
    """Return the layout of one block; without a kind or a column it is empty."""
    return MetricLayout((ColumnBlock(kinds, count),))
