"""What the teacher has shown: the newest labelled states, as far as they can teach."""

import numpy as np
from scpo_ros.arrays import checked


class Demonstrations:
    """
    The newest labels of states within the limits, saturated.

    One absurd state among them would be the whole of the loss, and nothing could be learnt until
    it has left the memory.
    """

    def __init__(self, capacity, system):
        """
        Start empty.

        :param capacity: labelled states kept. :param system: LinearSystem, for its limits.
        """
        self.capacity, self._system = capacity, system
        self.states, self.actions = np.zeros((0, system.n)), np.zeros((0, system.m))

    def add(self, states, actions):
        """
        Append labelled states; the oldest leave.

        :raises InvalidArrayError: for wrong shapes or non-finite entries; nothing is added then.
        """
        system = self._system
        states = checked('demonstrated states', states, (None, system.n))
        actions = checked('demonstrated actions', actions, (len(states), system.m))
        useful = np.all(np.abs(states) <= system.state_limit, axis=1)
        self.states = np.vstack([self.states, states[useful]])[-self.capacity:]
        self.actions = np.vstack(
            [self.actions, system.saturate(actions[useful])])[-self.capacity:]

    def __len__(self):
        """Return their number."""
        return len(self.states)
