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

"""Collected windows: contiguous, of one episode, a policy acting; replayed they give w back."""

from dataclasses import replace

import numpy as np
import pytest
from scpo_ros.adapter.collection import CollectedRollout, RolloutCollector, Sample
from scpo_ros.config import PlantConfig, SystemConfig
from scpo_ros.policy.safety_filter import NearestInputFilter
from scpo_ros.systems.linear_system import double_integrator
from scpo_ros.systems.plant import SimulatedPlant
from scpo_ros.systems.scenario import realised_disturbance, replay


SYSTEM = double_integrator(SystemConfig())
DT = SYSTEM.dt


def first_step(window):
    """Return the step of the window's first state."""
    return round((window.time - 1e9) / DT)


def samples(count, start=0, episode=0, source='policy/1'):
    """Return consecutive samples whose state and input name their step."""
    return [Sample(1e9 + k * DT, episode, np.array([k, -k], float), np.array([k / 10]), source,
                   np.array([(k + 1) / 10]))
            for k in range(start, start + count)]


def collected(stream, steps=4):
    """Return the windows of a stream."""
    collector = RolloutCollector(steps, SYSTEM)
    return [r for r in map(collector.add, stream) if r is not None]


def test_a_window_holds_its_states_and_the_inputs_between_them():
    window, = collected(samples(5, start=7))
    assert first_step(window) == 7
    assert np.array_equal(window.x[:, 0], [7, 8, 9, 10, 11])
    assert np.allclose(window.u[:, 0], [0.8, 0.9, 1.0, 1.1])
    for array in (window.x, window.u):
        assert not array.flags.writeable


def test_windows_follow_each_other_without_a_gap():
    windows = collected(samples(22))
    assert [first_step(w) for w in windows] == [0, 4, 8, 12, 16]
    for before, after in zip(windows, windows[1:]):
        assert np.array_equal(before.x[-1], after.x[0])


@pytest.mark.parametrize('stream', [
    samples(4) + samples(4, start=5), samples(4) + samples(4, start=4, episode=1),
    samples(4) + samples(1, start=4, source='guard') + samples(4, start=5),
    samples(4) + [replace(s, applied=np.array([0.3])) for s in samples(4, start=4)],
    samples(4) + [replace(s, applied=np.array([np.nan])) for s in samples(4, start=4)],
    [replace(s, time=1e9 + 1.003 * DT * k) for k, s in enumerate(samples(9))],
    [replace(s, time=1e9 + 0.5 * DT * k) for k, s in enumerate(samples(9))],
    samples(9, source='guard'), samples(9, source='backup'), samples(9, source='lqr'),
    samples(9, source=''), samples(9, source='policy'), samples(9)[::-1],
    samples(3) + samples(3) + samples(3), samples(4)],
    ids=['lost tick', 'episode', 'guard', 'another input', 'no input', 'slow', 'double rate',
         'only guard', 'backup', 'last resort', 'unknown',
         'unnamed', 'backwards', 'repeated', 'too short'])
def test_no_window_spans_a_disturbance_of_operation(stream):
    assert collected(stream) == []


def test_after_a_disturbance_windows_start_anew():
    stream = samples(3) + samples(1, start=3, source='guard') + samples(6, start=4)
    window, = collected(stream)
    assert first_step(window) == 4
    window, = collected(samples(3) + samples(6, start=3, episode=1))
    assert first_step(window) == 3


def test_a_swap_of_policies_ends_no_window_since_it_changes_no_disturbance():
    window, = collected(samples(3) + samples(3, start=3, source='policy/2'))
    assert first_step(window) == 0 and np.array_equal(window.x[:, 0], [0, 1, 2, 3, 4])


def closed_loop(task, theta0, steps, **parameters):
    """Return the samples of a run in which some commands come late and some are wild."""
    plant = SimulatedPlant(task.system, task.safe_set, PlantConfig(seed=4, **parameters))
    law, rng, stream = NearestInputFilter(task, theta0), np.random.default_rng(2), []
    for _ in range(steps):
        state = plant.state
        action = law.act(state.x)
        stream.append(Sample(
            state.step * DT, state.episode, state.x, state.applied, 'policy/0', action.u))
        plant.advance(None if rng.uniform() < 0.01 and plant.started else action.u)
    return stream


def test_collected_windows_replay_with_disturbances_within_their_bound(task, theta0):
    windows = collected(closed_loop(task, theta0, 400), 25)
    assert len(windows) >= 6
    for window in windows:
        w = realised_disturbance(task.system, window.x[:-1], window.u, window.x[1:])
        assert np.all(np.abs(w) <= task.system.disturbance + 1e-12)
        scenario = replay(task.system, task.safe_set, window.x[0], w, task.horizon)
        states, inputs = [window.x[0]], window.u
        for k in range(25):
            states.append(task.system.step(states[-1], inputs[k], scenario.w[0, k]))
        assert np.allclose(states, window.x, rtol=0, atol=1e-13)


def test_windows_across_episodes_would_break_the_model(task, theta0):
    """Negative control: the collector's rule on episodes is needed."""
    run = closed_loop(task, theta0, 400)
    stream = [Sample(s.time, 0, s.x, s.applied, s.source, then.applied)
              for s, then in zip(run, run[1:])]
    worst = 0.0
    for window in collected(stream, 25):
        w = realised_disturbance(task.system, window.x[:-1], window.u, window.x[1:])
        worst = max(worst, np.abs(w).max())
    assert worst > 0.1


def test_inputs_paired_with_the_wrong_step_would_break_the_model(task, theta0):
    """Negative control: the input belongs to the step that led to a state, not from it."""
    worst = 0.0
    for window in collected(closed_loop(task, theta0, 400), 25):
        shifted = np.roll(window.u, 1, axis=0)
        w = realised_disturbance(task.system, window.x[:-1], shifted, window.x[1:])
        worst = max(worst, np.abs(w).max())
    assert worst > 1.5 * task.system.disturbance[1]


def test_a_rollout_keeps_copies():
    x, u = np.zeros((3, 2)), np.zeros((2, 1))
    rollout = CollectedRollout(0, x, u)
    x[:], u[:] = 1.0, 1.0
    assert not np.any(rollout.x) and not np.any(rollout.u)
