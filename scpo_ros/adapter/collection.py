"""
Collecting rollouts from the plant's topics: windows of consecutive, undisturbed operation.

A window is discarded when a transition in it cannot be judged (an episode ends, a state is lost,
the step is not dt, the applied input is unknown: :mod:`scpo_ros.systems.transitions`), when the
plant applied another input than was commanded, or when anything but a policy acted within it. What
is left can be replayed: its initial state and its realised disturbances, which are what the plant
did beyond A x + B u for the input really applied, whichever weights chose it; a swap of policies
within a window changes nothing about that.
"""

from dataclasses import dataclass

import numpy as np
from scpo_ros.arrays import frozen
from scpo_ros.systems.linear_system import LinearSystem
from scpo_ros.systems.transitions import same_input, TransitionRule


@dataclass(frozen=True)
class Sample:
    """One tick as seen on the topics."""

    time: float  # of the state [s]
    episode: int
    x: np.ndarray  # (n,)
    applied: float  # input over the step that led here
    source: str  # which law answered this state, and with which weights
    u: float  # the answer


@dataclass(frozen=True)
class CollectedRollout:
    """A window of T steps."""

    time: float  # of the first state [s]
    x: np.ndarray  # (T + 1, n)
    u: np.ndarray  # (T, 1), really applied

    def __post_init__(self):
        """Freeze."""
        for name in ('x', 'u'):
            object.__setattr__(self, name, frozen(getattr(self, name)))


class RolloutCollector:
    """Turns a stream of samples into windows."""

    def __init__(self, steps: int, system: LinearSystem) -> None:
        """Collect windows of the given number of steps of a system."""
        self._steps, self._window = steps, []
        self._system, self._rule = system, TransitionRule(system)

    def add(self, sample: Sample) -> CollectedRollout | None:
        """Add a :class:`Sample`; return a :class:`CollectedRollout` when one is complete."""
        window = self._window
        acting = sample.source.startswith('policy/')
        if not (window and acting and self._follows(window[-1], sample)):
            window.clear()
        if not acting:
            return None
        window.append(sample)
        if len(window) <= self._steps:
            return None
        rollout = CollectedRollout(
            window[0].time, [s.x for s in window], [[s.applied] for s in window[1:]])
        self._window = [window[-1]]
        return rollout

    def _follows(self, before, sample):
        return (self._rule.between(before, sample).judged
                and same_input(self._system, sample.applied, before.u))
