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

"""The metrics one by one: what they measure, and that NaN survives in every one of them."""

from dataclasses import replace

from control_samples import pushing, sampled, states_in, weights
import numpy as np
import pytest
from scpo_ros.config import MetricsConfig, Spec
from scpo_ros.systems.scenario import extreme, ordinary
from scpo_ros.verification.metric_layout import CONDITIONS
from scpo_ros.verification.sampled_invariance import SampledViolation
from scpo_ros.verification.task import ControlTask


@pytest.fixture(scope='module')
def task(built):
    """Return the task with the constraint metric of every scenario."""
    return sampled(built[0])


@pytest.fixture(scope='module')
def theta0(task):
    """Return the initial weights: the backup."""
    return task.initial_theta


@pytest.fixture(scope='module')
def states(task):
    """Return states that fill the safe set, its boundary included."""
    rng = np.random.default_rng(5)
    return np.vstack([task.safe_set.boundary(500) * (1 - 1e-9),
                      states_in(task.safe_set, 3000, rng)])


@pytest.fixture(scope='module')
def metric(task, states):
    """Return the invariance metric over these states."""
    return SampledViolation.over(task.policy, task.bounds, states)


@pytest.fixture
def thetas(task, theta0, rng):
    """Return the backup, harmless weights and harmful ones."""
    return np.vstack([theta0, weights(task, 4, rng, 0.05), weights(task, 4, rng, 1.0),
                      pushing(task, 3.0)])


def test_where_it_is_positive_some_disturbance_leaves_the_safe_set(task, states, metric, thetas):
    def leaves(theta, points):
        after = task.system.step(points, task.policy(theta, points))[:, None] + np.array(
            [[-1.0], [1.0]]) * task.system.disturbance
        return task.safe_set.gauge(after).max(axis=1) - 1

    for theta, excess in zip(thetas, metric.violation(thetas)):
        out = leaves(theta, metric.states)
        sure = np.abs(excess) > 1e-8
        assert np.array_equal((excess > 0)[sure], (out > 0)[sure])
        assert (metric.worst(theta[None])[0][0] > 0) == (leaves(theta, states).max() > 0)


def test_what_it_leaves_out_no_admissible_input_can_take_out(task, states, metric):
    kept = {x.tobytes() for x in metric.states}
    rest = np.array([x for x in states if x.tobytes() not in kept])
    assert len(rest) + len(metric.states) == len(states) and len(rest) > 1000
    for u in (-1.0, 0.0, 1.0):
        assert np.all(task.bounds.violation(rest, np.full((len(rest), 1), u)) <= 1e-12)


def test_its_worst_is_the_plain_maximum_whatever_the_chunk(metric, thetas):
    excess = metric.violation(thetas)
    for chunk in (1, 100, 10**6):
        if chunk == 1:
            part = metric.part(slice(0, 50))
            assert np.allclose(part.worst(thetas, 1)[0], part.violation(thetas).max(axis=1))
            continue
        worst, index = metric.worst(thetas, chunk)
        assert np.allclose(worst, excess.max(axis=1), rtol=0, atol=1e-12)
        assert np.allclose(excess[np.arange(len(thetas)), index], worst, rtol=0, atol=1e-12)


@pytest.mark.parametrize('at', [0, 150, -1])
def test_one_state_that_gives_nan_makes_the_worst_nan_in_any_chunk(metric, thetas, at):
    backup = metric.backup.copy()
    backup[at] = np.nan
    poisoned = replace(metric, backup=backup)
    for chunk in (100, 10**6):
        assert np.all(np.isnan(poisoned.worst(thetas, chunk)[0]))
    assert np.all(np.isnan(poisoned.grouped(thetas)).any(axis=1))
    assert np.all(np.isfinite(metric.worst(thetas, 100)[0]))


def test_groups_bound_their_maxima_from_above_and_together_cover_all(metric, thetas):
    grouped, excess = metric.grouped(thetas), metric.violation(thetas)
    groups = np.unique(metric.group)
    assert grouped.shape == (len(thetas), len(groups))
    for column, group in enumerate(groups):
        hard = excess[:, metric.group == group].max(axis=1)
        slack = np.log(np.sum(metric.group == group)) / metric.sharpness
        assert np.all(grouped[:, column] >= hard - 1e-12)
        assert np.all(grouped[:, column] <= hard + slack + 1e-12)
    assert np.all(grouped.max(axis=1) >= metric.worst(thetas)[0] - 1e-12)


def test_the_norm_is_a_norm_in_units_of_the_p_axis(task, rng):
    norm = task.metric.norm
    x, y = rng.normal(size=(2, 100, 2))
    assert norm(np.array([1.0, 0.0])) == 1 and norm(np.zeros(2)) == 0
    assert np.allclose(norm(-3 * x), 3 * norm(x)) and np.all(norm(x) > 0)
    assert np.all(norm(x + y) <= norm(x) + norm(y) + 1e-12)


def columns(task, theta, scenarios, soft=False):
    """Return (baseline cost, constraint, return) of one policy."""
    cost = task.simulator.summarise(task.initial_theta[None], scenarios).cost[0]
    row = task.metric(theta[None], scenarios, cost, soft)[0]
    return row[:len(CONDITIONS)], row[len(CONDITIONS)::2], row[len(CONDITIONS) + 1::2]


@pytest.fixture
def scenarios(task, rng):
    """Return stress from the boundary and from inside, and ordinary operation."""
    edge = task.safe_set.boundary(12) * (1 - 1e-9)
    states = np.vstack([edge, states_in(task.safe_set, 12, rng)])
    return (extreme(task.system, states, 60, 1.0)
            + ordinary(task.system, task.safe_set, 20, 60, [3]))


def test_rollout_metrics_are_what_they_say(task, scenarios, rng):
    theta = weights(task, 1, rng, 0.1)[0]
    cost_metrics, constraint, stability = columns(task, theta, scenarios)
    states, inputs = task.simulator.trajectory(theta, scenarios.x0, scenarios.w)
    violation = task.bounds.violation(states[:, :-1], inputs).max(axis=1)
    assert np.allclose(constraint, violation, rtol=0, atol=1e-10)
    norm = task.metric.norm
    assert np.allclose(stability, norm(states[:, -1]) - 0.5 * norm(states[:, 0]) - 0.1,
                       rtol=0, atol=1e-10)
    assert np.all(columns(task, theta, scenarios, soft=True)[1] >= constraint)
    assert len(cost_metrics) == len(CONDITIONS)


def test_baseline_cost_of_the_backup_is_minus_its_tolerance(task, theta0, scenarios):
    cost_metrics, _, _ = columns(task, theta0, scenarios)
    assert np.allclose(cost_metrics, -0.03, atol=1e-4)


def test_baseline_cost_is_the_cost_above_the_backups_in_each_condition(task, scenarios):
    backup = task.simulator.summarise(task.initial_theta[None], scenarios).cost[0]
    costs = np.vstack([2 * backup, 1.05 * backup, 0 * backup])
    above = task.metric.baseline_cost(costs, backup, scenarios)
    assert np.allclose(above, [[0.97], [0.02], [-1.03]], atol=1e-3)
    edge = ~scenarios.nominal
    assert 0 < edge.sum() < len(edge)
    worse = task.metric.baseline_cost((backup * (1 + edge))[None], backup, scenarios)[0]
    assert worse[-1] > 0.9 and np.all(worse[:-1] < 0)


@pytest.mark.parametrize('poison', [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize('no_regret', [True, False])
def test_a_cost_that_is_not_finite_is_never_accepted(task, scenarios, poison, no_regret):
    metric = task.metric if no_regret else replace(task.metric, tolerance=np.inf)
    backup = task.simulator.summarise(task.initial_theta[None], scenarios).cost[0]
    cost = backup.copy()
    cost[3] = poison
    cost_metrics = metric.baseline_cost(cost[None], backup, scenarios)
    assert not np.all(np.isfinite(cost_metrics))


def test_baseline_cost_can_be_switched_off(task, scenarios):
    off = replace(task.spec, metrics=MetricsConfig(baseline_cost=False, certificate='sampled'))
    quiet = ControlTask.assemble(off, task.system, task.safe_set, task.contraction_factor,
                                 task.mpc, task.policy.backup)
    bad = pushing(task, 0.3)
    assert np.all(columns(quiet, bad, scenarios)[0] == -1)
    assert np.any(columns(task, bad, scenarios)[0] > 0)
    for with_it, without in zip(columns(task, bad, scenarios)[1:],
                                columns(quiet, bad, scenarios)[1:]):
        assert np.array_equal(with_it, without)
    assert quiet.digest != task.digest and Spec().metrics.baseline_cost
