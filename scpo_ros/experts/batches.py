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
Batches of states that an expert labels, and when one is due. No ROS.

States of the plant's time line are gathered; a full batch becomes one demonstration. Forged states
from the past or the future belong to no batch, and cannot silence the expert.
"""

from scpo_ros.interface.messages import State
from scpo_ros.interface.state_watch import BRIDGED_S, Fate, StateWatch


class Batches:
    """Gathers the states of the plant's time line into batches."""

    def __init__(self, dt: float, batch: int) -> None:
        """
        Start with nothing seen.

        :param dt: step [s]. :param batch: states of one demonstration.
        """
        self.batch = batch
        self._watch = StateWatch(dt, BRIDGED_S)
        self._gathered: list[State] = []
        self._latest: list[State] | None = None

    def see(self, state: State) -> list[State] | None:
        """
        Return the states to be demonstrated now, or None.

        The first state makes a batch at once, so that the adapter sees that there is an expert. A
        repeated state that completed the last batch brings that batch again: the plant waits for
        a node that has missed it.
        """
        fate = self._watch.judge(state)
        if fate is Fate.REPEATED:
            return None if self._gathered else self._latest
        if fate is not Fate.FRESH:
            return None
        self._gathered.append(state)
        if len(self._gathered) < self.batch and self._latest is not None:
            return None
        self._latest, self._gathered = self._gathered, []
        return self._latest
