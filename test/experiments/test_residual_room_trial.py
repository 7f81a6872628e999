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

"""The residual that is bounded by what each state allows: no weights make the filter act."""

from dataclasses import replace
import json

import numpy as np
import pytest
from scpo_ros.experiments import imitation_judgement, residual_room
from scpo_ros.experiments.residual_room import RoomNetwork
from scpo_ros.policy.residual_policy import ResidualNetwork
from scpo_ros.tolerances import CHANGED
from system_samples import EDGE, task_of

NAMES = ('uneven', 'ball_and_beam')


@pytest.fixture(scope='module', params=NAMES)
def policy(request):
    task = task_of(request.param)
    system = task.system
    network = ResidualNetwork((system.n, 6, 6), system.state_scale, system.m)
    least = task_of(request.param, 'bounded').policy.network.bound
    return replace(task.policy, network=RoomNetwork(network, task.policy, least)), task


def states_of(task, count=200):
    return task.safe_set.sample(count, np.random.default_rng(0)) * EDGE


def weights(policy, size):
    network = policy.network
    return network.initial(0) + size * np.random.default_rng(1).standard_normal(network.d)


@pytest.mark.parametrize('size', [0.5, 50.0])
def test_the_filter_never_acts_whatever_the_weights_are(policy, size):
    policy, task = policy
    x = states_of(task)
    theta = weights(policy, size)
    backup, plans = policy.around(x)
    wanted = policy.system.saturate(backup + policy.network(theta[None], x)[0])
    moved = np.abs(policy.filtered(x, wanted, plans) - wanted)
    assert np.all(moved <= CHANGED * (policy.system.input_upper - policy.system.input_lower))


def test_twice_the_room_makes_it_act(policy, monkeypatch):
    """Negative control."""
    policy, task = policy
    bound = RoomNetwork.bound
    monkeypatch.setattr(RoomNetwork, 'bound', lambda self, x: 2 * bound(self, x))
    x, theta = states_of(task), weights(policy, 50.0)
    backup, plans = policy.around(x)
    wanted = policy.system.saturate(backup + policy.network(theta[None], x)[0])
    assert np.any(np.abs(policy.filtered(x, wanted, plans) - wanted) > 1e-3)


def test_the_room_is_at_least_what_the_contraction_pays_for(policy):
    policy, task = policy
    found, least = policy.network.bound(states_of(task)), policy.network.least
    assert np.all(found >= least) and np.mean(found > 1.5 * least) > 0.2


def test_columns_and_jacobian_are_those_of_the_call(policy):
    policy, task = policy
    network, x, theta = policy.network, states_of(task, 5), weights(policy, 0.5)
    thetas = np.stack([theta, 2 * theta])
    assert np.allclose(np.moveaxis(network.columns(thetas)(x.T), 0, -1), network(thetas, x))
    each = np.repeat(x.T[:, None], 2, axis=1)
    assert np.allclose(np.moveaxis(network.columns(thetas)(each), 0, -1), network(thetas, x))
    rows = network.jacobian(theta, x)
    for at in (0, 7, network.d - 1):
        step = np.zeros(network.d)
        step[at] = 1e-6
        slope = (network((theta + step)[None], x) - network((theta - step)[None], x))[0] / 2e-6
        assert np.allclose(rows[:, :, at], slope, atol=1e-6)


def test_the_command_writes_a_row_for_every_run(tmp_path, monkeypatch):
    monkeypatch.setattr(imitation_judgement, 'STEPS', 20)
    monkeypatch.setattr(imitation_judgement, '_COST_SCENARIOS', 10)
    monkeypatch.setattr(residual_room, 'DescribedMetricsConfig', lambda certificate: (
        task_of('double_integrator_2', certificate, design_states=3,
                verification_states=3).spec.metrics))
    residual_room.main(['--systems', 'double_integrator_2', '--ways', 'bounded', 'room',
                        '--seeds', '1', '--updates', '1', '--held-out', '6',
                        '--output', str(tmp_path)])
    rows = json.loads((tmp_path / 'results.json').read_text())['rows']
    assert [row['way'] for row in rows] == ['bounded', 'room']
    assert all(row['violations'] == 0 and row['filter_share'] == 0 for row in rows)
