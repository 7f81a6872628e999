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

"""The sampled metrics of described systems: what each column says, and what is remembered."""

import numpy as np
import pytest
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.simulation.filtered_rollout import FilteredSummary
from scpo_ros.verification.filtered_evaluation import ALLOWANCE, FilteredEvaluation
from scpo_ros.verification.system_task import SystemTask
from system_samples import EDGE, spec_of, task_of

DESIGN, VERIFICATION = 4, 6
ACTION_LEVEL, COST_TOLERANCE = 0.01, 0.05  # defaults of the specification


@pytest.fixture(scope='module', params=['guarded', 'bounded', 'proved'])
def task(request):
    """Return a task of each kind."""
    return task_of('uneven', request.param, design_states=DESIGN,
                   verification_states=VERIFICATION)


@pytest.fixture
def evaluation(task):
    """Return a small evaluation of the test's own."""
    return FilteredEvaluation(task)


def weights(task, count=3):
    thetas = 0.5 * np.random.default_rng(0).standard_normal((count, task.policy.network.d))
    thetas[0] = task.initial_theta
    return thetas


def test_the_columns_are_the_means_then_one_return_a_scenario_then_what_is_proved(
        task, evaluation):
    means, proof = 4 if task.kind == 'guarded' else 2, task.proof
    seen, proved = (0, 0) if proof is None else (proof.smooth_maxima(weights(task)).shape[1], 1)
    assert evaluation.means == means and (proof is not None) == (task.kind == 'proved')
    assert evaluation.evaluate(weights(task)).shape == (3, means + 2 * DESIGN + seen)
    assert evaluation.verify(weights(task)).shape == (3, means + 2 * VERIFICATION + proved)
    assert evaluation.proved_metrics == [means + 2 * VERIFICATION][:proved]


def by_definition(task, evaluation, thetas, scenarios):
    """Return the plain metrics, from the summaries, as the module's text says them."""
    summary = task.simulator.summarise(thetas, scenarios)
    backup = task.simulator.summarise(task.initial_theta[None], scenarios).cost[0]
    columns = []
    for members in (scenarios.nominal, ~scenarios.nominal):
        if task.kind == 'guarded':
            columns.append(summary.action[:, members].mean(axis=1) / ACTION_LEVEL - 1)
        columns.append(summary.cost[:, members].mean(axis=1) / backup[members].mean()
                       - (1 + COST_TOLERANCE))
    back = (task.norm(summary.final) - task.norm(scenarios.x0) / 2 - 2 * task.residue)
    return np.column_stack([*columns, back])


def proved(task, name, thetas):
    """Return what is proved of weights, (P, k); nothing where the kind needs no proof."""
    if task.proof is None:
        return np.empty((len(thetas), 0))
    return getattr(task.proof, name)(thetas).reshape(len(thetas), -1)


def sampled(evaluation, name, thetas):
    """Return what is sampled of the metrics of weights, (P, k): all but what is proved."""
    metrics = getattr(evaluation, name)(thetas)
    other = 'largest' if name == 'verify' else 'smooth_maxima'
    return metrics[:, :metrics.shape[1] - proved(evaluation.task, other, thetas).shape[1]]


def test_every_column_is_what_the_text_says(task, evaluation):
    thetas = weights(task)
    design = by_definition(task, evaluation, thetas, evaluation.design_set)
    design = np.hstack([design, proved(task, 'smooth_maxima', thetas)])
    assert np.allclose(evaluation.evaluate(thetas), design, atol=1e-6)
    verified = by_definition(task, evaluation, thetas, evaluation.verification_set)
    verified[:, :evaluation.means] -= ALLOWANCE
    verified = np.hstack([verified, proved(task, 'largest', thetas)])
    assert np.allclose(evaluation.verify(thetas), verified, atol=1e-6)


def test_the_backup_passes_by_its_tolerances(task, evaluation):
    metrics = evaluation.verify(task.initial_theta[None])[0]
    assert np.all(metrics < 0)
    costs = metrics[[1, 3]] if task.kind == 'guarded' else metrics[:2]
    assert np.allclose(costs, -COST_TOLERANCE - ALLOWANCE, atol=1e-6)


def test_rollouts_are_counted(task, evaluation):
    before = evaluation.rollouts
    evaluation.evaluate(weights(task))
    known = evaluation.rollouts
    assert known - before >= 3 * 2 * DESIGN
    evaluation.verify(weights(task, 2))
    assert evaluation.rollouts - known >= 2 * 2 * VERIFICATION


def test_the_backup_is_rolled_out_once_from_each_scenario(task, evaluation, monkeypatch):
    """Also when a replay has joined the sets: the others are known."""
    asked, simulator = [], task.simulator

    class Counting:

        def summarise(self, thetas, scenarios):
            if np.array_equal(thetas, task.initial_theta[None]):
                asked.append(len(scenarios))
            return simulator.summarise(thetas, scenarios)

    monkeypatch.setattr(SystemTask, 'simulator', property(lambda self: Counting()))
    thetas = weights(task)[1:]
    before = sampled(evaluation, 'verify', thetas)
    evaluation.add_replay(evaluation.design_set.take([0]))
    evaluation.add_replay(evaluation.verification_set.take([1]))
    after = sampled(evaluation, 'verify', thetas)
    assert asked == [2 * VERIFICATION, 1]  # the second replay is a scenario that is known
    assert np.allclose(after[:, evaluation.means:-2], before[:, evaluation.means:], atol=1e-6)
    backup = evaluation._backup.summarise(task.initial_theta, evaluation.verification_set).cost[0]
    again = simulator.summarise(task.initial_theta[None], evaluation.verification_set).cost[0]
    assert np.allclose(backup, again, rtol=1e-6)


def test_a_rollout_that_left_has_a_positive_return_metric(task, evaluation, monkeypatch):
    class Leaving:

        def summarise(self, thetas, scenarios):
            shape = (len(thetas), len(scenarios))
            left = np.zeros(shape, dtype=bool)
            left[:, 1] = True
            return FilteredSummary(np.zeros(shape), np.zeros(shape),
                                   np.zeros((*shape, task.system.n)), np.ones(shape), left)

    monkeypatch.setattr(SystemTask, 'simulator', property(lambda self: Leaving()))
    returns = sampled(evaluation, 'verify', weights(task))[:, evaluation.means:]
    assert np.all(returns[:, 1] > 0) and np.all(np.delete(returns, 1, axis=1) < 0)


def test_weights_that_are_no_numbers_pass_nothing(task, evaluation):
    bad = np.full((1, task.policy.network.d), np.nan)
    assert np.all(sampled(evaluation, 'verify', bad)[0, evaluation.means:] > 0)
    assert not np.any(proved(task, 'largest', bad) <= 0)


def test_a_failed_return_joins_the_design_set(task, evaluation):
    before, means = sampled(evaluation, 'evaluate', weights(task)), evaluation.means
    failed = [means + 2, means + 5]
    evaluation.remember(weights(task)[1], failed + evaluation.proved_metrics, task.initial_theta)
    after = sampled(evaluation, 'evaluate', weights(task))
    assert after.shape[1] == before.shape[1] + 2
    verified = evaluation.verify(weights(task))
    assert np.allclose(after[:, -2:], verified[:, failed], atol=1e-6)
    assert np.allclose(after[:, means:-2], before[:, means:], atol=1e-6)


def test_a_failed_mean_moves_the_design_means_onto_what_was_verified(task, evaluation):
    thetas, means = weights(task), evaluation.means
    before, present = evaluation.evaluate(thetas), thetas[1]
    assert not np.allclose(before[1, :means], evaluation.verify(thetas)[1, :means], atol=1e-4)
    evaluation.remember(thetas[2], [0], present)
    after = evaluation.evaluate(thetas)
    assert np.allclose(after[1, :means], evaluation.verify(thetas)[1, :means], atol=1e-6)
    assert np.allclose(after[:, means:], before[:, means:], atol=1e-6)


def test_no_failure_changes_nothing(task, evaluation):
    before = evaluation.evaluate(weights(task))
    evaluation.remember(weights(task)[1], [], task.initial_theta)
    assert np.allclose(evaluation.evaluate(weights(task)), before, atol=1e-9)


def test_the_coverage_says_whether_the_filter_is_needed(task, evaluation):
    assert ('with the safety filter in the loop' in evaluation.coverage) == (
        task.kind == 'guarded')
    assert f'{2 * VERIFICATION} rollouts of {task.horizon} steps' in evaluation.coverage


def test_one_seed_gives_one_set(task):
    first, second, other = (FilteredEvaluation(task, seed).verify(
        weights(task)) for seed in (3, 3, 4))
    assert np.allclose(first, second, atol=1e-9) and not np.allclose(first, other, atol=1e-4)


# The task -----------------------------------------------------------------------------------


@pytest.mark.parametrize('name', ['double_integrator_2', 'uneven', 'vehicle_lateral'])
def test_the_norm_falls_without_disturbance_and_is_about_one_at_most(name):
    task = task_of(name)
    x = task.safe_set.boundary(400, 0.3)
    assert 0.9 < np.max(task.norm(x)) <= 1.1
    assert np.all(task.norm(x @ task.closed_loop.T) < task.norm(x))


@pytest.mark.parametrize('name', ['double_integrator_2', 'uneven', 'vehicle_lateral'])
def test_no_disturbance_takes_the_feedback_beyond_the_residue(name):
    task, rng = task_of(name), np.random.default_rng(0)
    x, largest = np.zeros((200, task.system.n)), 0.0
    for step in range(300):
        w = rng.choice((-1.0, 1.0), x.shape) * task.system.disturbance
        if step % 2:
            w = np.sign(x) * task.system.disturbance
        x = x @ task.closed_loop.T + w
        largest = max(largest, float(np.max(task.norm(x))))
    assert 0.1 * task.residue < largest <= task.residue


@pytest.mark.parametrize('name', ['double_integrator_2', 'uneven', 'vehicle_lateral'])
def test_the_feedback_has_settled_at_the_end_of_a_rollout(name):
    task = task_of(name)
    x0 = task.system.state_scale * np.random.default_rng(0).uniform(-1, 1, (200, task.system.n))
    x = x0 @ np.linalg.matrix_power(task.closed_loop, task.horizon).T
    assert 40 <= task.horizon <= 200 and np.all(task.norm(x) <= 0.25 * task.norm(x0))
    small = 1e-3 * x0
    assert np.allclose(task.policy.backup(EDGE * small), -EDGE * small @ task.feedback.T)


@pytest.mark.parametrize('kind', ['sworn', 'sampled', ''])
def test_an_unknown_kind_is_one_line(kind):
    with pytest.raises(ConfigurationError, match='^certificate must be one of auto, proved, guar'):
        spec_of(kind)
