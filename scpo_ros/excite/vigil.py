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

"""Whether states come: silence that the backup must know of, and silence that ends it all."""


class Vigil:
    """Follows when states arrive, by a steady clock."""

    def __init__(self, now: float, pause: float, wait: float) -> None:
        """
        Start.

        :param now: [s]. :param pause: silence that is no loss of a single state [s].
        :param wait: silence after which nothing more is expected [s].
        """
        self._since, self._pause, self._wait = now, pause, wait
        self._heard = self._told = False

    def hear(self, now: float) -> None:
        """Take in that a state arrived."""
        self._since, self._heard, self._told = now, True, False

    def paused(self, now: float) -> bool:
        """Return whether states have ceased to come; True once for each silence."""
        silent = self._heard and not self._told and not now - self._since <= self._pause
        self._told = self._told or silent
        return silent

    def over(self, now: float) -> str:
        """Return why nothing more is expected, '' while it is."""
        silent = now - self._since
        if silent <= self._wait:
            return ''
        return f'no {"further " if self._heard else ""}state came for {silent:.0f} s'
