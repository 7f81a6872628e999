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

"""The one-step constraint violation at sampled states, with derivatives."""

from dataclasses import dataclass

import numpy as np
from scpo_ros.arrays import Array, Booleans, Integers
from scpo_ros.policy.residual_policy import ResidualNetwork
from scpo_ros.sets.admissible_inputs import InputBounds
from scpo_ros.systems.scenario import interior_states, stress_states
from scpo_ros.verification.task import ControlTask

COUNT = 60_000  # before those are dropped where no admissible input leaves the safe set
_STREAM = 23  # keeps these draws apart from those of all scenario sets


@dataclass(frozen=True)
class DenseStates:
    """States where some admissible input leaves the safe set C; a tenth of them at its edge."""

    network: ResidualNetwork
    limit: float  # of the input
    states: Array  # (N, 2)
    backup: Array  # (N,), the backup's inputs there
    low: Array  # (N,), least input that keeps x+ in C; -inf where the saturation does
    up: Array  # (N,), the largest

    @classmethod
    def drawn(cls, task: ControlTask, seed: int, count: int = COUNT) -> 'DenseStates':
        """Return the states of a seed."""
        safe_set, limit = task.safe_set, task.system.input_limit[0]
        edge = stress_states(safe_set, count // 10, [_STREAM, seed, 0], boundary=1.0)
        edge = edge * (1 - np.resize(np.linspace(0, 0.05, 10), len(edge))[:, None])
        inner = interior_states(safe_set, count - len(edge), [_STREAM, seed, 1])
        states = np.vstack([edge, inner])
        low, up = InputBounds.of(task.system, safe_set)(states)
        low, up = np.where(low > -limit, low, -np.inf), np.where(up < limit, up, np.inf)
        binding = np.isfinite(low) | np.isfinite(up)
        states = states[binding]
        return cls(task.policy.network, limit, states, task.policy.backup(states)[:, 0],
                   low[binding], up[binding])

    def __len__(self) -> int:
        """Return the number of states."""
        return len(self.states)

    def part(self, index: slice | Integers | Booleans) -> 'DenseStates':
        """Return some of the states."""
        return DenseStates(self.network, self.limit, self.states[index], self.backup[index],
                           self.low[index], self.up[index])

    def violation(self, theta: Array) -> Array:
        """Return by how much the inputs of one policy (d,) leave [low, up], (N,)."""
        u = np.clip(self._raw(theta), -self.limit, self.limit)
        return np.maximum(u - self.up, self.low - u)

    def rows(self, theta: Array) -> Array:
        """Return the derivative of the violation by the weights, (N, d)."""
        raw = self._raw(theta)
        u = np.clip(raw, -self.limit, self.limit)
        sign = np.where(u - self.up >= self.low - u, 1.0, -1.0) * (np.abs(raw) < self.limit)
        rows: Array = sign[:, None] * self.network.jacobian(theta, self.states)[:, 0]
        return rows

    def _raw(self, theta: Array) -> Array:
        raw: Array = self.backup + self.network(np.asarray(theta)[None], self.states)[0, :, 0]
        return raw
