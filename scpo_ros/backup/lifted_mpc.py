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
The backup of a decoupled part with any number of states: a stabilizing MPC, defined in CasADi.

In units of the limits, with v_k = -K z_k + c_k for k < N and v_k = -K z_k later,

    minimise    sum_{k<N} c_k'W c_k + 10 s + 100 s^2
    subject to  (z, c) in Xi,   (z, c) in (1 + s) Xi_plan,   s >= 0,

over c = (c_0, .., c_{N-1}) and the slack s. W = R + B'P B, and P is the cost-to-go of v = -K z:
the sum is what the inputs c add to it where K is the LQR gain. Xi is the lifted safe set
(:mod:`scpo_ros.sets.lifted_construction`), Xi_plan the same set for the planned limits, without
disturbance and without contraction; without planned limits the second condition is left out.

*Recursive feasibility.* (z, c) in Xi takes the next state, with the shifted c, into lambda Xi,
whatever the disturbance does: a solution exists again.
*Stability.* Without disturbance the shifted c and the same s are feasible again, since Xi_plan is
invariant, so the minimum falls by c_0'W c_0 at every step; c_0 tends to 0, and -K z takes z to 0
(Kouvaritakis, Rossiter, Schuurmans 2000, *Efficient robust predictive control*).

*Rounding.* At the boundary of the safe set hardly more than one c is left, and rounding may leave
none. So the rows of Xi are relaxed by 1e-7: (z, c) in (1 + 1e-7) Xi takes the next state into
(1 + 1e-7) lambda Xi, which lies in Xi. The inputs are clipped to their limits afterwards.

Where (z, 0) lies in both sets the answer is c = 0, s = 0: no program is solved there.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property

import casadi as ca
import numpy as np
from scipy.linalg import solve_discrete_lyapunov
from scpo_ros.arrays import Array, Booleans
from scpo_ros.backup.parametric_qp import condense, ParametricQP
from scpo_ros.backup.warm_program import WarmProgram
from scpo_ros.config.table_cache import Cache
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.sets.inner_ellipsoid import inner_ellipsoid, within
from scpo_ros.sets.lifted_construction import lifted_set
from scpo_ros.sets.lifted_set import LiftedSet
from scpo_ros.sets.set_table import set_key, stored_set
from scpo_ros.systems.decoupling import Block

_SLACK_LINEAR, _SLACK_QUADRATIC = 10.0, 100.0
_RELAXED = 1e-7  # of the rows of Xi
_SLOWEST = 1 - 100 * _RELAXED  # contraction that pays for it a hundred times


def planned_set(block: Block, safe_set: LiftedSet, states: Mapping[int, float],
                inputs: Mapping[int, float], cache: Cache = None) -> LiftedSet:
    """
    Return Xi_plan: the largest set that keeps the planned limits without a disturbance.

    :param states: planned |z_i| by place in the block, in units of the limits. :param inputs:
        likewise |v_i|. :param cache: folder of its table, None for the default one.
    :raises ConfigurationError: when the rows do not end.
    """
    def rows(places: Mapping[int, float], size: int) -> Array:
        found = np.array([np.eye(size)[place] / limit for place, limit in places.items()])
        return np.vstack([found.reshape(-1, size), -found.reshape(-1, size)])

    planned = replace(
        block, disturbance=np.zeros(block.n),
        state_rows=np.vstack([block.state_rows, rows(states, block.n)]),
        input_rows=np.vstack([block.input_rows, rows(inputs, block.m)]))
    gain, horizon = safe_set.gain, safe_set.horizon
    return stored_set('planned-set', set_key(planned, gain, horizon), planned, horizon,
                      lambda: lifted_set(planned, gain, 1.0, horizon), cache)


def lifted_qp(block: Block, safe_set: LiftedSet, planned: LiftedSet | None) -> ParametricQP:
    """
    Return the :class:`ParametricQP` of the backup in z; its variables are (c, s), or c alone.

    :param planned: Xi_plan, None without planned limits.
    """
    m, horizon = block.m, safe_set.horizon
    closed = block.A - block.B @ safe_set.gain
    cost_to_go = solve_discrete_lyapunov(
        closed.T, block.state_weight + safe_set.gain.T @ block.input_weight @ safe_set.gain)
    weight = block.input_weight + block.B.T @ cost_to_go @ block.B
    weight = weight / np.max(np.diag(weight))
    z, c = ca.SX.sym('z', block.n), ca.SX.sym('c', m * horizon)
    lifted = ca.vertcat(z, c)
    cost = ca.bilin(ca.kron(ca.DM.eye(horizon), weight), c, c)
    hard = np.full(len(safe_set.rows), 1 + _RELAXED)
    if planned is None:
        return condense(cost, ca.SX(safe_set.rows @ lifted), hard, c, z)
    s = ca.SX.sym('s')
    rows = ca.vertcat(safe_set.rows @ lifted, planned.rows @ lifted - s, -s)
    upper = np.r_[hard, np.ones(len(planned.rows)), 0.0]
    return condense(cost + _SLACK_LINEAR * s + _SLACK_QUADRATIC * s**2, rows, upper,
                    ca.vertcat(c, s), z)


class LiftedMpc:
    """The backup of one decoupled part, in units of its limits."""

    def __init__(self, block: Block, safe_set: LiftedSet, planned: LiftedSet | None = None
                 ) -> None:
        """
        Take over the parts.

        :param safe_set: Xi. :param planned: Xi_plan, or None.
        :raises ConfigurationError: for a set without free inputs, or one that contracts too slowly
            to pay for the relaxed rows.
        """
        if safe_set.horizon < 1:
            raise ConfigurationError('horizon', safe_set.horizon, 'must be at least 1')
        if not safe_set.contraction <= _SLOWEST:
            raise ConfigurationError(
                'contraction', safe_set.contraction, f'must be at most {_SLOWEST:.6g}')
        self.block, self.safe_set, self.planned = block, safe_set, planned

    @cached_property
    def program(self) -> WarmProgram:
        """Return the program that is solved where c = 0 is not the answer."""
        return WarmProgram(lifted_qp(self.block, self.safe_set, self.planned))

    def plans(self, z: Array) -> Array:
        """Return the optimal c (N, horizon m) at states z (N, n); NaN where there is none."""
        plans = np.zeros((len(z), self.safe_set.lifted_rows.shape[1]))
        left = np.flatnonzero(~self._linear(z))
        plans[left] = self.program.many(z[left])[:, :plans.shape[1]]
        return plans

    def inputs(self, z: Array, plans: Array) -> Array:
        """Return v = -K z + c_0 (N, m), for states (N, n) and plans (N, horizon m)."""
        inputs: Array = plans[:, :self.block.m] - z @ self.safe_set.gain.T
        return inputs

    def holds(self, z: Array, plans: Array) -> Booleans:
        """
        Return (N,) whether (z, c) lies in Xi, relaxed as in the program; NaN does not.

        Then v = -K z + c_0 takes the next state into Xi: no solver is needed for that.
        """
        kept: Booleans = np.all(
            z @ self.safe_set.state_rows.T + plans @ self.safe_set.lifted_rows.T <= 1 + _RELAXED,
            axis=1)
        return kept

    def _linear(self, z: Array) -> Booleans:
        """Return (N,) whether c = 0 is the answer; NaN never is."""
        linear = within(self._ellipsoid, z)
        left = np.flatnonzero(~linear)
        linear[left] = np.all(z[left] @ self._rows_without_plan.T <= 1.0, axis=1)
        return linear

    @cached_property
    def _rows_without_plan(self) -> Array:
        """Return the rows (r, n) of all z with (z, 0) in both sets."""
        planned = [] if self.planned is None else [self.planned.state_rows]
        return np.vstack([self.safe_set.state_rows, *planned])

    @cached_property
    def _ellipsoid(self) -> Array:
        """Return M (n, n) of an ellipsoid that keeps these rows: most states lie in it."""
        return inner_ellipsoid(self._rows_without_plan)
