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

"""Within a step: inputs that act a part of it late, and limits between the ticks."""

from dataclasses import replace
from functools import lru_cache

from described_loop import DescribedLoop
import numpy as np
import pytest
from real_plants import described, RealPlants
from scipy.linalg import expm
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.systems import load
from scpo_ros.systems.between_ticks import excess
from scpo_ros.verification.system_task import SystemTask
from system_samples import spec_of

NAMES = ('cart_pole', 'double_integrator_2', 'vehicle_lateral')
PARTS = {'cart_pole': 0.02, 'double_integrator_2': 0.1, 'vehicle_lateral': 0.03}
RUNS = 40


@lru_cache(maxsize=None)
def task_of(name, part=0.0, between=False):
    """Return the task of a shipped system, inputs acting late, limits kept between ticks."""
    return SystemTask.build(
        load(described(name, delay_fraction=part, between_ticks=between)), spec_of())


def outcome(name, task, part=0.0, between=False):
    """Return what becomes of a plant whose inputs act late by a part of a step."""
    return RealPlants(described(name, delay_fraction=part), RUNS).run(task, between=between)


# A part of a step of delay -----------------------------------------------------------------------


@pytest.mark.parametrize('part', [0.0, 0.3, 1.0])
@pytest.mark.parametrize('name', NAMES)
def test_what_an_input_does_over_the_first_part_of_a_step(name, part, rng):
    """Stepped in two pieces by the model itself."""
    system = load(described(name, delay_fraction=part))
    A, B, dt = system.sampling.A, system.sampling.B, system.dt
    whole = np.block([[A, B], [np.zeros((system.m, system.n + system.m))]])
    early, late = (expm(whole * share * dt)[:system.n] for share in (part, 1 - part))
    x = rng.uniform(-1, 1, (50, system.n)) * system.state_scale
    old, new = rng.uniform(-1, 1, (2, 50, system.m)) * system.input_scale
    middle = np.hstack([x, old]) @ early.T
    exact = np.hstack([middle, new]) @ late.T
    assert np.allclose(exact, system.step(x, new) + (old - new) @ system.late_input.T, atol=1e-12)
    width = system.disturbance - load(described(name)).disturbance
    assert np.allclose(width, np.abs(system.late_input) @ (system.input_upper
                                                           - system.input_lower))


def test_with_jitter_the_bound_holds_at_every_length_of_a_step(rng):
    system = load(described('double_integrator_2', delay_fraction=0.3, sample_jitter=0.01))
    base = load(described('double_integrator_2', sample_jitter=0.01))
    width = system.disturbance - base.disturbance
    for length in np.linspace(0.09, 0.11, 11):
        B_h, B_left = (system.sampling.held(h)[1] for h in (length, length - 0.03))
        assert np.all(np.abs(B_h - B_left) @ np.full(2, 2.0) <= width + 1e-12)


@pytest.mark.parametrize('name', NAMES)
def test_inputs_that_act_late_by_a_part_keep_the_limits(name):
    found = outcome(name, task_of(name, PARTS[name]), PARTS[name])
    assert found.broken == 0 and found.used.max() > 0.97


@pytest.mark.parametrize('name', NAMES)
def test_a_part_that_is_not_in_the_model_breaks_limits(name):
    assert outcome(name, task_of(name), PARTS[name]).broken > 0


def test_the_controller_sees_no_fault_and_one_without_a_word_of_it():
    task = task_of('double_integrator_2', 0.1)
    run = DescribedLoop(task, seed=1, episode_steps=200).run(400)
    assert run.revocations == 0 and run.plant.limit_violations == 0
    run = DescribedLoop(task_of('double_integrator_2'), task.system, seed=1).run(100)
    assert run.revocations >= 1 and run.reason.startswith('model error')


# Between the ticks -------------------------------------------------------------------------------


@pytest.mark.parametrize('name', NAMES)
def test_no_row_is_exceeded_by_more_between_two_ticks(name, rng):
    """Sampled at 40 instants; the bound is not far above what is found."""
    system, count = load(name), 20000
    rows, dt = np.vstack([np.eye(system.n), -np.eye(system.n)]), system.dt
    bound = excess(rows, system.sampling, system.state_scale, system.input_scale,
                   np.zeros(system.m)) - np.abs(rows) @ system.disturbance
    x = rng.choice((-1.0, 1.0), (count, system.n)) * system.state_scale
    u = rng.choice((-1.0, 1.0), (count, system.m)) * system.input_scale
    ends = np.maximum(x @ rows.T, system.step(x, u) @ rows.T)
    found, beside = np.zeros(len(rows)), np.zeros(len(rows))
    for share in np.arange(1, 40) / 40:
        A, B = system.sampling.held(share * dt)
        at = (x @ A.T + u @ B.T) @ rows.T
        line = (1 - share) * x @ rows.T + share * system.step(x, u) @ rows.T
        found = np.maximum(found, (at - ends).max(axis=0))
        beside = np.maximum(beside, (at - line).max(axis=0))
    assert np.all(found <= bound + 1e-12)
    assert np.all(beside >= 0.5 * bound - 1e-12), 'above the line the bound is nearly met'


@pytest.mark.parametrize('name', NAMES)
def test_limits_hold_between_the_ticks_where_that_is_asked_for(name):
    found = outcome(name, task_of(name, between=True), between=True)
    assert found.broken == 0 and found.used_between.max() <= 1


def test_limits_hold_between_the_ticks_under_late_inputs_too():
    found = outcome('double_integrator_2', task_of('double_integrator_2', 0.1, True), 0.1, True)
    assert found.broken == 0 and found.used_between.max() <= 1


@pytest.mark.parametrize('between', [True, False])
def test_a_turn_at_the_limit_exceeds_it_where_that_is_not_asked_for(between):
    """A set that hardly contracts reaches the limit with some speed left, for part of a step."""
    data = described('double_integrator_2', between_ticks=between, contraction=0.999)
    task = SystemTask.build(load(data), spec_of())
    rays = np.zeros((RUNS, 4))
    rays[:, 0], rays[:, 1] = 1.0, np.linspace(-0.02, 0.08, RUNS)
    starts = rays / task.safe_set.gauge(rays)[:, None] * (1 - 1e-9)
    found = RealPlants(data, RUNS).run(task, steps=3, between=True, starts=starts)
    assert found.broken == 0
    assert found.used_between.max() <= 1 if between else found.used_between.max() > 1 + 1e-4


def test_tightening_with_the_wrong_sign_is_exceeded_at_the_ticks():
    task = task_of('double_integrator_2', between=True)
    plant = task.system.plant
    wide = SystemTask.build(replace(
        task.system, state_lower=2 * plant.state_lower - task.system.state_lower,
        state_upper=2 * plant.state_upper - task.system.state_upper), spec_of())
    assert outcome('double_integrator_2', wide).broken > 0


@pytest.mark.parametrize('name, errors, part', [
    ('double_integrator_2', [5e-4, 1e-3] * 2, 0.05),
    ('cart_pole', [5e-5, 5e-5, 2e-4, 2e-4], 0.005),
    ('vehicle_lateral', [1e-3, 5e-4, 1e-4, 5e-4], 0.01)])
def test_limits_hold_at_every_instant_with_all_of_it_together(name, errors, part):
    data = described(name, errors, delay_steps=1, delay_fraction=part, between_ticks=True)
    task = SystemTask.build(load(data), spec_of())
    A, B = task.system.A, task.system.B
    found = RealPlants(data, RUNS).run(
        task, between=True, predict=lambda y, under_way: y @ A.T + under_way[0] @ B.T)
    assert found.broken == 0 and 0.9 < found.used_between.max() <= 1


@pytest.mark.parametrize('change', [
    {'delay_fraction': 0.5}, {'between_ticks': True}, {'sample_jitter': 0.01}])
def test_discrete_dynamics_say_nothing_of_what_happens_within_a_step(change):
    A = np.eye(4) + 0.1 * np.diag([1, 0, 1], 1)
    data = described('double_integrator_2', dynamics={'discrete': {
        'A': A.tolist(), 'B': [[0.005, 0], [0.1, 0], [0, 0.005], [0, 0.1]]}})
    load(data)
    with pytest.raises(ConfigurationError, match='needs continuous dynamics') as caught:
        load({**data, **change})
    assert list(change)[0] in str(caught.value) and '\n' not in str(caught.value)
