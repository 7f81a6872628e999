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

"""A controller on plants whose commands act late: believed, and not believed."""

from functools import lru_cache
from types import SimpleNamespace

from described_loop import DescribedLoop
import numpy as np
import pytest
from real_plants import described
from scpo_ros.adapter.collection import RolloutCollector, Sample
from scpo_ros.controller.applied_input import AppliedInputs, Match
from scpo_ros.policy.safety_filter import Source
from scpo_ros.systems import load
from scpo_ros.systems.scenario import realised_disturbance, replay
from scpo_ros.verification.system_task import SystemTask
from system_samples import spec_of

NAME, EPISODE = 'double_integrator_2', 100


@lru_cache(maxsize=None)
def task_of(delay, noisy=False, silence='feedback'):
    """Return the task of a double integrator with a delay."""
    return SystemTask.build(load(described(
        NAME, [5e-4, 1e-3] * 2 if noisy else None, delay_steps=delay, on_silence=silence)),
        spec_of())


@pytest.mark.parametrize('delay, noisy', [(1, False), (2, True), (3, False)])
def test_a_delay_that_the_description_admits_is_no_fault(delay, noisy):
    for seed in (0, 1):
        run = DescribedLoop(task_of(delay, noisy), seed=seed, episode_steps=EPISODE).run(400)
        assert run.revocations == 0 and run.plant.limit_violations == 0
        assert set(run.sources) <= {Source.POLICY, Source.GUARD}
        monitor = run.loop.monitor
        assert monitor.mismatches == 0 and np.nanmax(run.ratios) <= 1
        # The first steps of an episode are not judged, nor is the change to it.
        assert monitor.judged == 399 - 4 * delay - 3


@pytest.mark.parametrize('true, believed', [(1, 0), (2, 1), (4, 1)])
def test_a_longer_delay_than_described_is_named_and_revokes(true, believed):
    run = DescribedLoop(task_of(believed), task_of(true).system, episode_steps=1000).run(60)
    assert run.revocations >= 1
    assert run.loop.monitor.delay == true - believed
    late = true - believed
    assert run.loop.monitor.named('x') == (
        f'the plant applies commands {late} step{"s" * (late > 1)} late: x')


def test_a_delay_that_is_not_there_revokes():
    run = DescribedLoop(task_of(2), task_of(0).system, episode_steps=1000).run(60)
    assert run.revocations >= 1


def test_a_command_that_is_lost_is_counted_when_it_should_have_acted():
    run = DescribedLoop(task_of(2, silence='zero'), episode_steps=1000).run(40, lost=(20,))
    assert run.loop.monitor.mismatches == 1 and run.plant.deadline_misses == 1


class Line:
    """A point that must stay within 1: x+ = x + u."""

    system = SimpleNamespace(
        delay_steps=1, input_scale=np.ones(1), saturate=lambda u: np.clip(u, -1, 1),
        step=lambda x, u: x + u)
    bounds = SimpleNamespace(violation=lambda x, u: np.abs(x + u)[0] - 1,
                             slack=lambda error: float(error[0]))


def test_answers_to_a_state_that_was_predicted_wrongly_must_be_admissible_where_they_acted():
    """
    0.5 is commanded twice from 0, and 0.9 acts in place of the first: the second ends at 1.4.

    Compared with what was commanded alone, the second would be no fault.
    """
    inputs, x, applied = AppliedInputs(Line.system, Line.bounds), 0.0, [0.0, 0.0, 0.9, 0.5, 0.0]
    answers, found = [0.0, 0.5, 0.5, 0.0, 0.0], []
    before = SimpleNamespace(time=0.0, episode=0, x=np.zeros(1), applied=np.zeros(1))
    for k, (answer, acted) in enumerate(zip(answers, applied)):
        inputs.answered(before, np.array([answer]))
        x += acted
        state = SimpleNamespace(time=k + 1.0, episode=0, x=np.array([x]),
                                applied=np.array([acted]))
        found.append(inputs.compare(before, state))
        before = state
    assert found == [Match.UNKNOWN, Match.MATCHED, Match.ADMISSIBLE, Match.INADMISSIBLE,
                     Match.MATCHED]  # the last was answered when 0.9 was known
    assert 'predicted from other inputs' in inputs.sentence


def test_windows_hold_what_is_predicted_and_replay_within_the_disturbance():
    task = task_of(2, True)
    run = DescribedLoop(task, seed=4, episode_steps=60)
    collector, found = RolloutCollector(20, task.system), []
    for _ in range(240):
        seen = run.seen()
        reply = run.loop.answer(seen)
        rollout = collector.add(Sample(
            seen.time, seen.episode, seen.x, seen.applied, 'policy/1', reply.u))
        found += [] if rollout is None else [rollout]
        run.plant.advance(reply.u)
    assert len(found) == 8  # two of 20 steps in each episode of 60: its first two are left out
    for rollout in found:
        w = realised_disturbance(task.system, rollout.x[:-1], rollout.u, rollout.x[1:])
        assert np.all(np.abs(w) <= task.system.disturbance + 1e-12)
        assert np.any(np.abs(w) > 0.3 * task.system.disturbance)
        assert len(replay(task.system, task, rollout.x[0], w, 40)) == 1


def test_windows_of_what_is_measured_would_break_the_model():
    """Negative control: the command does not act at the state that it answers."""
    task = task_of(2)
    run, states, inputs = DescribedLoop(task, seed=4, episode_steps=1000), [], []
    for _ in range(40):
        states.append(run.seen().x)
        inputs.append(run.loop.answer(run.seen()).u)
        run.plant.advance(inputs[-1])
    w = realised_disturbance(task.system, np.array(states[:-1]), np.array(inputs[:-1]),
                             np.array(states[1:]))
    assert np.any(np.abs(w) > 2 * task.system.disturbance)
