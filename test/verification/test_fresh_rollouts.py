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

"""The test on fresh rollouts of a described system: what is spent, claimed and refused."""

from dataclasses import replace

import numpy as np
import pytest
from scpo_ros.adapter import adaptation
from scpo_ros.backup_certification.demands import AdapterDemand, LargestMetricKind
from scpo_ros.backup_certification.described_system import largest_of_system
from scpo_ros.config import AdapterConfig
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.scpo import SampledBound
from scpo_ros.simulation.filtered_rollout import FilteredSimulator
from scpo_ros.verification import fresh_rollouts
from scpo_ros.verification.bound_counter import BoundCounter
from scpo_ros.verification.filtered_evaluation import FilteredEvaluation
from scpo_ros.verification.fresh_rollouts import FreshRollouts, LEVEL
from scpo_ros.verification.fresh_tests import FreshTests
from scpo_ros.verification.specified import evaluation_of
from system_samples import task_of

BOUND = SampledBound(p=0.05, beta=0.05)
SMALL = {'design_states': 3, 'verification_states': 6}


@pytest.fixture(scope='module', params=['guarded', 'bounded', 'proved'])
def task(request):
    return task_of('uneven', request.param, **SMALL)


def evaluation(task, entropy=1):
    return FreshRollouts(task, FreshTests(BOUND, entropy))


def fresh(task):
    return 2 if task.kind == 'guarded' else 1


def test_the_metrics_of_the_sets_are_unchanged_and_the_fresh_ones_are_last(task):
    thetas = task.initial_theta[None]
    plain, found = FilteredEvaluation(task).verify(thetas), evaluation(task)
    metrics = found.verify(thetas)
    assert np.array_equal(metrics[:, :found.fixed], plain) and found.fixed == plain.shape[1]
    assert metrics.shape[1] == found.fixed + fresh(task) and np.all(metrics <= 0)
    assert found.proved_metrics == FilteredEvaluation(task).proved_metrics
    assert found.tests == 1 and 'fresh rollouts of test 1' in found.explain(
        task.initial_theta, found.fixed)


def test_the_number_of_rollouts_is_that_of_the_claim(task, monkeypatch):
    found, counts = evaluation(task), []
    summarise = FilteredSimulator.summarise
    monkeypatch.setattr(FilteredSimulator, 'summarise', lambda self, thetas, scenarios: (
        counts.append(len(scenarios)) or summarise(self, thetas, scenarios)))
    monkeypatch.setattr(fresh_rollouts, 'CHUNK', 50)
    found.verify(task.initial_theta[None])
    found.verify(task.initial_theta[None])
    sizes = [count for count in counts if count not in (len(found.verification_set),)]
    assert sum(sizes) == BOUND.scenarios + BOUND.spent().scenarios
    assert max(sizes) == 50


def test_every_policy_spends_a_test_and_sees_other_scenarios(task):
    found = evaluation(task)
    last = found.verify(np.tile(task.initial_theta, (3, 1)))[:, -1]
    assert found.tests == 3 and len(np.unique(last)) == 3
    others = [FreshRollouts(task, FreshTests(BOUND)).verify(task.initial_theta[None])[0, -1]
              for _ in range(2)]
    assert others[0] != others[1]  # without a seed


def test_a_policy_that_fails_on_the_sets_spends_nothing_and_fails(task):
    found = evaluation(task)
    bad = task.initial_theta + 30 * np.random.default_rng(0).standard_normal(
        task.initial_theta.size)
    for theta in (bad, np.full_like(bad, np.nan)):
        with np.errstate(all='ignore'):
            metrics = found.verify(theta[None])[0]
        assert found.tests == 0 and not np.all(metrics[found.fixed:] <= 0)


def test_one_rollout_above_the_level_is_refused():
    """And one that leaves, or does not return: in any of the fresh scenarios."""
    task = task_of('uneven', **SMALL)

    def worst(change):
        found = evaluation(task)
        plain = found._counted

        def one(thetas, scenarios):
            summary = plain(thetas, scenarios)
            values = {name: np.array(getattr(summary, name))
                      for name in ('action', 'left', 'final')}
            change(values)
            return replace(summary, **values)
        found._counted = one
        return found._largest(task.initial_theta, 20, np.random.default_rng(0))

    def action(share):
        return lambda values: values['action'].__setitem__((0, 3), share)
    level = LEVEL * task.spec.metrics.filter_action
    assert np.all(worst(action(0.99 * level)) <= 0)
    assert worst(action(1.01 * level))[0] > 0
    assert worst(lambda values: values['left'].__setitem__((0, 3), True))[1] > 0
    assert not worst(lambda values: values['final'].__setitem__((0, 3), np.nan))[1] <= 0


def test_fresh_failures_never_reach_the_design_set(task):
    found = evaluation(task)
    size = found.verify(task.initial_theta[None]).shape[1]
    before = len(found.design_set)
    found.remember(task.initial_theta, list(range(found.fixed, size)), task.initial_theta)
    assert len(found.design_set) == before
    assert all(found.scenario(column) is None for column in range(found.fixed, size))
    assert found.scenario(found.means) is not None


def test_an_objection_spends_no_test(task):
    found = evaluation(task)
    assert found.objection(task.initial_theta) == '' and found.tests == 0


def test_the_coverage_carries_the_claim(task):
    coverage = evaluation(task).coverage
    assert 'probability at most 0.05' in coverage and 'does not return' in coverage
    assert ('by more than 10.00% of their range' in coverage) == (task.kind == 'guarded')
    assert coverage.startswith(FilteredEvaluation(task).coverage)


def test_the_scenarios_are_independent_and_half_of_them_lie_on_the_boundary():
    task = task_of('two_axes', **SMALL)
    states = task.safe_set.independent(400, np.random.default_rng(0))
    for block, part in task.safe_set.parts:
        gauge = part.gauge(states[:, block.states] / block.scale)
        edge = np.abs(gauge - 1) <= 1e-6
        assert 160 <= edge.sum() <= 240 and np.all(gauge <= 1 + 1e-6)
        first, second = edge[:-1], edge[1:]  # neighbours know nothing of one another
        assert abs(np.corrcoef(first, second)[0, 1]) < 0.2
    again = task.safe_set.independent(400, np.random.default_rng(0))
    assert np.array_equal(states, again)


def test_the_count_is_on_disk_before_the_scenarios_are_drawn(task, tmp_path, monkeypatch):
    path = tmp_path / 'tests.json'
    found = FreshRollouts(task, FreshTests(counter=BoundCounter(path, 0.05, 0.05)))

    def killed(theta, count, rng):
        raise KeyboardInterrupt
    monkeypatch.setattr(found, '_largest', killed)
    with pytest.raises(KeyboardInterrupt):
        found.verify(task.initial_theta[None])
    assert BoundCounter(path, 0.05, 0.05).read().tests == 1


def test_the_adapter_gets_it_where_it_asks_for_it(task, tmp_path):
    counter = BoundCounter(tmp_path / 'tests.json', known=3)
    found = evaluation_of(task, 2, counter)
    assert isinstance(found, FreshRollouts) and found.tests == 3
    assert type(evaluation_of(task, 2)) is FilteredEvaluation
    config = AdapterConfig(verification='sampled-bound', bound_file=str(tmp_path / 'tests.json'))
    asked = adaptation._evaluation_of(task, config, 5)
    assert isinstance(asked, FreshRollouts) and asked.tests == 5
    assert type(adaptation._evaluation_of(task, AdapterConfig(), 5)) is FilteredEvaluation
    with pytest.raises(ConfigurationError, match='bound_file'):
        AdapterConfig(verification='sampled-bound')


def test_the_backup_is_looked_at_there_too_without_a_test(task, monkeypatch):
    drawn = []
    monkeypatch.setattr(FreshRollouts, '_largest', lambda self, theta, count, rng: (
        drawn.append(count) or np.full(fresh(task), -2.0)))
    plain = {(one.kind, one.place): one for one in largest_of_system(
        task, (AdapterDemand(0.02),))}
    found = {(one.kind, one.place): one for one in largest_of_system(
        task, (AdapterDemand(0.02, fresh=True),))}
    assert drawn and plain == found  # the fresh ones are not the largest
    monkeypatch.setattr(FreshRollouts, '_largest', lambda self, theta, count, rng: np.full(
        fresh(task), 0.3))
    worse = {(one.kind, one.place): one for one in largest_of_system(
        task, (AdapterDemand(0.02, fresh=True),))}
    assert worse[LargestMetricKind.RETURN, 'verification'].value == 0.3
    if task.kind == 'guarded':
        assert worse[LargestMetricKind.ACTION, 'verification'].value == 0.3
