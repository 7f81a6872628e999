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

"""The plant: late commands are held and counted, then it brakes; episodes repeat by their seed."""

from control_samples import states_in
import numpy as np
import pytest
from real_plants import described as mapping
from scpo_ros.config import PlantConfig
from scpo_ros.exceptions import InfeasibleError, InvalidArrayError
from scpo_ros.sets.silent_law import silent_law
from scpo_ros.sets.start_set import StartSet
from scpo_ros.sets.system_set import safe_set
from scpo_ros.systems import load
from scpo_ros.systems.loading import file_of
from scpo_ros.systems.plant import SimulatedPlant
from system_samples import task_of
import yaml


@pytest.fixture
def make(task):
    """Return a maker of plants."""
    def made(**parameters):
        return SimulatedPlant(task.system, task.safe_set, PlantConfig(**parameters))
    return made


def test_a_step_is_the_systems_with_a_bounded_disturbance(task, make):
    plant, rng, seen = make(), np.random.default_rng(1), []
    for _ in range(55):
        x, u = plant.state.x, rng.uniform(-1, 1)
        state = plant.advance(u)
        assert state.applied == u
        seen.append(state.x - task.system.step(x, np.array([u])))
    assert np.all(np.abs(seen) <= task.system.disturbance + 1e-15)
    assert np.ptp(np.array(seen)[:, 1]) > task.system.disturbance[1]


def test_commands_beyond_the_limits_are_saturated_and_counted(make):
    plant = make()
    assert plant.advance(7.0).applied == 1.0 and plant.limit_violations == 1
    assert plant.advance(-7.0).applied == -1.0 and plant.limit_violations == 2
    plant = make(seed=3)
    plant.advance(0.5)
    assert plant.limit_violations == 0


def test_leaving_the_state_limits_is_counted_tick_by_tick(task, make):
    plant, outside = make(episode_steps=1000), 0
    for _ in range(100):
        x = plant.advance(1.0).x
        outside += bool(np.any(np.abs(x) > task.system.state_limit))
    assert plant.limit_violations == outside > 50


def test_a_missing_command_holds_the_last_one_then_the_drive_brakes(task, make):
    plant = make(episode_steps=1000, command_timeout_s=0.5)
    plant.advance(0.3)
    assert plant.deadline_misses == 0
    for count in range(1, 6):
        assert plant.advance(None).applied == 0.3 and plant.deadline_misses == count
    for count in range(6, 60):
        v = plant.state.x[1]
        assert plant.advance(None).applied == pytest.approx(np.clip(-v / 0.1, -1, 1))
        assert plant.deadline_misses == count
    assert abs(plant.state.x[1]) <= 0.003 + 1e-12
    assert plant.advance(-0.2).applied == -0.2 and plant.deadline_misses == 59
    assert plant.advance(None).applied == -0.2


@pytest.mark.parametrize('command', [np.nan, np.inf, -np.inf])
def test_a_command_that_is_no_number_counts_as_missing_and_as_a_violation(make, command):
    plant = make()
    plant.advance(0.3)
    assert plant.advance(command).applied == 0.3
    assert plant.deadline_misses == 1 and plant.limit_violations == 1
    assert np.all(np.isfinite(plant.state.x))


@pytest.mark.parametrize('timeout, dt, patience', [(0.0, 0.1, 1), (0.3, 0.1, 3), (1.0, 0.1, 10)])
def test_patience_follows_the_time_out(make, timeout, dt, patience):
    plant = make(episode_steps=1000, command_timeout_s=timeout)
    plant.advance(0.7)
    held = [plant.advance(None).applied == 0.7 for _ in range(15)]
    assert held == [True] * patience + [False] * (15 - patience)


def test_before_the_first_command_it_stands_and_misses_nothing(task, make):
    for seed in range(30):
        plant = make(seed=seed, episode_steps=1000)
        for _ in range(60):
            plant.advance(None)
        assert plant.deadline_misses == 0 and not plant.started
        assert plant.limit_violations == 0, 'the brake alone keeps the limits from inside C'
        assert abs(plant.state.x[1]) <= 0.003 + 1e-12
    plant.advance(0.1)
    assert plant.started


def test_episodes_start_inside_the_safe_set_and_count_on(task, make):
    plant, starts = make(episode_steps=7), []
    for step in range(1, 71):
        state = plant.advance(0.0)
        assert state.step == step and state.episode == step // 7
        if step % 7 == 0:
            starts.append(state.x)
            assert state.applied == 0.0
    assert np.all(task.safe_set.contains(np.array(starts))) and len(starts) == 10
    assert len({x.tobytes() for x in starts}) == 10


def test_starts_spread_over_the_safe_set(task, make):
    plant = make()
    starts = []
    for _ in range(300):
        plant.reset()
        starts.append(plant.advance(None).x)
    starts = np.array(starts)
    gauge = task.safe_set.gauge(starts)
    assert np.all(gauge <= 1) and gauge.max() > 0.97
    assert abs(np.mean(gauge**2) - 0.5) < 0.1  # uniform: the gauge squared is too
    assert plant.state.episode == 300


def test_a_reset_takes_the_next_step_and_starts_a_new_episode_in_full(make):
    plant = make(episode_steps=10)
    for _ in range(4):
        before = plant.advance(0.0)
    assert plant.reset() == 1 and plant.state is before  # until the step nothing changes
    state = plant.advance(0.7)  # the answer to the state before
    assert (state.step, state.episode, state.applied) == (5, 1, 0.0)
    assert plant.limit_violations == plant.deadline_misses == 0
    episodes = [plant.advance(0.0).episode for _ in range(10)]
    assert episodes == [1] * 9 + [2]


def test_many_resets_between_two_steps_are_one(make):
    plant = make()
    assert [plant.reset() for _ in range(50)] == [1] * 50
    assert plant.advance(None).episode == 1 and plant.advance(0.0).episode == 1


def test_a_reset_at_the_end_of_an_episode_begins_the_one_that_it_names(make):
    plant = make(episode_steps=3)
    plant.advance(0.0), plant.advance(0.0)
    named = plant.reset()
    assert plant.advance(0.0).episode == named == 1


@pytest.mark.parametrize('asked', [True, False])
def test_the_command_that_an_episode_applied_last_is_not_held_in_the_next(make, asked):
    plant = make(episode_steps=10)
    for _ in range(9):
        plant.advance(0.8)
    if asked:
        plant.reset()
    state = plant.advance(0.8)
    assert state.episode == 1
    assert plant.advance(None).applied == pytest.approx(np.clip(-state.x[1] / 0.1, -1, 1))
    assert plant.deadline_misses == 1
    assert plant.advance(0.4).applied == plant.advance(None).applied == 0.4


def test_a_reset_before_the_first_command_begins_a_new_episode(make):
    plant = make()
    plant.reset()
    state = plant.advance(None)
    assert (state.step, state.episode, plant.started) == (1, 1, False)


def test_one_seed_gives_one_history(task, make):
    def history(plant):
        return np.array([plant.advance(np.sin(k)).x for k in range(150)])

    assert np.array_equal(history(make(seed=5)), history(make(seed=5)))
    assert not np.allclose(history(make(seed=5)), history(make(seed=6)))
    given = SimulatedPlant(task.system, task.safe_set, PlantConfig(seed=5), seed=6)
    assert np.array_equal(history(given), history(make(seed=6)))


def test_episodes_start_where_they_are_told(make):
    plant = make(random_start=False, initial_state=[0.3, -0.1], episode_steps=5)
    for _ in range(4):
        assert np.array_equal(plant.state.x, [0.3, -0.1])
        for _ in range(5):
            plant.advance(0.0)


@pytest.mark.parametrize('state', [(1.5, 0.0), (0.0, 0.61), (1.0, 0.6)])
def test_an_initial_state_outside_the_safe_set_is_refused_by_name(task, make, state):
    with pytest.raises(InfeasibleError, match='initial_state') as caught:
        make(random_start=False, initial_state=state)
    assert str(list(state)) in str(caught.value)
    assert f'{task.safe_set.gauge(np.array(state)):.4f}' in str(caught.value)


@pytest.mark.parametrize('state', [(0.0,), (0.0, 0.0, 0.0)])
def test_an_initial_state_of_the_wrong_length_is_refused_by_name(make, state):
    with pytest.raises(InvalidArrayError, match='initial_state'):
        make(random_start=False, initial_state=state)


def test_every_state_of_the_safe_set_may_be_the_initial_one(task, make, rng):
    for x in np.vstack([task.safe_set.vertices, states_in(task.safe_set, 20, rng)]):
        assert np.array_equal(make(random_start=False, initial_state=tuple(x)).state.x, x)


# Any other plant goes by a silent law -------------------------------------------------------


def described(silence, config, **changes):
    """Return a plant of a described system with the given `on_silence`."""
    data = yaml.safe_load(file_of('double_integrator_2').read_text(encoding='utf-8'))
    system = load({**data, 'on_silence': silence, **changes})
    found = safe_set(system)
    return SimulatedPlant(system, found, config, starts=StartSet(system, found),
                          silent=silent_law(system, found))


@pytest.mark.parametrize('silence', ['hold', 'zero', 'feedback'])
def test_a_described_plant_goes_by_on_silence_from_the_first_missing_command(silence):
    plant = described(silence, PlantConfig(random_start=False, initial_state=(0.3, 0, -0.2, 0)))
    task = task_of('double_integrator_2')
    before = plant.state.x
    first = plant.advance(None).applied  # nothing has come yet: nothing is missed
    assert plant.deadline_misses == 0
    assert np.allclose(first, task.system.saturate(-task.feedback @ before)
                       if silence == 'feedback' else 0)
    command = np.array([0.4, -0.3])
    assert np.array_equal(plant.advance(command).applied, command)
    for number in (1, 2, 3):
        x = plant.state.x
        applied = plant.advance(None).applied
        assert plant.deadline_misses == number
        wanted = {'hold': command, 'zero': np.zeros(2),
                  'feedback': task.system.saturate(-task.feedback @ x)}[silence]
        assert np.allclose(applied, wanted)


def test_episodes_of_a_described_plant_start_in_the_safe_set_and_repeat_by_their_seed():
    plants = [described('hold', PlantConfig(seed=seed, episode_steps=2)) for seed in (4, 4, 5)]
    starts = [[], [], []]
    for _ in range(30):
        for plant, seen in zip(plants, starts):
            before = plant.state.episode
            if plant.advance(np.zeros(2)).episode > before:
                seen.append(plant.state.x)
    assert np.array_equal(starts[0], starts[1]) and not np.array_equal(starts[0], starts[2])
    inside = task_of('double_integrator_2').contains(np.array(starts[0]))
    assert np.all(inside) and len(inside) > 5 and np.ptp(starts[0]) > 0.5


def test_a_start_outside_the_safe_set_of_a_described_plant_is_refused():
    with pytest.raises(InfeasibleError, match='must lie in the safe set'):
        described('hold', PlantConfig(random_start=False, initial_state=(0.99, 0.59, 0.0, 0.0)))
    with pytest.raises(InvalidArrayError, match='initial_state'):
        described('hold', PlantConfig(random_start=False))


# Delay ----------------------------------------------------------------------------------------


def test_a_command_acts_so_many_steps_later_and_0_before_it():
    plant = described('zero', PlantConfig(episode_steps=8), delay_steps=2)
    sent = [np.array([0.01 * k, -0.01 * k]) for k in range(1, 20)]
    applied = [plant.advance(u).applied for u in sent]
    for step, u in enumerate(applied):
        of_episode = step % 8  # the eighth step begins the next one, and applies nothing
        wanted = sent[step - 2] if 2 <= of_episode < 7 else np.zeros(2)
        assert np.array_equal(u, wanted), step


def test_a_missing_command_is_counted_when_it_should_act_and_not_before_the_first():
    plant = described('hold', PlantConfig(episode_steps=1000), delay_steps=2)
    for _ in range(4):
        plant.advance(None)
    assert not plant.started and plant.deadline_misses == 0
    plant.advance(np.array([0.1, 0.1]))
    assert plant.started
    for misses in (0, 0, 1, 2):
        plant.advance(None)
        assert plant.deadline_misses == misses
    assert np.array_equal(plant.state.applied, [0.1, 0.1])  # it is held


@pytest.mark.parametrize('delay, errors', [(0, [2e-3] * 4), (2, None), (3, [1e-3] * 4)])
def test_starts_keep_the_limits_until_a_command_acts_and_begin_in_the_safe_set(delay, errors):
    data = mapping('double_integrator_2', errors, delay_steps=delay)
    system = load(data)
    starts, rng = StartSet(system, safe_set(system)), np.random.default_rng(0)
    drawn = np.array([starts.draw(rng) for _ in range(60)])
    assert np.all(starts.contains(drawn)) and starts.gauge(drawn).max() > 0.99
    for sign in (-1.0, 1.0):
        x = drawn + sign * system.measurement_error * np.sign(drawn)
        ahead = x @ np.linalg.matrix_power(system.A, delay).T
        assert np.all(starts.safe_set.contains(ahead, 1e-6))
        x = drawn
        for _ in range(delay):
            assert np.all(system.plant.within_limits(x, np.zeros((60, 2)), 1e-6))
            x = x @ system.A.T + sign * system.plant.disturbance


def test_a_start_from_which_a_delay_leads_outside_is_refused():
    start = PlantConfig(random_start=False, initial_state=(0.7, 0.27, 0.0, 0.0))
    assert np.array_equal(described('zero', start).x, start.initial_state)
    with pytest.raises(InfeasibleError, match='must lie in the safe set'):
        described('zero', start, delay_steps=3)
