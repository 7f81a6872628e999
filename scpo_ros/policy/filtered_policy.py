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
The learned policy of a described system with its safety filter: the law that runs.

    u = filter(sat(u_backup(x) + r_theta(x)))

Every decoupled part has a backup and a filter of its own; one network sees all states, or one for
each part the states of that part (:mod:`scpo_ros.policy.block_network`). With a *bounded*
residual, r_theta = rbar tanh(network / rbar), the filter never acts: see
:meth:`~scpo_ros.sets.residual_room.residual_bound`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.policy.lifted_filter import LiftedFilter
from scpo_ros.policy.residual_policy import ResidualNetwork
from scpo_ros.systems.system import System


class Residual(Protocol):
    """What is learned: a function of the state that is added to the backup's input."""

    @property
    def d(self) -> int:
        """Return the number of weights."""

    def initial(self, seed: int) -> Array:
        """Return theta_0 (d,), with which the residual is zero."""

    def __call__(self, thetas: Array, x: Array) -> Array:
        """Return r_theta(x) (P, N, m), of weights (P, d) and states (N, n)."""

    def columns(self, thetas: Array) -> Callable[[Array], Array]:
        """Return the function from states (n, P, N) to residuals (m, P, N)."""

    def jacobian(self, theta: Array, x: Array) -> Array:
        """Return d r_theta(x) / d theta (N, m, d), at weights (d,) and states (N, n)."""


@dataclass(frozen=True)
class BoundedNetwork:
    """A residual network whose outputs stay within rbar, whatever its weights are."""

    network: ResidualNetwork
    bound: Array  # rbar (m,), units of u

    @property
    def d(self) -> int:
        """Return the number of weights."""
        return self.network.d

    def initial(self, seed: int) -> Array:
        """Return theta_0 (d,), see :meth:`ResidualNetwork.initial`."""
        return self.network.initial(seed)

    def __call__(self, thetas: Array, x: Array) -> Array:
        """Return rbar tanh(network / rbar) (P, N, m), of weights (P, d) and states (N, n)."""
        bounded: Array = self.bound * np.tanh(self.network(thetas, x) / self.bound)
        return bounded

    def columns(self, thetas: Array) -> Callable[[Array], Array]:
        """Return the function from states (n, P, N) to residuals (m, P, N)."""
        residual, bound = self.network.columns(thetas), self.bound[:, None, None]
        return lambda x: bound * np.tanh(residual(x) / bound)

    def jacobian(self, theta: Array, x: Array) -> Array:
        """Return d r_theta(x) / d theta, (N, m, d), at weights (d,) and states (N, n)."""
        slope = 1 - (self(theta[None], x)[0] / self.bound)**2
        jacobian: Array = slope[:, :, None] * self.network.jacobian(theta, x)
        return jacobian


@dataclass(frozen=True)
class FilteredPolicy:
    """Backup, residual and filter of a whole system, in the units of x and u."""

    system: System
    filters: tuple[LiftedFilter, ...]  # of the decoupled parts
    network: Residual

    def backup(self, x: Array) -> Array:
        """Return the backup's inputs (N, m) at states (N, n); NaN where it has none."""
        return self.around(x)[0]

    def around(self, x: Array) -> tuple[Array, list[Array]]:
        """Return the backup's inputs (N, m) at states (N, n) and the plans of the parts."""
        inputs, plans = np.empty((len(x), self.system.m)), []
        for part in self.filters:
            block = part.backup.block
            z = x[:, block.states] / block.scale
            plan = part.backup.plans(z)
            inputs[:, block.inputs] = part.backup.inputs(z, plan) * block.input_scale
            plans.append(plan)
        return self.system.saturate(inputs), plans

    def filtered(self, x: Array, wanted: Array, plans: list[Array]) -> Array:
        """Return the inputs (N, m) that the filters let through alone, see :meth:`with_plans`."""
        return self.with_plans(x, wanted, plans)[0]

    def with_plans(self, x: Array, wanted: Array, plans: list[Array]
                   ) -> tuple[Array, list[Array]]:
        """
        Return the inputs (N, m) that the filters let through, and the plans that serve them.

        :param x: (N, n). :param wanted: (N, m), within the input limits. :param plans: those of
            the backup at x, see :meth:`around`.
        """
        inputs, following = np.empty_like(wanted), []
        for part, plan in zip(self.filters, plans):
            block = part.backup.block
            v, later = part.with_plans(x[:, block.states] / block.scale,
                                       wanted[:, block.inputs] / block.input_scale, plan)
            inputs[:, block.inputs] = block.input_scale * v
            following.append(later)
        return self.system.saturate(inputs), following

    def without_filter(self, theta: Array, x: Array) -> Array:
        """Return sat(u_backup + r_theta) (N, m) of weights (d,) at states (N, n)."""
        residual = self.network(np.asarray(theta, dtype=np.float64)[None], x)[0]
        return self.system.saturate(self.backup(x) + residual)

    def __call__(self, theta: Array, x: Array) -> Array:
        """Return the inputs (N, m) of weights (d,) at states (N, n); NaN where undefined."""
        backup, plans = self.around(x)
        residual = self.network(np.asarray(theta, dtype=np.float64)[None], x)[0]
        return self.filtered(x, self.system.saturate(backup + residual), plans)
