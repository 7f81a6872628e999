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

"""What the comparison measures of its runs, from their records."""

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import TypeAlias, TypedDict, TypeVar

import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.experiments.double_integrator import gap_closed

VERIFIED = ('scpo', 'scpo-stable', 'scpo-paper', 'scpo-paper-adaptive', 'scpo-paper-aggregated',
            'line-search')


class Record(TypedDict, total=False):
    """One finished run, as its file has it: the summary, and what the comparison adds."""

    expert: str
    method: str
    seed: int
    updates: int
    no_regret: bool  # whether the baseline-cost constraint was on
    accepted: int
    refused: int
    rollouts: int
    losses: list[float]  # after every update
    loss_optimum: float
    unsafe_iterates: int
    held_out_violations: int
    held_out_unsafe_iterates: int
    task_cost_backup: float
    task_cost_final: float
    task_cost_expert: float | None
    seconds: float
    exits: int  # where they were searched for
    long_violations: int
    source: str  # digest of the package's source


Reference: TypeAlias = tuple[float, float]  # L0, L*
_Key = TypeVar('_Key', bound=Hashable)


def references(records: Iterable[Record]) -> dict[tuple[str, bool], Reference]:
    """
    Return {(expert, baseline cost on): (L0, L*)}, L* the lowest of optimum and safe losses.

    A loss counts as safe in runs of methods that prove invariance and verify with the margin.
    """
    found: dict[tuple[str, bool], Reference] = {}
    for record in records:
        key = record['expert'], record['no_regret']
        candidates = [record['loss_optimum'], found.get(key, (0.0, np.inf))[1]]
        if record['method'] in VERIFIED and record['unsafe_iterates'] == 0:
            candidates.append(min(record['losses']))
        found[key] = record['losses'][0], min(candidates)
    return found


def gaps(record: Record, reference: Reference) -> Array:
    """Return the part of the gap closed after every update, (updates + 1,)."""
    initial, optimum = reference
    return np.array([gap_closed(initial, loss, optimum) for loss in record['losses']])


def gaps_of(records: Iterable[Record], known: Mapping[tuple[str, bool], Reference]
            ) -> list[Array]:
    """Return :func:`gaps` of every record. :param known: of :func:`references`."""
    return [gaps(record, known[record['expert'], record['no_regret']]) for record in records]


def task_gap_closed(record: Record) -> float:
    """Return the part of the task-cost gap to the expert that was closed; NaN without a gap."""
    expert = record['task_cost_expert']
    gap = np.nan if expert is None else record['task_cost_backup'] - expert
    if not gap > 0:
        return np.nan
    return (record['task_cost_backup'] - record['task_cost_final']) / gap


def grouped(records: Iterable[Record], key: Callable[[Record], _Key]
            ) -> dict[_Key, list[Record]]:
    """Return {key: the records that have it}, in the order of the records."""
    groups: dict[_Key, list[Record]] = {}
    for record in records:
        groups.setdefault(key(record), []).append(record)
    return groups
