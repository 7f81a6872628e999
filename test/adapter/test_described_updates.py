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

"""What an update of a described system costs: no policy is rolled out twice from one scenario."""

from collections import Counter

import numpy as np
import pytest
from scpo_ros.adapter.adaptation import Adaptation
from scpo_ros.adapter.collection import CollectedRollout
from scpo_ros.config import AdapterConfig
from scpo_ros.experts.system_experts import SystemExperts
from scpo_ros.simulation.filtered_rollout import FilteredSimulator
from system_samples import EDGE, task_of

DESIGN, VERIFICATION, DIRECTIONS = 6, 12, 4
STEPS = 5  # of a collected rollout


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self):
        """Begin at 0."""
        self.now = 0.0

    def __call__(self):
        """Return the time [s]."""
        return self.now


@pytest.fixture
def task():
    """Return a task with small scenario sets."""
    return task_of('uneven', design_states=DESIGN, verification_states=VERIFICATION)


@pytest.fixture
def clock():
    """Return a clock of the test's own."""
    return Clock()


@pytest.fixture
def learner(task, clock):
    """Return a learner that has certified the backup."""
    made = Adaptation(task.spec, AdapterConfig(directions=DIRECTIONS), task=task, clock=clock)
    assert made.begin().certificate is not None
    return made


@pytest.fixture
def asked(monkeypatch):
    """Return what is rolled out from now on: (weights, scenario) of every call of one policy."""
    made, summarise = [], FilteredSimulator.summarise

    def counted(self, thetas, scenarios):
        if len(thetas) == 1:
            made.extend((thetas[0].tobytes(), x0.tobytes() + w.tobytes())
                        for x0, w in zip(scenarios.x0, scenarios.w))
        return summarise(self, thetas, scenarios)

    monkeypatch.setattr(FilteredSimulator, 'summarise', counted)
    return made


def demonstrations(task, name='benign'):
    """Return labelled states of the safe set."""
    states = EDGE * task.safe_set.sample(60, np.random.default_rng(0))
    return [(states, SystemExperts(task.system).law(name)(states))]


def collected(task, theta, seed):
    """Return a rollout of the plant under a policy (d,)."""
    rng = np.random.default_rng(seed)
    x0 = 0.5 * task.safe_set.sample(1, rng)
    w = rng.uniform(-1, 1, (1, STEPS, task.system.n)) * task.system.disturbance
    states, inputs = task.simulator.trajectory(theta, x0, w)
    return CollectedRollout(0.0, states[0], inputs[0])


def test_a_collected_rollout_costs_one_rollout_of_each_policy(task, learner, asked):
    """The present policy and the backup, with which its cost is compared; both start alike."""
    assert learner.add_rollouts([collected(task, task.initial_theta, 0)]) is None
    assert len(asked) == 2 and len(set(asked)) == 1
    design, verification = (len(part) for part in (
        learner.evaluation.design_set, learner.evaluation.verification_set))
    assert (design, verification) == (2 * DESIGN + 1, 2 * VERIFICATION + 1)


def test_an_update_rolls_out_each_policy_once_from_each_scenario(task, learner, asked):
    learner.step(demonstrations(task), [])
    for seed in range(3):
        asked.clear()
        before = learner.updater.theta
        reports = learner.step([], [collected(task, before, seed), collected(task, before, 9)])
        assert reports[-1].outcome == 'ACCEPTED'
        assert max(Counter(asked).values()) == 1
        assert len(asked) <= 2 + 2 + 2 * DESIGN + len(learner.evaluation.verification_set)


def test_all_of_both_sets_is_looked_at_before_a_policy_is_accepted(task, learner, asked):
    """By rollouts of the accepted policy, none of which was left out."""
    report = learner.step(demonstrations(task), [collected(task, task.initial_theta, 0)])[-1]
    assert report.outcome == 'ACCEPTED'
    seen = {pair[1] for pair in asked if pair[0] == report.theta.tobytes()}
    for scenarios in (learner.evaluation.design_set, learner.evaluation.verification_set):
        assert seen >= {x0.tobytes() + w.tobytes() for x0, w in zip(scenarios.x0, scenarios.w)}
    assert report.certificate.verification_size == (
        learner.evaluation.means + len(learner.evaluation.verification_set))


def test_the_same_weights_are_verified_with_the_numbers_of_fresh_sets(task, learner):
    """What is known gives what an evaluation that knows nothing gives."""
    for seed in range(3):
        learner.step(demonstrations(task), [collected(task, learner.updater.theta, seed)])
    fresh = Adaptation(task.spec, AdapterConfig(), task=task).evaluation
    known, theta = learner.evaluation, learner.updater.theta
    drawn = slice(known.means, known.means + 2 * VERIFICATION)
    assert np.allclose(known.verify(theta[None])[0, drawn], fresh.verify(theta[None])[0, drawn],
                       atol=1e-7)


def test_a_look_at_the_whole_step_takes_a_tenth_of_the_time_at_most(
        task, learner, clock, monkeypatch):
    looks = []

    def objection(theta):
        looks.append(clock.now)
        clock.now += 3.0  # what it takes
        return 'too much'

    monkeypatch.setattr(learner.evaluation, 'objection', objection)
    for _ in range(30):
        learner.step(demonstrations(task, 'sign_flip'), [])
        clock.now += 2.0
    assert len(looks) > 1 and np.min(np.diff(looks)) >= 30.0
