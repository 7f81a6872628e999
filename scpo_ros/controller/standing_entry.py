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

"""The ledger's newest entry on the revocation: written again until the disk has taken it."""

from collections.abc import Callable
from concurrent.futures import Future

from scpo_ros.ledger.history import History


_RETRY_S = 1.0  # between two attempts [s]


class StandingEntry:
    """
    Keeps 'revoked' or 'reinstated' in the ledger, whichever was said last.

    A controller that starts again reads there whether certificates were revoked. A disk that
    refuses the entry at that moment must not lose it.
    """

    def __init__(self, history: History, clock: Callable[[], float]) -> None:
        """Start with nothing to write. :param clock: () -> [s], monotonic."""
        self._history, self._clock = history, clock
        self._kind, self._values = '', dict[str, str]()
        self._written: Future[None] | None = None
        self._next = 0.0  # time of the next attempt [s]

    def note(self, kind: str, **values: str) -> None:
        """Write an entry; it takes the place of one that is not written yet."""
        self._kind, self._values = kind, values
        self._written = self._history.note(kind, **values)
        self._next = self._clock() + _RETRY_S

    def retry(self) -> None:
        """Write the entry again where the ledger has refused it; call it often."""
        written = self._written
        if written is None or not written.done() or self._clock() < self._next:
            return
        if written.exception() is None:
            self._written = None
        else:
            self.note(self._kind, **self._values)
