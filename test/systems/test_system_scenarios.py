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

"""Scenarios of described systems: within the bound, at its vertices, from the safe set."""

import numpy as np
import pytest
from scpo_ros.systems.system_scenarios import (
    random_disturbances, stress_and_operation, switching_scenarios, vertex_scenarios, vertices)
from system_samples import system_of, task_of

H = 40


@pytest.fixture(scope='module', params=['double_integrator_2', 'vehicle_lateral', 'uneven'])
def drawn(request):
    """Return (system, safe set, scenarios)."""
    system, safe_set = system_of(request.param), task_of(request.param).safe_set
    return system, safe_set, stress_and_operation(system, safe_set, 12, H, 5)


def test_every_disturbance_keeps_its_bound_and_some_reach_it(drawn):
    system, _, scenarios = drawn
    assert scenarios.w.shape == (24, H, system.n)
    assert np.all(np.abs(scenarios.w) <= system.disturbance)
    assert np.array_equal(np.max(np.abs(scenarios.w), axis=(0, 1)), system.disturbance)


def test_stress_comes_first_a_third_of_each_kind_then_operation(drawn):
    system, _, scenarios = drawn
    assert scenarios.nominal.tolist() == [False] * 12 + [True] * 12
    held, switching, random = (scenarios.w[4 * k:4 * k + 4] for k in range(3))
    assert np.array_equal(held, np.repeat(held[:, :1], H, axis=1))
    assert np.array_equal(np.abs(switching), np.broadcast_to(system.disturbance, switching.shape))
    signs = np.sum(switching * switching[:, :1], axis=2)
    assert np.allclose(np.abs(signs), np.sum(system.disturbance**2))  # as a whole: w or -w
    assert np.any(signs < 0)
    moved = system.disturbance > 0
    assert np.all(np.std(random[:, :, moved], axis=1) > 0)
    assert np.all(np.abs(random[:, :, moved]) < system.disturbance[moved])


def test_the_states_lie_in_the_safe_set_and_at_least_half_on_its_boundary(drawn):
    """Of a product, more: a state is on the boundary where one of its parts is."""
    _, safe_set, scenarios = drawn
    gauges = safe_set.gauge(scenarios.x0)
    assert np.all(gauges <= 1) and np.sum(gauges > 1 - 1e-6) >= 12
    assert len(safe_set.parts) > 1 or np.sum(gauges > 1 - 1e-6) == 12
    assert 0 < np.sum(gauges[12:] > 1 - 1e-6) < 12  # stress and operation have both kinds


def test_vertices_are_the_worst_of_a_row_or_its_opposite(drawn):
    system, safe_set, _ = drawn
    found = vertices(system, safe_set, 200, np.random.default_rng(0))
    assert np.array_equal(np.abs(found), np.broadcast_to(system.disturbance, found.shape))
    rows = safe_set.normals
    worst = np.abs(rows) @ system.disturbance
    assert np.all(np.any(np.abs(np.abs(found @ rows.T) - worst) <= 1e-12 * worst, axis=1))
    assert len(np.unique(found, axis=0)) > 1


@pytest.mark.parametrize('count', [0, 1, 2, 5])
def test_few_scenarios_are_as_many_as_asked_for(count):
    task = task_of('uneven')
    scenarios = stress_and_operation(task.system, task.safe_set, count, H, 1)
    assert len(scenarios) == 2 * count and scenarios.nominal.sum() == count


def test_one_seed_gives_one_set_and_another_seed_another_one():
    task = task_of('uneven')
    draw = [stress_and_operation(task.system, task.safe_set, 6, H, seed)
            for seed in ((0, 1), (0, 1), (0, 2))]
    assert np.array_equal(draw[0].w, draw[1].w) and np.array_equal(draw[0].x0, draw[1].x0)
    assert not np.any(np.all(draw[0].x0[:, None] == draw[2].x0[None], axis=2))


def test_signs_are_kept_for_at_most_thirty_steps():
    task, rng = task_of('uneven'), np.random.default_rng(0)
    w = switching_scenarios(task.system, task.safe_set, np.zeros((40, 2)), 90, rng).w[:, :, 1]
    runs = [np.diff(np.flatnonzero(np.diff(np.sign(one)))) for one in w]
    assert max(run.max() for run in runs if len(run)) <= 30
    held = vertex_scenarios(task.system, task.safe_set, np.zeros((4, 2)), 90, rng).w
    assert not np.any(np.diff(held, axis=1))
    assert random_disturbances(task.system, np.zeros((4, 2)), 5, rng, True).nominal.all()
