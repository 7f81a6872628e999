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

"""The safe set: contractive, maximal, irredundant; and no set where there is none."""

import numpy as np
import pytest
from scipy.optimize import linprog
from scipy.spatial import ConvexHull
from scpo_ros.config import Spec
from scpo_ros.config.validation import build
from scpo_ros.exceptions import ConfigurationError, InvalidArrayError
from scpo_ros.sets.invariant_set import (
    contractive_set, eliminate_input, irredundant, Polytope, predecessor)
from scpo_ros.systems.linear_system import double_integrator, LinearSystem
from scpo_ros.verification.task import ControlTask

TRIPLE = LinearSystem(
    A=[[1, .5, .125], [0, 1, .5], [0, 0, 1]], B=[[1 / 48], [.125], [.5]], state_limit=[1, 1, 1],
    input_limit=[1.0], disturbance=[0.0, 0.0, 0.01], dt=0.5)
TWO_INPUTS = LinearSystem(
    A=[[1.1, .2], [-.1, 1.2]], B=np.eye(2), state_limit=[1, 2], input_limit=[0.3, 0.5],
    disturbance=[0.02, 0.03], dt=1.0)


def lack_of_contraction(system, rows, contraction, x, scale=1.0):
    """
    Return by how much the best input fails to keep x in contraction times {rows x <= scale}.

    By linear programming: minimise t subject to rows (A x + B u) + |rows| wbar <= c + t and
    |u| <= u_max, c = contraction * scale.
    """
    bound = contraction * scale - np.abs(rows) @ system.disturbance - rows @ system.A @ x
    answer = linprog(
        np.r_[np.zeros(system.m), 1.0], np.c_[rows @ system.B, -np.ones(len(rows))], bound,
        bounds=[*((-limit, limit) for limit in system.input_limit), (None, None)])
    assert answer.status == 0
    return answer.fun


def by_vertices(system, contraction, rounds=200):
    """
    Return the vertices of the maximal set by another algorithm: vertices instead of facets.

    C+ = A^-1 ((contraction C shrunk by w) + (-B u)) & X; the sum is the hull of sums of vertices.
    """
    limits = np.vstack([np.diag(1 / system.state_limit), -np.diag(1 / system.state_limit)])
    rows, area = limits, np.inf
    for _ in range(rounds):
        bound = contraction - np.abs(rows) @ system.disturbance
        target = Polytope(irredundant(rows / bound[:, None])).vertices
        corners = np.vstack([target + s * system.B[:, 0] * system.input_limit for s in (-1, 1)])
        hull = ConvexHull(corners @ np.linalg.inv(system.A).T)
        rows = irredundant(np.vstack([limits, hull.equations[:, :-1] / -hull.equations[:, -1:]]))
        last, area = area, Polytope(rows).volume
        if abs(last - area) < 1e-13:
            break
    return Polytope(rows).vertices


@pytest.mark.parametrize('dt, rate, disturbance', [
    (0.1, 0.513, 0.03), (0.1, 0.0, 0.03), (0.1, 0.513, 0.3), (0.02, 0.513, 0.03), (0.2, 2.0, 0.0)])
def test_every_vertex_can_be_kept_in_the_contracted_set(dt, rate, disturbance):
    spec = build(Spec, {'system.dt': dt, 'system.disturbance': disturbance})
    system, contraction = double_integrator(spec.system), float(np.exp(-rate * dt))
    found = contractive_set(system, contraction)
    for x in found.vertices:
        assert lack_of_contraction(system, found.H, contraction, x) <= 1e-8


@pytest.mark.parametrize('system, contraction', [(TRIPLE, 0.9), (TWO_INPUTS, 0.9)])
def test_more_states_and_inputs_contract_too(system, contraction):
    found = contractive_set(system, contraction)
    for x in found.vertices:
        assert lack_of_contraction(system, found.H, contraction, x) <= 1e-7
    assert np.all(np.abs(found.vertices) <= system.state_limit + 1e-9)


def test_a_set_blown_up_by_two_percent_fails(task):
    rows, scale = task.safe_set.H, 1.02
    lacks = [lack_of_contraction(task.system, rows, task.contraction_factor, scale * x, scale)
             for x in task.safe_set.vertices]
    assert max(lacks) > 1e-3
    assert np.any(np.abs(scale * task.safe_set.vertices) > task.system.state_limit)


def test_a_faster_contraction_than_the_set_is_made_for_fails(task):
    lacks = [lack_of_contraction(task.system, task.safe_set.H, task.contraction_factor - 0.02, x)
             for x in task.safe_set.vertices]
    assert max(lacks) > 1e-3


def test_the_default_set_is_pinned(task):
    maximal = contractive_set(task.system, 1.0)
    assert task.contraction_factor == pytest.approx(0.95, abs=1e-4)
    assert task.safe_set.H.shape == (28, 2) and task.safe_set.vertices.shape == (28, 2)
    assert task.safe_set.volume >= 0.8 * maximal.volume
    assert task.safe_set.volume == pytest.approx(1.985, abs=1e-3)
    assert np.all(np.abs(task.safe_set.vertices) <= task.system.state_limit + 1e-12)


@pytest.mark.parametrize('contraction', [1.0, 0.95, 0.8])
def test_it_is_the_maximal_set(task, contraction):
    found = contractive_set(task.system, contraction)
    wanted = by_vertices(task.system, contraction)
    assert ConvexHull(wanted).volume == pytest.approx(found.volume, rel=1e-6)
    assert np.allclose(found.gauge(wanted), 1.0, atol=1e-6)


def test_on_a_grid_nothing_is_forgotten_and_nothing_is_too_much(task):
    """By the fixed point: x is in C exactly where |x| <= x_max and some input reaches lambda C."""
    axes = [np.linspace(-limit, limit, 17) for limit in task.system.state_limit]
    grid = np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 2)
    for x in grid:
        lack = lack_of_contraction(task.system, task.safe_set.H, task.contraction_factor, x)
        assert bool(task.safe_set.contains(x, 0.0)) == (lack <= 0) or abs(lack) < 1e-9


def test_the_set_shrinks_with_contraction_and_disturbance():
    def made(disturbance, contraction):
        config = build(Spec, {'system.disturbance': disturbance}).system
        return contractive_set(double_integrator(config), contraction)

    nested = [made(0.03, 1.0), made(0.03, 0.95), made(0.2, 0.95), made(0.2, 0.9)]
    for large, small in zip(nested, nested[1:]):
        assert np.all(large.contains(small.vertices, 1e-8))
        assert not np.all(small.contains(large.vertices, 1e-8))


def test_every_facet_is_needed(task):
    rows = task.safe_set.H
    for i in range(len(rows)):
        assert Polytope(np.delete(rows, i, axis=0)).volume > task.safe_set.volume + 1e-9


def test_redundant_rows_are_removed(task, rng):
    rows = task.safe_set.H
    slack = rows * rng.uniform(0.2, 0.99, (len(rows), 1))
    mixed = 0.5 * (rows + np.roll(rows, 1, axis=0)) * 0.999
    assert np.array_equal(irredundant(np.vstack([rows, slack, mixed])), rows)


def test_the_set_is_symmetric_as_the_problem_is(task):
    assert np.allclose(task.safe_set.gauge(-task.safe_set.vertices), 1.0)
    H = task.safe_set.H
    gaps = np.abs(H[:, None] + H[None]).max(axis=-1).min(axis=1)
    assert np.all(gaps < 1e-8)


def test_the_gauge_is_a_minkowski_function(task, rng):
    x, y = rng.normal(size=(2, 500, 2))
    gauge = task.safe_set.gauge
    assert np.allclose(gauge(3.0 * x), 3.0 * gauge(x))
    assert np.all(gauge(x + y) <= gauge(x) + gauge(y) + 1e-12)
    assert np.all(gauge(x) > 0) and gauge(np.zeros(2)) == 0
    on_boundary = x / gauge(x)[:, None]
    assert np.all(task.safe_set.contains(on_boundary))
    assert not np.any(task.safe_set.contains(1.000001 * on_boundary))
    assert gauge(x.reshape(5, 100, 2)).shape == (5, 100)


@pytest.mark.parametrize('poison', [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_not_inside(task, poison):
    with np.errstate(invalid='ignore'):
        assert not np.any(task.safe_set.contains(np.array([[poison, 0.0], [0.0, poison]])))


@pytest.mark.parametrize('phase', [0.0, 0.3, 0.5, 0.99])
def test_boundary_points_lie_on_the_boundary_evenly(task, phase):
    points = task.safe_set.boundary(400, phase)
    assert np.allclose(task.safe_set.gauge(points), 1.0)
    gaps = np.linalg.norm(points - np.roll(points, 1, axis=0), axis=1)
    assert gaps.max() <= 1.0001 * np.median(gaps)  # chords across corners are shorter


def test_vertices_turn_counter_clockwise(task):
    v = task.safe_set.vertices
    along, after = np.roll(v, -1, axis=0) - v, np.roll(v, -2, axis=0) - np.roll(v, -1, axis=0)
    assert np.all(along[:, 0] * after[:, 1] - along[:, 1] * after[:, 0] > 0)
    p, q = v, np.roll(v, -1, axis=0)
    assert 0.5 * np.sum(p[:, 0] * q[:, 1] - p[:, 1] * q[:, 0]) == pytest.approx(
        task.safe_set.volume)


def test_elimination_is_projection(rng):
    """By linear programming: x is in the projection exactly where some u fits."""
    for _ in range(5):
        states, inputs = rng.normal(size=(9, 2)), rng.normal(size=(9, 2))
        inputs = np.vstack([inputs, np.eye(2), -np.eye(2)])
        states = np.vstack([states, np.zeros((4, 2))])
        bounds = rng.uniform(0.5, 1.5, 13)
        rows = eliminate_input(states, inputs, bounds)
        for x in rng.normal(0, 1, (60, 2)):
            fits = linprog(np.zeros(2), inputs, bounds - states @ x, bounds=(None, None))
            slack = 1 - np.max(rows @ x)
            assert (fits.status == 0) == (slack >= 0) or abs(slack) < 1e-6


def test_the_predecessor_holds_exactly_what_can_be_steered_in(task, rng):
    rows = predecessor(task.system, task.safe_set.H, task.contraction_factor)
    for x in rng.uniform(-1.3, 1.3, (200, 2)):
        lack = lack_of_contraction(task.system, task.safe_set.H, task.contraction_factor, x)
        assert (lack <= 0) == (np.max(rows @ x) <= 1) or abs(lack) < 1e-9


@pytest.mark.parametrize('contraction', [0.0, -0.5, 1.0001, np.nan])
def test_a_contraction_outside_its_range_is_refused(task, contraction):
    with pytest.raises(ConfigurationError, match=r'contraction must lie in \(0, 1\]'):
        contractive_set(task.system, contraction)


@pytest.mark.parametrize('parameters, blamed', [
    ({'system.disturbance': 3.0}, 'disturbance'),
    ({'system.disturbance': 1.0, 'system.contraction_rate': 2.0}, 'disturbance'),
    ({'system.input_limit': 0.01, 'backup.planned_input': 0.01}, 'disturbance'),
    ({'system.velocity_limit': 0.002, 'backup.planned_velocity': 0.002}, 'disturbance'),
    ({'system.contraction_rate': 10.0, 'system.disturbance': 0.2}, 'disturbance'),
])
def test_impossible_limits_leave_no_safe_set_and_say_so_before_anything_is_built(
        parameters, blamed, tmp_path):
    with pytest.raises(ConfigurationError, match=blamed):
        ControlTask.build(build(Spec, parameters), cache=tmp_path / 'unused')
    assert not (tmp_path / 'unused').exists()


def test_a_contraction_that_leaves_no_set_is_named():
    unstable = LinearSystem(A=[[2.0, 0.0], [0.0, 2.0]], B=[[1.0], [0.5]], state_limit=[1, 1],
                            input_limit=[1.0], disturbance=[0.0, 0.0], dt=1.0)
    with pytest.raises(ConfigurationError, match='contraction .*no safe set'):
        contractive_set(unstable, 0.9, iterations=100)


def test_too_few_iterations_are_an_error_and_not_a_wrong_set(task):
    with pytest.raises(ConfigurationError, match='no safe set within 2 iterations'):
        contractive_set(task.system, task.contraction_factor, iterations=2)


@pytest.mark.parametrize('rows', [np.ones(3), [[np.nan, 1.0]], [['a', 'b']]])
def test_a_polytope_of_bad_rows_is_refused(rows):
    with pytest.raises(InvalidArrayError, match='H must'):
        Polytope(rows)
