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
What is recorded: a table that :mod:`scpo_ros.identification.csv_record` reads.

A row's input is the one that acts from its time on. The robot reports with a state what it applied
over the step that led there. Where it reports the answers to earlier states, it applies commands
late: the input is then written into the row whose answer it is, so that the delay stands in the
table. What was commanded is written besides, in columns of its own. It takes the place of the
applied input where a robot never reports any.
"""

from collections.abc import Sequence
import csv
from dataclasses import dataclass
import io

import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.interface.messages import State
from scpo_ros.systems.lateness import Answered, LONGEST, steps_between, steps_late
from scpo_ros.systems.system import System


@dataclass(frozen=True, eq=False)
class Row:
    """A state and its answer."""

    state: State
    u: Array  # (m,)
    phase: str  # what chose the input

    @property
    def answered(self) -> Answered:
        """Return what tells whether the answer was applied."""
        state = self.state
        return Answered(state.time, state.episode, state.applied, self.u)


def table(rows: Sequence[Row], system: System) -> str:
    """Return what was recorded as a text (CSV)."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator='\n')
    inputs = system.inputs.names
    writer.writerow(['time', 'episode', *system.states.names, *inputs,
                     *(f'commanded_{name}' for name in inputs), 'phase'])
    first = _nanoseconds(rows[0].state) if rows else 0
    for row, acting in zip(rows, acting_inputs([row.answered for row in rows], system)):
        state = row.state
        writer.writerow([f'{(_nanoseconds(state) - first) * 1e-9:.9f}', state.episode,
                         *map(repr, state.x.tolist()), *map(_text, acting.tolist()),
                         *map(repr, row.u.tolist()), row.phase])
    return text.getvalue()


def acting_inputs(seen: Sequence[Answered], system: System) -> Array:
    """Return the inputs (N, m) that act as the answers to N states; NaN where not known."""
    found = np.array([one.answer for one in seen]).reshape(len(seen), system.m)
    if not any(np.all(np.isfinite(one.applied)) for one in seen):
        return found
    found[:] = np.nan
    late = steps_late(seen, system, LONGEST)
    for place, (before, after) in enumerate(zip(seen, seen[late + 1:])):
        if steps_between(before, after, system.dt) == late + 1:
            found[place] = after.applied
    return found


def _nanoseconds(state: State) -> int:
    return state.stamp.sec * 10**9 + state.stamp.nanosec


def _text(number: float) -> str:
    return repr(number) if np.isfinite(number) else ''
