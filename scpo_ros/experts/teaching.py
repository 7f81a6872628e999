"""
Which states a teacher labels, and when. No ROS.

States of the plant's time line are gathered; a full batch becomes one demonstration. What a forger
sends from the past or the future is no part of it, and cannot silence the teacher.
"""

from scpo_ros.interface.state_watch import BRIDGED_S, Fate, StateWatch


class Teaching:
    """Gathers states into batches."""

    def __init__(self, dt, batch):
        """
        Start with nothing seen.

        :param dt: step [s]. :param batch: states of one demonstration.
        """
        self.batch = batch
        self._watch, self._gathered, self._latest = StateWatch(dt, BRIDGED_S), [], None

    def see(self, state):
        """
        Return the states to be demonstrated now, or None.

        The first state makes a batch at once, so that everybody sees that there is a teacher. A
        repeated state that completed the last batch brings that batch again: the plant waits,
        for somebody has missed it.
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
