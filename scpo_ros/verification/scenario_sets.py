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
The scenarios that a safety evaluation looks at: those that the projection sees, those that decide.

Both sets are drawn once. Scenarios that are added later join both, at the end: failures of the
verification for good, replays of collected rollouts and refused scenarios in turns.
"""

from functools import cached_property

import numpy as np
from scpo_ros.systems.scenario import Scenarios


_REFUSED = 64  # counterexamples of the controller that are kept


class _Turns:
    """Places of added scenarios; the oldest is used again once there are as many as admitted."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._places: list[int] = []

    def place(self, free: int) -> int | None:
        """Return the place of the next scenario: `free`, or the oldest; None without places."""
        if self._limit == 0:
            return None
        place = free if len(self._places) < self._limit else self._places.pop(0)
        self._places.append(place)
        return place


class ScenarioSets:
    """The design set, which the projection sees, and the verification set, which decides."""

    def __init__(self, design: Scenarios, verification: Scenarios, replays: int) -> None:
        """
        Begin with two drawn sets.

        :param replays: replays of collected rollouts that are kept at most.
        """
        self._drawn = design, verification
        self._added: list[Scenarios] = []
        self._replays, self._refused = _Turns(replays), _Turns(_REFUSED)

    @cached_property
    def design(self) -> Scenarios:
        """Return the design set, the added scenarios last."""
        return _joined(self._drawn[0], *self._added)

    @cached_property
    def verification(self) -> Scenarios:
        """Return the verification set, the added scenarios last."""
        return _joined(self._drawn[1], *self._added)

    def remember(self, rows: list[int], most: int) -> None:
        """
        Add scenarios of the verification set for good; those that were added before are there.

        :param rows: of the verification set. :param most: how many are added at most.
        """
        drawn = self._drawn[1]
        for row in [row for row in rows if row < len(drawn)][:most]:
            self._put(drawn.take([row]), len(self._added))

    def add_replay(self, scenario: Scenarios) -> None:
        """Add a collected rollout (a batch of one), in place of the oldest replay."""
        self._put(scenario, self._replays.place(len(self._added)))

    def add_refused(self, scenario: Scenarios) -> None:
        """Add a counterexample of the controller (a batch of one), in place of the oldest."""
        self._put(scenario, self._refused.place(len(self._added)))

    def _put(self, scenario: Scenarios, place: int | None) -> None:
        """Put a scenario at a place of the added ones; one past the last adds it."""
        if place is None:
            return
        self._added[place:place + 1] = [scenario]
        for name in ('design', 'verification'):
            vars(self).pop(name, None)  # made anew when it is asked for


def _joined(*batches: Scenarios) -> Scenarios:
    """Return batches, one behind the other."""
    return Scenarios(*(np.concatenate([getattr(batch, name) for batch in batches])
                       for name in ('x0', 'w', 'nominal')))
