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

"""Derivatives of the rollout metrics against differences, and the search for the optimum."""

from dataclasses import replace

import numpy as np
import pytest
from scpo_ros.experiments.dense_states import DenseStates
from scpo_ros.experiments.exact_constraints import ConstrainedProblem
from scpo_ros.experiments.imitation_problem import ACCEPT_MARGIN, ImitationProblem
from scpo_ros.experiments.optimum import best_feasible, known_optimum, tabulated
from scpo_ros.systems.scenario import interior_states

NONE = np.array([], dtype=int)


@pytest.fixture(scope='module')
def problem():
    return ImitationProblem.build('outward_edge')


@pytest.fixture(scope='module')
def constrained(problem):
    return ConstrainedProblem(problem)


@pytest.fixture(scope='module')
def theta(problem):
    start = problem.task.initial_theta
    return start + 0.05 * np.random.default_rng(0).standard_normal(start.size)


def test_values_are_those_of_the_verification(problem, constrained, theta):
    g, _ = constrained.constraints(theta, NONE)
    scenarios, task = constrained.scenarios, problem.task
    backup = task.simulator.summarise(task.initial_theta[None], scenarios).cost[0]
    metric = replace(task.metric, constraint=True)
    verified = metric(theta[None], scenarios, backup, False)[0]
    count = len(scenarios)
    assert np.allclose(g[:count], verified[2::2]) and np.allclose(
        g[count:2 * count], verified[3::2])
    assert np.allclose(g[-2:], verified[:2] - 0.01)


def test_dense_states_see_what_the_bounds_say(problem, constrained, theta):
    task, dense = problem.task, constrained.dense
    assert np.all(task.safe_set.contains(dense.states, 1e-9)) and len(dense) > 5000
    u = task.policy(theta, dense.states)
    full = task.bounds.violation(dense.states, u)
    assert np.all(dense.violation(theta) <= full)
    assert np.array_equal(dense.violation(theta) > 0, full > 0)  # nothing that leaves C is missed
    every = DenseStates.drawn(task, 0, 400)
    assert np.array_equal(every.part([3, 5]).violation(theta), every.violation(theta)[[3, 5]])


def test_what_leaves_the_safe_set_one_step_ahead_is_not_feasible(problem, constrained):
    theta = problem.task.initial_theta
    assert constrained.feasible(theta)
    dense, up = constrained.dense, constrained.dense.up.copy()
    up[-1] = dense.backup[-1] + 0.5 * ACCEPT_MARGIN
    constrained.dense = replace(dense, up=up)
    assert not constrained.feasible(theta)
    constrained.dense = dense


@pytest.mark.parametrize('kind', ['constraint', 'stability', 'invariance', 'baseline cost'])
def test_rows_are_directional_derivatives(constrained, theta, kind):
    rng, count = np.random.default_rng(1), len(constrained.scenarios)
    g, _ = constrained.constraints(theta, NONE)
    wanted = {'constraint': rng.integers(0, count, 20),
              'stability': count + rng.integers(0, count, 20),
              'invariance': rng.integers(2 * count, len(g) - 2, 20),
              'baseline cost': len(g) - np.array([2, 1])}[kind]
    _, rows = constrained.constraints(theta, wanted)
    direction, step = rng.standard_normal(theta.size), 1e-6
    up, down = (constrained.constraints(theta + s * step * direction, NONE)[0] for s in (1, -1))
    slopes = ((up - down) / (2 * step))[wanted]
    # a kink of the backup's law may lie within the step: not more than one in ten
    close = np.isclose(rows @ direction, slopes, rtol=1e-4, atol=1e-5)
    assert np.mean(close) >= 0.9


def test_the_search_ends_feasible_and_better():
    problem = ImitationProblem.build('benign', seed=1)
    start = problem.task.initial_theta
    loss, theta = best_feasible(problem, start, rounds=2, steps=6)
    assert loss < 0.1 * problem.loss(start) and loss == problem.loss(theta)
    assert ConstrainedProblem(problem).feasible(theta)
    assert loss >= problem.pointwise_bound()


def test_the_pointwise_bound_is_below_safe_and_zero_for_safe_experts(problem):
    assert 0 < problem.pointwise_bound() < problem.loss(problem.task.initial_theta)
    assert ImitationProblem.build('benign').pointwise_bound() < 1e-4


def test_seeds_share_the_states_and_the_identity(problem):
    other = ImitationProblem.build('outward_edge', seed=4)
    assert np.array_equal(other.states, problem.states) and other.identity == problem.identity
    assert other.identity != ImitationProblem.build('outward_edge', baseline_cost=False).identity
    assert not np.array_equal(other.states, interior_states(problem.task.safe_set, 512, 4))


def test_only_what_is_better_enters_the_table(tmp_path, problem):
    path, theta = tmp_path / 'table.json', problem.task.initial_theta
    tabulated(path, problem, 0.2, theta)
    kept = path.read_text()
    tabulated(path, problem, 0.3, theta)
    assert path.read_text() == kept
    tabulated(path, problem, 0.1, theta)
    assert '0.1' in path.read_text()


def test_an_unknown_problem_is_measured_against_the_bound():
    def still(states):
        return np.zeros((len(states), 1))

    problem = ImitationProblem.build(still)
    assert known_optimum(problem) == problem.pointwise_bound()
