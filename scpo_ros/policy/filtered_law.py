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
The law that the controller runs on a described system: policy, safety filter, backup, last resort.

Inside the safe set the filter replaces an input of the policy that is not admissible by the
nearest one that is, for any weights whatever; it counts where it changes the input. The backup's
plan at the present state is found by a solver. Should the solver fail, a plan that is known serves
without one: c = 0, or the plan c' that served the input before, each only where (x, c) lies in the
lifted set of this very state. A step within the disturbance leads where c' holds. Where a part has
no plan, as outside its safe set, the linear feedback u = -K x moves its inputs, saturated: the
last resort. The other parts then follow the backup.
"""

from typing import Protocol

import numpy as np
from scpo_ros.arrays import Array, checked
from scpo_ros.policy.filtered_policy import FilteredPolicy
from scpo_ros.policy.safety_filter import Action, Source
from scpo_ros.tolerances import CHANGED


class FilteredTask(Protocol):
    """What the law needs of a control task."""

    @property
    def policy(self) -> FilteredPolicy: ...

    @property
    def feedback(self) -> Array: ...


class FilteredLaw:
    """
    The :class:`~scpo_ros.policy.safety_filter.SafetyFilter` of a described system.

    The weights are swapped between two calls of :meth:`act`.
    """

    def __init__(self, task: FilteredTask, theta: Array, enabled: bool = True) -> None:
        """
        Start with the given weights.

        :param task: its `feedback` K (m, n) is that of the last resort. :param theta: (d,).
        :param enabled: False lets the policy act everywhere: for demonstrations of the danger.
        """
        self._policy, self._feedback, self._enabled = task.policy, task.feedback, enabled
        self._later: list[Array] = []  # what serves at the next state; none yet
        self._seen: tuple[Array, Array, list[Array]] | None = None  # state, backup, plans
        for part in self._policy.filters:
            part.prepare()
        for bound in self._policy.bounds:
            bound.prepare()
        self.swap(theta)

    def swap(self, theta: Array) -> None:
        """Run other weights (d,) from the next action on."""
        self.theta: Array = checked('theta', theta, (self._policy.network.d,))
        self._network = self._policy.network.columns(self.theta[None])

    def residual(self, x: Array) -> Array:
        """Return what the policy adds to the backup at a state (n,): its residual, (m,)."""
        if self._seen is None or not np.array_equal(self._seen[0], x):
            return self._residual(x, *self._policy.around(x[None]))
        return self._residual(*self._seen)

    def _residual(self, x: Array, backup: Array, plans: list[Array]) -> Array:
        """Return the residual (m,) at a state (n,), bounded by what these plans allow."""
        outputs = self._network(x[:, None, None])[:, 0].T
        residual: Array = self._policy.residual(outputs, x[None], backup, plans)[0]
        return residual

    def act(self, x: Array) -> Action:
        """
        Return the :class:`Action` at a state.

        :param x: (n,).
        :raises InvalidArrayError: for a malformed state.
        """
        x = checked('state', x, (self._policy.system.n,))
        backup, plans = self._around(x)
        if not np.all(np.isfinite(backup)):
            return self._without_plan(x, backup, plans)
        wanted = self._policy.system.saturate(backup + self._residual(x, backup, plans))
        return self._let_through(x, wanted, backup, plans)

    def toward(self, x: Array, wanted: Array) -> Action:
        """
        Return the :class:`Action` nearest to an input that does not come from the policy.

        :param x: (n,). :param wanted: (m,), saturated first.
        :raises InvalidArrayError: for a malformed state or input.
        """
        x = checked('state', x, (self._policy.system.n,))
        asked = checked('wanted', wanted, (self._policy.system.m,))
        backup, plans = self._around(x)
        if not np.all(np.isfinite(backup)):
            return self._without_plan(x, backup, plans)
        return self._let_through(x, self._policy.system.saturate(asked)[None], backup, plans)

    def _let_through(self, x: Array, wanted: Array, backup: Array, plans: list[Array]) -> Action:
        """Return what the filter makes of an input (1, m), given the backup's (1, m)."""
        if not self._enabled:
            return Action(wanted[0], Source.POLICY)
        inputs, self._later = self._policy.with_plans(x[None], wanted, plans)
        u = inputs[0]
        if not np.all(np.isfinite(u)):
            return Action(backup[0], Source.GUARD)
        return Action(u, Source.GUARD if self._changed(u, wanted[0]) else Source.POLICY)

    def without_policy(self, x: Array) -> Action:
        """Return the :class:`Action` of the backup at a state (n,), in place of the policy's."""
        backup, plans = self._around(x)
        return (Action(backup[0], Source.BUDGET) if np.all(np.isfinite(backup))
                else self._without_plan(x, backup, plans))

    def _around(self, x: Array) -> tuple[Array, list[Array]]:
        """Return the backup's input (1, m) at a state (n,) and the plans of the parts."""
        backup, plans = self._policy.around(x[None])
        for place, (part, plan) in enumerate(zip(self._policy.filters, plans)):
            if not np.all(np.isfinite(plan)):
                block = part.backup.block
                z, known = x[None, block.states] / block.scale, self._known_plan(place, x)
                plans[place] = known
                backup[:, block.inputs] = part.backup.inputs(z, known) * block.input_scale
        self._later = [part.shifted(plan) for part, plan in zip(self._policy.filters, plans)]
        self._seen = x, self._policy.system.saturate(backup), plans
        return self._seen[1:]

    def _known_plan(self, place: int, x: Array) -> Array:
        """Return a plan (1, horizon m) of a part that serves at a state (n,); NaN for none."""
        part = self._policy.filters[place]
        z = x[None, part.backup.block.states] / part.backup.block.scale
        none = np.zeros((1, part.backup.safe_set.lifted_rows.shape[1]))
        known = [none, *self._later[place:place + 1]]
        return next((plan for plan in known if part.backup.holds(z, plan)[0]), none * np.nan)

    def _changed(self, u: Array, wanted: Array) -> bool:
        """Return whether the filter moved an input (m,); what is not a number, it did."""
        system = self._policy.system
        reach = CHANGED * (system.input_upper - system.input_lower)
        return not np.all(np.abs(u - wanted) <= reach)

    def _without_plan(self, x: Array, backup: Array, plans: list[Array]) -> Action:
        """Return what acts where a part has no plan: NaN in the inputs (1, m) of the backup."""
        u = np.where(np.isfinite(backup[0]), backup[0],
                     self._policy.system.saturate(-(self._feedback @ x)))
        if not self._enabled:
            u = self._policy.system.saturate(u + self._residual(x, backup, plans))
        return Action(u, Source.LAST_RESORT if self._enabled else Source.POLICY)
