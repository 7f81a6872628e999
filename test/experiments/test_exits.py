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

"""Exits and violations are found where there are some, and only there."""

import numpy as np
import pytest
from scpo_ros.config import Spec
from scpo_ros.experiments.exits import exit_states, exits, searched, violations
from scpo_ros.verification.task import ControlTask


@pytest.fixture(scope='module')
def task():
    return ControlTask.build(Spec())


@pytest.fixture(scope='module')
def harmful(task):
    """Return weights with a large random last layer."""
    theta = np.array(task.initial_theta)
    theta[-16:] = np.random.default_rng(0).normal(0, 4.0, 16)
    return theta


def test_states_lie_in_the_safe_set_and_on_its_boundary(task):
    states = exit_states(task, 3, 5000)
    gauge = task.safe_set.gauge(states)
    assert gauge.max() <= 1 and np.sum(gauge > 1 - 1e-6) > 200 and np.sum(gauge < 0.9) > 2000
    assert not np.array_equal(states, exit_states(task, 4, 5000))


def test_the_backup_has_neither(task):
    assert searched(task, [task.initial_theta], 0) == (0, 0)


def test_both_are_found_for_a_policy_that_does_harm(task, harmful):
    states = exit_states(task, 0, 4000)
    found = exits(task, harmful, states)
    low, up = task.bounds(states)
    u = task.policy(harmful, states)[:, 0]
    assert 0 < found == np.sum((u > up + 1e-8) | (u < low - 1e-8))
    assert violations(task, harmful, 0, 500, 60) > 0


def test_what_is_not_a_number_counts(task):
    theta = np.full_like(task.initial_theta, np.nan)
    assert exits(task, theta, exit_states(task, 0, 100)) == 100
    assert violations(task, theta, 0, 50, 2) == 50


def test_more_disturbance_than_certified_makes_exits(task):
    """Negative control: the test does look at the worst disturbance."""
    states = exit_states(task, 0, 3000)
    narrow = task.safe_set.gauge(task.system.step(
        states, task.policy(task.initial_theta, states)) + 12 * task.system.disturbance)
    assert narrow.max() > 1
