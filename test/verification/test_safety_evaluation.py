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

"""
The set-up is pinned: the backup has slack in every metric, bad policies have none.

With the sampled invariance metric, where every scenario has a constraint metric too; the proved
one has a file of its own.
"""

from dataclasses import replace
import re

from control_samples import pushing, sampled, states_in, weights
import numpy as np
import pytest
from scpo_ros.config import MetricsConfig
from scpo_ros.systems.scenario import extreme, random_scenarios, replay, Scenarios
from scpo_ros.verification.evaluation import SafetyEvaluation
from scpo_ros.verification.metric_layout import CONDITIONS
from scpo_ros.verification.task import ControlTask

COSTS = len(CONDITIONS)
FIRST = 1 + COSTS  # column of the first verification scenario


@pytest.fixture(scope='module')
def task(built):
    """Return the task with the sampled metric."""
    return sampled(built[0])


@pytest.fixture(scope='module')
def theta0(task):
    """Return the initial weights: the backup."""
    return task.initial_theta


@pytest.fixture(scope='module')
def evaluation(task):
    """Return its evaluation; tests must not change it."""
    return SafetyEvaluation(task)


@pytest.fixture
def fresh(task):
    """Return an evaluation of the test's own."""
    return SafetyEvaluation(task)


def verified(evaluation, theta):
    """Return (worst state, baseline cost, constraint, return) of the verification."""
    row = evaluation.verify(theta[None])[0]
    return row[0], row[1:FIRST], row[FIRST::2], row[FIRST + 1::2]


def designed(evaluation, theta):
    """Return (groups, baseline cost, constraint, return) of the design set."""
    row = evaluation.evaluate(theta[None])[0]
    groups = row.size - COSTS - 2 * len(evaluation.design_set)
    tail = row[groups + COSTS:]
    return row[:groups], row[groups:groups + COSTS], tail[::2], tail[1::2]


def safe(row, margin=0.0):
    """Return whether all metrics are finite and at most -margin."""
    return bool(np.all(np.isfinite(row)) and np.all(row <= -margin))


def test_the_backup_has_slack_in_every_verified_metric(evaluation, theta0):
    worst, cost, constraint, stability = verified(evaluation, theta0)
    assert worst == pytest.approx(-0.300, abs=0.005)
    assert np.max(constraint) <= -0.29
    assert np.max(stability) <= -0.09
    assert np.all(cost <= -0.03 + 1e-4)
    assert safe(evaluation.verify(theta0[None]), 0.02)


def test_the_backup_has_slack_in_every_design_metric(evaluation, theta0):
    groups, cost, constraint, stability = designed(evaluation, theta0)
    assert 16 >= len(groups) >= 8 and np.max(groups) <= -0.24
    assert np.max(constraint) <= -0.29 and np.max(stability) <= -0.09
    assert np.allclose(cost, -0.03, atol=1e-4)
    assert safe(evaluation.evaluate(theta0[None]), 0.025)


@pytest.mark.parametrize('seed', [1, 2, 104729])
def test_other_seeds_find_the_same_slack_on_other_states(task, theta0, evaluation, seed):
    other = SafetyEvaluation(task, seed=seed)
    assert safe(other.verify(theta0[None]), 0.02)
    assert verified(other, theta0)[0] == pytest.approx(-0.300, abs=0.005)
    seen = {x.tobytes() for x in evaluation.verification_set.x0}
    assert not any(x.tobytes() in seen for x in other.verification_set.x0)


def test_the_same_seed_gives_the_same_answer(task, evaluation, rng):
    thetas = weights(task, 3, rng, 0.2)
    again = SafetyEvaluation(task)
    assert np.array_equal(again.verify(thetas), evaluation.verify(thetas))
    assert np.array_equal(again.evaluate(thetas), evaluation.evaluate(thetas))


def test_a_batch_is_each_one_alone(task, evaluation, rng):
    thetas = weights(task, 4, rng, 0.2)
    for function in (evaluation.verify, evaluation.evaluate):
        whole = function(thetas)
        assert np.allclose(function(thetas[2:3])[0], whole[2], rtol=0, atol=1e-9)


@pytest.mark.parametrize('scale', [1.0, 10.0, 1e3, 1e308])
def test_a_large_random_last_layer_is_found_unsafe(task, evaluation, rng, scale):
    with np.errstate(over='ignore', invalid='ignore'):
        thetas = weights(task, 5, rng, 1.0)
        thetas[:, -16:] *= scale
        for theta in thetas:
            assert not safe(evaluation.verify(theta[None]))
            assert not safe(evaluation.evaluate(theta[None]))


def test_a_policy_that_pushes_out_is_unsafe_in_its_constraint_metrics(task, evaluation):
    worst, cost, constraint, stability = verified(evaluation, pushing(task, 3.0))
    assert worst > 0.1 and np.mean(constraint > 0) > 0.9 and np.all(cost > 0)
    assert np.any(stability > 0)


def test_a_policy_that_is_only_useless_is_refused_for_that(task, evaluation):
    worst, cost, constraint, _ = verified(evaluation, pushing(task, 0.15))
    assert np.any(cost > 0)
    assert worst < 0 and np.max(constraint) < 0


@pytest.mark.parametrize('poison', [np.nan, np.inf, -np.inf])
def test_a_last_layer_that_is_not_finite_is_never_safe(evaluation, theta0, poison):
    theta = np.array(theta0)
    theta[-1] = poison
    with np.errstate(invalid='ignore'):
        assert not safe(evaluation.verify(theta[None]))
        assert not safe(evaluation.evaluate(theta[None]))


@pytest.mark.parametrize('at', [0, 33, 200, -1])
def test_one_weight_that_is_nan_is_never_safe(evaluation, theta0, at):
    theta = np.array(theta0)
    theta[at] = np.nan
    row = evaluation.verify(np.vstack([theta0, theta]))
    assert safe(row[0]) and not safe(row[1]) and not np.any(np.isfinite(row[1, :FIRST]))
    assert not safe(evaluation.evaluate(theta[None]))


def test_design_bounds_are_smooth_upper_bounds(task, evaluation, rng):
    for theta in weights(task, 3, rng, 0.1):
        _, _, constraint, stability = designed(evaluation, theta)
        summary = task.simulator.summarise(theta[None], evaluation.design_set)
        assert np.all(constraint >= summary.violation[0])
        assert np.all(constraint <= summary.violation[0] + np.log(60) / 100 + 1e-12)


def test_the_three_kinds_of_scenarios_are_disjoint(task, evaluation):
    held_out = random_scenarios(task.system, task.safe_set, 300, 60, np.random.default_rng(9))
    sets = [{x.tobytes() for x in scenarios.x0}
            for scenarios in (evaluation.design_set, evaluation.verification_set, held_out)]
    assert [len(s) for s in sets] == [60 + 60, 300 + 300, 300]
    for i in range(3):
        assert not sets[i] & sets[i - 1]


def test_the_invariance_states_lie_on_the_whole_boundary(task, evaluation):
    gauge = task.safe_set.gauge(evaluation.invariance.metric.states)
    assert gauge.max() <= 1 and gauge.max() > 1 - 1e-6
    low, up = task.bounds(task.safe_set.boundary(20000))
    critical = (low > -1) | (up < 1)

    def sectors(x):
        return (36 * np.arctan2(x[:, 1], x[:, 0]) / np.pi).astype(int)

    where = sectors(task.safe_set.boundary(20000))
    wanted = {s for s in set(where) if np.all(critical[where == s])}
    assert len(wanted) > 30
    assert wanted <= set(sectors(evaluation.invariance.metric.states[gauge > 1 - 1e-6]))


# What failed is remembered ------------------------------------------------------------------


def test_a_failed_scenario_joins_the_design_set_for_good(task, fresh):
    bad = pushing(task, 3.0)
    before = len(fresh.design_set)
    constraint = verified(fresh, bad)[2]
    index = FIRST + 2 * int(np.argmax(constraint))
    fresh.remember(bad, [index], task.initial_theta)
    assert len(fresh.design_set) == before + 1
    at = (index - FIRST) // 2
    assert np.array_equal(fresh.design_set.x0[-1], fresh.verification_set.x0[at])
    assert np.array_equal(fresh.design_set.w[-1], fresh.verification_set.w[at])
    assert designed(fresh, bad)[2][-1] >= constraint[at] - 1e-9
    fresh.remember(bad, [index + 3], task.initial_theta)  # the next one's stability metric
    assert len(fresh.design_set) == before + 2
    assert np.array_equal(fresh.design_set.x0[-1], fresh.verification_set.x0[at + 1])


def test_what_was_added_is_verified_too(task, fresh, theta0):
    columns = fresh.verify(theta0[None]).shape[1]
    fresh.remember(pushing(task, 3.0), [FIRST, FIRST + 1, FIRST + 2], theta0)
    assert fresh.verify(theta0[None]).shape[1] == columns + 4
    assert safe(fresh.verify(theta0[None]), 0.02) and safe(fresh.evaluate(theta0[None]), 0.02)


def test_many_failures_at_once_add_some(task, fresh, theta0):
    bad = pushing(task, 3.0)
    row = fresh.verify(bad[None])[0]
    before = len(fresh.design_set)
    fresh.remember(bad, np.flatnonzero(row > 0), theta0)
    assert before < len(fresh.design_set) <= before + 16


def test_a_failed_state_joins_those_that_the_projection_sees(task, fresh, theta0, rng):
    wobbly = weights(task, 1, rng, 1.0)[0]
    before = designed(fresh, wobbly)[0].max(), len(fresh.evaluate(theta0[None])[0])
    fresh.remember(wobbly, [0], theta0)
    groups = designed(fresh, wobbly)[0]
    assert groups.max() >= fresh.invariance.worst(wobbly)[1] - 1e-9
    assert groups.max() >= before[0] - 1e-12
    assert len(fresh.evaluate(theta0[None])[0]) >= before[1]


def test_a_failed_baseline_cost_is_calibrated_at_the_present_policy(task, fresh, rng):
    present = weights(task, 1, rng, 0.03)[0]
    fresh.remember(pushing(task, 0.2), [1], present)
    wanted = verified(fresh, present)[1]
    assert np.any(np.abs(wanted - designed(SafetyEvaluation(task), present)[1]) > 1e-4)
    assert np.allclose(designed(fresh, present)[1], wanted, rtol=0, atol=1e-12)


# Replays ---------------------------------------------------------------------------------------


def replay_from(task, x0, share=0.5):
    """Return a replay from x0 under a constant share of the disturbance."""
    w = np.tile(share * task.system.disturbance, (25, 1))
    return replay(task.system, task.safe_set, x0, w, task.horizon)


def test_replays_take_turns(task, rng):
    evaluation = SafetyEvaluation(task, replays=3)
    base = len(evaluation.design_set)
    starts = states_in(task.safe_set, 8, rng)
    for count, x0 in enumerate(starts, 1):
        evaluation.add_replay(replay_from(task, x0))
        assert len(evaluation.design_set) == base + min(count, 3)
        kept = {x.tobytes() for x in evaluation.design_set.x0[base:]}
        assert kept == {x.tobytes() for x in starts[max(0, count - 3):count]}


def test_replays_never_push_out_what_failed(task, rng):
    evaluation = SafetyEvaluation(task, replays=2)
    starts = states_in(task.safe_set, 5, rng)
    evaluation.add_replay(replay_from(task, starts[0]))
    evaluation.remember(pushing(task, 3.0), [FIRST], task.initial_theta)
    for x0 in starts[1:]:
        evaluation.add_replay(replay_from(task, x0))
    kept = {x.tobytes() for x in evaluation.design_set.x0}
    assert evaluation.verification_set.x0[0].tobytes() in kept
    assert {x.tobytes() for x in starts[-2:]} <= kept
    assert len(evaluation.design_set) == 3 * 60 + 3


def test_without_replays_none_is_kept(task):
    evaluation = SafetyEvaluation(task, replays=0)
    evaluation.add_replay(replay_from(task, np.zeros(2)))
    assert len(evaluation.design_set) == 3 * 60


def test_costs_of_the_backup_follow_the_scenarios(task, fresh, theta0):
    """A cost that was kept from before would show in the backup's own metric."""
    fresh.evaluate(theta0[None])
    for x0 in ([0.01, 0.0], [0.95, -0.4]):
        fresh.add_replay(replay_from(task, x0, 1.0))
        assert np.allclose(designed(fresh, theta0)[1], -0.03, atol=1e-3)
        assert np.allclose(verified(fresh, theta0)[1], -0.04, atol=1e-3)


# Sentences --------------------------------------------------------------------------------------


def test_every_failure_is_explained_with_where_and_how_much(task, fresh, theta0):
    bad = pushing(task, 3.0)
    row = fresh.verify(bad[None])[0]
    for index in [0, *range(1, FIRST), FIRST + 2 * int(np.argmax(row[FIRST::2])),
                  FIRST + 1 + 2 * int(np.argmax(row[FIRST + 1::2]))]:
        sentence = fresh.explain(bad, index)
        assert re.search(r'\d\.\d', sentence) and sentence[0].islower(), sentence
    assert f'{row[0]:.4f}' in fresh.explain(bad, 0)
    assert '1.03' in fresh.explain(bad, 1)


def test_an_exit_is_explained_by_the_step_that_is_to_blame(task, fresh):
    bad = pushing(task, 3.0)
    row = fresh.verify(bad[None])[0]
    at = int(np.argmax(row[FIRST::2]))
    sentence = fresh.explain(bad, FIRST + 2 * at)
    x0 = fresh.verification_set.x0[at]
    assert f'({x0[0]:.3f}, {x0[1]:.3f})' in sentence
    assert re.search(r'at t = \d+\.\d s .* by \d\.\d{4}', sentence)


def test_failures_on_added_scenarios_are_explained_too(task, fresh):
    bad = pushing(task, 3.0)
    fresh.add_replay(replay_from(task, [0.123, 0.045]))
    last = fresh.verify(bad[None]).shape[1]
    assert '(0.123, 0.045)' in fresh.explain(bad, last - 2)
    assert '(0.123, 0.045)' in fresh.explain(bad, last - 1)


def test_even_nan_can_be_explained(evaluation, theta0):
    for index in range(FIRST + 2):
        assert evaluation.explain(np.full_like(theta0, np.nan), index)


def test_the_worst_trajectory_is_defined_and_starts_inside(task, evaluation):
    states = evaluation.worst_trajectory(pushing(task, 3.0))
    assert len(states) >= 2 and np.all(np.isfinite(states))
    gauge = task.safe_set.gauge(states)
    assert gauge[0] <= 1 and gauge[-1] > 1 and np.all(gauge[:-1] <= 1 + 1e-9)


def test_the_coverage_is_stated_in_numbers(task, fresh):
    states = fresh.invariance.size
    assert fresh.size == 600 + states
    for number in ('600', '60', str(states), '0.003'):
        assert number in fresh.coverage
    assert fresh.coverage.startswith('sampled')
    fresh.add_replay(replay_from(task, [0.1, 0.0]))
    assert '601 rollouts' in fresh.coverage and fresh.size == 601 + states


def test_without_the_baseline_cost_metric_the_useless_policy_passes(task):
    """Negative control: nothing else stops it."""
    spec = replace(task.spec, metrics=MetricsConfig(baseline_cost=False, certificate='sampled'))
    quiet = SafetyEvaluation(ControlTask.assemble(
        spec, task.system, task.safe_set, task.contraction_factor, task.mpc, task.policy.backup))
    useless = pushing(task, 0.1)
    assert safe(quiet.verify(useless[None]))
    assert not safe(SafetyEvaluation(task).verify(useless[None]))


def test_a_stronger_disturbance_than_certified_is_another_scenario(task, theta0):
    """Negative control: with ten times the disturbance even the backup fails."""
    strong = extreme(task.system, task.safe_set.boundary(40), 60, 1.0)
    strong = Scenarios(strong.x0, 10 * strong.w)
    summary = task.simulator.summarise(theta0[None], strong)
    norm = task.metric.norm
    assert np.any(norm(summary.final) - 0.5 * norm(strong.x0) - 0.1 > 0)
