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

"""The error of a linearisation over a step is bounded, and part of the disturbance."""

import casadi as ca
from nonlinear_plants import described, narrow, stepping
import numpy as np
import pytest
from scpo_ros.exceptions import ConfigurationError, NoSafeSetError
from scpo_ros.sets.system_set import safe_parts
from scpo_ros.systems import linearisation_error as module, load
from scpo_ros.systems.linearisation_error import linearisation_error
from scpo_ros.systems.model_error import curved_states, narrowed
from scpo_ros.systems.models import MODELS

pytest.importorskip('mpmath')
NONLINEAR = ('cart_pole', 'ball_and_beam', 'planar_quadrotor')


def largest_mismatch(reference, state_limit, input_limit, dt, matrices, count=4000):
    """Return the largest |x+ - A x - B u| (n,) of states and inputs near their limits."""
    rng, (n, m) = np.random.default_rng(1), (len(state_limit), len(input_limit))
    states = rng.choice([-1, 1], (count, n)) * state_limit * rng.random((count, n))**0.1
    states[:2**n] = state_limit * (2 * np.indices((2,) * n).reshape(n, -1).T - 1)
    inputs = rng.choice([-1, 1], (count, m)) * input_limit
    A, B = matrices
    after = stepping(reference, n, m, dt)(states, inputs)
    return np.abs(after - states @ A.T - inputs @ B.T).max(axis=0)


@pytest.mark.parametrize('name', NONLINEAR)
def test_no_sampled_step_strays_further_and_the_bound_is_not_much_wider(name):
    system = load(name)
    reference = system.description.dynamics.model
    limits = (system.state_scale, system.input_scale)
    bound = linearisation_error(reference.name, reference.parameters, *limits, system.dt)
    found = largest_mismatch(reference, *limits, system.dt, (system.A, system.B))
    assert np.all(found <= bound + 1e-12)
    curved = found > 1e-9
    assert curved.any() and np.all(bound[curved] <= 2 * found[curved])


def runaway(x, u, p):
    """Return x' of a state that leaves its narrow limit within a step, and then is curved."""
    return ca.vertcat(x[1], x[0]**3 + u[0])


def test_a_state_that_leaves_its_limit_within_the_step_is_thought_of(monkeypatch):
    monkeypatch.setitem(MODELS, 'runaway', runaway)
    given = ('runaway', {}, np.array([0.01, 1.0]), np.array([0.1]), 0.1)
    matrices = np.array([[1, 0.1], [0, 1]]), np.array([[0.005], [0.1]])
    reference = type('Reference', (), {'name': 'runaway', 'parameters': {}})
    found = largest_mismatch(reference, *given[2:], matrices)
    assert np.all(found <= linearisation_error(*given))
    monkeypatch.setattr(module, '_grown', lambda *_: np.zeros(2))  # control
    assert np.any(found > linearisation_error(*given))


def test_a_model_that_runs_away_within_a_step_is_refused(monkeypatch):
    monkeypatch.setitem(MODELS, 'runaway', lambda x, u, p: ca.vertcat(x[1], 1e6 * x[0]**3 + u[0]))
    with pytest.raises(ConfigurationError, match='dt'):
        linearisation_error('runaway', {}, np.ones(2), np.ones(1), 1.0)


def test_a_kink_at_rest_which_no_derivative_shows_is_refused(monkeypatch):
    """The linearisation of |x| is 0, its second derivatives are 0, and the error is not."""
    monkeypatch.setitem(MODELS, 'kinked', lambda x, u, p: ca.vertcat(x[1], ca.fabs(x[0]) + u[0]))
    with pytest.raises(ConfigurationError, match='kink'):
        linearisation_error('kinked', {}, np.ones(2), np.ones(1), 0.1)


def test_the_bound_is_added_to_the_disturbance_unless_it_is_neglected():
    mapping, wide = described('cart_pole'), load('cart_pole')
    reference = wide.description.dynamics.model
    bound = linearisation_error(reference.name, reference.parameters, wide.state_scale,
                                wide.input_scale, wide.dt)
    covered = load(mapping)
    added = covered.disturbance - wide.disturbance
    assert np.all(bound <= added) and np.all(added <= 1.002 * bound)
    assert covered.content != wide.content
    del mapping['dynamics']['model']['error']
    assert load(mapping).content == covered.content  # bounded is the default


def test_another_word_is_refused():
    mapping = described('cart_pole')
    mapping['dynamics']['model']['error'] = 'small'
    with pytest.raises(ConfigurationError, match='must be one of'):
        load(mapping)


def test_a_narrower_description_is_that_of_a_file_with_these_limits():
    wide, slim = load(narrow(0.2)).description, load(narrow(0.1))
    assert curved_states(wide) == (1, 3)  # angle and rate
    half = narrowed(wide, 0.5)
    assert [entry.upper for entry in half.states] == [1.0, 0.1, 1.5, 0.75]
    assert half.states[3].disturbance < load(narrow(0.2)).disturbance[3]
    assert slim.disturbance[1] < wide.states[1].disturbance


def test_where_no_set_remains_the_error_says_up_to_which_angle_there_is_one():
    with pytest.raises(NoSafeSetError, match='leaves one with angle from') as caught:
        safe_parts(load(narrow(0.6)), None)
    sentence = str(caught.value)
    angle = float(sentence.split('angle from ')[1].split(' to ')[1].split(',')[0])
    assert 0.1 < angle < 0.6 and '\n' not in sentence
