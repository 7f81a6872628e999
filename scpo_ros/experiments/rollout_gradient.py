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
Exact derivatives of the rollout metrics: for the offline optimum only, never for SCPO.

The closed loop x+ = A x + B u + w, u = sat(mu(x) + r_theta(x)), is differentiated by hand. With
the adjoint p_H = dPhi/dx_H of one metric Phi of one scenario,

    du_k = [|u| unsaturated] (B'p_{k+1} + dPhi/du_k)
    p_k  = A'p_{k+1} + dPhi/dx_k + (dmu/dx + dr/dx)'du_k
    dPhi/dtheta = sum_k du_k dr_theta(x_k)/dtheta.

mu is piecewise affine: its slope comes from differences. Maxima over time are differentiated where
they are attained. A rollout that leaves the safe set has no derivative beyond; it counts as NaN.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from scpo_ros.arrays import Array, Booleans, Integers
from scpo_ros.sets.admissible_inputs import InputBounds
from scpo_ros.systems.scenario import Scenarios
from scpo_ros.verification.task import ControlTask

_STEP = 1e-6  # of the differences of mu

# A metric (S,) and its derivatives by x_H (S, 2), x_k (H, S, 2) and u_k (H, S).
Terms: TypeAlias = tuple[Array, Array, Array, Array]
Residual: TypeAlias = Callable[[Array], Array]  # states (N, 2) -> r of one policy (1, N, 1)


@dataclass(frozen=True)
class Trace:
    """The closed loops of one policy from S scenarios."""

    x: Array  # (H + 1, S, 2)
    u: Array  # (H, S)
    free: Booleans  # (H, S), whether the input is not saturated
    slope: Array  # (H, S, 2), d u / d x


def traced(task: ControlTask, theta: Array, scenarios: Scenarios) -> Trace:
    """Return the :class:`Trace`."""
    system, limit = task.system, task.system.input_limit[0]
    residual = task.policy.network.prepare(np.asarray(theta)[None])
    x, states, inputs, free = scenarios.x0, [scenarios.x0], [], []
    for k in range(scenarios.horizon):
        raw = np.nan_to_num(task.policy.backup(x)[:, 0]) + residual(x)[0, :, 0]
        u = np.clip(raw, -limit, limit)
        x = system.step(x, u[:, None], scenarios.w[:, k])
        states.append(x)
        inputs.append(u)
        free.append(np.abs(raw) < limit)
    x, u, unsaturated = np.array(states), np.array(inputs), np.array(free)
    slope = _slope(task, residual, x[:-1].reshape(-1, system.n))
    return Trace(x, u, unsaturated,
                 slope.reshape(*u.shape, system.n) * unsaturated[..., None])


def _slope(task: ControlTask, residual: Residual, x: Array) -> Array:
    """Return d (mu + r) / d x (N, 2) by differences, one-sided at the edge of the safe set."""
    columns = []
    for i in range(x.shape[1]):
        step = np.zeros(x.shape[1])
        step[i] = _STEP
        value, up, down = (task.policy.backup(y)[:, 0] + residual(y)[0, :, 0]
                           for y in (x, x + step, x - step))
        forward, backward = (up - value) / _STEP, (value - down) / _STEP
        columns.append(np.where(np.isnan(forward), backward,
                                np.where(np.isnan(backward), forward,
                                         0.5 * (forward + backward))))
    slope: Array = np.nan_to_num(np.column_stack(columns))
    return slope


def weights(task: ControlTask, trace: Trace, at_end: Array, at_state: Array, at_input: Array
            ) -> Array:
    """
    Return du (H, S): how a metric of each scenario depends on r_theta along its rollout.

    :param at_end: dPhi/dx_H (S, 2). :param at_state: dPhi/dx_k (H, S, 2).
    :param at_input: dPhi/du_k (H, S).
    """
    A, B = task.system.A, task.system.B[:, 0]
    adjoint, out = at_end, np.empty_like(trace.u)
    for k in range(len(trace.u) - 1, -1, -1):
        out[k] = trace.free[k] * (adjoint @ B + at_input[k])
        adjoint = (adjoint @ A + at_state[k]
                   + trace.slope[k] * (adjoint @ B + at_input[k])[:, None])
    return out


def violation_terms(task: ControlTask, trace: Trace) -> Terms:
    """Return the constraint metric (S,) with its derivatives (zeros, (H, S, 2), (H, S))."""
    x, u = trace.x[:-1], trace.u
    bounds = InputBounds.of(task.system, task.safe_set)
    above = u[..., None] - (x @ bounds.up[:, :-1].T + bounds.up[:, -1])
    below = (x @ bounds.low[:, :-1].T + bounds.low[:, -1]) - u[..., None]
    both = np.concatenate([above, below], axis=-1)  # (H, S, q)
    rows = np.vstack([-bounds.up[:, :-1], bounds.low[:, :-1]])
    sign = np.r_[np.ones(above.shape[-1]), -np.ones(below.shape[-1])]
    facet = both.argmax(axis=-1)
    violation = both.max(axis=-1)
    when, every = violation.argmax(axis=0), np.arange(u.shape[1])
    at_state, at_input = np.zeros_like(x), np.zeros_like(u)
    chosen = facet[when, every]
    at_state[when, every], at_input[when, every] = rows[chosen], sign[chosen]
    return violation[when, every], np.zeros_like(trace.x[0]), at_state, at_input


def stability_terms(task: ControlTask, trace: Trace, scenarios: Scenarios) -> Terms:
    """Return the stability metric (S,) with its derivatives."""
    metric, end = task.metric, trace.x[-1]
    P = metric.weight / metric.weight[0, 0]
    length = metric.norm(end)
    value = length - metric.ratio * metric.norm(scenarios.x0) - metric.offset
    return (value, end @ P / np.maximum(length, 1e-12)[:, None], np.zeros_like(trace.x[:-1]),
            np.zeros_like(trace.u))


def cost_terms(task: ControlTask, trace: Trace) -> Terms:
    """Return the mean stage cost (S,) of every scenario with its derivatives."""
    simulator, x, u = task.simulator, trace.x[:-1], trace.u
    horizon = len(u)
    return (simulator.stage_cost(x, u[..., None]).mean(axis=0), np.zeros_like(trace.x[0]),
            2 * x * np.asarray(simulator.state_weight) / horizon,
            2 * simulator.input_weight[0] * u / horizon)


def parameter_rows(task: ControlTask, theta: Array, trace: Trace, du: Array,
                   scenarios: Integers) -> Array:
    """
    Return dPhi/dtheta (m, d) of the metrics of m scenarios.

    :param du: (H, S) of :func:`weights`. :param scenarios: their indices (m,).
    """
    horizon, rows = len(du), []
    for s in scenarios:
        jacobian = task.policy.network.jacobian(theta, trace.x[:horizon, s])[:, 0]
        rows.append(du[:, s] @ jacobian)
    return np.array(rows).reshape(len(scenarios), len(theta))


def parameter_sum(task: ControlTask, theta: Array, trace: Trace, du: Array, scale: Array
                  ) -> Array:
    """
    Return sum_s scale_s dPhi_s/dtheta (d,) over all scenarios.

    :param scale: (S,).
    """
    total = np.zeros(len(theta))
    for k in range(len(du)):
        total += (du[k] * scale) @ task.policy.network.jacobian(theta, trace.x[k])[:, 0]
    return total
