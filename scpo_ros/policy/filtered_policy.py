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
each part the states of that part (:mod:`scpo_ros.policy.block_network`). A *bounded* residual is
r_theta(x) = rbar(x) tanh(N_theta(x) / rbar(x)), with the rbar of :mod:`.residual_bound` in every
part: then the filter never acts. The backup's plan is found once at a state; the backup's input,
rbar and the filter share it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.policy.lifted_filter import LiftedFilter
from scpo_ros.policy.residual_at import bounded, ResidualAt
from scpo_ros.policy.residual_bound import bound_of_all, ResidualBound
from scpo_ros.systems.system import System


class Residual(Protocol):
    """What is learned: a function of the state, N_theta."""

    @property
    def d(self) -> int:
        """Return the number of weights."""

    def initial(self, seed: int) -> Array:
        """Return theta_0 (d,), with which it is zero."""

    def __call__(self, thetas: Array, x: Array) -> Array:
        """Return N_theta(x) (P, N, m), of weights (P, d) and states (N, n)."""

    def columns(self, thetas: Array) -> Callable[[Array], Array]:
        """Return the function from states (n, P, N) to outputs (m, P, N)."""

    def jacobian(self, theta: Array, x: Array) -> Array:
        """Return d N_theta(x) / d theta (N, m, d), at weights (d,) and states (N, n)."""


@dataclass(frozen=True)
class FilteredPolicy:
    """Backup, residual and filter of a whole system, in the units of x and u."""

    system: System
    filters: tuple[LiftedFilter, ...]  # of the decoupled parts
    network: Residual
    bounds: tuple[ResidualBound, ...] = ()  # of the parts; none where r_theta is N_theta

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

    def bound(self, x: Array, backup: Array, plans: list[Array]) -> Array | None:
        """
        Return rbar(x) (N, m), units of u; None where the residual is not bounded.

        :param x: (N, n). :param backup: (N, m), see :meth:`around`. :param plans: the same.
        """
        return bound_of_all(self.bounds, x, backup, plans) if self.bounds else None

    def residual(self, outputs: Array, x: Array, backup: Array, plans: list[Array]) -> Array:
        """
        Return r_theta(x) (N, m) of what the network says.

        :param outputs: N_theta(x) (N, m). :param x: (N, n). :param backup: (N, m), see
            :meth:`around`. :param plans: the same.
        """
        bound = self.bound(x, backup, plans)
        return outputs if bound is None else bounded(outputs, bound)

    def wanted(self, outputs: Array, x: Array, backup: Array, plans: list[Array]) -> Array:
        """Return sat(u_backup + r_theta) (N, m), for the arguments of :meth:`residual`."""
        return self.system.saturate(backup + self.residual(outputs, x, backup, plans))

    def at(self, x: Array) -> tuple[Array, ResidualAt]:
        """Return the backup's inputs (N, m) at states (N, n), and the residual there."""
        backup, plans = self.around(x)
        return backup, ResidualAt(self.network, x, self.bound(x, backup, plans))

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
        return self._asked(theta, x)[0]

    def __call__(self, theta: Array, x: Array) -> Array:
        """Return the inputs (N, m) of weights (d,) at states (N, n); NaN where undefined."""
        wanted, plans = self._asked(theta, x)
        return self.filtered(x, wanted, plans)

    def _asked(self, theta: Array, x: Array) -> tuple[Array, list[Array]]:
        """Return sat(u_backup + r_theta) (N, m), and the backup's plans."""
        backup, plans = self.around(x)
        outputs = self.network(np.asarray(theta, dtype=np.float64)[None], x)[0]
        return self.wanted(outputs, x, backup, plans), plans
