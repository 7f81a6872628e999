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
A search by brute force for exits from C, which the proof of invariance excludes.

An *exit* is a state of C from which the policy alone, under the worst disturbance, has its next
state outside C: with one input, w at a vertex of its box. A *violation* is an initial state from
which a rollout breaks a limit, the disturbance being random, or at every step the one of its
vertices that takes the next state furthest out. No bound, mesh or table of the proof is used.
"""

from collections.abc import Sequence

import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.systems.linear_system import LinearSystem
from scpo_ros.systems.scenario import interior_states
from scpo_ros.verification.task import ControlTask

STREAM = 6007      # keeps these draws apart from all others
STATES = 100_000   # of an exit test
ROLLOUTS = 10_000  # of a violation test
STEPS = 100
TOLERANCE = 1e-9   # of the gauge of C and of the limits
EVERY = 15         # iterates between two violation tests
_CHUNK = 20_000


def exit_states(task: ControlTask, seed: int, count: int = STATES) -> Array:
    """Return `count` states of C: a fifth on and near the boundary, the rest filling C."""
    rng = np.random.default_rng([STREAM, seed])
    edge = task.safe_set.boundary(count // 5, rng.uniform())
    depth = 10.0 ** rng.uniform(-12, -2, (len(edge), 1))
    inner = interior_states(task.safe_set, count - len(edge), [STREAM, seed, 1])
    return np.vstack([edge * (1 - depth), inner])


def exits(task: ControlTask, theta: Array, states: Array) -> int:
    """Return from how many states (N, 2) the worst disturbance takes the next one out of C."""
    found = 0
    for i in range(0, len(states), _CHUNK):
        x = states[i:i + _CHUNK]
        found += int(np.sum(~(_worst_gauge(task, theta, x) <= 1 + TOLERANCE)))
    return found


def _vertices(system: LinearSystem) -> Array:
    vertices: Array = np.array([[-1.0], [1.0]]) * system.disturbance
    return vertices


def _worst_gauge(task: ControlTask, theta: Array, x: Array) -> Array:
    after = task.system.step(x, task.policy(theta, x))
    return np.maximum(*(task.safe_set.gauge(after + w) for w in _vertices(task.system)))


def violations(task: ControlTask, theta: Array, seed: int, count: int = ROLLOUTS,
               steps: int = STEPS) -> int:
    """Return from how many of `count` initial states a rollout breaks a limit."""
    rng = np.random.default_rng([STREAM, seed, 2])
    x = exit_states(task, seed + 1, count)
    broken, greedy = np.zeros(count, dtype=bool), np.arange(count) % 2 == 0
    for _ in range(steps):
        u = task.policy(theta, x)
        nominal = task.system.step(x, u)
        random = rng.uniform(-1, 1, x.shape) * task.system.disturbance
        choices = np.stack([nominal + w for w in _vertices(task.system)])
        worst = choices[np.argmax(task.safe_set.gauge(choices), axis=0), np.arange(count)]
        inputs = np.abs(u) <= task.system.input_limit + TOLERANCE
        x = np.where(greedy[:, None], worst, nominal + random)
        kept = np.abs(x) <= task.system.state_limit + TOLERANCE  # NaN is not
        broken |= ~(np.all(kept, axis=1) & np.all(inputs, axis=1))
    return int(broken.sum())


def searched(task: ControlTask, thetas: Sequence[Array], seed: int) -> tuple[int, int]:
    """
    Return (exits of all policies, violations of every fifteenth and of the last one).

    :param thetas: list of (d,).
    """
    states = exit_states(task, seed)
    watched = sorted({*range(0, len(thetas), EVERY), len(thetas) - 1})
    return (sum(exits(task, theta, states) for theta in thetas),
            sum(violations(task, thetas[i], seed) for i in watched))
