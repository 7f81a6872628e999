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
A counterexample: from where, under which disturbances, which limit is violated when, and by what.

The policy acts alone, without the safety filter. Where the backup is undefined the LQR takes its
place, so that the rollout shows what the weights would really do outside the safe set.
"""

from dataclasses import dataclass

import numpy as np
from scpo_ros.arrays import Array, frozen
from scpo_ros.systems.signals import listed
from scpo_ros.verification.task import ControlTask


@dataclass(frozen=True, eq=False)
class Counterexample:
    """One rollout that breaks a rule."""

    scenario: str  # which one, in words
    quantity: str  # what violates its limit
    value: float
    limit: float
    time: float  # [s] since the start of the rollout
    x0: Array  # (n,)
    w: Array  # (H, n)
    states: Array  # (T, n)

    def __post_init__(self) -> None:
        """Freeze."""
        for name in ('x0', 'w', 'states'):
            object.__setattr__(self, name, frozen(getattr(self, name)))

    @property
    def sentence(self) -> str:
        """Return it in words."""
        start = listed(self.x0, '.3f')
        sign = '<' if self.value < self.limit else '>'
        return (f'{self.quantity} = {self.value:.4g} {sign} {self.limit:.4g} at '
                f't = {self.time:.1f} s from x0 = ({start}) ({self.scenario})')


def unfiltered(task: ControlTask, theta: Array, x0: Array, w: Array) -> tuple[Array, Array]:
    """Return states (T + 1, n), inputs (T, m) of the policy alone; they end where not finite."""
    x, states, inputs = np.array(x0, dtype=np.float64), [np.array(x0, dtype=np.float64)], []
    residual = task.policy.network.prepare(np.asarray(theta)[None])
    for disturbance in w:
        backup = task.policy.backup(x[None])[0]
        base = backup if np.all(np.isfinite(backup)) else -(task.gain @ x)
        u = task.system.saturate(base + residual(x[None])[0, 0])
        x = task.system.step(x, u, disturbance)
        if not np.all(np.isfinite(x)):
            break
        states.append(x)
        inputs.append(u)
    return np.array(states), np.array(inputs).reshape(-1, task.system.m)


def limit_broken(task: ControlTask, theta: Array, x0: Array, w: Array,
                 scenario: str) -> Counterexample | None:
    """
    Return the :class:`Counterexample` of a rollout in which theta breaks a limit or leaves C.

    A state limit where one is broken, else the input that may drive the next state out of the
    safe set, else None.

    :param x0: (n,). :param w: (H, n). :param scenario: its name, in words.
    """
    states, inputs = unfiltered(task, theta, x0, w)
    over = np.abs(states) > task.system.state_limit + 1e-9
    if np.any(over):
        k = int(np.argmax(over.any(axis=1)))
        i = int(np.argmax(over[k]))
        return Counterexample(
            scenario, f'|{task.system.states.symbols[i]}|', abs(states[k, i]),
            task.system.state_limit[i], k * task.system.dt, x0, w, states[:k + 1])
    normals, offsets = task.bounds.facets(states[:len(inputs)])
    beyond = inputs @ normals.T - offsets
    if not np.any(beyond > 0):
        return None
    k = int(np.argmax(beyond.max(axis=1)))
    facet = int(np.argmax(beyond[k]))
    quantity, sign = _combination(normals[facet], task.system.inputs.symbols)
    words = 'more' if sign > 0 else 'less'
    return Counterexample(
        f'{scenario}; the safe set allows no {words} there', quantity,
        sign * float(normals[facet] @ inputs[k]), sign * float(offsets[k, facet]),
        k * task.system.dt, x0, w, states[:k + 2])


def _combination(normal: Array, symbols: tuple[str, ...]) -> tuple[str, float]:
    """Return a combination of inputs in words, its first factor positive, and the sign of that."""
    used = np.flatnonzero(normal)
    sign = float(np.sign(normal[used[0]]))
    parts = [f'{symbols[i]}' if abs(normal[i]) == 1 else f'{sign * normal[i]:.3g} {symbols[i]}'
             for i in used]
    return ' + '.join(parts), sign


def not_returned(task: ControlTask, theta: Array, x0: Array, w: Array,
                 scenario: str) -> Counterexample:
    """Return the :class:`Counterexample` of a rollout that ends too far from the origin."""
    states, _ = unfiltered(task, theta, x0, w)
    metric = task.metric
    limit = metric.ratio * metric.norm(states[0]) + metric.offset
    return Counterexample(scenario, '|x|_P', float(metric.norm(states[-1])), float(limit),
                          (len(states) - 1) * task.system.dt, x0, w, states)


def worst_push(task: ControlTask, theta: Array, state: Array, horizon: int) -> Array:
    """Return disturbances (horizon, n) at their bound, towards the facet that theta nears most."""
    states, _ = unfiltered(task, theta, state, task.system.disturbance[None] * 0)
    ahead = states[-1]  # the state itself, where the input is not finite
    facet = task.safe_set.H[int(np.argmax(
        task.safe_set.H @ ahead + np.abs(task.safe_set.H) @ task.system.disturbance))]
    return np.tile(np.sign(facet) * task.system.disturbance, (horizon, 1))
