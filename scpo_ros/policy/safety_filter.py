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
The law that the controller runs: policy, safety filter, backup, and a last resort.

Inside the safe set C the safety filter replaces an input of the policy that is not admissible by
the nearest one that is, clip(u, LO(x), UP(x)) where there is one input. That keeps the next state
in C whatever the disturbance does, for any weights whatever. The filter counts where it changes
the input; an input that is not a number is replaced by the backup's. Outside C the backup acts as
far as it is feasible, else a saturated LQR. The LQR acts inside C too, moved to the nearest
admissible input, should the backup's solver fail. With certified policies from inside C the filter
never acts.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

import numpy as np
from scpo_ros.arrays import Array, checked
from scpo_ros.exceptions import SolverError
from scpo_ros.policy.residual_policy import ResidualPolicy
from scpo_ros.sets.admissible_inputs import AdmissibleInputs, ROUNDING
from scpo_ros.systems.linear_system import LinearSystem
from scpo_ros.systems.safe_set import SafeSet


class Source(Enum):
    """Which law produced an action."""

    POLICY = 'policy'
    GUARD = 'guard'  # the safety filter, because the policy's input was not admissible
    BACKUP = 'backup'  # the backup, because the state lies outside the safe set
    LAST_RESORT = 'lqr'
    REVOKED = 'revoked'  # the backup, because the model does not hold
    BUDGET = 'budget'  # the backup, because the policies have used up their task-cost budget


@dataclass(frozen=True)
class Action:
    """An input and where it came from."""

    u: Array  # (m,), within the input limits
    source: Source


class SafetyFilter(Protocol):
    """A policy that is filtered: its actions keep the safe set, whatever its weights are."""

    def swap(self, theta: Array) -> None:
        """Run other weights (d,) from the next action on."""

    def act(self, x: Array) -> Action:
        """
        Return the :class:`Action` at a state (n,).

        :raises InvalidArrayError: for a malformed state.
        """

    def without_policy(self, x: Array) -> Action:
        """Return the :class:`Action` of the backup at a state (n,), in place of the policy's."""

    def residual(self, x: Array) -> Array:
        """Return what the policy adds to the backup at a state (n,): its residual, (m,)."""


class FilteredTask(Protocol):
    """What a safety filter needs of a control task."""

    @property
    def system(self) -> LinearSystem: ...

    @property
    def safe_set(self) -> SafeSet: ...

    @property
    def bounds(self) -> AdmissibleInputs: ...

    @property
    def policy(self) -> ResidualPolicy: ...

    @property
    def gain(self) -> Array: ...


class NearestInputFilter:
    """
    The :class:`SafetyFilter` that changes an input as little as is enough.

    The weights are swapped between two calls of :meth:`act`.
    """

    def __init__(self, task: FilteredTask, theta: Array, enabled: bool = True) -> None:
        """
        Start with the given weights.

        :param task: ControlTask; its `gain` (m, n) is that of the last resort.
        :param theta: (d,).
        :param enabled: False lets the policy act everywhere: for demonstrations of the danger.
        """
        self._task, self._enabled = task, enabled
        self.swap(theta)

    def swap(self, theta: Array) -> None:
        """Run other weights (d,) from the next action on."""
        self.theta: Array = checked('theta', theta, (self._task.policy.network.d,))
        self._residual = self._task.policy.network.prepare(self.theta[None])

    def residual(self, x: Array) -> Array:
        """Return what the policy adds to the backup at a state (n,): its residual, (m,)."""
        residual: Array = self._residual(x[None])[0, 0]
        return residual

    def act(self, x: Array) -> Action:
        """
        Return the :class:`Action` at a state.

        :param x: (n,).
        :raises InvalidArrayError: for a malformed state.
        """
        x = checked('state', x, (self._task.system.n,))
        backup = self._backup(x)
        if not self._enabled:
            base = backup if np.isfinite(backup).all() else self._regulator(x)
            return Action(self._saturated(base + self.residual(x)), Source.POLICY)
        if not np.isfinite(backup).all():
            return self._outside(x)
        u = self._saturated(backup + self.residual(x))
        if self._admissible(x, u):
            return Action(u, Source.POLICY)
        if np.isfinite(u).all():
            nearest = self._task.bounds.nearest(x, u)
            if self._admissible(x, nearest):
                return Action(self._saturated(nearest), Source.GUARD)
        return Action(self._saturated(backup), Source.GUARD)

    def without_policy(self, x: Array) -> Action:
        """Return the :class:`Action` of the backup at a state (n,), in place of the policy's."""
        u = self._backup(x)
        return (Action(self._saturated(u), Source.BUDGET) if np.isfinite(u).all()
                else self._outside(x))

    def _admissible(self, x: Array, u: Array) -> bool:
        """Return whether an input (m,) keeps the next state in the safe set; NaN does not."""
        return bool(self._task.bounds.violation(x, u) <= ROUNDING)

    def _backup(self, x: Array) -> Array:
        """Return the backup's input (m,); NaN where it is undefined, or its solver fails."""
        try:
            u: Array = self._task.policy.backup(x[None])[0]
            return u
        except SolverError:
            return np.full(self._task.system.m, np.nan)

    def _outside(self, x: Array) -> Action:
        try:
            u = self._task.policy.backup.solve(x)
            return Action(self._saturated(u), Source.BACKUP)
        except RuntimeError:  # infeasible, not solved, or CasADi's own: the numbers overflow
            u = self._regulator(x)
            if self._task.safe_set.contains(x):  # only the solver failed: C can be kept
                u = self._task.bounds.nearest(x, u)
            return Action(self._saturated(u), Source.LAST_RESORT)

    def _regulator(self, x: Array) -> Array:
        """Return the input (m,) of the last resort, a linear quadratic regulator."""
        u: Array = -(self._task.gain @ x)
        return u

    def _saturated(self, u: Array) -> Array:
        return self._task.system.saturate(u)
