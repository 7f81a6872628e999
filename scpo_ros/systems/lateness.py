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

"""How many steps late a robot applies commands, as it reports itself."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.systems.model import Model
from scpo_ros.systems.transitions import same_input

LONGEST = 10  # delay that is tried [steps]
_OFTEN = 0.9  # share of the steps that a delay explains
_SELDOM = 0.5  # share that no delay explains, where the two differ


@dataclass(frozen=True, eq=False)
class Answered:
    """A state that arrived, and its answer."""

    time: float  # [s]
    episode: int
    applied: Array  # (m,), input over the step that led here, as the robot reports it
    answer: Array | None  # (m,); None: it was not answered


def steps_late(seen: Sequence[Answered], system: Model, longest: int) -> int:
    """
    Return how many steps late the robot applies commands, as it reports itself.

    It is the delay that explains nearly all applied inputs, if no delay does not explain those at
    which the two differ: inputs that are held for some steps are explained by both. Else 0.

    :param seen: in their order. :param longest: delay that is tried.
    """
    explained = [_explained(seen, system, delay) for delay in range(longest + 1)]
    shares = [float(np.mean(list(found.values()))) if found else 0.0 for found in explained]
    best = int(np.argmax(shares))
    differ = [explained[0][place] for place, holds in explained[best].items()
              if explained[0].get(place, holds) != holds]
    told = len(differ) > 0 and float(np.mean(differ)) < _SELDOM
    return best if shares[best] >= _OFTEN and told else 0


def steps_between(before: Answered, after: Answered, dt: float) -> int:
    """Return the number of steps from one state to another; 0 across episodes."""
    return round((after.time - before.time) / dt) if before.episode == after.episode else 0


def _explained(seen: Sequence[Answered], system: Model, delay: int) -> dict[int, bool]:
    """Return {place of a state: whether the input before is the answer a delay earlier}."""
    found = {}
    for place, (before, after) in enumerate(zip(seen, seen[delay + 1:]), delay + 1):
        if before.answer is not None and steps_between(
                before, after, system.dt) == delay + 1:
            found[place] = bool(
                same_input(system, after.applied, system.saturate(before.answer)))
    return found
