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

"""The safety filter: idle for a certified policy, and enough for a bad one, for ever."""

from dataclasses import replace

from control_samples import pushing, states_in, weights, worst_disturbance
import numpy as np
import pytest
from scpo_ros.exceptions import InvalidArrayError, SolverError
from scpo_ros.policy.safety_filter import NearestInputFilter, Source


def run(task, law, x, steps, disturbance=worst_disturbance):
    """Return (states (steps + 1, 2), inputs, sources) under a disturbance that pushes outwards."""
    states, inputs, sources = [x], [], []
    for _ in range(steps):
        action = law.act(x)
        x = task.system.step(x, action.u, disturbance(task, x, action.u[0]))
        states.append(x)
        inputs.append(action.u[0])
        sources.append(action.source)
    return np.array(states), np.array(inputs), sources


def kept(task, states, inputs):
    """Return whether a run kept all limits."""
    return (np.all(np.abs(states) <= task.system.state_limit + 1e-9)
            and np.all(np.abs(inputs) <= task.system.input_limit + 1e-9))


@pytest.fixture
def starts(task):
    """Return vertices and other points of the boundary of the safe set."""
    return np.vstack([task.safe_set.vertices[::7], task.safe_set.boundary(4)]) * (1 - 1e-12)


def test_the_certified_start_never_wakes_the_filter(task, theta0, starts):
    law = NearestInputFilter(task, theta0)
    for x in starts:
        states, inputs, sources = run(task, law, x, 120)
        assert set(sources) == {Source.POLICY}
        assert kept(task, states, inputs)
        assert np.all(task.safe_set.gauge(states[1:]) <= task.contraction_factor + 3e-9)


def bad_weights(task):
    """Return weights that do harm in different ways."""
    return {'pushes': pushing(task, 3.0), 'pushes hard': pushing(task, 50.0),
            'random': weights(task, 1, np.random.default_rng(3), 2.0)[0],
            'huge': np.full(task.policy.network.d, 1e150)}


@pytest.mark.parametrize('name', ['pushes', 'pushes hard', 'random', 'huge'])
def test_a_bad_policy_is_kept_within_the_limits_for_ever(task, starts, name):
    law, acted = NearestInputFilter(task, bad_weights(task)[name]), 0
    with np.errstate(over='ignore', invalid='ignore'):
        for x in starts:
            states, inputs, sources = run(task, law, x, 500)
            assert kept(task, states, inputs)
            assert np.all(task.safe_set.gauge(states) <= 1 + 1e-8)
            assert set(sources) <= {Source.POLICY, Source.GUARD}
            acted += sources.count(Source.GUARD)
    assert acted > 0


@pytest.mark.parametrize('name', ['pushes', 'pushes hard', 'random'])
def test_without_the_filter_the_same_policy_leaves_the_limits(task, starts, name):
    law = NearestInputFilter(task, bad_weights(task)[name], enabled=False)
    left = 0
    for x in starts:
        states, inputs, sources = run(task, law, x, 200)
        assert np.all(np.abs(inputs) <= 1) and set(sources) == {Source.POLICY}
        left += not kept(task, states, inputs)
    assert left > 0


def test_the_filter_acts_exactly_where_the_next_state_might_leave(task, rng):
    theta = weights(task, 1, rng, 1.0)[0]
    law, seen = NearestInputFilter(task, theta), set()
    for x in np.vstack([states_in(task.safe_set, 300, rng), task.safe_set.boundary(300) * 0.9999]):
        action = law.act(x)
        wanted = task.policy(theta, x[None])[0, 0]
        stays = np.all([task.safe_set.gauge(task.system.step(x, np.array([wanted]), w)) <= 1
                        for w in (task.system.disturbance, -task.system.disturbance)])
        assert (action.source is Source.POLICY) == stays
        low, up = task.bounds(x)
        assert action.u == pytest.approx(np.clip(wanted, low, up), abs=2e-9)
        if stays:
            assert action.u == wanted
        seen.add(action.source)
    assert seen == {Source.POLICY, Source.GUARD}


def test_just_outside_the_backup_acts_and_brings_the_state_back(task, rng):
    law, sources = NearestInputFilter(task, pushing(task, 3.0)), []
    for x in task.safe_set.boundary(40) * 1.0005:
        action = law.act(x)
        sources.append(action.source)
        assert abs(action.u) <= 1
        if action.source is Source.BACKUP:
            assert action.u == pytest.approx(np.clip(task.mpc.solve(x)[0], -1, 1))
            after = task.system.step(x, action.u, task.system.disturbance)
            assert task.safe_set.contains(after)
    assert set(sources) <= {Source.BACKUP, Source.LAST_RESORT}
    assert sources.count(Source.BACKUP) > 20


@pytest.mark.parametrize('x', [[1.4, 0.0], [0.0, 0.9], [-3.0, -2.0], [0.99, 0.59], [1e6, 0.0]])
def test_far_outside_the_last_resort_is_the_saturated_regulator(task, theta0, x):
    action = NearestInputFilter(task, theta0).act(x)
    assert action.source is Source.LAST_RESORT
    assert action.u == pytest.approx(np.clip(-(task.gain @ np.array(x))[0], -1, 1))


def test_from_outside_it_finds_back_and_the_policy_acts_again(task, theta0):
    law = NearestInputFilter(task, theta0)
    states, inputs, sources = run(task, law, np.array([1.3, 0.0]), 150,
                                  lambda task, x, u: np.zeros(2))
    assert sources[0] is Source.LAST_RESORT and sources[-1] is Source.POLICY
    assert np.all(np.abs(inputs) <= 1) and np.linalg.norm(states[-1]) < 0.05


@pytest.mark.parametrize('enabled', [True, False])
@pytest.mark.parametrize('x', [[np.nan, 0.0], [0.0, np.inf], [0.0], [[0.0, 0.0]], 'ab', None])
def test_a_malformed_state_is_an_error_and_not_an_action(task, theta0, enabled, x):
    with pytest.raises(InvalidArrayError, match='state must'):
        NearestInputFilter(task, theta0, enabled).act(x)


def test_a_solver_that_fails_outside_leaves_the_last_resort(task, theta0, monkeypatch):
    law = NearestInputFilter(task, theta0)

    def fails(x):
        raise SolverError('no')

    monkeypatch.setattr(task.mpc, 'solve', fails)
    assert law.act(task.safe_set.vertices[0] * 1.0005).source is Source.LAST_RESORT


def test_a_swap_changes_the_very_next_action(task, theta0, rng):
    theta, x = weights(task, 1, rng, 0.02)[0], np.array([0.2, 0.05])
    law = NearestInputFilter(task, theta0)
    before = law.act(x).u
    law.swap(theta)
    assert law.act(x).u == pytest.approx(task.policy(theta, x[None])[0, 0], abs=1e-12) != before
    theta[:] = np.nan  # what was given may change later without effect
    assert np.isfinite(law.act(x).u) and not law.theta.flags.writeable


@pytest.mark.parametrize('damage', [
    lambda theta: theta[:-1], lambda theta: np.r_[theta, 0.0], lambda theta: theta[None],
    lambda theta: np.r_[theta[:-1], np.nan], lambda theta: np.r_[np.inf, theta[1:]]])
def test_malformed_weights_are_refused_and_the_old_ones_keep_running(task, theta0, damage):
    law, x = NearestInputFilter(task, theta0), np.array([0.2, 0.05])
    before = law.act(x)
    with pytest.raises(InvalidArrayError, match='theta must'):
        law.swap(damage(theta0))
    assert law.act(x) == before and np.array_equal(law.theta, theta0)


def test_where_the_solver_of_the_backup_fails_inside_the_safe_set_the_state_stays_in_it(
        task, theta0, starts):
    class Failing:

        def __call__(self, x):
            raise SolverError('no solution')

        solve = __call__

    broken = replace(task, mpc=Failing(), policy=replace(task.policy, backup=Failing()))
    law = NearestInputFilter(broken, theta0)
    for x in starts:
        states, inputs, sources = run(task, law, x, 100)
        assert set(sources) == {Source.LAST_RESORT} and kept(task, states, inputs)
        assert np.all(task.safe_set.gauge(states) <= 1 + 1e-8)
    edge = 0.999 * task.safe_set.boundary(400)
    violation = [task.bounds.violation(x, law.act(x).u) for x in edge]
    assert max(violation) <= 1e-9
    regulator = np.clip(-(edge @ task.gain.T)[:, 0], -1, 1)
    low, up = task.bounds(edge)
    assert np.any(regulator > up + 0.1) and np.any(regulator < low - 0.1)  # it alone would leave
