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
Scenarios of a described system: states of its safe set, and disturbances that try it hard.

A vertex of |w| <= wbar is held from step to step (*vertex*), changes its sign after a random while
(*switching*), or w is drawn anew at every step (*random*). The vertices are +-sign(G_j) wbar for
rows G_j of the safe set: those that G_j and -G_j suffer most from. Two of 2^n vertices are not
all.
"""

from typing import Protocol

import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.systems.scenario import Scenarios
from scpo_ros.systems.system import System

_LONGEST = 30  # steps for which a sign is kept, at most


class SampledSafeSet(Protocol):
    """A safe set that can be sampled."""

    def sample(self, count: int, rng: np.random.Generator) -> Array:
        """Return `count` states (count, n) of the set, at least half of them on its boundary."""

    @property
    def normals(self) -> Array:
        """Return rows (r, n) that bound the set, any scale."""


def vertices(system: System, safe_set: SampledSafeSet, count: int,
             rng: np.random.Generator) -> Array:
    """Return points (count, n) with |w| = wbar, the worst ones for rows G_j or -G_j."""
    rows = safe_set.normals[rng.integers(len(safe_set.normals), size=count)]
    signs = np.where(rows == 0, rng.choice((-1.0, 1.0), rows.shape), np.sign(rows))
    found: Array = signs * rng.choice((-1.0, 1.0), (count, 1)) * system.disturbance
    return found


def vertex_scenarios(system: System, safe_set: SampledSafeSet, states: Array, horizon: int,
                     rng: np.random.Generator) -> Scenarios:
    """Return scenarios from states (S, n) with w held at a vertex."""
    held = vertices(system, safe_set, len(states), rng)
    return Scenarios(states, np.repeat(held[:, None], horizon, axis=1))


def switching_scenarios(system: System, safe_set: SampledSafeSet, states: Array, horizon: int,
                        rng: np.random.Generator) -> Scenarios:
    """Return scenarios from states (S, n) with w at a vertex whose sign switches."""
    period = rng.integers(1, _LONGEST + 1, len(states))[:, None]
    steps = np.arange(horizon) + rng.integers(0, 2 * _LONGEST, (len(states), 1))
    signs = np.where(steps // period % 2, 1.0, -1.0)[:, :, None]
    return Scenarios(states, signs * vertices(system, safe_set, len(states), rng)[:, None])


def random_disturbances(system: System, states: Array, horizon: int, rng: np.random.Generator,
                        nominal: bool = False) -> Scenarios:
    """Return scenarios from states (S, n) with w uniform within its bound."""
    w = rng.uniform(-1, 1, (len(states), horizon, system.n)) * system.disturbance
    return Scenarios(states, w, np.full(len(states), nominal))


def stress_and_operation(system: System, safe_set: SampledSafeSet, count: int, horizon: int,
                         seed: int | tuple[int, ...]) -> Scenarios:
    """
    Return 2 `count` scenarios: stress, then ordinary operation.

    Stress is vertex, switching and random disturbances, a third each. At least half of all states
    lie on the boundary of the safe set.
    """
    rng = np.random.default_rng(seed)
    states = rng.permutation(safe_set.sample(2 * count, rng)) * (1 - 1e-9)
    third = count // 3
    return (vertex_scenarios(system, safe_set, states[:third], horizon, rng)
            + switching_scenarios(system, safe_set, states[third:2 * third], horizon, rng)
            + random_disturbances(system, states[2 * third:count], horizon, rng)
            + random_disturbances(system, states[count:], horizon, rng, nominal=True))
