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

"""The imitation loss: exact gradient, a Gauss-Newton step that lowers it, labels clipped."""

from control_samples import states_in, weights
import numpy as np
import pytest
from scpo_ros.config import EXPERTS
from scpo_ros.exceptions import InvalidArrayError
from scpo_ros.experts.catalogue import ExpertCatalogue
from scpo_ros.policy.imitation import ImitationLoss


@pytest.fixture
def states(task, rng):
    """Return 120 states."""
    return states_in(task.safe_set, 120, rng)


def loss_of(task, states, name='benign'):
    """Return the loss over states labelled by an expert."""
    return ImitationLoss(task.policy, states,
                         ExpertCatalogue(task.system, task.gain).law(name)(states))


def test_it_is_the_mean_squared_error_of_the_policy(task, states, rng):
    actions = rng.uniform(-1, 1, (120, 1))
    loss, thetas = ImitationLoss(task.policy, states, actions), weights(task, 3, rng, 0.5)
    for theta, value in zip(thetas, loss.losses(thetas)):
        wanted = np.mean((task.policy(theta, states) - actions)**2)
        assert value == pytest.approx(wanted) and loss(theta) == pytest.approx(wanted)


def test_it_is_zero_where_the_labels_are_the_policys(task, states, rng):
    theta = weights(task, 1, rng, 0.5)[0]
    loss = ImitationLoss(task.policy, states, task.policy(theta, states))
    assert loss(theta) < 1e-30 and np.max(np.abs(loss.gradient(theta))) < 1e-15
    assert np.max(np.abs(loss.gauss_newton(theta, 0.02).step)) < 1e-12


@pytest.mark.parametrize('scale', [0.0, 0.3, 3.0])
def test_the_gradient_agrees_with_finite_differences(task, states, rng, scale):
    loss, theta = loss_of(task, states, 'outward_edge'), weights(task, 1, rng, scale)[0]
    theta += rng.normal(0, 0.1, theta.shape)
    raw = task.policy.backup(states)[:, 0] + task.policy.network(theta[None], states)[0, :, 0]
    assert np.min(np.abs(np.abs(raw) - 1)) > 1e-5, 'a kink is too close for differences'
    assert np.any(np.abs(raw) > 1) or scale < 3
    exact, step = loss.gradient(theta), 1e-6
    moved = theta + step * np.vstack([np.eye(len(theta)), -np.eye(len(theta))])
    values = loss.losses(moved)
    numeric = (values[:len(theta)] - values[len(theta):]) / (2 * step)
    assert np.max(np.abs(exact - numeric)) < 1e-8 * max(1, np.max(np.abs(exact)))
    assert np.max(np.abs(loss.gradient(theta + 0.05) - numeric)) > 1e-5


@pytest.mark.parametrize('name', EXPERTS)
def test_a_damped_step_lowers_the_loss_and_its_negative_raises_it(task, theta0, states, name):
    loss = loss_of(task, states, name)
    raw = loss.gauss_newton(theta0, 0.02)
    assert loss(theta0 + raw.step) < loss(theta0)
    assert loss(theta0 + 0.1 * raw.step) < loss(theta0) < loss(theta0 - 0.1 * raw.step)
    assert raw.step @ raw.gradient < 0


def test_some_steps_learn_the_benign_expert(task, theta0, states):
    loss, theta = loss_of(task, states), theta0
    for _ in range(15):
        theta = theta + loss.gauss_newton(theta, 0.02).step
    assert loss(theta) < 0.1 * loss(theta0)


def test_step_metric_and_gradient_fit_together(task, theta0, states):
    loss = loss_of(task, states)
    raw = loss.gauss_newton(theta0, 0.02)
    assert np.allclose(raw.metric, raw.metric.T) and np.linalg.eigvalsh(raw.metric)[0] > 0
    assert np.allclose(-2 * raw.metric @ raw.step, raw.gradient, atol=1e-12)
    assert np.allclose(raw.gradient, loss.gradient(theta0))
    assert raw.step.shape == raw.gradient.shape == (task.policy.network.d,)


def test_more_damping_makes_shorter_steps(task, theta0, states):
    lengths = [np.linalg.norm(loss_of(task, states).gauss_newton(theta0, damping).step)
               for damping in (1e-3, 0.02, 1.0, 100.0)]
    assert lengths == sorted(lengths, reverse=True)


def test_labels_are_clipped_to_the_input_limits(task, theta0, states):
    wild = ImitationLoss(task.policy, states, np.full((120, 1), 1e6))
    clipped = ImitationLoss(task.policy, states, np.ones((120, 1)))
    assert wild(theta0) == clipped(theta0) <= 4.0


def test_states_outside_the_safe_set_are_left_out(task, theta0, states, rng):
    actions = rng.uniform(-1, 1, (120, 1))
    loss = ImitationLoss(task.policy, states, actions)
    more = ImitationLoss(task.policy, np.vstack([[[2.0, 0.0]], states, [[0.0, 3.0]]]),
                         np.vstack([[[1.0]], actions, [[1.0]]]))
    assert more(theta0) == loss(theta0) and len(more.states) == 120


def test_with_no_state_left_there_is_no_loss(task):
    with pytest.raises(InvalidArrayError, match='at least one in the safe set'):
        ImitationLoss(task.policy, [[2.0, 0.0]], [[0.0]])
    with pytest.raises(InvalidArrayError):
        ImitationLoss(task.policy, np.zeros((0, 2)), np.zeros((0, 1)))


@pytest.mark.parametrize('states, actions, name', [
    ([[np.nan, 0.0]], [[0.0]], 'states'), ([[0.0, 0.0]], [[np.nan]], 'actions'),
    ([[0.0, 0.0]], [[np.inf]], 'actions'), ([[0.0]], [[0.0]], 'states'),
    ([[0.0, 0.0]], [[0.0], [0.0]], 'actions'), ([[0.0, 0.0]], [0.0], 'actions'),
    ([[0.0, 0.0]], [[0.0, 0.0]], 'actions'), ('abc', [[0.0]], 'states')])
def test_malformed_demonstrations_are_refused(task, states, actions, name):
    with pytest.raises(InvalidArrayError) as caught:
        ImitationLoss(task.policy, states, actions)
    assert caught.value.name == name
