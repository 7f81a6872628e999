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

"""Recordings of plants whose truth is known: what identification is measured on."""

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
from scpo_ros.arrays import Array, frozen
from scpo_ros.identification.free_entries import free_entries
from scpo_ros.identification.record import Record, Run
from scpo_ros.systems.description import Dynamics, SystemDescription
from scpo_ros.systems.requirements import check_limits

DISTURBANCES = ('uniform', 'vertex')
_EVERYWHERE = 1e-3  # disturbance of a state that has none, over its limit


@dataclass(frozen=True, eq=False)
class Truth:
    """A linear plant over a step, its delay and its disturbance."""

    description: SystemDescription
    step: Array  # [A, B] (n, n + m)
    disturbance: Array  # (n,), half-widths
    kind: str  # one of DISTURBANCES
    delay: int = 0

    def disturbances(self, count: int, rng: np.random.Generator) -> Array:
        """Return w (count, n): uniform within the half-widths, or at a vertex of them."""
        w = rng.uniform(-1, 1, (count, len(self.disturbance)))
        return (np.sign(w) if self.kind == 'vertex' else w) * self.disturbance


@dataclass(frozen=True)
class Experiment:
    """How a plant is moved: episodes from random states under random inputs."""

    episodes: int = 25
    steps: int = 40  # of an episode
    amplitude: float = 1.0  # of the inputs, over their limits
    start: float = 0.1  # of the first states, over their limits


def truth_of(description: SystemDescription, kind: str, delay: int = 0,
             everywhere: bool = True) -> Truth:
    """
    Return the plant that a description is the truth of.

    :param everywhere: whether states without a disturbance get one of a thousandth of their
        limit. Rows without any are known up to rounding, and prove nothing.
    """
    entries, scale = free_entries(description), check_limits(description)
    width = np.array([entry.disturbance for entry in description.states])
    if everywhere:
        width = np.where(width > 0, width, _EVERYWHERE * scale)
    return Truth(
        description, frozen(entries.over_a_step(entries.start)), frozen(width), kind, delay)


def guess_of(description: SystemDescription, rng: np.random.Generator) -> SystemDescription:
    """Return a draft of the same structure, each free entry multiplied by 0.5 to 1.5."""
    entries, n = free_entries(description), description.n
    stated = entries.stated(entries.start * rng.uniform(0.5, 1.5, entries.count))
    kind = 'discrete' if entries.duration is None else 'continuous'
    return replace(description, dynamics=Dynamics(
        kind, frozen(stated[:, :n]), frozen(stated[:, n:])))


def recorded(truth: Truth, experiment: Experiment, rng: np.random.Generator,
             error: Array | float = 0.0) -> Record:
    """
    Return the recording of an experiment.

    :param error: half-widths of a uniform measurement error of the states.
    """
    n, scale = len(truth.disturbance), check_limits(truth.description)
    size = np.array([max(-entry.lower, entry.upper) for entry in truth.description.inputs])
    A, B = truth.step[:, :n], truth.step[:, n:]
    runs = []
    for _ in range(experiment.episodes):
        u = rng.uniform(-1, 1, (experiment.steps + truth.delay, len(size))) * (
            experiment.amplitude * size)
        w = truth.disturbances(experiment.steps, rng)
        x = [rng.uniform(-1, 1, n) * experiment.start * scale]
        for k in range(experiment.steps):
            x.append(A @ x[-1] + B @ u[k] + w[k])
        y = np.array(x) + rng.uniform(-1, 1, (len(x), n)) * error
        runs.append(Run(frozen(y), frozen(u[truth.delay:]),
                        tuple(f'step {k}' for k in range(len(x)))))
    count = experiment.episodes * (experiment.steps + 1)
    return Record('a simulation', tuple(runs), count, Counter(), truth.description.dt)


def fresh(truth: Truth, count: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return (z, what follows) of fresh transitions, spread evenly over all limits."""
    n, scale = len(truth.disturbance), check_limits(truth.description)
    size = np.array([max(-entry.lower, entry.upper) for entry in truth.description.inputs])
    z = rng.uniform(-1, 1, (count, n + len(size))) * np.hstack([scale, size])
    return z, z @ truth.step.T + truth.disturbances(count, rng)
