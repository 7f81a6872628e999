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
The simulated plant: steps the system under commands that may be late or missing.

Which input it applies, :class:`~scpo_ros.systems.drive.Drive` says.

A new episode starts every so many steps and when it is asked for, from a state drawn uniformly
from the safe set or from a given one. It takes a step of its own, so that no two states carry the
same number, and nothing of the episode before is applied in it: no answer to an earlier state, and
no command that was held. Until its first answer comes the drive goes by the silent law.

It publishes its state with an error that is uniform within the measurement error of the system.
Limits are those of the true state.

What moves is the linear model, with its disturbance, or any other :class:`Body`. The delay and the
errors of a body come on top of those of the system.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scpo_ros.arrays import Array, Booleans, checked
from scpo_ros.config import PlantConfig
from scpo_ros.exceptions import InfeasibleError
from scpo_ros.systems.drive import braking, Drive, SilentLaw
from scpo_ros.systems.model import Model
from scpo_ros.systems.safe_set import SafeSet
from scpo_ros.systems.scenario import random_scenarios


class Starts(Protocol):
    """The states from which episodes may start."""

    def gauge(self, x: Array) -> Array:
        """Return (...,) for states (..., n): at most 1 where episodes may start."""

    def contains(self, x: Array, tolerance: float = 1e-9) -> Booleans:
        """Return whether episodes may start at states (..., n); not at NaN."""

    def draw(self, rng: np.random.Generator) -> Array:
        """Return one of them, (n,)."""


@dataclass(frozen=True)
class EvenStarts:
    """All states of a safe set, drawn evenly, by rejection from its box."""

    system: Model
    safe_set: SafeSet

    def gauge(self, x: Array) -> Array:
        """Return (...,) for states (..., n): at most 1 in the safe set."""
        return self.safe_set.gauge(x)

    def contains(self, x: Array, tolerance: float = 1e-9) -> Booleans:
        """Return whether states (..., n) lie in the safe set; NaN does not."""
        return self.safe_set.contains(x, tolerance)

    def draw(self, rng: np.random.Generator) -> Array:
        """Return a state (n,) of the safe set."""
        start: Array = random_scenarios(self.system, self.safe_set, 1, 1, rng).x0[0]
        return start


@dataclass(frozen=True)
class PlantState:
    """What the plant publishes at a step."""

    step: int  # counts on over episodes
    episode: int
    x: Array  # (n,), as it is measured
    applied: Array  # (m,), input over the step that led here; 0 at the start of an episode


@dataclass(frozen=True)
class Motion:
    """What a body did over a step."""

    x: Array  # (n,), the state after it, as the body's own sensors have it
    applied: Array  # (m,), mean of the input over it, after saturation and the body's own delay
    true: Array  # (n,), the state after it


class Body(Protocol):
    """What moves under inputs, in steps of dt."""

    def begin(self, x: Array, rng: np.random.Generator) -> Array:
        """Begin an episode at a state (n,); return the state as its sensors have it."""

    def step(self, u: Array, rng: np.random.Generator) -> Motion:
        """Move for dt under an input (m,) within its limits."""


class SimulatedPlant:
    """
    A system under commands; no clock, no messages.

    Its `x` (n,) is the true state, which nobody else knows; its `state` is what it publishes.
    """

    def __init__(self, system: Model, safe_set: SafeSet, config: PlantConfig,
                 seed: int | None = None, starts: Starts | None = None,
                 silent: SilentLaw | None = None, body: Body | None = None) -> None:
        """
        Start the first episode.

        :param config: PlantConfig. :param seed: of episodes and disturbances; None for the
            configuration's.
        :param starts: where episodes may start; None: evenly in the safe set.
        :param silent: says what is applied from the first missing command on; None: the last one
            is held for `command_timeout_s`, then :func:`braking` acts.
        :param body: what moves; None: the linear model, with its disturbance.
        :raises InfeasibleError: for an initial state outside the safe set.
        """
        self._system, self._body, self._config = system.plant, body, config
        starts = starts or EvenStarts(system, safe_set)
        self.disturbance_scale = config.disturbance_scale
        self._rng = np.random.default_rng(config.seed if seed is None else seed)
        held = max(1, round(config.command_timeout_s / system.dt)) if silent is None else 0
        self._drive = Drive(system, held, silent or braking(system))
        self.limit_violations = 0
        self.asked = False  # whether the next step begins an episode that was asked for
        self._draw = starts.draw if config.random_start else _fixed(
            starts, config.initial_state, self._system.n)
        self._begin_episode(0, 0)

    @property
    def started(self) -> bool:
        """Return whether a command has ever come."""
        return self._drive.started

    @property
    def deadline_misses(self) -> int:
        """Return for how many steps no command came, after the first one."""
        return self._drive.deadline_misses

    def reset(self) -> int:
        """
        Have the next step begin a new episode, however often this is called before it.

        :returns: its number.
        """
        self.asked = True
        return self.state.episode + 1

    def _begin_episode(self, step: int, episode: int) -> PlantState:
        start = self._draw(self._rng)
        self.asked, self._begin = False, step
        self._drive.forget()
        measured = start if self._body is None else self._body.begin(start, self._rng)
        return self._publish(step, episode, Motion(measured, np.zeros(self._system.m), start))

    def _publish(self, step: int, episode: int, motion: Motion) -> PlantState:
        """Go on from the true state after a motion; return what is measured of it."""
        self.x, x, error = motion.true, motion.x, self._system.measurement_error
        if np.any(error):
            x = x + self._rng.uniform(-1, 1, self._system.n) * error
        self.state = PlantState(step, episode, x, motion.applied)
        return self.state

    def _moved(self, u: Array) -> Motion:
        """Return how the body moves under an input (m,) within its limits."""
        if self._body is not None:
            return self._body.step(u, self._rng)
        w = self._rng.uniform(-1, 1, self._system.n) * self._system.step_disturbance
        w = w * self.disturbance_scale
        x = self._system.step(self.x, u, w) + self._system.late_input @ (self.state.applied - u)
        return Motion(x, u, x)

    def advance(self, command: Array | float | None) -> PlantState:
        """
        Advance one step and return the new :class:`PlantState`.

        :param command: the input (m,) that answers the present state, a number where m = 1, or
            None when none has come. Where the step begins an episode that was asked for, nothing
            is applied.
        """
        step, episode = self.state.step + 1, self.state.episode
        if self.asked:
            return self._begin_episode(step, episode + 1)
        asked_for = None if command is None else np.array(command, dtype=np.float64, ndmin=1)
        u = self._drive.applied(self.state.x, asked_for)
        motion = self._moved(u)
        if not self._system.within_limits(motion.true, u if asked_for is None else asked_for):
            self.limit_violations += 1
        if step - self._begin >= self._config.episode_steps:
            return self._begin_episode(step, episode + 1)
        return self._publish(step, episode, motion)


def _fixed(starts: Starts, state: Sequence[float], n: int
           ) -> Callable[[np.random.Generator], Array]:
    """
    Return what draws one state (n,) every time.

    :raises InfeasibleError: where no episode may start there.
    """
    start: Array = checked('initial_state', state, (n,))
    if not starts.contains(start):
        raise InfeasibleError(
            f'initial_state {start.tolist()} must lie in the safe set, but its gauge is '
            f'{starts.gauge(start):.4f} > 1: nothing is certified from there')
    return lambda rng: start
