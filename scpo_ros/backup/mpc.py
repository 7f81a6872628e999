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
The backup: a stabilizing linear MPC, defined in CasADi, feasible on the whole safe set.

    minimise    sum_{k<N} (x_k'Q x_k + u_k'R u_k) + x_N'P x_N + 10 sum(s) + 100 |s|^2
    subject to  x_{k+1} = A x_k + B u_k,   |u_k| <= u_max,
                H x_1 <= lambda - |H| wbar,               (robust: x_1 stays in lambda C for all w)
                |u_k| <= u_plan + s_u,   |x_k| <= x_plan + s_x,
                T x_N <= 1 + s_1,   s = (s_x, s_u) >= 0.

Inequalities are entry by entry, and s_1 is the slack of the first state. P solves the discrete
algebraic Riccati equation, {T x <= 1} is positively invariant under its gain within the planned
limits. Only the input limits and the first state are hard constraints, and C is
lambda-contractive, so a solution exists for every x in C and, since x_1 lies in lambda C for every
disturbance, again at every later step (recursive feasibility; Kerrigan, Maciejowski 2000).
"""

from collections.abc import Callable, Sequence
from pathlib import Path
import threading

import casadi as ca
import numpy as np
from scpo_ros.arrays import Array, checked
from scpo_ros.backup.parametric_qp import condense, ParametricQP
from scpo_ros.backup.planning import Planning
from scpo_ros.exceptions import InfeasibleError, SolverError
from scpo_ros.sets.invariant_set import irredundant, Polytope
from scpo_ros.systems.linear_system import LinearSystem
from scpo_ros.systems.regulator import lqr

_SLACK_LINEAR, _SLACK_QUADRATIC = 10.0, 100.0
_FEASIBILITY = 2e-9  # of the first-state constraint, so that rounding cannot empty it
_SOLVER_OPTIONS: dict[str, dict[str, str | bool | dict[str, float]]] = {
    'daqp': {'daqp': {'primal_tol': 1e-11}},  # its default of 1e-6 is no hard constraint
    'qpoases': {'printLevel': 'none', 'sparse': False},
    'osqp': {'osqp': {'eps_abs': 1e-9, 'eps_rel': 1e-9, 'max_iter': 200000, 'polish': True,
                      'verbose': False}},
}


def riccati(system: LinearSystem, state_weight: Sequence[float] | Array,
            input_weight: float | Sequence[float] | Array) -> tuple[Array, Array]:
    """Return the Riccati solution P (n, n) and the gain K (m, n) of u = -K x."""
    Q, R = np.diag(state_weight), np.asarray(input_weight) * np.eye(system.m)
    return lqr(system.A, system.B, Q, R)


def terminal_set(system: LinearSystem, gain: Array, state_bound: Array, input_bound: Array,
                 steps: int = 400) -> Array:
    """
    Return rows T of the largest set {T x <= 1} invariant under u = -K x within the bounds.

    :param state_bound: (n,), :param input_bound: (m,): |x| and |K x| are kept below these.
    """
    closed_loop = system.A - system.B @ gain
    box = np.vstack([np.diag(1 / state_bound), -np.diag(1 / state_bound),
                     gain / input_bound[:, None], -gain / input_bound[:, None]])
    rows, power = irredundant(box), closed_loop
    for _ in range(steps):
        grown = irredundant(np.vstack([rows, box @ power]))
        if len(grown) == len(rows) and np.allclose(grown, rows):
            break
        rows, power = grown, closed_loop @ power
    return rows


def build_qp(system: LinearSystem, safe_set: Polytope, contraction: float,
             planning: Planning) -> ParametricQP:
    """
    Return the condensed :class:`ParametricQP` of the backup; z = (u_0, .., u_{N-1}, s).

    :param safe_set: C. :param contraction: lambda. :param planning: of n states and m inputs.
    :raises InvalidArrayError: where it is of other numbers of states and inputs.
    """
    n, m, N = system.n, system.m, planning.horizon
    bounds = checked('planned state limit', planning.state_limit, (n,))
    planned = np.tile(checked('planned input limit', planning.input_limit, (m,)), 2 * N)
    P, gain = riccati(system, planning.state_weight, planning.input_weight)
    T = terminal_set(system, gain, bounds, planning.input_limit)
    x0, inputs, s = ca.SX.sym('x', n), ca.SX.sym('u', m, N), ca.SX.sym('s', n + m)
    u, s_u = ca.vec(inputs), ca.repmat(s[n:], 2 * N, 1)
    reach = contraction - np.abs(safe_set.H) @ system.disturbance + _FEASIBILITY
    cost, x = ca.SX(0), x0
    rows: list[ca.SX] = []
    upper: list[float] = []

    def at_most(expression: ca.SX, bound: Array | float) -> None:
        rows.append(expression)
        upper.extend(np.broadcast_to(bound, (expression.shape[0],)))

    for k in range(N):
        u_k = inputs[:, k]
        cost += ca.dot(x * planning.state_weight, x) + ca.dot(planning.input_weight, u_k**2)
        x = ca.SX(system.A @ x + system.B @ u_k)
        if k == 0:
            at_most(ca.SX(safe_set.H @ x), reach)
        at_most(ca.vertcat(x, -x) - ca.vertcat(s[:n], s[:n]), np.r_[bounds, bounds])
    cost += ca.bilin(P, x, x) + _SLACK_LINEAR * ca.sum1(s) + _SLACK_QUADRATIC * ca.sumsqr(s)
    at_most(ca.SX(T @ x - s[0]), 1.0)
    at_most(ca.vertcat(u, -u), np.tile(system.input_limit, 2 * N))
    at_most(ca.vertcat(u, -u) - s_u, planned)
    at_most(-s, 0.0)
    return condense(cost, ca.vertcat(*rows), np.array(upper), ca.vertcat(u, s), x0)


def _bind(place: Callable[..., None], index: int, memory: Array) -> None:
    """Have an argument or a result of a CasADi function lie in an array."""
    place(index, memory.data)


def _solver(qp: ParametricQP, plugin: str) -> ca.Function:
    """
    Return CasADi's solver for a QP of this size.

    :raises SolverError: when this CasADi comes without it, as some distributions of it do.
    """
    try:
        return ca.conic(
            'backup', plugin, {'h': ca.Sparsity.dense(*qp.P.shape),
                               'a': ca.Sparsity.dense(*qp.G.shape)},
            {**_SOLVER_OPTIONS[plugin], 'error_on_fail': False, 'print_problem': False})
    except RuntimeError as error:
        raise SolverError(f'CasADi in {Path(ca.__file__).parent} cannot load its '
                          f'solver {plugin!r}: install CasADi with pip') from error


class BackupMpc:
    """The backup law u_0(x), solved one state at a time."""

    def __init__(self, qp: ParametricQP, safe_set: Polytope, plugin: str = 'daqp',
                 inputs: int = 1) -> None:
        """
        Prepare the solver.

        :param qp: a :class:`ParametricQP`. :param safe_set: the set where it is feasible.
        :param plugin: CasADi conic plugin: 'daqp', 'qpoases' or 'osqp' (at tight tolerance).
        :param inputs: m, the number of first entries of z that are u_0.
        :raises SolverError: when CasADi cannot load the plugin.
        """
        self.qp, self.safe_set, self.plugin, self.inputs = qp, safe_set, plugin, inputs
        x = ca.MX.sym('x', qp.F.shape[1])
        solver = _solver(qp, plugin)
        answer = solver(h=ca.DM(qp.P), a=ca.DM(qp.G), g=ca.DM(qp.q) + ca.DM(qp.F) @ x,
                        uba=ca.DM(qp.b) + ca.DM(qp.S) @ x, lba=-ca.inf)
        self._law = ca.Function('law', [x], [answer['x'], answer['lam_a']])
        # numbers pass through fixed memory: no conversion on the way in and out
        self._state, self._z, self._multipliers = map(np.zeros, (
            qp.F.shape[1], len(qp.q), len(qp.b)))
        self._memory = threading.Lock()
        self._buffer, self._evaluate = self._law.buffer()
        _bind(self._buffer.set_arg, 0, self._state)
        _bind(self._buffer.set_res, 0, self._z)
        _bind(self._buffer.set_res, 1, self._multipliers)

    def __reduce__(self) -> tuple[type['BackupMpc'], tuple[ParametricQP, Polytope, str, int]]:
        """Travel to other processes without the solver."""
        return BackupMpc, (self.qp, self.safe_set, self.plugin, self.inputs)

    def solve(self, x: Array) -> Array:
        """
        Return the first input u_0 (m,) of the plan from the state x (n,).

        :raises InvalidArrayError: for a malformed state.
        :raises InfeasibleError: for a state outside the safe set without a solution.
        :raises SolverError: when there must be a solution and the solver reports none.
        """
        return self.solve_with_multipliers(x)[0][:self.inputs]

    def solve_with_multipliers(self, x: Array) -> tuple[Array, Array]:
        """Return the whole answer z (nz,) and the multipliers (c,) of G z <= b + S x."""
        x = checked('state', x, (self.qp.F.shape[1],))
        z, multipliers, success = self._answer(x)
        if not (success and np.isfinite(z).all()):
            if not self.safe_set.contains(x):
                raise InfeasibleError(
                    f'the backup has no solution at the state {x.tolist()}, outside the safe set '
                    f'(gauge {self.safe_set.gauge(x):.4f} > 1)')
            raise SolverError(f'the backup MPC found no solution at the state {x.tolist()}')
        return z, multipliers

    def _answer(self, x: Array) -> tuple[Array, Array, bool]:
        """Return (z, multipliers, whether the solver reports success); an overflow is none."""
        with np.errstate(over='ignore', invalid='ignore'):
            problem = np.concatenate([self.qp.F @ x, self.qp.S @ x])
        if not np.isfinite(problem).all():  # CasADi would print all of it and raise
            return np.full(len(self._z), np.nan), np.full(len(self._multipliers), np.nan), False
        with self._memory:
            self._state[:] = x
            self._evaluate()
            return self._z.copy(), self._multipliers.copy(), bool(self._buffer.stats()['success'])
