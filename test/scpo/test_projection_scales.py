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

"""Projections of the default path whose lengths and objectives differ by many powers of ten."""

import numpy as np
import pytest
from scpo_ros.scpo import LocalSafeRegion, planning_target, ProjectionProblem, solve_projection
import scpo_ros.scpo.conic_program as conic_program
import scpo_ros.scpo.projection as projection
import scpo_ros.scpo.refinement as refinement


DIRECTIONS, CONSTRAINTS = 16, 80


def problem(seed, room=(-2, 0), constant=(0, 2), trust=(-0.3, -0.3), condition=4, units=0,
            length=0, barrier=None):
    """
    Return a problem in a general metric; pairs are ranges of powers of ten.

    :param room: below the acceptance margin. :param constant: L. :param trust: R.
    :param condition: of the metric. :param units: of the objective. :param length: of the raw
        step. :param barrier: weight of a logarithmic barrier added to the objective.
    """
    rng, n, k = np.random.default_rng(seed), DIRECTIONS, CONSTRAINTS
    slope = rng.standard_normal((k, n)) * 10.0 ** rng.uniform(-1, 1, (k, 1))
    g = -0.02 - 10.0 ** rng.uniform(*room, k)
    region = LocalSafeRegion(
        g, slope, 10.0 ** rng.uniform(*constant, k), 1e-4, 10.0 ** rng.uniform(*trust), 0.0,
        planning_target(g, 0.02, 0.025))
    basis = np.linalg.qr(rng.standard_normal((n, n)))[0]
    gram = 10.0 ** units * (basis * 10.0 ** (condition * rng.uniform(-1, 0, n))) @ basis.T
    linear = gram @ (10.0 ** length * rng.standard_normal(n))
    if barrier is not None:
        scaled = slope / (-0.02 - g)[:, None]
        gram = gram + 10.0 ** barrier * scaled.T @ scaled
        linear = linear - 10.0 ** barrier * scaled.sum(axis=0)
    return ProjectionProblem(0.5 * (gram + gram.T), linear, region)


FAMILIES = {
    'ordinary': {}, 'steep': {'constant': (6, 12)}, 'little room': {'room': (-12, -3)},
    'large objective': {'units': 10}, 'small objective': {'units': -10},
    'long raw step': {'length': 7}, 'short raw step': {'length': -10},
    'wide trust region': {'trust': (1, 6)}, 'narrow trust region': {'trust': (-4, -3)},
    'nearly singular metric': {'condition': 14},
    'all of it': {'room': (-12, -3), 'constant': (0, 12), 'trust': (-3, 3), 'condition': 12,
                  'units': 6, 'length': 4},
    'flat': {'room': (-9, -1), 'constant': (0, 10), 'trust': (-3, 1), 'condition': 12,
             'length': -2},
    'barrier': {'room': (-7, 0), 'constant': (0, 9), 'barrier': -3}}


@pytest.mark.parametrize('family', FAMILIES)
def test_every_scale_is_certified(family):
    answers = [solve_projection(problem(seed, **FAMILIES[family])) for seed in range(12)]
    assert all(answer.violation <= 0.0 for answer in answers)
    assert all(-1e-9 <= answer.duality_gap <= 1e-9 for answer in answers)


def largest_gap(family):
    return max(solve_projection(problem(seed, **FAMILIES[family])).duality_gap
               for seed in range(12))


def test_control_a_ball_far_larger_than_what_is_feasible_is_refused(monkeypatch):
    """What R allows is no measure of what the constraints do."""
    monkeypatch.setattr(projection, 'RESCALINGS', 0)
    assert largest_gap('flat') <= 1e-9
    monkeypatch.setattr(LocalSafeRegion, 'longest', property(lambda region: region.trust_radius))
    assert largest_gap('flat') > 1e-3


def test_control_equations_that_are_not_equilibrated_lose_the_constraints(monkeypatch):
    monkeypatch.setattr(refinement, 'EQUILIBRATIONS', 0)
    assert largest_gap('long raw step') > 1e-9


def test_control_the_gain_within_r_is_no_unit_for_a_short_step(monkeypatch):
    """In that unit the objective is below the solver's tolerance, and no multiplier is found."""
    gain = ProjectionProblem.gain
    monkeypatch.setattr(ProjectionProblem, 'gain', lambda problem, radius: gain(
        problem, problem.region.trust_radius))
    assert largest_gap('flat') > 1e-8


@pytest.mark.parametrize('seed', range(10))
def test_no_feasible_step_is_longer_than_the_longest(seed):
    region = problem(seed, trust=(6, 6)).region
    b = np.random.default_rng(seed).standard_normal((500, DIRECTIONS))
    b *= 1.0000001 * region.longest / np.linalg.norm(b, axis=1, keepdims=True)
    assert np.all(np.max(region.bound(b) - region.target, axis=1) > 0)
    one = LocalSafeRegion([-0.5], [[-3.0]], [2.0], 1e-12, 1e6, 0.0, [0.0])  # b^2 - 3 b <= 0.5
    assert one.longest == pytest.approx((3.0 + np.sqrt(11.0)) / 2.0)


@pytest.mark.parametrize('constant', [0.0, 1e-300, 1e300])
@pytest.mark.parametrize('slack', [5e-324, 1e-12, 1e300])
@pytest.mark.parametrize('slope', [0.0, 1e-300, 1e300])
def test_the_longest_is_a_positive_number_or_the_problem_is_refused(constant, slack, slope):
    region = LocalSafeRegion([-slack], [[slope]], [constant], 1e-4, 0.5, 0.0, [0.0])
    assert 0.0 <= region.longest <= 0.5
    answer = solve_projection(ProjectionProblem(np.diag([2.0]), [1.0], region))
    assert answer.violation <= 0.0 or answer.duality_gap == np.inf


def test_the_conic_program_measures_the_objective_within_its_own_ball():
    posed = problem(0)
    for reach in (0.5, 1e-3, 1e-9):
        program = conic_program.build_projection(posed, reach)
        assert program.unit == posed.gain(reach)
        assert 1.0 - 1e-9 <= np.linalg.norm(program.linear) <= 2.0 + 1e-9
