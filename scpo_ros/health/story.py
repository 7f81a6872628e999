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

"""What happened to a node, as log lines; what happens often is said now and then. No ROS."""

from collections.abc import Callable

from scpo_ros.health.severity import Severity


_PERIOD_S = 10.0  # least time between two lines of one kind [s]


class Story:
    """Says what happened; of what happens often, a line now and then that counts the others."""

    def __init__(self, say: Callable[[Severity, str], None],
                 clock: Callable[[], float]) -> None:
        """Begin. :param say: writes a line. :param clock: returns the steady time [s]."""
        self._say, self._clock = say, clock
        self._often: dict[str, tuple[float, int]] = {}  # {kind: (newest line [s], unsaid since)}
        self._last: dict[str, str] = {}  # {what: its newest state}

    def tell(self, severity: Severity, sentence: str, kind: str = '') -> None:
        """Say it. :param kind: of what happens often, which is said every 10 s at most."""
        if not kind:
            self._say(severity, sentence)
            return
        now, (said, unsaid) = self._clock(), self._often.get(kind, (-_PERIOD_S, 0))
        if kind in self._often and now - said < _PERIOD_S:
            self._often[kind] = said, unsaid + 1
            return
        self._often[kind] = now, 0
        self._say(severity, sentence + (f' ({unsaid} more since the last such line)'
                                        if unsaid else ''))

    def changed(self, what: str, state: str) -> bool:
        """Return whether something is in another state than when this was asked last."""
        before = self._last.get(what)
        self._last[what] = state
        return state != before
