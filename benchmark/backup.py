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

"""The backup: one solve against CVXPY and ipopt, and its law at many states against a loop."""

from contextlib import contextmanager
import os
import sys

from benchmark.measure import blocks, interleaved, ratio, Result, summarised
from benchmark.setting import states, task
import casadi as ca
import cvxpy
import numpy as np
from scpo_ros.backup.mpc import BackupMpc

LAW_STATES = 2000
BLOCK = 10  # states solved in a row by each


def cvxpy_dpp(qp):
    """Return x -> u_0 by CVXPY: built once, parametrised (DPP), solved by Clarabel."""
    z, x = cvxpy.Variable(len(qp.q)), cvxpy.Parameter(qp.F.shape[1])
    root = np.linalg.cholesky(qp.P).T
    slope = cvxpy.Parameter(len(qp.q))  # q + F x: a product of parameter and variable is not DPP
    cost = 0.5 * cvxpy.sum_squares(root @ z) + slope @ z
    problem = cvxpy.Problem(cvxpy.Minimize(cost), [qp.G @ z <= qp.b + qp.S @ x])

    def solve(state):
        x.value, slope.value = state, qp.q + qp.F @ state
        problem.solve(solver=cvxpy.CLARABEL)
        return float(z.value[0])

    return solve


def opti_ipopt(qp):
    """Return x -> u_0 by CasADi's Opti with ipopt, as a function built once."""
    opti = ca.Opti()
    z, x = opti.variable(len(qp.q)), opti.parameter(qp.F.shape[1])
    opti.minimize(0.5 * ca.bilin(ca.DM(qp.P), z, z)
                  + ca.dot(ca.DM(qp.q) + ca.DM(qp.F) @ x, z))
    opti.subject_to(ca.DM(qp.G) @ z <= ca.DM(qp.b) + ca.DM(qp.S) @ x)
    opti.solver('ipopt', {'print_time': False, 'ipopt': {'print_level': 0, 'sb': 'yes'}})
    function = opti.to_function('mpc', [x], [z])
    return lambda state: float(function(state)[0])


@contextmanager
def silenced():
    """Send the process's standard output nowhere, that of compiled code too."""
    sys.stdout.flush()
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


def single(quick):
    """Return the results of one solve at one state."""
    mpc = task().mpc
    points = states(100 if quick else 500, seed=1)
    solvers = (mpc.solve, cvxpy_dpp(mpc.qp), opti_ipopt(mpc.qp))
    times = interleaved([blocks(solve, points, BLOCK) for solve in solvers],
                        len(points) // BLOCK) / BLOCK
    with silenced():  # qpOASES greets on standard output
        check = BackupMpc(mpc.qp, task().safe_set, 'qpoases')
        error = max(abs(mpc.solve(x)[0] - check.solve(x)[0]) for x in points)
    return [
        ratio('backup_solve_vs_cvxpy_dpp', times[0], times[1], 20.0),
        ratio('backup_solve_vs_ipopt', times[0], times[2], 50.0),
        summarised('backup_solve_us', 1e6 * times[0], 'us'),
        Result('backup_solve_error', error, 0.0, 'm/s^2', 1e-9, False, 'against qpOASES')]


def law(quick):
    """Return the results of the law at many states."""
    points, mpc, table = states(LAW_STATES, seed=2), task().mpc, task().policy.backup
    repeats = 20  # of ours, as a rollout asks it step after step

    def batches(_):
        for _ in range(repeats):
            table(points)

    times = interleaved([batches, lambda _: [mpc.solve(x) for x in points]], 5 if quick else 30)
    times[0] /= repeats
    solved = np.array([mpc.solve(x)[0] for x in points])
    before = table.fallbacks
    error = np.max(np.abs(table(points)[:, 0] - solved))
    return [
        ratio('backup_law_batch_vs_loop', times[0], times[1], 150.0),
        summarised('backup_law_us_per_state', 1e6 * times[0] / len(points), 'us'),
        Result('backup_law_error', float(error), 0.0, 'm/s^2', 1e-9, False, 'against daqp'),
        Result('backup_law_fallbacks', float(table.fallbacks - before), 0.0,
               f'of {len(points)} states')]
