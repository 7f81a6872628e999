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

"""The backup MPC: one answer from three solvers, feasible for ever, stabilizing, within limits."""

import pickle

import casadi as ca
from control_samples import backup_mpc, states_in, worst_disturbance
import numpy as np
import pytest
from scpo_ros.backup.mpc import BackupMpc, riccati, terminal_set
from scpo_ros.exceptions import InfeasibleError, InvalidArrayError, SolverError
from scpo_ros.sets.invariant_set import Polytope


def stress(task, count, rng):
    """Return vertices, points of the boundary and of the interior of the safe set."""
    return np.vstack([task.safe_set.vertices, task.safe_set.boundary(count),
                      states_in(task.safe_set, count, rng)])


def rolled_out(task, z, x):
    """Return states (N + 1, 2), inputs (N,) and slacks (3,) of a plan z from x."""
    u, slack = z[:-3], z[-3:]
    states = [x]
    for k in range(len(u)):
        states.append(task.system.step(states[-1], u[k:k + 1]))
    return np.array(states), u, slack


def cost_of(task, z, x):
    """Return the cost as the module's docstring writes it."""
    states, u, s = rolled_out(task, z, x)
    config = task.spec.backup
    return (np.sum(states[:-1]**2 @ np.array(config.state_weight))
            + config.input_weight * np.sum(u**2) + states[-1] @ task.lyapunov @ states[-1]
            + 10 * np.sum(s) + 100 * np.sum(s**2))


@pytest.mark.parametrize('plugin, tolerance, count', [('qpoases', 1e-8, 200), ('osqp', 1e-5, 40)])
def test_solvers_agree(task, plugin, tolerance, count, rng):
    other = BackupMpc(task.mpc.qp, task.safe_set, plugin)
    for x in stress(task, count, rng):
        assert abs(task.mpc.solve(x)[0] - other.solve(x)[0]) <= tolerance


def test_answers_satisfy_the_optimality_conditions(task, rng):
    qp = task.mpc.qp
    for x in stress(task, 60, rng):
        z, multipliers = task.mpc.solve_with_multipliers(x)
        slack = qp.b + qp.S @ x - qp.G @ z
        assert np.max(np.abs(qp.P @ z + qp.q + qp.F @ x + qp.G.T @ multipliers)) < 1e-7
        assert np.min(slack) > -1e-9 and np.min(multipliers) > -1e-9
        assert np.max(np.abs(slack * multipliers)) < 1e-6


def test_the_condensed_problem_is_the_written_one(task, rng):
    qp = task.mpc.qp
    for x, z in zip(rng.normal(size=(20, 2)), rng.normal(size=(20, len(qp.q)))):
        condensed = z @ qp.P @ z / 2 + (qp.q + qp.F @ x) @ z
        assert condensed == pytest.approx(cost_of(task, z, x) - cost_of(task, 0 * z, x))
    assert np.linalg.eigvalsh(qp.P)[0] > 0 and np.allclose(qp.P, qp.P.T)


def test_a_plan_keeps_what_it_must_and_pays_for_what_it_may_not(task, rng):
    config, limit = task.spec.backup, task.system.input_limit[0]
    T = terminal_set(task.system, task.gain, np.array([0.9, 0.2]), np.array([0.3]))
    for x in stress(task, 40, rng):
        states, u, slack = rolled_out(task, task.mpc.solve_with_multipliers(x)[0], x)
        reach = task.contraction_factor - np.abs(task.safe_set.H) @ task.system.disturbance
        assert np.all(task.safe_set.H @ states[1] <= reach + 1e-8)
        assert np.all(np.abs(u) <= limit + 1e-9) and np.all(slack >= -1e-9)
        assert np.all(np.abs(states[1:, 0]) <= config.planned_position + slack[0] + 1e-8)
        assert np.all(np.abs(states[1:, 1]) <= config.planned_velocity + slack[1] + 1e-8)
        assert np.all(np.abs(u) <= config.planned_input + slack[2] + 1e-8)
        assert np.all(T @ states[-1] <= 1 + slack[0] + 1e-8)


def test_no_feasible_plan_is_cheaper(task, rng):
    qp = task.mpc.qp
    for x in stress(task, 10, rng):
        z = task.mpc.solve_with_multipliers(x)[0]
        best = cost_of(task, z, x)
        for step in rng.normal(0, 0.05, (50, len(z))):
            feasible = np.all(qp.G @ (z + step) <= qp.b + qp.S @ x)
            assert not feasible or cost_of(task, z + step, x) >= best - 1e-9


def adversary(task, x, u, k):
    """Return the disturbance that takes the next state furthest out."""
    return worst_disturbance(task, x, u)


def constant(task, x, u, k):
    """Return the upper bound of the disturbance."""
    return task.system.disturbance


def alternating(task, x, u, k):
    """Return bounds that change sign every seven steps."""
    return task.system.disturbance * (-1)**(k // 7)


@pytest.mark.parametrize('disturbance', [adversary, constant, alternating])
def test_from_the_boundary_it_is_feasible_for_ever_and_every_next_state_is_in_lambda_c(
        task, disturbance):
    for x in np.vstack([task.safe_set.vertices[::2], task.safe_set.boundary(10)]):
        for k in range(80):
            u = task.mpc.solve(x)[0]
            assert abs(u) <= task.system.input_limit[0] + 1e-9
            x = task.system.step(x, np.array([u]), disturbance(task, x, u, k))
            assert task.safe_set.gauge(x) <= task.contraction_factor + 3e-9


def test_a_twice_larger_disturbance_than_it_is_made_for_leaves_lambda_c(task):
    largest = 0.0
    for x in task.safe_set.vertices:
        u = task.mpc.solve(x)[0]
        largest = max(largest, task.safe_set.gauge(
            task.system.step(x, np.array([u]), 2 * worst_disturbance(task, x, u))))
    assert largest > task.contraction_factor + 1e-3


@pytest.mark.parametrize('share, steps, bound', [(0.0, 200, 1e-6), (1.0, 120, 0.1)])
def test_it_returns_to_the_origin_as_far_as_the_disturbance_lets_it(task, share, steps, bound):
    for start in task.safe_set.vertices[::4]:
        x, norms = start, []
        for k in range(steps):
            w = share * alternating(task, x, 0.0, k)
            x = task.system.step(x, task.mpc.solve(x), w)
            norms.append(task.metric.norm(x))
        assert max(norms[60:]) <= 0.5 * task.metric.norm(start) + 0.1
        assert max(norms[-20:]) <= bound


def test_the_law_is_odd_and_zero_at_the_origin(task, rng):
    assert abs(task.mpc.solve([0.0, 0.0])[0]) < 1e-12
    for x in states_in(task.safe_set, 50, rng):
        assert task.mpc.solve(-x)[0] == pytest.approx(-task.mpc.solve(x)[0], abs=1e-8)


def test_near_the_origin_it_is_the_regulator(task, rng):
    for x in 0.02 * states_in(task.safe_set, 50, rng):
        assert task.mpc.solve(x)[0] == pytest.approx(-(task.gain @ x)[0], abs=1e-9)


def test_riccati_solves_its_equation_and_stabilizes(task):
    A, B, P, K = task.system.A, task.system.B, task.lyapunov, task.gain
    Q, R = np.diag(task.spec.backup.state_weight), task.spec.backup.input_weight
    residual = A.T @ P @ A - P - A.T @ P @ B @ K + Q
    assert np.max(np.abs(residual)) < 1e-9
    assert np.max(np.abs(np.linalg.eigvals(A - B @ K))) < 1
    closed = A - B @ K
    assert np.allclose(closed.T @ P @ closed - P, -(Q + R * K.T @ K))
    assert np.allclose(riccati(task.system, np.diag(Q), R)[1], K)


def test_the_terminal_set_is_positively_invariant_within_the_planned_limits(task):
    bounds, u_max = np.array([0.9, 0.2]), 0.3
    T = terminal_set(task.system, task.gain, bounds, np.array([u_max]))
    corners = Polytope(T).vertices
    after = corners @ (task.system.A - task.system.B @ task.gain).T
    assert np.all(after @ T.T <= 1 + 1e-9)
    assert np.all(np.abs(corners) <= bounds + 1e-9)
    assert np.all(np.abs(corners @ task.gain.T) <= u_max + 1e-9)


def test_the_planned_box_itself_is_not_invariant(task):
    bounds = np.array([0.9, 0.2])
    box = np.array([[1.0, 1.0], [1.0, -1.0]]) * bounds
    after = box @ (task.system.A - task.system.B @ task.gain).T
    assert np.any(np.abs(after) > bounds) or np.any(np.abs(box @ task.gain.T) > 0.3)


@pytest.mark.parametrize('x', [[3.0, 0.0], [0.0, 2.0], [0.99, 0.6], [-50.0, -50.0]])
def test_outside_without_a_solution_it_says_so_and_names_the_state(task, x):
    with pytest.raises(InfeasibleError, match='outside the safe set') as caught:
        task.mpc.solve(x)
    assert str(x) in str(caught.value)


@pytest.mark.parametrize('x', [[0.0], [0.0, 0.0, 0.0], [[0.0, 0.0]], [np.nan, 0.0],
                               [np.inf, 0.0], 'ab', None])
def test_a_malformed_state_is_refused(task, x):
    with pytest.raises(InvalidArrayError, match='state must'):
        task.mpc.solve(x)


@pytest.mark.parametrize('plugin', ['daqp', 'qpoases', 'osqp'])
@pytest.mark.parametrize('x', [(1e308, 1e308), (-1.7e308, 0.0), (0.0, 1e308)])
def test_a_state_beyond_all_arithmetic_has_no_solution_and_nothing_is_printed(
        task, plugin, x, capfd):
    mpc = BackupMpc(task.mpc.qp, task.safe_set, plugin)
    capfd.readouterr()
    with pytest.raises(InfeasibleError, match='outside the safe set'):
        mpc.solve(np.array(x))
    assert capfd.readouterr() == ('', '')


def test_a_casadi_without_the_solver_is_named_with_what_to_do(task, monkeypatch):
    def absent(*_):
        raise RuntimeError("plugin_interface.hpp:321: Plugin 'daqp' is not found.")
    monkeypatch.setattr(ca, 'conic', absent)
    with pytest.raises(SolverError, match="cannot load its solver 'daqp': install CasADi"):
        BackupMpc(task.mpc.qp, task.safe_set)


@pytest.mark.parametrize('entry, success', [(0.0, False), (np.nan, True), (np.inf, True)])
def test_a_solver_that_fails_inside_is_never_believed(task, entry, success):
    mpc, qp = BackupMpc(task.mpc.qp, task.safe_set), task.mpc.qp
    mpc._answer = lambda x: (np.full(len(qp.q), entry), np.zeros(len(qp.b)), success)
    with pytest.raises(SolverError, match='no solution'):
        mpc.solve([0.1, 0.0])
    with pytest.raises(InfeasibleError):
        mpc.solve([5.0, 0.0])


def test_the_solver_reports_success_where_there_is_a_solution_and_only_there(task, rng):
    for x in states_in(task.safe_set, 20, rng):
        assert task.mpc._answer(x)[2] is True
        assert task.mpc._answer(x + [3.0, 0.0])[2] is False


def test_answers_are_the_callers_own(task):
    first = task.mpc.solve_with_multipliers([0.5, 0.0])
    kept = [part.copy() for part in first]
    task.mpc.solve_with_multipliers([-0.5, 0.2])
    assert all(np.array_equal(a, b) for a, b in zip(first, kept))


def test_it_travels_to_other_processes(task, rng):
    again = pickle.loads(pickle.dumps(task.mpc))
    for x in states_in(task.safe_set, 20, rng):
        assert again.solve(x) == task.mpc.solve(x)


def test_a_step_of_20_ms_works_too():
    system, contraction, safe_set, mpc = backup_mpc(**{'system.dt': 0.02})
    assert contraction == pytest.approx(np.exp(-0.513 * 0.02))
    for start in safe_set.vertices[::6]:
        x = start
        for k in range(60):
            u = mpc.solve(x)
            x = system.step(x, u, system.disturbance * (-1)**(k // 9))
            assert safe_set.gauge(x) <= contraction + 3e-9
    other = BackupMpc(mpc.qp, safe_set, 'qpoases')
    for x in safe_set.vertices[::6]:
        assert mpc.solve(x)[0] == pytest.approx(other.solve(x)[0], abs=1e-7)


def test_the_problem_is_read_only_and_its_digest_follows_every_weight(task):
    for name in ('P', 'F', 'q', 'G', 'S', 'b'):
        assert not getattr(task.mpc.qp, name).flags.writeable
    digests = {backup_mpc(**{name: item})[3].qp.digest for name, item in [
        ('backup.horizon', 15), ('backup.horizon', 14), ('backup.input_weight', 0.31),
        ('backup.state_weight', [1.0, 0.6]), ('backup.planned_velocity', 0.21)]}
    assert len(digests) == 5 and task.mpc.qp.digest in digests


def test_with_wide_limits_too_every_state_of_the_safe_set_has_a_solution():
    """The iteration for C ends by its gauge: rows of wide limits are small."""
    _, _, safe_set, mpc = backup_mpc(**{
        'system.position_limit': 20.0, 'system.velocity_limit': 10.0, 'system.input_limit': 10.0,
        'system.disturbance': 0.3, 'backup.horizon': 2})
    for x in np.vstack([safe_set.vertices, safe_set.boundary(100)]) * (1 - 1e-12):
        mpc.solve(x)
