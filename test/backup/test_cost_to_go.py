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

"""The table of the backup's cost-to-go against simulation, and what it is not."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from scpo_ros.backup.planar import cost_to_go
from scpo_ros.backup.planar.cost_to_go import CostToGo, simulated
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.systems.scenario import random_scenarios, stress_states


@pytest.fixture(scope='module')
def value(task):
    """Return the table."""
    return CostToGo.load_or_build(task)


@pytest.fixture(scope='module')
def states(task):
    """Return states inside, near the origin and on the boundary."""
    inside = random_scenarios(task.system, task.safe_set, 2000, 1, np.random.default_rng(1)).x0
    return np.vstack([inside, 1e-3 * inside[:300], stress_states(task.safe_set, 500, 2)])


def test_the_table_is_within_one_percent_of_the_simulated_cost(task, value, states):
    exact = simulated(task, states)
    error = np.abs(value(states) - exact) / exact
    assert error.max() < 0.012 and error.mean() < 1e-3


def test_the_riccati_solution_alone_is_far_below(task, states):
    quadratic = np.einsum('ni,ij,nj->n', states, task.lyapunov, states)
    exact = simulated(task, states)
    assert np.all(quadratic <= exact * (1 + 1e-9)) and (quadratic / exact).min() < 0.5


def test_it_obeys_bellman(task, value, states):
    inside = states[task.safe_set.contains(states, 0.0)]
    u = task.policy.backup(inside)
    ahead = task.simulator.stage_cost(inside, u) + value(task.system.step(inside, u))
    assert np.max(np.abs(ahead / value(inside) - 1)) < 0.02
    other = 0.5 * u  # negative control: Bellman's equation is that of the backup's law
    ahead = task.simulator.stage_cost(inside, other) + value(
        task.system.step(inside, other))
    assert np.nanmax(np.abs(ahead / value(inside) - 1)) > 0.05


@pytest.mark.parametrize('x', [(1.01, 0.0), (np.nan, 0.0), (0.0, np.inf), (1e308, -1e308)])
def test_outside_the_safe_set_it_is_no_number(value, x):
    with np.errstate(invalid='ignore', over='ignore'):
        assert np.isnan(value(np.array([x, (0.1, 0.1)]))).tolist() == [True, False]


def test_the_origin_costs_nothing_and_the_mean_is_that_over_the_set(task, value):
    assert value(np.zeros((1, 2)))[0] == 0.0
    inside = random_scenarios(task.system, task.safe_set, 4000, 1, np.random.default_rng(3)).x0
    assert value.mean == pytest.approx(value(inside).mean(), rel=0.05)


def test_a_state_from_which_the_backup_does_not_arrive_has_none(task, monkeypatch):
    monkeypatch.setattr(cost_to_go, '_LONGEST_S', 1.0)
    assert np.isnan(simulated(task, np.array([[0.5, 0.0]])))[0]


def test_a_table_with_a_hole_is_a_configuration_error_that_says_what_helps(
        task, tmp_path, monkeypatch):
    few = partial(cost_to_go.nodes, gauges=8, angles=16)  # it arrives from none of them
    monkeypatch.setattr(cost_to_go, 'nodes', few)

    class Lost:

        def __call__(self, x):
            return np.zeros((len(x), 1))
    policy = replace(task.policy, backup=Lost())
    lost = replace(task, policy=policy, cache=tmp_path)
    for _ in range(2):  # computed, and from the cache
        with pytest.raises(ConfigurationError, match=r'state_weight must let the backup.*100 s'):
            CostToGo.load_or_build(lost)


def test_the_table_comes_from_the_cache(task, tmp_path, monkeypatch):
    first = CostToGo.load_or_build(replace(task, cache=tmp_path))
    monkeypatch.setattr(cost_to_go, 'simulated', None)  # would fail if it were needed
    again = CostToGo.load_or_build(replace(task, cache=tmp_path))
    assert again.mean == first.mean
