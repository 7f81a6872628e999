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

"""What the experts have shown: the newest labelled states that can be learned from."""

import numpy as np
from scpo_ros.arrays import Array, checked
from scpo_ros.systems.model import Model


class Demonstrations:
    """
    The newest labelled states within the limits, with saturated actions.

    A state far outside the limits would dominate the loss. Nothing could be learned until it has
    left the memory.
    """

    def __init__(self, capacity: int, system: Model) -> None:
        """
        Start empty.

        :param capacity: labelled states kept. :param system: for its limits.
        """
        self.capacity, self._system = capacity, system
        self.states, self.actions = np.zeros((0, system.n)), np.zeros((0, system.m))

    def add(self, states: Array, actions: Array) -> None:
        """
        Append labelled states (N, n) with their actions (N, m); the oldest leave.

        :raises InvalidArrayError: for wrong shapes or non-finite entries; nothing is added then.
        """
        system = self._system
        states = checked('demonstrated states', states, (None, system.n))
        actions = checked('demonstrated actions', actions, (len(states), system.m))
        useful = system.observed.within_limits(states, np.zeros((len(states), system.m)), 0.0)
        self.states = np.vstack([self.states, states[useful]])[-self.capacity:]
        self.actions = np.vstack(
            [self.actions, system.saturate(actions[useful])])[-self.capacity:]

    def __len__(self) -> int:
        """Return their number."""
        return len(self.states)
