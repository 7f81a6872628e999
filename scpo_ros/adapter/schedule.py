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

"""What the worker is asked next, and when. No ROS."""

from collections.abc import Callable, Iterable

import numpy as np
from scpo_ros.adapter.inbox import Inbox
from scpo_ros.adapter.pairing import Pairing
from scpo_ros.adapter.requests import Begin, Describe, LearnerRequest
from scpo_ros.config import AdapterConfig


_SAME_S = 1e-9  # two times closer than this are the same [s]


def _first() -> list[LearnerRequest]:
    """Return what a new worker is asked before all else."""
    return [Describe(), Begin()]


class Schedule:
    """Keeps what the worker must be told, and decides when the next update is due."""

    def __init__(self, lockstep: bool, clock: Callable[[], float]) -> None:
        """
        Start with the questions to a new worker.

        :param lockstep: whether the plant waits for the adapter, and the adapter for experts.
        :param clock: () -> wall time [s].
        """
        self._lockstep, self._clock = lockstep, clock
        self._began, self._asked = clock(), 0.0
        self._queue = _first()
        self._due = 0, 0.0  # number of a time line, and when on it the next update is due [s]

    @property
    def waiting(self) -> bool:
        """Return whether the worker must be told something."""
        return bool(self._queue)

    @property
    def elapsed_ms(self) -> float:
        """Return the time since the worker was asked last [ms]."""
        return 1e3 * (self._clock() - self._asked)

    def note_asked(self) -> None:
        """Note that the worker is asked now."""
        self._asked = self._clock()

    def add(self, requests: Iterable[LearnerRequest]) -> None:
        """Queue questions behind the others."""
        self._queue += requests

    def begin_with(self, requests: list[LearnerRequest]) -> None:
        """Ask these first, in the place of :class:`~scpo_ros.adapter.requests.Begin`."""
        self._queue = requests + [r for r in self._queue if not isinstance(r, Begin)]

    def begin_again(self) -> None:
        """Ask the first questions again, before what waits."""
        self._queue = _first() + [
            r for r in self._queue if not isinstance(r, (Describe, Begin))]

    def restart(self) -> None:
        """Drop what waits: a new worker is asked the first questions."""
        self._queue = _first()

    def take_queued(self) -> LearnerRequest | None:
        """Return what the worker must be told next, if anything."""
        return self._queue.pop(0) if self._queue else None

    def is_due(self, seen: Pairing) -> bool:
        """Return whether the time for the next update has come."""
        line, due = self._due
        due = due if line == seen.time_line else seen.first
        return seen.answered is not None and bool(seen.answered >= due - _SAME_S)

    def next_update(self, config: AdapterConfig, seen: Pairing, inbox: Inbox,
                    expert_there: bool) -> LearnerRequest | None:
        """Return the question that makes an update, if one is due: proposals come first."""
        proposal, now = inbox.take_proposal(), seen.answered
        if proposal is not None:
            return proposal
        if now is None or not self.is_due(seen) or self._must_wait(
                config, max(now - config.demonstration_lag_s, seen.first), inbox, expert_there):
            return None
        self._due = seen.time_line, now + config.update_period_s
        until = now - config.demonstration_lag_s if self._lockstep else np.inf
        return inbox.take_step(until + _SAME_S)

    def _must_wait(self, config: AdapterConfig, past: float, inbox: Inbox,
                   expert_there: bool) -> bool:
        """
        Return whether, in lock-step, demonstrations of the past may still be on their way.

        An expert that was started with the other nodes may be found seconds after them. Updates
        made without it in the meantime would depend on how long that takes.

        :param past: until when there must be demonstrations [s].
        """
        if not self._lockstep:
            return False
        newest = inbox.newest_demonstration
        if not expert_there:
            return newest is None and self._clock() - self._began < config.expert_wait_s
        return newest is None or newest < past - _SAME_S
