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
Rollouts that are known: the same weights are rolled out once from the same scenario.

A rollout depends on its weights and its scenario alone. When a scenario joins a set, the present
policy is rolled out from that one; what it does from the others is known. What is not finite is
never kept.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scpo_ros.arrays import Array, digest
from scpo_ros.simulation.filtered_rollout import FilteredSummary
from scpo_ros.systems.scenario import Scenarios

_MOST = 4096  # rollouts of one policy that are kept; replays come and go
_BATCHES = 4  # of scenarios, whose digests are kept


class _Rollout(NamedTuple):
    """What a summary says of one rollout."""

    action: float
    acted: float
    final: Array  # (n,)
    cost: float
    left: bool

    @property
    def finite(self) -> bool:
        """Return whether all its numbers are."""
        return bool(np.isfinite(self.action + self.acted + self.cost + self.final.sum()))


@dataclass(frozen=True)
class _Digested:
    """A batch of scenarios with the digest of each."""

    scenarios: Scenarios
    keys: list[str]


class KnownRollouts:
    """The rollouts of the weights that were asked for last."""

    def __init__(self, run: Callable[[Array, Scenarios], FilteredSummary], policies: int) -> None:
        """
        Begin with nothing known.

        :param run: (weights (1, d), scenarios) -> summary. :param policies: weights whose rollouts
            are kept; with 0 each is rolled out every time.
        """
        self._run, self._policies = run, policies
        self._known: dict[bytes, dict[str, _Rollout]] = {}  # by weights, the oldest first
        self._batches: list[_Digested] = []

    def summarise(self, theta: Array, scenarios: Scenarios) -> FilteredSummary:
        """Return the summary of one policy (d,); what is known of it is not rolled out again."""
        if self._policies == 0:
            return self._run(theta[None], scenarios)
        keys, known = self._keys(scenarios), self._of(theta)
        rows = {key: row for row, key in enumerate(keys) if key not in known}
        found = dict(known)
        if rows:
            new = self._run(theta[None], scenarios.take(list(rows.values())))
            found.update((key, _Rollout(*fields)) for key, *fields in zip(
                rows, new.action[0], new.acted[0], new.final[0], new.cost[0], new.left[0]))
            self._keep(known, keys, found)
        columns = zip(*(found[key] for key in keys))
        return FilteredSummary(*(np.array(column)[None] for column in columns))

    def _of(self, theta: Array) -> dict[str, _Rollout]:
        """Return what is known of a policy (d,), which becomes the newest one."""
        name = np.ascontiguousarray(theta).tobytes()
        known = self._known.pop(name, {})
        self._known[name] = known
        for oldest in list(self._known)[:-self._policies]:
            del self._known[oldest]
        return known

    @staticmethod
    def _keep(known: dict[str, _Rollout], keys: list[str], found: dict[str, _Rollout]) -> None:
        """Keep what was found; of too many only those of the scenarios asked for."""
        if len(found) > _MOST:
            known.clear()
            found = {key: found[key] for key in keys}
        known.update((key, rollout) for key, rollout in found.items() if rollout.finite)

    def _keys(self, scenarios: Scenarios) -> list[str]:
        """Return the digest of each scenario."""
        for batch in self._batches:
            if batch.scenarios is scenarios:
                return batch.keys
        keys = [digest(x0, w) for x0, w in zip(scenarios.x0, scenarios.w)]
        self._batches = [*self._batches, _Digested(scenarios, keys)][-_BATCHES:]
        return keys
