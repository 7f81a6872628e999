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
The inputs of a described system where the controller's solver found no plan.

The law then takes a plan that is known: c = 0, or the one that served the input before; each only
where (x, c) lies in the lifted set (:mod:`scpo_ros.policy.filtered_law`). It keeps the
safe set all the same. The solver of an audit finds a plan there, and so another input.
"""

import numpy as np
from scpo_ros.arrays import Array, Booleans
from scpo_ros.policy.filtered_policy import FilteredPolicy


def follows_a_known_plan(policy: FilteredPolicy, theta: Array, x: Array,
                         before: tuple[Array, Array] | None, u: Array, tolerance: float) -> bool:
    """
    Return whether an input (m,) is what the law gives with plans that are known.

    Each decoupled part has a plan of its own: one that was solved, or one that was known. A
    bounded residual depends on the plan, too.

    :param theta: weights (d,) in force at x (n,). :param before: the state (n,) before and the
        weights (d,) in force there, or None.
    :param tolerance: by which inputs may differ; NaN is never the same.
    """
    solved = policy.around(x[None])[1]
    candidates = [solved, [np.zeros_like(plan) for plan in solved]]
    if before is not None:
        candidates.append(_later(policy, *before))
    same: Booleans = np.zeros(len(u), dtype=bool)
    for plans in candidates:
        same |= np.abs(_inputs(policy, theta, x, plans) - u) <= tolerance
    return bool(np.all(same))


def _later(policy: FilteredPolicy, x: Array, theta: Array) -> list[Array]:
    """Return the plans of the parts that serve the input at a state (n,)."""
    backup, plans = policy.around(x[None])
    wanted = _wanted(policy, theta, x, backup, plans)
    return policy.with_plans(x[None], wanted, plans)[1]


def _wanted(policy: FilteredPolicy, theta: Array, x: Array, backup: Array, plans: list[Array]
            ) -> Array:
    """Return what the policy asks for (1, m) at a state (n,), given plans of the parts."""
    return policy.wanted(policy.network(theta[None], x[None])[0], x[None], backup, plans)


def _inputs(policy: FilteredPolicy, theta: Array, x: Array, plans: list[Array]) -> Array:
    """Return the filtered inputs (m,) with plans of the parts; NaN for those that do not serve."""
    backup, held = np.empty((1, policy.system.m)), []
    for part, plan in zip(policy.filters, plans):
        block = part.backup.block
        z = x[None, block.states] / block.scale
        plan = np.where(part.backup.holds(z, plan)[:, None], plan, np.nan)
        backup[:, block.inputs] = part.backup.inputs(z, plan) * block.input_scale
        held.append(plan)
    wanted = _wanted(policy, theta, x, policy.system.saturate(backup), held)
    found: Array = policy.filtered(x[None], wanted, held)[0]
    return found
