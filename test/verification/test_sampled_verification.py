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

"""The test on fresh scenarios at the end of the verification."""

import numpy as np
import pytest
from scpo_ros.config import MetricsConfig, Spec
from scpo_ros.scpo import SampledBound
from scpo_ros.verification.evaluation import SafetyEvaluation
from scpo_ros.verification.sampled_verification import SampledEvaluation
from scpo_ros.verification.task import ControlTask

METRICS = MetricsConfig(design_states=8, verification_states=12, certificate='sampled',
                        invariance_states=500)
BOUND = SampledBound(p=0.05, beta=0.05)


@pytest.fixture(scope='module')
def task():
    return ControlTask.build(Spec(metrics=METRICS))


def test_the_fixed_metrics_are_unchanged_and_the_fresh_ones_are_last(task):
    thetas = task.initial_theta[None]
    plain = SafetyEvaluation(task).verify(thetas)
    sampled = SampledEvaluation(task, bound=BOUND, entropy=1).verify(thetas)
    assert np.array_equal(sampled[:, :-2], plain)
    assert np.all(sampled[:, -2:] < 0)


def test_every_policy_spends_a_test_and_sees_other_scenarios(task):
    evaluation = SampledEvaluation(task, bound=BOUND, entropy=1)
    fresh = evaluation.verify(np.tile(task.initial_theta, (3, 1)))[:, -2:]
    assert evaluation.bound.tests == 3
    assert len(np.unique(fresh[:, 1])) == 3


def test_without_a_given_seed_two_runs_differ(task):
    one, two = (SampledEvaluation(task, bound=BOUND).verify(task.initial_theta[None])[0, -1]
                for _ in range(2))
    assert one != two


def test_a_policy_that_fails_the_fixed_sets_spends_nothing_and_fails(task):
    evaluation = SampledEvaluation(task, bound=BOUND, entropy=1)
    theta = task.initial_theta.copy()
    theta[-16:] = 3.0
    metrics = evaluation.verify(theta[None])[0]
    assert evaluation.bound.tests == 0 and not np.all(metrics[-2:] <= 0)


def test_fresh_failures_never_reach_the_design_set(task):
    evaluation = SampledEvaluation(task, bound=BOUND, entropy=1)
    size = evaluation.verify(task.initial_theta[None]).shape[1]
    before = len(evaluation.design_set)
    evaluation.remember(task.initial_theta, [size - 1, size - 2], task.initial_theta)
    assert len(evaluation.design_set) == before
    assert 'fresh' in evaluation.explain(task.initial_theta, size - 1)


def test_the_coverage_carries_the_claim(task):
    coverage = SampledEvaluation(task, bound=BOUND).coverage
    assert 'probability at most 0.05' in coverage and 'uniform on the safe set' in coverage
