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

"""A controller on plants whose states are measured with an error: believed, and not believed."""

from functools import lru_cache

from described_loop import DescribedLoop
import numpy as np
import pytest
from real_plants import described
from scpo_ros.policy.safety_filter import Source
from scpo_ros.systems import load
from scpo_ros.verification.system_task import SystemTask
from system_samples import spec_of

ERRORS = [1e-3, 2e-3] * 2
NAME = 'double_integrator_2'


@lru_cache(maxsize=None)
def task_of(errors, jitter=0.0):
    """Return the task of a double integrator with measurement errors, or without."""
    return SystemTask.build(load(described(
        NAME, ERRORS if errors else None, sample_jitter=jitter)), spec_of())


@pytest.mark.parametrize('seed', range(3))
def test_an_error_that_the_description_admits_is_no_fault(seed):
    run = DescribedLoop(task_of(True), seed=seed, episode_steps=200).run(600)
    assert run.revocations == 0 and run.plant.limit_violations == 0
    assert 0.8 < np.nanmax(run.ratios) <= 1
    assert set(run.sources) <= {Source.POLICY, Source.GUARD}


def test_the_same_error_without_a_word_of_it_revokes():
    run = DescribedLoop(task_of(False), task_of(True).system).run(20)
    assert run.revocations == 1 and run.reason.startswith('model error')


def test_with_jitter_the_error_is_part_of_the_bound_at_any_length_of_a_step():
    task = task_of(True, 0.002)
    run = DescribedLoop(task)
    first = run.seen()
    run.loop.answer(first)
    for step in (0.098, 0.1, 0.102):
        _, bound = run.loop.monitor._prediction(step, first.x, np.zeros(2))
        e = task.system.measurement_error
        A = np.kron(np.eye(2), [[1, step], [0, 1]])
        longer = max(1, step / 0.1) * np.array([0, 0.003] * 2)
        assert np.all(bound >= longer + e + np.abs(A) @ e - 1e-12)
        assert np.all(bound <= longer + e + np.abs(A) @ e + 1e-5)


def test_what_is_measured_is_not_what_is_true_and_limits_are_of_the_truth():
    plant = DescribedLoop(task_of(True), episode_steps=1000).plant
    differences = []
    for _ in range(300):
        plant.advance(np.array([1.0, 0.0]))
        differences.append(plant.state.x - plant.x)
        if np.any(np.abs(plant.x) > plant._system.state_upper):
            break
    assert plant.limit_violations == 1
    largest = np.abs(differences).max(axis=0)
    assert np.all(largest <= ERRORS) and np.all(largest > 0.3 * np.array(ERRORS))
