"""
The simulated plant: steps the system under commands that may be late or missing.

Over [k, k + 1) it applies the command that answers x_k. When none has come it holds the last one
and counts a deadline miss; after a time without commands the drive brakes to standstill within the
input limits, u = sat(-v / dt). Before the first command it brakes too, and misses nothing.

A new episode starts every so many steps and when it is asked for, from a state drawn uniformly
from the safe set or from a given one. It takes a step of its own, so that no two states carry the
same number, and nothing of the episode before is applied in it: no answer to an earlier state, and
no command that was held. Until its first answer comes the drive brakes.
"""

from dataclasses import dataclass

import numpy as np
from scpo_ros.arrays import checked
from scpo_ros.exceptions import InfeasibleError
from scpo_ros.systems.scenario import random_scenarios


@dataclass(frozen=True)
class PlantState:
    """What the plant publishes at a step."""

    step: int  # counts on over episodes
    episode: int
    x: np.ndarray  # (2,)
    applied: float  # input over the step that led here; 0 at the start of an episode


class SimulatedPlant:
    """A double integrator under commands; no clock, no messages."""

    def __init__(self, system, safe_set, config, seed=None):
        """
        Start the first episode.

        :param config: PlantConfig. :param seed: of episodes and disturbances; None for the
            configuration's.
        :raises InfeasibleError: for an initial state outside the safe set.
        """
        self._system, self._safe_set, self._config = system, safe_set, config
        self.disturbance_scale = config.disturbance_scale
        self._rng = np.random.default_rng(config.seed if seed is None else seed)
        self._patience = max(1, round(config.command_timeout_s / system.dt))
        self.deadline_misses = self.limit_violations = 0
        self._last, self._missing, self._step, self._episode = None, 0, 0, -1
        self.started = False  # whether a command has ever come
        self.asked = False  # whether the next step begins an episode that was asked for
        self._initial = None if config.random_start else self._checked_start(
            config.initial_state)
        self._begin_episode()

    def _checked_start(self, state):
        state = checked('initial_state', state, (self._system.n,))
        if not self._safe_set.contains(state):
            raise InfeasibleError(
                f'initial_state {state.tolist()} must lie in the safe set, but its gauge is '
                f'{self._safe_set.gauge(state):.4f} > 1: nothing is certified from there')
        return state

    def reset(self):
        """
        Have the next step begin a new episode, however often this is called before it.

        :returns: its number.
        """
        self.asked = True
        return self._episode + 1

    def _begin_episode(self):
        start = self._initial
        if self._config.random_start:
            start = random_scenarios(self._system, self._safe_set, 1, 1, self._rng).x0[0]
        self._episode, self.asked = self._episode + 1, False
        self._begin, self._last, self._missing = self._step, None, 0
        self.state = PlantState(self._step, self._episode, start, 0.0)
        return self.state

    def advance(self, command):
        """
        Advance one step and return the new :class:`PlantState`.

        :param command: the input that answers the present state, or None when none has come. Where
            the step begins an episode that was asked for, nothing is applied.
        """
        self._step += 1
        if self.asked:
            return self._begin_episode()
        u = self._drive(command)
        w = self._rng.uniform(-1, 1, self._system.n) * self._system.step_disturbance
        w = w * self.disturbance_scale
        x = self._system.step(self.state.x, np.array([u]), w)
        if not self._system.within_limits(x, np.array([u if command is None else command])):
            self.limit_violations += 1
        if self._step - self._begin >= self._config.episode_steps:
            return self._begin_episode()
        self.state = PlantState(self._step, self._episode, x, u)
        return self.state

    def _drive(self, command):
        if command is not None and np.isfinite(command):
            self._missing, self._last, self.started = 0, float(command), True
        else:
            self._missing += 1
            self.deadline_misses += self.started
        if self._last is None or self._missing > self._patience:
            return float(self._system.saturate(-self.state.x[1:] / self._system.dt)[0])
        return float(self._system.saturate(np.array([self._last]))[0])
