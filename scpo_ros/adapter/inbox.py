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

"""What came in and waits for the learner: demonstrations, rollouts, proposals. No ROS."""

from dataclasses import dataclass

import numpy as np
from scpo_ros.adapter.collection import CollectedRollout
from scpo_ros.adapter.requests import Propose, Step
from scpo_ros.arrays import Array


_EXPERTS = 64  # newest, of which the newest demonstration is known
_PROPOSALS = 4  # raw steps of other learners that wait


@dataclass(frozen=True, eq=False)
class Demonstration:
    """States that an expert labelled with actions."""

    end: float  # time of the last state [s]
    states: Array  # (T, n)
    actions: Array  # (T, m)


class Inbox:
    """Keeps what waits for the learner, the newest of each, and counts malformed messages."""

    def __init__(self) -> None:
        """Start empty."""
        self._demonstrations: list[Demonstration] = []
        self._rollouts: list[CollectedRollout] = []
        self._proposals: list[object] = []
        self._heard: dict[str, Demonstration] = {}  # {expert: its newest}
        self.newest_demonstration: float | None = None  # the end of it [s]
        self.expert = ''  # name that the newest demonstration gives its expert
        self.shown_rollouts: tuple[Array, ...] = ()  # (T + 1, n) each, also those handed over
        self.ignored, self.malformed = 0, ''  # malformed messages, and what was wrong last
        self._told_ignored = 0

    def add_demonstration(self, demonstration: Demonstration, expert: str, limit: int) -> None:
        """Keep a demonstration, but the same one only once. :param limit: most of them."""
        self.expert = expert
        before = self._heard.get(expert)
        if before is not None and before.end == demonstration.end:
            self._ignore_repeated(expert, before, demonstration)
            return
        self._heard.pop(expert, None)
        self._heard[expert], self.newest_demonstration = demonstration, demonstration.end
        for name in list(self._heard)[:-_EXPERTS]:
            del self._heard[name]
        self._demonstrations = [*self._demonstrations, demonstration][-limit:]

    def _ignore_repeated(self, expert: str, before: Demonstration, again: Demonstration) -> None:
        """Pass a demonstration that came twice; count one that bears the stamp of another."""
        if not (np.array_equal(before.states, again.states)
                and np.array_equal(before.actions, again.actions)):
            rule = ('header.stamp is 0 and must be set' if again.end == 0
                    else 'every demonstration needs a stamp of its own')
            self.ignore(f'demonstrations of {expert!r} repeat the time {again.end:g} s: {rule}')

    def add_rollout(self, rollout: CollectedRollout, limit: int) -> None:
        """Keep a collected rollout. :param limit: most of them; one always tests the model."""
        kept = max(1, limit)
        self._rollouts = [*self._rollouts, rollout][-kept:]
        self.shown_rollouts = (*self.shown_rollouts, rollout.x)[-kept:]

    def add_proposal(self, step: object) -> None:
        """Keep the raw step of another learner; the worker checks it."""
        self._proposals = [*self._proposals, step][-_PROPOSALS:]

    def ignore(self, reason: str) -> None:
        """Count a malformed message."""
        self.ignored, self.malformed = self.ignored + 1, reason

    def newly_ignored(self) -> int:
        """Return how many messages were malformed since this was asked last."""
        told, self._told_ignored = self._told_ignored, self.ignored
        return self.ignored - told

    def forget_rollouts(self) -> None:
        """Drop the rollouts that wait."""
        self._rollouts = []

    def take_proposal(self) -> Propose | None:
        """Return the question that hands over the oldest raw step, if there is one."""
        return Propose(self._proposals.pop(0)) if self._proposals else None

    def take_step(self, until: float) -> Step:
        """Return the question that hands over what was seen. :param until: of demonstrations."""
        taken = [shown for shown in self._demonstrations if shown.end <= until]
        self._demonstrations = [shown for shown in self._demonstrations if shown.end > until]
        rollouts, self._rollouts = tuple(self._rollouts), []
        return Step(tuple((shown.states, shown.actions) for shown in taken), rollouts)
