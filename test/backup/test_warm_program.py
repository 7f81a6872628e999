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

"""Warm-started programs against another way to solve them, also where they are degenerate."""

import pickle

import clarabel
import numpy as np
import pytest
from scipy import sparse
from scipy.linalg import solve_triangular
from scipy.optimize import nnls
from scpo_ros.backup import warm_program
from scpo_ros.backup.parametric_qp import ParametricQP
from scpo_ros.backup.warm_program import FEASIBLE, WarmProgram

SMALL = 1e-9


def reference(qp, x):
    """Return the optimum as a least-distance program (Lawson, Hanson 1974, chapter 23), or NaN."""
    linear, bounds = qp.q + qp.F @ x, qp.b + qp.S @ x
    factor = np.linalg.cholesky(qp.P)
    shift = solve_triangular(factor, linear, lower=True)
    rows = solve_triangular(factor, qp.G.T, lower=True)  # (nz, c), of y = factor' z + shift
    system = np.vstack([-rows, -(bounds + rows.T @ shift)])
    wanted = np.zeros(len(system))
    wanted[-1] = 1.0
    residual = system @ nnls(system, wanted, maxiter=1000)[0] - wanted
    if np.linalg.norm(residual) < 1e-7:
        return np.full(len(linear), np.nan)
    return solve_triangular(factor.T, -residual[:-1] / residual[-1] - shift)


def by_clarabel(qp, x):
    """Return the optimum of an interior-point method."""
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = 1e-12
    answer = clarabel.DefaultSolver(
        sparse.csc_matrix(np.triu(qp.P)), qp.q + qp.F @ x, sparse.csc_matrix(qp.G),
        qp.b + qp.S @ x, [clarabel.NonnegativeConeT(len(qp.b))], settings).solve()
    return np.array(answer.x)


def drawn(seed, nz=5, rows=14, n=2):
    """Return a program that is feasible at x = 0, with random data."""
    rng = np.random.default_rng(seed)
    root = rng.standard_normal((nz, nz))
    return ParametricQP(
        P=root @ root.T + 0.1 * np.eye(nz), F=3 * rng.standard_normal((nz, n)),
        q=rng.standard_normal(nz), G=rng.standard_normal((rows, nz)),
        S=0.2 * rng.standard_normal((rows, n)), b=rng.uniform(0.1, 1.0, rows))


def doubled():
    """Return a program every row of which stands there twice, once at another scale."""
    qp = drawn(3)
    return ParametricQP(qp.P, qp.F, qp.q, np.vstack([qp.G, 2 * qp.G]),
                        np.vstack([qp.S, 2 * qp.S]), np.r_[qp.b, 2 * qp.b])


def crowded():
    """Return a program whose optimum is a corner in which more rows meet than there are z."""
    angles = np.linspace(0, 2 * np.pi, 8, endpoint=False)
    G = np.column_stack([np.cos(angles), np.sin(angles), np.full(8, 1.0)])
    return ParametricQP(P=np.eye(3), F=np.zeros((3, 2)), q=np.array([0, 0, -50.0]), G=G,
                        S=np.zeros((8, 2)), b=np.ones(8))


def touching():
    """Return a program with regions that end on the axes x_i = 0, where multipliers vanish."""
    return ParametricQP(P=np.eye(2), F=-np.eye(2), q=np.zeros(2), G=np.eye(2),
                        S=np.zeros((2, 2)), b=np.zeros(2))


def narrow():
    """Return a program without a solution where x_0 > 1."""
    return ParametricQP(P=np.eye(2), F=-np.eye(2), q=np.zeros(2),
                        G=np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]]),
                        S=np.array([[-1.0, 0.0], [0.0, 0.0], [0.0, 0.0]]),
                        b=np.array([1.0, 0.0, 0.5]))


PROGRAMS = {'random 0': lambda: drawn(0), 'random 1': lambda: drawn(1),
            'more rows than needed': lambda: drawn(2, 4, 60), 'every row twice': doubled,
            'crowded corner': crowded, 'multipliers of 0': touching}


@pytest.mark.parametrize('name', PROGRAMS)
def test_one_and_many_are_the_optimum_in_any_order(name):
    qp, rng = PROGRAMS[name](), np.random.default_rng(7)
    line = np.linspace(-1, 1, 40)[:, None] * np.array([[1.0, -0.7]])  # long runs of one set
    x = np.vstack([line, rng.uniform(-1, 1, (60, 2)), np.zeros((2, 2)), np.eye(2), -np.eye(2)])
    x = np.vstack([x, x[rng.permutation(len(x))]])
    expected = np.array([reference(qp, point) for point in x])
    found = WarmProgram(qp).many(x)
    assert np.all(np.isnan(found) == np.isnan(expected)) and np.isfinite(expected).mean() > 0.5
    assert np.nanmax(np.abs(found - expected)) <= SMALL
    program = WarmProgram(qp)
    one = np.array([program(point) for point in x])
    assert np.all(np.isnan(one) == np.isnan(expected))
    assert np.nanmax(np.abs(one - expected)) <= SMALL
    assert np.nanmax(found @ qp.G.T - qp.b - x @ qp.S.T) <= FEASIBLE


def test_the_reference_agrees_with_an_interior_point_method():
    qp = drawn(0)
    for x in np.random.default_rng(0).uniform(-1, 1, (5, 2)):
        assert np.max(np.abs(by_clarabel(qp, x) - reference(qp, x))) <= 1e-6


def test_the_comparison_can_fail():
    """The answer of the program without one of its active rows is another one."""
    qp, x = drawn(0), np.array([[0.9, -0.6]])
    active = np.flatnonzero(np.abs(qp.G @ WarmProgram(qp)(x[0]) - qp.b - qp.S @ x[0]) < 1e-8)
    assert len(active)
    kept = np.delete(np.arange(len(qp.b)), active[0])
    fewer = ParametricQP(qp.P, qp.F, qp.q, qp.G[kept], qp.S[kept], qp.b[kept])
    assert np.max(np.abs(WarmProgram(fewer).many(x) - reference(qp, x[0]))) > 1e-3


def test_neighbours_are_answered_without_the_solver(monkeypatch):
    calls = []
    original = WarmProgram._answer
    monkeypatch.setattr(WarmProgram, '_answer',
                        lambda self, *given: calls.append(1) or original(self, *given))
    WarmProgram(drawn(0)).many(np.linspace(-1, 1, 300)[:, None] * np.ones((1, 2)))
    assert 0 < len(calls) < 60


def test_a_parameter_without_neighbours_makes_no_affine_answer(monkeypatch):
    """It takes longer to make than several answers of the solver."""
    made, affine = [], warm_program._affine_answer
    monkeypatch.setattr(warm_program, '_affine_answer',
                        lambda *given: made.append(1) or affine(*given))
    apart = np.linspace(-1, 1, 40)[:, None] * np.ones((1, 2))
    WarmProgram(drawn(0)).many(apart)
    assert not made
    WarmProgram(drawn(0)).many(np.repeat(apart, 5, axis=0))
    assert made


@pytest.mark.parametrize('first', [0.0, 2.0])
def test_no_solution_is_no_number_and_the_others_stay(first):
    """Also where the first parameter that the solver ever sees has none."""
    rng = np.random.default_rng(2)
    x = np.vstack([[[first, 0.0]], rng.uniform(-2, 2, (80, 2))])
    found = WarmProgram(narrow()).many(x)
    expected = x[:, 0] <= 1
    assert np.array_equal(np.all(np.isfinite(found), axis=1), expected)
    assert np.all(np.isnan(found[~expected]))
    wanted = np.column_stack([np.clip(x[:, 0], 0, 1 - x[:, 0]), np.minimum(x[:, 1], 0.5)])
    assert np.max(np.abs(found - wanted)[expected]) <= SMALL


@pytest.mark.parametrize('bad', [np.nan, np.inf, -np.inf, 1e300, -1e300, 1e12])
@pytest.mark.filterwarnings('error')
def test_what_is_no_parameter_gets_no_answer_and_the_others_stay(bad):
    qp, good = drawn(0), np.array([[0.1, 0.2], [0.11, 0.2], [0.1, 0.25]])
    x = np.vstack([good, [[bad, 0.0]], good, [[0.0, bad]], [[bad, bad]], good])
    expected = WarmProgram(qp).many(good)
    found = WarmProgram(qp).many(x)
    for at in (0, 4, 9):
        assert np.max(np.abs(found[at:at + 3] - expected)) <= SMALL
    known = np.all(np.isfinite(found), axis=1)
    if np.isfinite(bad):
        exceeds = found[known] @ qp.G.T - qp.b - x[known] @ qp.S.T
        assert np.all(exceeds <= FEASIBLE)
    else:
        assert not np.any(known[[3, 7, 8]])


@pytest.mark.parametrize('bad', [np.inf, -np.inf, np.nan])
def test_an_infinite_parameter_in_a_region_without_end_gets_no_answer(bad):
    """The affine answer of the neighbour holds there as well: 0 <= z, and no other row."""
    qp = ParametricQP(P=np.eye(1), F=np.eye(1), q=np.zeros(1), G=-np.eye(1), S=np.zeros((1, 1)),
                      b=np.zeros(1))
    x = np.array([[-1.0], [bad], [1.0], [bad], [-2.0]])
    found = WarmProgram(qp).many(x)
    assert np.isnan(found[[1, 3]]).all() and np.allclose(found[[0, 2, 4], 0], [1, 0, 2])


def test_answers_that_break_a_row_are_not_returned(monkeypatch):
    """An answer is looked at, whatever the solver says of it."""
    qp, x = drawn(0), np.array([[0.1, 0.2]])
    assert np.all(np.isfinite(WarmProgram(qp).many(x)))
    monkeypatch.setattr(WarmProgram, '_answer',
                        lambda self, linear, bounds: (100 + 0 * linear, 0 * bounds, True))
    assert np.all(np.isnan(WarmProgram(qp).many(x))) and np.all(np.isnan(WarmProgram(qp)(x[0])))


def test_a_solver_without_an_optimum_gives_none(monkeypatch):
    qp = drawn(0)
    good = WarmProgram(qp)(np.zeros(2))
    monkeypatch.setattr(WarmProgram, '_answer',
                        lambda self, linear, bounds: (good, 0 * bounds, False))
    assert np.all(np.isnan(WarmProgram(qp)(np.zeros(2))))


def test_an_answer_is_not_overwritten_by_the_next_one():
    program = WarmProgram(drawn(0))
    first = program(np.array([0.5, 0.5]))
    kept = first.copy()
    program(np.array([-0.5, 0.2]))
    assert np.array_equal(first, kept)


def test_a_program_travels_to_other_processes():
    qp, x = drawn(1), np.random.default_rng(0).uniform(-1, 1, (10, 2))
    program = WarmProgram(qp)
    expected = program.many(x)
    assert np.allclose(pickle.loads(pickle.dumps(program)).many(x), expected, atol=SMALL)


def test_no_parameters_have_no_answers():
    assert WarmProgram(drawn(0)).many(np.zeros((0, 2))).shape == (0, 5)


def test_an_affine_answer_that_misses_its_active_rows_is_not_used(monkeypatch):
    """Multipliers of nearly dependent rows may be far off: what they give is looked at."""
    qp, solve = drawn(1), np.linalg.solve
    assert warm_program._affine_answer(qp, [0, 1]) is not None
    monkeypatch.setattr(np.linalg, 'solve', lambda A, b: solve(A, b) * (1 + 1e-6))
    assert warm_program._affine_answer(qp, [0, 1]) is None
