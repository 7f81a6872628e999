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

"""Scenarios: inside the set, within the bounds, repeatable; replays of what the model allows."""

from control_samples import states_in
import numpy as np
import pytest
from scipy.stats import ks_2samp, kstest
from scpo_ros.exceptions import InfeasibleError, InvalidArrayError
from scpo_ros.systems.scenario import (
    design_scenarios, extreme, interior_states, random_scenarios, realised_disturbance, replay,
    Scenarios, stress_states, switching, verification_scenarios)


@pytest.fixture(params=['design', 'verification', 'random', 'switching'])
def made(request, task, rng):
    """Return a batch of every kind."""
    system, safe_set = task.system, task.safe_set
    return {
        'design': lambda: design_scenarios(system, safe_set, 60, 60, 0),
        'verification': lambda: verification_scenarios(system, safe_set, 300, 60, 0),
        'random': lambda: random_scenarios(system, safe_set, 200, 60, rng),
        'switching': lambda: switching(system, states_in(safe_set, 50, rng), 60, rng),
    }[request.param]()


def test_states_lie_in_the_safe_set_and_disturbances_within_their_bound(task, made):
    assert np.all(task.safe_set.contains(made.x0, 0.0))
    assert np.all(np.abs(made.w) <= task.system.disturbance)
    assert made.w.shape == (len(made), 60, 2) and made.horizon == 60


def test_scenarios_are_read_only(made):
    for array in (made.x0, made.w):
        with pytest.raises(ValueError, match='read-only'):
            array[0] = 0.0


@pytest.mark.parametrize('x0, w', [
    ([[0.0, 0.0]], np.zeros((2, 5, 2))), ([[0.0, 0.0]], np.zeros((1, 5, 3))),
    ([0.0, 0.0], np.zeros((1, 5, 2))), ([[np.nan, 0.0]], np.zeros((1, 5, 2))),
    ([[0.0, 0.0]], np.full((1, 5, 2), np.inf))])
def test_malformed_scenarios_are_refused(x0, w):
    with pytest.raises(InvalidArrayError):
        Scenarios(x0, w)


def test_batches_join_and_split(made):
    joined = made.take([1, 0]) + made.take(slice(2, 5))
    assert np.array_equal(joined.x0, made.x0[[1, 0, 2, 3, 4]])
    assert np.array_equal(joined.w, made.w[[1, 0, 2, 3, 4]])


def test_the_design_set_meets_the_worst_first(task):
    design = design_scenarios(task.system, task.safe_set, 60, 60, 0)
    assert len(design) == 180 and np.array_equal(np.flatnonzero(design.nominal), range(120, 180))
    ordinary_w, design = design.w[120:, :, 1], design.take(slice(0, 120))
    assert 0.0029 < np.abs(ordinary_w).max() <= 0.003 and abs(ordinary_w.mean()) < 1e-4
    assert np.sum(task.safe_set.gauge(design.x0) > 1 - 1e-8) == 2 * 24
    assert np.array_equal(np.unique(design.w[:, :, 1]), [-0.003, 0.003])
    assert np.array_equal(design.x0[:60], design.x0[60:])
    assert np.array_equal(design.w[:60], -design.w[60:])


def test_the_verification_set_has_all_kinds_of_disturbance_on_all_kinds_of_state(task):
    scenarios = verification_scenarios(task.system, task.safe_set, 300, 60, 0)
    assert len(scenarios) == 600
    assert np.array_equal(np.flatnonzero(scenarios.nominal), range(300, 600))
    assert np.all(task.safe_set.contains(scenarios.x0[300:], 0.0))
    scenarios = scenarios.take(slice(0, 300))
    edge = task.safe_set.gauge(scenarios.x0) > 1 - 1e-8
    assert edge.sum() == 120
    for first, changes in ((0, False), (100, False), (200, True)):
        part = slice(first, first + 100)
        assert 20 < edge[part].sum() < 60
        assert np.any(np.diff(scenarios.w[part, :, 1], axis=1) != 0) == changes
    assert np.all(np.abs(scenarios.w[:, :, 1]) == 0.003)


@pytest.mark.parametrize('make', [design_scenarios, verification_scenarios])
def test_sets_are_repeatable_and_other_seeds_share_nothing(task, make):
    first, again, other = (make(task.system, task.safe_set, 60, 20, seed) for seed in (0, 0, 1))
    assert np.array_equal(first.x0, again.x0) and np.array_equal(first.w, again.w)
    assert not {x.tobytes() for x in first.x0} & {x.tobytes() for x in other.x0}


def test_design_and_verification_share_no_state_for_any_seed(task):
    for seed in range(5):
        design = design_scenarios(task.system, task.safe_set, 60, 5, seed).x0
        verification = verification_scenarios(task.system, task.safe_set, 300, 5, seed).x0
        distance = np.linalg.norm(design[:, None] - verification[None], axis=2)
        assert distance.min() > 1e-6


def test_interior_states_fill_the_set_more_evenly_than_random_ones(task, rng):
    def emptiest(points):
        grid = states_in(task.safe_set, 400, np.random.default_rng(1))
        return np.linalg.norm(grid[:, None] - points[None], axis=2).min(axis=1).max()

    filled = interior_states(task.safe_set, 500, [0, 1])
    assert filled.shape == (500, 2) and np.all(task.safe_set.contains(filled, 0.0))
    assert emptiest(filled) < emptiest(states_in(task.safe_set, 500, rng))
    assert interior_states(task.safe_set, 0, 0).shape == (0, 2)


@pytest.mark.parametrize('share, edge', [(0.0, 0), (0.4, 8), (1.0, 20)])
def test_the_share_on_the_boundary_is_as_asked(task, share, edge):
    states = stress_states(task.safe_set, 20, 3, share)
    assert len(states) == 20
    assert np.sum(task.safe_set.gauge(states) > 1 - 1e-8) == edge


def test_extremes_are_constant(task):
    scenarios = extreme(task.system, np.zeros((3, 2)), 7, -1.0)
    assert np.array_equal(scenarios.w, np.broadcast_to([0.0, -0.003], (3, 7, 2)))


def test_realised_disturbances_are_recovered(task, rng):
    x = states_in(task.safe_set, 300, rng)
    u, w = rng.uniform(-1, 1, (300, 1)), rng.uniform(-1, 1, (300, 2)) * task.system.disturbance
    after = task.system.step(x, u, w)
    assert np.allclose(realised_disturbance(task.system, x, u, after), w, rtol=0, atol=1e-15)
    mistaken = realised_disturbance(task.system, x, u + 0.1, after)
    assert np.any(np.abs(mistaken) > task.system.disturbance)


def test_a_replay_repeats_what_happened(task, rng):
    w = rng.uniform(-1, 1, (25, 2)) * task.system.disturbance
    scenario = replay(task.system, task.safe_set, [0.1, 0.2], w, 60)
    assert len(scenario) == 1 and scenario.horizon == 60
    assert np.array_equal(scenario.x0[0], [0.1, 0.2])
    assert np.array_equal(scenario.w[0], np.vstack([w, w, w])[:60])
    short = replay(task.system, task.safe_set, [0.1, 0.2], w, 10)
    assert np.array_equal(short.w[0], w[:10])


@pytest.mark.parametrize('x0, w, why', [
    ([1.5, 0.0], [[0.0, 0.0]], 'outside the safe set'),
    ([0.0, 0.61], [[0.0, 0.0]], 'outside the safe set'),
    ([0.0, 0.0], [[0.0, 0.0], [0.0, 0.0031]], 'exceeds its bound'),
    ([0.0, 0.0], [[0.0, -0.1]], 'exceeds its bound'),
    ([0.0, 0.0], [[1e-6, 0.0]], 'exceeds its bound'),
])
def test_a_replay_of_what_the_model_excludes_is_refused(task, x0, w, why):
    with pytest.raises(InfeasibleError, match=why):
        replay(task.system, task.safe_set, x0, w, 60)


def test_a_replay_at_the_very_bounds_is_allowed(task):
    replay(task.system, task.safe_set, task.safe_set.vertices[3], [task.system.disturbance], 60)


@pytest.mark.parametrize('x0, w', [
    ([0.0], [[0.0, 0.0]]), ([np.nan, 0.0], [[0.0, 0.0]]), ([0.0, 0.0], [[np.nan, 0.0]]),
    ([0.0, 0.0], [0.0, 0.0]), ([0.0, 0.0], [[0.0]])])
def test_a_malformed_replay_is_refused(task, x0, w):
    with pytest.raises(InvalidArrayError):
        replay(task.system, task.safe_set, x0, w, 60)


def test_random_scenarios_are_uniform_in_the_safe_set_and_in_the_disturbance(task, rng):
    drawn = random_scenarios(task.system, task.safe_set, 4000, 3, rng)
    bound = task.system.disturbance[1]
    assert not np.any(drawn.w[..., 0])
    assert kstest(drawn.w[..., 1].ravel() / bound, 'uniform', (-1, 2)).pvalue > 1e-4
    # of the sections through the set at one velocity, every one is hit in proportion to its width
    low, high = task.safe_set.vertices.min(axis=0), task.safe_set.vertices.max(axis=0)
    grid = np.stack(np.meshgrid(*(np.linspace(a, b, 400) for a, b in zip(low, high))), -1)
    inside = grid[task.safe_set.contains(grid)]
    for axis in range(2):
        assert ks_2samp(drawn.x0[:, axis], inside[:, axis]).statistic < 0.04
