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

"""Whether somebody else does what one node alone may do: publish a topic. No ROS."""

from collections.abc import Mapping


class Rivals:
    """
    Watches who does it, and tells those who do it side by side from one who took another's place.

    The network notices the death of a process only after a while, its lease. A node that was
    started again stands beside its dead predecessor for so long. Rivals are there when two of them
    have both been in company for longer than that.
    """

    def __init__(self, patience: float) -> None:
        """Start with nobody seen. :param patience: a bit more than the lease [s]."""
        self._patience = patience
        self._since: dict[str, dict[bytes, float]] = {}  # {what: {who: in company since [s]}}

    def see(self, what: str, present: Mapping[bytes, str], now: float) -> tuple[str, ...]:
        """
        Return the names of the rivals, sorted; none while there are none.

        :param what: they do. :param present: {identity: name} of all who do it now.
        :param now: steady time [s].
        """
        before = self._since.get(what, {})
        if len(present) < 2:
            self._since[what] = {}
            return ()
        since = self._since[what] = {who: before.get(who, now) for who in present}
        staying = [who for who in present if now - since[who] > self._patience]
        return tuple(sorted(present[who] for who in staying)) if len(staying) > 1 else ()


def in_words(topic: str, names: tuple[str, ...]) -> str:
    """Return what diagnostics say of the rivals on a topic. :param names: of their nodes."""
    return (f'{len(names)} nodes publish {topic}, which only one may: {" and ".join(names)}; end '
            'all but one of them')
