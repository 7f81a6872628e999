"""
Collecting rollouts from the plant's topics: windows of consecutive, undisturbed operation.

A window is discarded when an episode ends, a tick is lost, or anything but a policy acted within
it. What is left can be replayed: its initial state and its realised disturbances, which are what
the plant did beyond A x + B u for the input really applied, whichever weights chose it; a swap of
policies within a window changes nothing about that.
"""

from dataclasses import dataclass

import numpy as np

from scpo_ros.arrays import frozen


@dataclass(frozen=True)
class Sample:
    """One tick as seen on the topics."""

    step: int  # counts on
    episode: int
    x: np.ndarray  # (2,)
    applied: float  # input over the step that led here
    source: str  # which law answered this state, and with which weights


@dataclass(frozen=True)
class CollectedRollout:
    """A window of T steps."""

    step: int  # of the first state
    x: np.ndarray  # (T + 1, 2)
    u: np.ndarray  # (T, 1), really applied

    def __post_init__(self):
        """Freeze."""
        for name in ('x', 'u'):
            object.__setattr__(self, name, frozen(getattr(self, name)))


class RolloutCollector:
    """Turns a stream of samples into windows."""

    def __init__(self, steps):
        """Collect windows of the given number of steps."""
        self._steps, self._window = steps, []

    def add(self, sample):
        """Add a :class:`Sample`; return a :class:`CollectedRollout` when one is complete."""
        window = self._window
        follows = (window and sample.step == window[-1].step + 1
                   and sample.episode == window[-1].episode)
        acting = sample.source.startswith('policy/')
        if not (follows and acting):
            window.clear()
        if not acting:
            return None
        window.append(sample)
        if len(window) <= self._steps:
            return None
        rollout = CollectedRollout(
            window[0].step, [s.x for s in window], [[s.applied] for s in window[1:]])
        self._window = [window[-1]]
        return rollout
