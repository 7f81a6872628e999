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

"""The dual of the projection: laws of the function, and Newton and proximal steps on it."""

from dataclasses import replace
import itertools

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest
from scpo_ros.scpo import LocalSafeRegion, ProjectionProblem, solve_projection
from scpo_ros.scpo.conic_program import active_candidates
from scpo_ros.scpo.dual_function import DualFunction
from scpo_ros.scpo.dual_newton import dual_answers, newton, proximal, TOLERANCE
import scpo_ros.scpo.projection as projection
from scpo_toys import random_problem


seeds = st.integers(0, 10 ** 6)


def dual_of(problem):
    """Return the dual function of a problem with M = I."""
    return DualFunction(problem, active_candidates(problem))


def isotropic(seed, **size):
    """Return a random problem with M = I whose raw step is infeasible (else nothing to do)."""
    problem = random_problem(seed, metric=False, **size)
    return replace(problem, linear=3.0 * problem.linear)


def parallel_problem(k=60, n=2, slack=1e-7):
    """Return a problem with k nearly parallel constraints in n directions: a singular Hessian."""
    rng = np.random.default_rng(k)
    slope = np.array([1.0, *np.zeros(n - 1)]) + 1e-6 * rng.standard_normal((k, n))
    region = LocalSafeRegion(
        -slack * rng.uniform(1, 2, k), slope, 10.0 ** rng.uniform(-3, 3, k), 1e-4, 0.5, 0.0,
        np.zeros(k))
    return ProjectionProblem(np.eye(n), np.ones(n), region)


@settings(max_examples=60, deadline=None)
@given(seeds)
def test_the_slope_is_the_derivative_of_the_value(seed):
    dual, rng = dual_of(isotropic(seed)), np.random.default_rng(seed)
    lam = rng.uniform(0.01, 1.0, len(dual.rows))
    direction = rng.standard_normal(len(lam))
    step = 1e-6
    up, down = dual.at(lam + step * direction).value, dual.at(lam - step * direction).value
    slope = dual.at(lam).slope @ direction
    assert (up - down) / (2 * step) == pytest.approx(slope, rel=1e-4, abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(seeds)
def test_the_hessian_is_the_derivative_of_the_slope_off_the_kinks(seed):
    dual, rng = dual_of(isotropic(seed)), np.random.default_rng(seed)
    lam = rng.uniform(0.01, 1.0, len(dual.rows))
    direction = rng.standard_normal(len(lam))
    here, step = dual.at(lam), 1e-7
    beyond = dual.at(lam + step * direction)
    before = dual.at(lam - step * direction)
    if not np.array_equal(np.sign(beyond.b), np.sign(before.b)):
        return  # a kink of the soft threshold lies in between
    expected = -dual.hessian(here, np.arange(len(lam))) @ direction
    scale = 1.0 + np.abs(expected).max()
    assert np.allclose((beyond.slope - before.slope) / (2 * step), expected, atol=1e-4 * scale)


def test_the_best_length_of_a_newton_step_maximises_the_dual():
    """Along each coordinate from 0: the derivative vanishes there, and a plain step is worse."""
    seen = better = 0
    for seed in range(60):
        dual = dual_of(isotropic(seed))
        here = dual.at(np.zeros(len(dual.rows)))
        for row in np.flatnonzero(here.slope > 0):
            direction = np.zeros(len(dual.rows))
            direction[row] = here.slope[row] / dual.hessian(here, [row])[0, 0]
            there = dual.at(dual.best_length(here, direction) * direction)
            if np.array_equal(there.sign, here.sign):
                seen += 1
                assert abs(there.slope[row]) <= 1e-9 * here.slope[row]
                better += there.value > dual.at(direction).value + 1e-3
    assert seen >= 50 and better >= 20


def test_without_a_best_length_the_step_is_the_plain_one():
    dual = dual_of(isotropic(1))
    here = dual.at(np.zeros(len(dual.rows)))
    uphill = np.zeros(len(dual.rows))
    uphill[-1] = here.stiffness / dual.bends[-1]  # 1 - 2 q'd / h = -1
    assert dual.best_length(here, uphill) == 1.0
    assert dual.best_length(here, np.nan * uphill) == 1.0


@settings(max_examples=60, deadline=None)
@given(seeds)
def test_weak_duality(seed):
    problem = isotropic(seed)
    dual, rng = dual_of(problem), np.random.default_rng(seed)
    for lam in rng.uniform(0, 2, (20, len(dual.rows))) ** 3:
        b = rng.standard_normal(len(problem.linear))
        inside = projection.pulled_in(problem.region, problem.reach * b / np.linalg.norm(b))[0]
        if np.linalg.norm(inside) <= problem.reach:
            primal = problem.objective(inside) / problem.scale
            assert dual.at(lam).value <= primal + 1e-9 * (1 + abs(primal))


@settings(max_examples=80, deadline=None)
@given(seeds)
def test_newton_certifies_ordinary_problems_alone(seed):
    problem = isotropic(seed)
    answer = solve_projection(problem)
    assert answer.method in ('newton', 'proximal')
    assert answer.violation <= 0.0 and -1e-9 <= answer.duality_gap <= 1e-9


@pytest.mark.parametrize('seed', range(20))
def test_it_is_the_projection_of_the_conic_program(seed, monkeypatch):
    problem = isotropic(seed)
    ours = solve_projection(problem)
    monkeypatch.setattr(projection, 'dual_answers', lambda problem: ())
    conic = solve_projection(problem)
    assert ours.method != 'conic' == conic.method
    assert np.allclose(ours.b, conic.b, rtol=0, atol=1e-5 * problem.reach)
    assert ours.duality_gap <= conic.duality_gap + 1e-9


def test_the_proximal_step_serves_where_the_derivative_is_singular():
    """Rounding decides where Newton gets through all the same: not everywhere."""
    stuck = 0
    for n, k in itertools.product((2, 3), (20, 60)):
        problem = parallel_problem(k, n)
        dual, answer = dual_of(problem), solve_projection(problem)
        newton_stuck = not newton(dual, dual.at(np.zeros(len(dual.rows)))).residual <= TOLERANCE
        assert answer.method == ('proximal' if newton_stuck else 'newton')
        assert answer.violation <= 0.0 and answer.duality_gap <= 1e-9
        stuck += newton_stuck
    assert stuck >= 2


@settings(max_examples=40, deadline=None)
@given(seeds)
def test_no_step_lowers_the_dual(seed):
    dual = dual_of(isotropic(seed))
    start = dual.at(np.zeros(len(dual.rows)))
    first = newton(dual, start)
    rounding = 1e-14 * (1 + abs(start.value))
    last = proximal(dual, first)
    assert last.value >= first.value - rounding >= start.value - 2 * rounding
    assert np.all(last.multipliers >= 0) and np.sum(last.multipliers) <= 1 + 1e-9


def test_a_point_that_no_method_improves_is_left_to_the_conic_solver(monkeypatch):
    problem = isotropic(4)
    monkeypatch.setattr(projection, 'dual_answers', lambda problem: [
        ('newton', np.full(len(problem.linear), np.nan), np.zeros(len(problem.region.g)), 0.0)])
    answer = solve_projection(problem)
    assert answer.method == 'conic' and answer.duality_gap <= 1e-9


def test_units_that_overflow_are_left_to_the_conic_solver():
    problem = isotropic(4)
    region = replace(problem.region, slope=1e307 * problem.region.slope)
    with np.errstate(all='ignore'):
        assert list(dual_answers(replace(problem, region=region))) == []


def test_only_a_multiple_of_the_identity_is_isotropic():
    problem = random_problem(0, n=4, metric=False)
    assert replace(problem, gram=7.0 * np.eye(4)).isotropic
    for change in (np.diag([1e-9, 0, 0, 0]), 1e-9 * (np.eye(4)[::-1])):
        assert not replace(problem, gram=np.eye(4) + change).isotropic


def test_a_scaled_identity_is_the_same_projection():
    problem = isotropic(7)
    scaled = replace(problem, gram=5.0 * problem.gram, linear=5.0 * problem.linear)
    assert solve_projection(scaled).method == 'newton'
    assert np.allclose(solve_projection(scaled).b, solve_projection(problem).b,
                       rtol=0, atol=1e-7 * problem.reach)
