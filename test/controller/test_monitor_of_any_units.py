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

"""Rounding is a part of the limits: a description has any units, from nanometres to millions."""

import numpy as np
import pytest
from scpo_ros.controller.model_monitor import ModelMonitor
from scpo_ros.exceptions import InfeasibleError
from scpo_ros.interface.messages import State
from scpo_ros.systems import load
from scpo_ros.systems.scenario import realised_disturbance, replay
from scpo_ros.verification.system_task import SystemTask

STEPS = 200


@pytest.fixture(params=[1e-7, 1.0, 1e9], ids=['small', 'one', 'large'])
def task(request):
    """Return the same undisturbed system in units of other sizes."""
    size = request.param
    return SystemTask.build(load({
        'name': 'axis', 'dt': 0.1,
        'states': [{'name': 'p', 'lower': -size, 'upper': size},
                   {'name': 'v', 'lower': -0.6 * size, 'upper': 0.6 * size}],
        'inputs': [{'name': 'u', 'lower': -size, 'upper': size}],
        'dynamics': {'continuous': {'A': [[0, 1], [-1.7, -0.3]], 'B': [[0], [1.3]]}},
        'cost': {'Q': [1, 0.5], 'R': [0.3]}}))


def told(task, error):
    """Return what a monitor says of an error (n,), a part of the limits, at one of many steps."""
    law, monitor = task.law(task.initial_theta), ModelMonitor(task, 10)
    x, applied = 0.9 * task.safe_set.boundary(20)[3], np.zeros(1)
    rng = np.random.default_rng(0)
    for k in range(STEPS):
        state = State(None, k * task.system.dt, 0, x, applied)
        reason = monitor.observe(state)
        if reason:
            return reason
        wanted = law.act(x).u + rng.normal(0, 1e-3) * task.system.input_scale
        applied = task.system.saturate(wanted)
        monitor.answered(state, applied)
        x = task.system.step(x, applied) + error * task.system.state_scale
    return ''


def test_a_plant_that_is_the_model_has_no_error_in_any_units(task):
    assert told(task, 0.0) == ''


@pytest.mark.parametrize('error', [(1e-8, 0.0), (0.0, -1e-8)])
def test_an_error_beyond_rounding_is_told_in_any_units(task, error):
    """The margin of the set pays for 1e-6 of the limits at most."""
    assert told(task, np.array(error)).startswith('model error')


def test_a_rollout_is_replayed_where_the_model_holds_in_any_units(task):
    system, x = task.system, [0.5 * task.safe_set.boundary(20)[3]]
    u = 0.1 * system.input_scale * np.random.default_rng(0).uniform(-1, 1, (20, 1))
    for command in u:
        x.append(system.step(x[-1], command))
    x = np.array(x)
    w = realised_disturbance(system, x[:-1] * (1 + 1e-15), u, x[1:])
    assert len(replay(system, task, x[0], w, 40)) == 1
    with pytest.raises(InfeasibleError, match='exceeds its bound'):
        replay(system, task, x[0], w + 1e-8 * system.state_scale, 40)
