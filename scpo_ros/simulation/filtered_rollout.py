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
Closed-loop rollouts of a filtered policy: many weight vectors from many scenarios, in lock-step.

The filter is part of what is rolled out. A rollout ends where the backup has no solution; with a
correct safe set and disturbances within their bound that is nowhere.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scpo_ros.arrays import Array, Booleans
from scpo_ros.simulation.rollout import Network, trajectory
from scpo_ros.systems.scenario import Scenarios
from scpo_ros.systems.system import System
from scpo_ros.tolerances import CHANGED


class Filtered(Protocol):
    """A policy with its safety filter."""

    @property
    def system(self) -> System: ...

    @property
    def network(self) -> Network: ...

    def around(self, x: Array) -> tuple[Array, list[Array]]:
        """Return the backup's inputs (N, m) at states (N, n), and its plans."""

    def wanted(self, outputs: Array, x: Array, backup: Array, plans: list[Array]) -> Array:
        """Return the inputs (N, m) that the policy asks for, of the network's outputs (N, m)."""

    def filtered(self, x: Array, wanted: Array, plans: list[Array]) -> Array:
        """Return what the filter makes of inputs (N, m) at states (N, n)."""

    def __call__(self, theta: Array, x: Array) -> Array:
        """Return the inputs (N, m) of weights (d,) at states (N, n)."""


@dataclass(frozen=True)
class FilteredSummary:
    """What the metrics need of P policies times S scenarios."""

    action: Array  # (P, S): mean over steps and inputs of |u - u_pi| over the input range
    acted: Array  # (P, S): share of steps at which the filter changed an input
    final: Array  # (P, S, n): last state
    cost: Array  # (P, S): mean stage cost
    left: Booleans  # (P, S): whether the policy became undefined or broke a limit


@dataclass
class _Sums:
    """Sums over the steps so far, (S, P) each."""

    action: Array
    acted: Array
    cost: Array
    left: Booleans

    @classmethod
    def of(cls, shape: tuple[int, int]) -> '_Sums':
        """Return zeros."""
        return cls(np.zeros(shape), np.zeros(shape), np.zeros(shape),
                   np.zeros(shape, dtype=bool))


@dataclass(frozen=True)
class FilteredSimulator:
    """Runs closed loops of a filtered policy."""

    policy: Filtered

    def summarise(self, thetas: Array, scenarios: Scenarios) -> FilteredSummary:
        """
        Run every policy from every scenario.

        :param thetas: (P, d).
        """
        system, network = self.policy.system, self.policy.network.columns(thetas)
        shape = (len(scenarios), len(thetas))  # policies last: neighbours have like states
        x = np.repeat(scenarios.x0, shape[1], axis=0)
        sums = _Sums.of(shape)
        for k in range(scenarios.horizon):
            columns = x.reshape(*shape, system.n).transpose(2, 1, 0)
            outputs = network(np.ascontiguousarray(columns)).transpose(2, 1, 0)
            u = self._step(x, outputs.reshape(-1, system.m), sums)
            following = system.step(x, u, np.repeat(scenarios.w[:, k], shape[1], axis=0))
            x = np.where(sums.left.reshape(-1, 1), x, following)
        sums.left |= ~system.within_limits(x, np.zeros((len(x), system.m))).reshape(shape)
        steps = scenarios.horizon
        return FilteredSummary(
            sums.action.T / steps, sums.acted.T / steps,
            x.reshape(*shape, system.n).transpose(1, 0, 2), sums.cost.T / steps, sums.left.T)

    def _step(self, x: Array, outputs: Array, sums: _Sums) -> Array:
        """Return the inputs (S P, m) at states (S P, n), 0 where undefined; add to the sums."""
        system, shape = self.policy.system, sums.left.shape
        backup, plans = self.policy.around(x)
        wanted = self.policy.wanted(outputs, x, backup, plans)
        u = self.policy.filtered(x, wanted, plans)
        lost = ~system.within_limits(x, u) | ~np.all(np.isfinite(wanted), axis=1)
        sums.left |= lost.reshape(shape)  # NaN keeps no limit
        u = np.where(np.isfinite(u), u, 0.0)
        change = np.abs(u - np.where(np.isfinite(wanted), wanted, 0.0)) / (
            system.input_upper - system.input_lower)
        sums.action += change.mean(axis=1).reshape(shape)
        sums.acted += np.any(change > CHANGED, axis=1).reshape(shape)
        sums.cost += system.stage_cost(x, u).reshape(shape)
        return u

    def trajectory(self, theta: Array, x0: Array, w: Array) -> tuple[Array, Array]:
        """Return states (S, H + 1, n), inputs (S, H, m) of one policy (d,); NaN once undefined."""
        return trajectory(lambda x: self.policy(theta, x), self.policy.system, x0, w)
