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
Scenarios: initial states and disturbance sequences of closed-loop rollouts.

Three disjoint sets: *design* (what the projection sees), *verification* (denser, decides), and
*held-out* (for reports only). Stress first: the boundary of the safe set with the disturbance at
its bound. Rollouts collected from the plant join the design set as counterfactual replays: the
same initial state with the disturbances that were realised, w_k = x_{k+1} - A x_k - B u_k.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scpo_ros.arrays import Array, Booleans, checked, Integers
from scpo_ros.exceptions import InfeasibleError
from scpo_ros.systems.model import Model
from scpo_ros.systems.safe_set import Membership, SafeSet
from scpo_ros.tolerances import STATE


@dataclass(frozen=True)
class Scenarios:
    """A batch of scenarios."""

    x0: Array  # (S, n)
    w: Array  # (S, H, n)
    nominal: Booleans = field(default_factory=lambda: np.zeros(0, dtype=bool))
    # (S,): ordinary operation, else stress; left out: all are stress

    def __post_init__(self) -> None:
        """Check and freeze."""
        nominal = np.array(self.nominal if len(self.nominal) else np.zeros(len(self.x0)),
                           dtype=bool)
        nominal.setflags(write=False)
        object.__setattr__(self, 'nominal', nominal)
        object.__setattr__(self, 'x0', checked('x0', self.x0, (None, None)))
        shape = (len(self.x0), None, self.x0.shape[1])
        object.__setattr__(self, 'w', checked('w', self.w, shape))

    def __len__(self) -> int:
        """Return the number of scenarios."""
        return len(self.x0)

    @property
    def horizon(self) -> int:
        """Return the number of steps H."""
        return int(self.w.shape[1])

    def __add__(self, other: 'Scenarios') -> 'Scenarios':
        """Return both batches, one behind the other."""
        return Scenarios(np.vstack([self.x0, other.x0]), np.concatenate([self.w, other.w]),
                         np.concatenate([self.nominal, other.nominal]))

    def take(self, index: Integers | list[int] | slice) -> 'Scenarios':
        """Return the scenarios with the given indices."""
        return Scenarios(self.x0[index], self.w[index], self.nominal[index])


def interior_states(safe_set: SafeSet, count: int, seed: int | Sequence[int]) -> Array:
    """
    Return `count` states (count, n) that fill the safe set evenly (scrambled Sobol points).

    :param seed: int or sequence of ints; different seeds give disjoint sets.
    """
    from scipy.stats import qmc  # takes long to import; the plant does without
    low, high = safe_set.box
    sobol = qmc.Sobol(len(low), seed=np.random.default_rng(seed))
    found = np.zeros((0, len(low)))
    while len(found) < count:
        points = low + (high - low) * sobol.random(2**int(np.ceil(np.log2(max(count, 2)))))
        found = np.vstack([found, points[safe_set.contains(points, 0.0)]])
    return found[:count]


def stress_states(safe_set: SafeSet, count: int, seed: int | Sequence[int],
                  boundary: float = 0.4) -> Array:
    """
    Return `count` states, the fraction `boundary` of them on the boundary, the rest inside.

    :param seed: int or sequence of ints; different seeds give disjoint sets.
    """
    edge, phase = int(round(boundary * count)), np.random.default_rng(seed).uniform()
    return np.vstack([safe_set.boundary(edge, phase) * (1 - 1e-9),
                      interior_states(safe_set, count - edge, seed)])


def extreme(system: Model, states: Array, horizon: int, sign: float) -> Scenarios:
    """Return the scenarios from `states` with w constant at sign times its bound."""
    w = np.broadcast_to(sign * system.disturbance, (len(states), horizon, system.n))
    return Scenarios(states, w)


def switching(system: Model, states: Array, horizon: int,
              rng: np.random.Generator) -> Scenarios:
    """Return scenarios with w at its bound, each sign kept for a random while (1 to 30 steps)."""
    hold = rng.integers(1, 31, len(states))
    phase = (np.arange(horizon) + rng.integers(0, 60, len(states))[:, None]) // hold[:, None]
    w = np.where(phase % 2, 1.0, -1.0)[:, :, None] * system.disturbance
    return Scenarios(states, w)


def ordinary(system: Model, safe_set: SafeSet, count: int, horizon: int,
             seed: Sequence[int]) -> Scenarios:
    """Return scenarios of ordinary operation: states that fill C, w uniform within its bound."""
    states = interior_states(safe_set, count, [*seed, 0])
    w = np.random.default_rng([*seed, 1]).uniform(-1, 1, (count, horizon, system.n))
    return Scenarios(states, w * system.disturbance, np.ones(count, dtype=bool))


def random_scenarios(system: Model, safe_set: SafeSet, count: int, horizon: int,
                     rng: np.random.Generator) -> Scenarios:
    """Return i.i.d. scenarios: x_0 uniform on the safe set, w uniform within its bound."""
    low, high = safe_set.box
    states = np.zeros((0, system.n))
    while len(states) < count:
        points = rng.uniform(low, high, (count, system.n))
        states = np.vstack([states, points[safe_set.contains(points, 0.0)]])
    w = rng.uniform(-1, 1, (count, horizon, system.n)) * system.disturbance
    return Scenarios(states[:count], w)


def design_scenarios(system: Model, safe_set: SafeSet, count: int, horizon: int,
                     seed: int) -> Scenarios:
    """
    Return the design set: stress, then as many scenarios of ordinary operation.

    Stress is `count` states, each with w at both of its bounds.
    """
    states = stress_states(safe_set, count, [seed, 1])
    return (extreme(system, states, horizon, 1.0) + extreme(system, states, horizon, -1.0)
            + ordinary(system, safe_set, count, horizon, [seed, 6]))


def verification_scenarios(system: Model, safe_set: SafeSet, count: int, horizon: int,
                           seed: int) -> Scenarios:
    """
    Return the verification set: stress, then as many scenarios of ordinary operation.

    Stress is `count` other states with w extreme, then switching.
    """
    rng = np.random.default_rng([seed, 2])
    states = rng.permutation(stress_states(safe_set, count, [seed, 3]))
    third = count // 3
    return (extreme(system, states[:third], horizon, 1.0)
            + extreme(system, states[third:2 * third], horizon, -1.0)
            + switching(system, states[2 * third:], horizon, rng)
            + ordinary(system, safe_set, count, horizon, [seed, 7]))


def realised_disturbance(system: Model, x: Array, u: Array, x_next: Array) -> Array:
    """
    Return w_k = x_{k+1} - A x_k - B u_k.

    :param x: (..., n). :param u: inputs really applied (..., m). :param x_next: (..., n).
    """
    return x_next - system.step(x, u)


def replay(system: Model, safe_set: Membership, x0: Array, w: Array,
           horizon: int) -> Scenarios:
    """
    Return the scenario that replays a collected rollout, its disturbances repeated up to H.

    :param safe_set: tells whether a state lies in C. :param x0: (n,).
    :param w: realised disturbances (T, n).
    :raises InfeasibleError: when x0 lies outside the safe set or w outside its bound: then the
        model does not hold and nothing may be certified with it.
    """
    x0, w = checked('x0', x0, (system.n,)), checked('w', w, (None, system.n))
    if not safe_set.contains(x0):
        raise InfeasibleError(f'the rollout starts outside the safe set, at {x0.tolist()}')
    if not np.all(np.abs(w) <= system.disturbance + STATE * system.state_scale):
        worst = np.abs(w).max(axis=0)
        raise InfeasibleError(
            f'the realised disturbance {worst.tolist()} exceeds its bound '
            f'{system.disturbance.tolist()}')
    return Scenarios(x0[None], np.resize(w, (horizon, system.n))[None])
