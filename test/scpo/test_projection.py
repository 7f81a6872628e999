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

"""Laws of the projection: idempotent, non-expansive, identity inside, on the boundary outside."""

from dataclasses import replace
from importlib.util import find_spec
import subprocess
import sys

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest
from scpo_ros.exceptions import InvalidArrayError
from scpo_ros.scpo import (
    build_projection, LocalSafeRegion, metric_terms, ProjectionProblem, solve_projection,
    solve_reference)
import scpo_ros.scpo.conic_program as conic_program
from scpo_ros.scpo.conic_program import active_candidates
from scpo_ros.scpo.local_safe_region import pulled_in
import scpo_ros.scpo.projection as projection
from scpo_ros.scpo.projection_problem import checked_metric
from scpo_toys import random_problem


seeds = st.integers(0, 10 ** 6)
needs_reference = pytest.mark.skipif(find_spec('cvxpy') is None, reason='CVXPY is not installed')


def projected(problem, step):
    """Project a step given in coordinates."""
    return solve_projection(replace(problem, linear=problem.gram @ step)).b


@settings(max_examples=80, deadline=None)
@given(seeds)
def test_answers_are_exactly_feasible_and_certified(seed):
    answer = solve_projection(random_problem(seed))
    assert answer.violation <= 0.0
    assert -1e-9 <= answer.duality_gap <= 1e-8


def identity_inside(project, seed):
    """Return whether a step inside is its own projection."""
    problem = random_problem(seed)
    rng = np.random.default_rng(seed + 1)
    step = 2.0 * rng.standard_normal(len(problem.linear))
    inside = 0.9 * pulled_in(problem.region, step)[0]
    return np.allclose(project(problem, inside), inside, atol=1e-6 * problem.reach)


def boundary_outside(project, seed):
    """Return whether the projection of a step outside lies on the boundary."""
    problem = random_problem(seed)
    step = np.linalg.solve(problem.gram, problem.linear)
    if not problem.region.violation(step) > 0:
        return True
    return -1e-9 <= problem.region.violation(project(problem, step)) <= 0.0


def idempotent(project, seed):
    """Return whether projecting twice is projecting once."""
    problem = random_problem(seed, metric=False)
    once = project(problem, np.linalg.solve(problem.gram, problem.linear))
    return np.allclose(project(problem, once), once, atol=1e-6 * problem.reach)


def non_expansive(project, seed):
    """Return whether projection brings two steps near the boundary no further apart."""
    problem = random_problem(seed)
    rng = np.random.default_rng(seed + 1)
    far, out, apart = rng.standard_normal((3, len(problem.linear)))
    a = pulled_in(problem.region, far)[0] + 0.1 * problem.region.trust_radius * out
    b = a + 0.05 * problem.region.trust_radius * apart

    def length(v):
        return np.sqrt(v @ problem.gram @ v)

    moved = length(project(problem, a) - project(problem, b))
    return moved <= length(a - b) + 1e-6 * problem.reach


LAWS = (identity_inside, boundary_outside, idempotent, non_expansive)


@pytest.mark.parametrize('law', LAWS, ids=lambda law: law.__name__)
@settings(max_examples=50, deadline=None)
@given(seed=seeds)
def test_laws_of_a_projection(law, seed):
    assert law(projected, seed)


def shortened(problem, step):
    """Return nine tenths of the projection."""
    return 0.9 * projected(problem, step)


def euclidean(problem, step):
    """Return the nearest point in another metric than the problem's."""
    return projected(replace(problem, gram=np.eye(len(step))), step)


@pytest.mark.parametrize('wrong, law', [
    (shortened, identity_inside), (shortened, boundary_outside), (shortened, idempotent),
    (euclidean, non_expansive)])
def test_control_what_is_no_projection_breaks_the_laws(wrong, law):
    assert not all(law(wrong, seed) for seed in range(40))


@needs_reference
@pytest.mark.parametrize('seed', range(25))
def test_agrees_with_the_reference(seed):
    problem = random_problem(seed)
    ours, reference = solve_projection(problem), solve_reference(problem)
    assert ours.duality_gap <= 1e-8 and 0.0 <= reference.duality_gap <= 1e-3
    worse = problem.objective(reference.b) - problem.objective(ours.b)
    assert -1e-8 * problem.scale <= worse <= 1e-4 * problem.scale


@pytest.mark.parametrize('seed', range(15))
def test_closed_form_for_one_ball(seed):
    """
    Without the sampling term one constraint is a ball, and projection onto it is radial.

    g + s'b + (L/2)||b||^2 <= c  <=>  ||b + s/L||^2 <= ||s||^2/L^2 + 2 (c - g)/L.
    """
    rng = np.random.default_rng(seed)
    slope, constant, gap = rng.standard_normal(5), rng.uniform(0.5, 5), rng.uniform(0.01, 0.5)
    region = LocalSafeRegion([-gap], slope[None, :], [constant], 1e-13, 100.0, 0.0, [0.0])
    step = 5.0 * rng.standard_normal(5)
    centre = -slope / constant
    radius = np.sqrt(slope @ slope / constant ** 2 + 2 * gap / constant)
    away = step - centre
    expected = centre + away * min(1.0, radius / np.linalg.norm(away))
    answer = solve_projection(ProjectionProblem(np.eye(5), step, region))
    assert np.allclose(answer.b, expected, atol=1e-6)


def test_closed_form_in_one_dimension():
    """Slope 1, no curvature to speak of: b <= c - g, and the trust radius on the other side."""
    region = LocalSafeRegion([-0.2], [[1.0]], [1e-12], 1e-3, 0.5, 0.0, [0.0])
    up = solve_projection(ProjectionProblem(np.eye(1), [3.0], region))
    down = solve_projection(ProjectionProblem(np.eye(1), [-3.0], region))
    assert up.b == pytest.approx([0.2], abs=1e-6)
    assert down.b == pytest.approx([-0.5], abs=1e-6)
    assert up.multipliers == pytest.approx([2 * (3.0 - 0.2)], rel=1e-4)


def test_the_built_program_has_the_size_of_the_design():
    problem = random_problem(3, n=4, k=7)
    program = build_projection(problem)
    m, n = len(program.kept), 4
    assert program.matrix.shape == (m + 2 * n + 3 + n + 2, 2 * n + 2)
    assert len(program.cones) == 2 and len(program.row_scale) == m
    assert np.array_equal(program.quadratic.toarray(), np.triu(program.quadratic.toarray()))


@settings(max_examples=40, deadline=None)
@given(seeds)
def test_dropped_constraints_cannot_bind(seed):
    problem = random_problem(seed)
    rng = np.random.default_rng(seed)
    dropped = np.setdiff1d(np.arange(len(problem.region.g)), active_candidates(problem))
    b = rng.standard_normal((200, len(problem.linear)))
    b *= problem.reach / np.linalg.norm(b, axis=1, keepdims=True)
    corners = problem.reach * np.sign(b) / np.sqrt(b.shape[1])
    for points in (b, corners):
        assert np.all(problem.region.bound(points)[:, dropped] < problem.region.target[dropped])


def test_a_far_constraint_changes_nothing():
    problem = random_problem(5, n=4, k=3)
    r = problem.region
    far = replace(
        r, g=[*r.g, -50.0], slope=[*r.slope, np.ones(4)], smoothness=[*r.smoothness, 1.0],
        target=[*r.target, -0.025])
    b = solve_projection(replace(problem, region=far)).b
    assert 3 not in active_candidates(replace(problem, region=far))
    assert np.allclose(b, solve_projection(problem).b, rtol=1e-12)


@settings(max_examples=60, deadline=None)
@given(seeds, st.floats(-3, 3))
def test_pulled_in_is_inside_and_as_far_as_possible(seed, exponent):
    region = random_problem(seed).region
    b = np.random.default_rng(seed).standard_normal(region.slope.shape[1]) * 10.0 ** exponent
    inside, violation = pulled_in(region, b)
    assert region.contains(inside) and violation == region.violation(inside)
    if not region.contains(b):
        assert not region.contains(inside * (1 + 1e-6))
    else:
        assert np.array_equal(inside, b)


@pytest.mark.parametrize('solve', [
    solve_projection, pytest.param(solve_reference, marks=needs_reference)])
@pytest.mark.parametrize('excess', [0.0, 0.1])
def test_without_slater_the_answer_is_to_stand_still(solve, excess):
    region = LocalSafeRegion([excess], [[1.0]], [1.0], 1e-3, 0.5, 0.0, [0.0])
    answer = solve(ProjectionProblem(np.eye(1), [-1.0], region))
    assert np.array_equal(answer.b, [0.0])
    assert answer.violation == excess and answer.duality_gap == np.inf


def test_no_pull_is_answered_at_rest_with_a_certificate():
    problem = replace(random_problem(4), linear=np.zeros(len(random_problem(4).linear)))
    answer = solve_projection(problem)
    assert not np.any(answer.b)
    assert answer.violation < 0 and answer.duality_gap == 0.0


def test_a_solver_without_its_good_status_is_no_answer(monkeypatch):
    monkeypatch.setattr(conic_program, 'TOLERANCES', (1e-300,))
    answer = solve_projection(random_problem(0))
    assert np.all(np.isnan(answer.b))
    assert answer.violation == np.inf and answer.duality_gap == np.inf


@needs_reference
def test_a_reference_without_its_good_status_is_no_answer(monkeypatch):
    import cvxpy
    assert solve_reference(random_problem(0)).violation < np.inf
    monkeypatch.setattr(cvxpy.Problem, 'status', property(lambda _: 'optimal_inaccurate'))
    answer = solve_reference(random_problem(0))
    assert np.all(np.isnan(answer.b)) and answer.violation == answer.duality_gap == np.inf


@pytest.mark.parametrize('length', [1e-7, 1e-4, 1e4, 1e8])
def test_steps_of_any_length_are_certified(length):
    problem = random_problem(9, n=5, k=6)
    answer = solve_projection(replace(problem, linear=length * problem.linear))
    assert answer.violation <= 0.0 and answer.duality_gap <= 1e-6


def cramped_problem(seed, slack=1e-5, constant=1e4):
    """Return a problem whose answer is some thousand times shorter than R."""
    problem = random_problem(seed, n=16, k=60)
    g = problem.region.target - np.where(np.arange(60) < 8, slack, 0.1)
    smoothness = constant * np.random.default_rng(seed).uniform(0.1, 3.0, 60)
    region = replace(problem.region, g=g, smoothness=smoothness, trust_radius=0.5, radius=1e-4)
    return replace(problem, region=region, linear=1e-2 * problem.linear)


def test_a_step_that_is_short_beside_its_reach_keeps_its_digits(monkeypatch):
    problems = [cramped_problem(seed) for seed in range(20)]
    answers = [solve_projection(problem) for problem in problems]
    assert all(np.linalg.norm(a.b) < 1e-2 * p.reach for a, p in zip(answers, problems))
    assert all(a.violation <= 0 and a.duality_gap <= 1e-6 for a in answers)
    monkeypatch.setattr(projection, 'RESCALINGS', 0)
    monkeypatch.setattr(LocalSafeRegion, 'longest', property(lambda region: region.trust_radius))
    assert any(solve_projection(problem).duality_gap > 1e-6 for problem in problems)


def test_refinement_closes_the_gap_of_a_loose_solver(monkeypatch):
    """At a tolerance of 1e-5 the interior point alone is far off; Newton makes it exact."""
    monkeypatch.setattr(conic_program, 'TOLERANCES', (1e-5,))
    problems = [random_problem(seed) for seed in range(20)]
    refined = [solve_projection(problem).duality_gap for problem in problems]
    monkeypatch.setattr(projection, 'refined', lambda problem, p: (p.b, p.mu, p.nu))
    plain = [solve_projection(problem).duality_gap for problem in problems]
    assert np.median(refined) <= 1e-8 < 1e-5 <= np.median(plain)
    assert np.all(np.array(refined) <= np.array(plain))


def test_multipliers_of_the_solver_are_in_the_units_of_the_problem(monkeypatch):
    problems = [random_problem(seed) for seed in range(20)]
    assert any(solve_projection(problem).ball_multiplier > 1e-3 for problem in problems)
    monkeypatch.setattr(projection, 'refined', lambda problem, p: (p.b, p.mu, p.nu))
    assert all(solve_projection(problem).duality_gap <= 1e-5 for problem in problems)


def test_a_singular_metric_is_certified():
    """As many directions as weights, a curvature of rank one."""
    problem = random_problem(2, n=5, k=4)
    v = np.arange(1.0, 6.0)
    answer = solve_projection(replace(problem, gram=np.outer(v, v), linear=3.0 * v))
    assert answer.violation <= 0.0 and answer.duality_gap <= 1e-6


def test_the_method_alone_does_not_import_cvxpy():
    """It costs a second, and the controller needs only the arithmetic of certificates."""
    code = "import sys, scpo_ros.scpo; sys.exit('cvxpy' in sys.modules)"
    assert subprocess.run([sys.executable, '-c', code], check=False).returncode == 0


def test_metric_terms_of_array_callable_and_none():
    rng = np.random.default_rng(0)
    basis, step = np.linalg.qr(rng.standard_normal((6, 3)))[0], rng.standard_normal(6)
    root = rng.standard_normal((6, 6))
    metric = root @ root.T
    gram, linear = metric_terms(basis, step, metric)
    assert np.allclose(gram, basis.T @ metric @ basis)
    assert np.allclose(linear, basis.T @ metric @ step)
    for a, b in zip(metric_terms(basis, step, lambda v: metric @ v), (gram, linear)):
        assert np.allclose(a, b)
    assert np.allclose(metric_terms(basis, step)[0], np.eye(3))


def test_objective_is_the_distance_in_the_metric():
    rng = np.random.default_rng(1)
    basis, step = np.linalg.qr(rng.standard_normal((6, 3)))[0], rng.standard_normal(6)
    root = rng.standard_normal((6, 6))
    metric = root @ root.T
    problem = ProjectionProblem(*metric_terms(basis, step, metric), random_problem(0, n=3).region)
    b = rng.standard_normal(3)
    away = basis @ b - step
    assert problem.objective(b) == pytest.approx(away @ metric @ away - step @ metric @ step)


@pytest.mark.parametrize('gram', [
    np.ones((2, 3)), np.array([[1.0, 1.0], [0.0, 1.0]]), np.diag([1.0, -1.0]),
    np.array([[1.0, np.nan], [np.nan, 1.0]])])
def test_what_is_no_metric_raises(gram):
    with pytest.raises(InvalidArrayError):
        ProjectionProblem(gram, np.ones(2), random_problem(0, n=2).region)


@pytest.mark.parametrize('metric', [np.eye(2), np.triu(np.ones((3, 3))), np.full((3, 3), np.nan)])
def test_malformed_metric_arrays_raise(metric):
    with pytest.raises(InvalidArrayError):
        checked_metric(metric, 3)
