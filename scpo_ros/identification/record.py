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
A recording as runs: neighbouring samples of one episode, a step apart, none missing.

Which neighbours those are is decided by the rule of the model monitor
(:class:`~scpo_ros.systems.transitions.TransitionRule`). Every other transition is counted, with
its reason, and not used.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scpo_ros.arrays import Array, frozen
from scpo_ros.systems.model import Model
from scpo_ros.systems.transitions import Gap, TransitionRule


@dataclass(frozen=True, eq=False)
class Sample:
    """One state of a recording."""

    time: float  # [s]
    episode: int
    x: Array  # (n,)
    applied: Array  # (m,), input over the step that led here; NaN where it is not known
    place: str  # where it stands: 'line 17', 't = 1.200 s'


@dataclass(frozen=True, eq=False)
class Run:
    """Neighbouring samples of one episode, a step apart."""

    x: Array  # (T, n)
    u: Array  # (T - 1, m); u[k] acts from x[k] to x[k + 1], as recorded
    places: tuple[str, ...]  # T of them

    @property
    def steps(self) -> int:
        """Return the number of transitions."""
        return len(self.u)


@dataclass(frozen=True, eq=False)
class Record:
    """All runs of a recording, and what of it is not used."""

    source: str  # name of the file
    runs: tuple[Run, ...]  # each has one transition at least
    samples: int  # states that were read
    gaps: Counter[Gap]  # {why a transition is not used: how many are not}
    median_step: float  # between neighbouring states of one episode [s]; NaN without any
    notes: tuple[str, ...] = ()  # sentences on what was left out while it was read
    answered_late: int = 0  # steps from a state to the input that the robot applied as its answer

    @cached_property
    def steps(self) -> int:
        """Return the number of transitions in all runs."""
        return sum(run.steps for run in self.runs)


def record_of(source: str, samples: Iterable[Sample], system: Model,
              notes: Iterable[str] = ()) -> Record:
    """
    Return the :class:`Record` of samples in their order.

    A sample with a state or a time that is not a finite number is left out, and counted in a note.

    :param system: its step and the jitter that it admits decide which neighbours are a step apart.
    """
    rule, gaps, said = TransitionRule(system), Counter[Gap](), list(notes)
    runs: list[list[Sample]] = []
    steps: list[float] = []
    count = left_out = 0
    for sample in samples:
        count += 1
        if not (np.isfinite(sample.time) and np.all(np.isfinite(sample.x))):
            left_out += 1
            continue
        if runs:
            before = runs[-1][-1]
            seen = rule.between(before, sample)
            if sample.episode == before.episode:
                steps.append(seen.step)
            if seen.judged:
                runs[-1].append(sample)
                continue
            gaps[seen.gap] += 1
        runs.append([sample])
    if left_out:
        said.append(f'{left_out} states hold a value that is not a number and are left out')
    return Record(source, tuple(_run(part) for part in runs if len(part) > 1), count, gaps,
                  float(np.median(steps)) if steps else float('nan'), tuple(said))


def _run(samples: list[Sample]) -> Run:
    return Run(frozen([sample.x for sample in samples]),
               frozen([sample.applied for sample in samples[1:]]),
               tuple(sample.place for sample in samples))
