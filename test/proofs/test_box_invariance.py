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

"""The proof over boxes: sound, decisive, and with negative controls, for up to four states."""

from hypothesis import given, strategies as st
import numpy as np
import pytest
from scpo_ros.experiments.proof_limits import feedback_problem
from scpo_ros.proofs import box_invariance
from scpo_ros.proofs.box_invariance import (
    _line_above, _saturated, BoxInvariance, ROUNDING)
from scpo_ros.proofs.enclosure import Enclosure


STATES = 20_000


@pytest.fixture(scope='module', params=[(3, 1), (4, 2)], ids=['3 states', '4 states, 2 inputs'])
def problem(request):
    """Return (policy, safe set, states of it and on its edge)."""
    policy, safe_set = feedback_problem(*request.param)
    return policy, safe_set, states_of(safe_set, policy.system)


def states_of(safe_set, system, count=STATES):
    points = np.random.default_rng(1).uniform(-1, 1, (8 * count, system.n)) * system.state_limit
    edge = points[:count] / safe_set.gauge(points[:count])[:, None] * (1 - 1e-12)
    return np.vstack([points[safe_set.gauge(points) <= 1.0][:count], edge])


def weights(policy, rng, size, states, spread=0.3):
    """Return weights whose residuals are at most `size` at the states."""
    found = []
    for number, network in enumerate(policy.networks):
        theta = np.array(network.initial(number)) + rng.normal(0, spread, network.d)
        theta[-network.widths[-1]:] *= size / np.abs(network(theta[None], states)).max()
        found.append(theta)
    return found


def test_every_verdict_is_right(problem):
    """Proved: nothing found above the bound. Counterexample: it is one. Sizes span both."""
    policy, safe_set, states = problem
    rng, proof = np.random.default_rng(2), BoxInvariance(policy, safe_set, most=60_000)
    verdicts = {'proved': 0, 'counterexample': 0, 'none': 0}
    for size in np.tile([0.02, 0.1, 0.2, 0.4, 0.8, 1.5], 3):
        theta = weights(policy, rng, size, states[::7], spread=rng.choice([0.1, 0.5, 2.0]))
        found, worst = proof.prove(theta), np.max(proof.violation(theta, states))
        if found.proved:
            assert worst <= found.bound <= 0
            verdicts['proved'] += 1
        elif found.counterexample is not None:
            state = found.counterexample
            assert safe_set.contains(state) and proof.violation(theta, state[None])[0] > 0
            verdicts['counterexample'] += 1
        else:
            verdicts['none'] += 1
            assert worst > -0.02  # what is clearly safe is not left open
    assert min(verdicts['proved'], verdicts['counterexample']) >= 4 >= verdicts['none']


def test_the_backup_alone_is_proved_with_its_contraction(problem):
    policy, safe_set, states = problem
    proof = BoxInvariance(policy, safe_set)
    theta = [network.initial(0) for network in policy.networks]
    assert np.max(proof.violation(theta, states)) == pytest.approx(-0.03, abs=1e-6)
    assert proof.prove(theta).proved


def needle(policy, safe_set, width):
    """Return weights whose first residual is 2 in a slab thinner than samples find, else 0."""
    network, system = policy.networks[0], policy.system
    theta = [np.array(network.initial(0)) * 0 for network in policy.networks]
    (first, bias), (second, _) = network.layers(theta[0][None])[0]
    output = network.layers(theta[0][None])[1]
    first[0, 0, :2], steep = 1.0 / width, 1e3
    at = 0.61803 * np.max(np.abs(safe_set.vertices[:, 0])) / system.state_limit[0]
    bias[0, 0, 0], bias[0, 0, 1] = (width - at) / width, (-width - at) / width
    second[0, 0, 0], second[0, 1, 0] = steep, -steep
    bias_of_second = network.layers(theta[0][None])[0][1][1]
    bias_of_second[0, 0, 0] = -0.5 * steep
    output[0, 0, 0] = 1.0
    return theta


def test_a_needle_between_all_samples_is_not_proved(problem, monkeypatch):
    policy, safe_set, states = problem
    theta, proof = needle(policy, safe_set, 1e-7), BoxInvariance(policy, safe_set, most=40_000)
    assert np.max(proof.violation(theta, states)) < 0  # nobody saw it
    inside = np.zeros((1, policy.system.n))
    inside[0, 0] = 0.61803 * np.max(np.abs(safe_set.vertices[:, 0]))
    assert policy(theta, inside)[0, 0] > policy(theta, inside + 1e-6)[0, 0] + 0.5
    assert not proof.prove(theta).proved
    monkeypatch.setattr(box_invariance, 'enclosed', centre_only)
    assert proof.prove(theta).proved  # an enclosure that only looks at centres proves it


def centre_only(network, thetas, centre, half):
    value = network(thetas, centre)[..., 0]
    return Enclosure(value, np.zeros((*value.shape, centre.shape[1])), np.zeros(value.shape))


@pytest.mark.parametrize('weight', [np.nan, np.inf, -np.inf, 1e308, 1e200])
def test_weights_that_are_not_numbers_or_enormous_are_not_proved(problem, weight):
    policy, safe_set, _ = problem
    theta = [np.array(network.initial(0)) for network in policy.networks]
    theta[-1][:] = weight
    assert not BoxInvariance(policy, safe_set, most=5000).prove(theta).proved


def test_too_few_boxes_are_no_proof(problem):
    policy, safe_set, _ = problem
    theta = [network.initial(0) for network in policy.networks]
    found = BoxInvariance(policy, safe_set, most=100).prove(theta)
    assert not found.proved and found.bound == np.inf and found.counterexample is None


REAL = st.floats(-5, 5)


@given(REAL, REAL, st.floats(0.01, 3), st.floats(0, 1))
def test_the_line_lies_above_the_saturation(first, second, limit, part):
    low, high = sorted((first, second))
    factor, offset = _line_above(np.array([(low + high) / 2]), np.array([low]),
                                 np.array([high]), limit)
    v = low + part * (high - low)
    assert 0 <= factor[0] <= 1
    assert np.clip(v, -limit, limit) <= factor[0] * v + offset[0] + ROUNDING / 10


@given(REAL, REAL, st.floats(0, 2), st.floats(0, 2), st.floats(0.01, 3), st.floats(-1, 1),
       st.floats(-1, 1))
def test_the_saturation_lies_between_its_lines(value, slope, radius, half, limit, at, error):
    upper, lower, _ = _saturated(np.array([value]), np.array([[slope]]), np.array([radius]),
                                 np.array([[half]]), limit)
    offset = at * half * slope
    u = np.clip(value + offset + error * radius, -limit, limit)
    assert lower[0, 0] + lower[0, 1] * offset - ROUNDING / 10 <= u
    assert u <= upper[0, 0] + upper[0, 1] * offset + ROUNDING / 10


def test_the_feedback_set_is_contracted_and_keeps_all_limits(problem):
    policy, safe_set, _ = problem
    system, vertices = policy.system, safe_set.vertices
    u = -vertices @ policy.gain.T
    assert np.all(system.within_limits(vertices, u))
    ahead = system.step(vertices, u)
    worst = ahead @ safe_set.H.T + np.abs(safe_set.H) @ system.disturbance
    assert np.max(worst) <= 0.97 + 1e-8
    # and by no more than was asked for
    assert np.max(worst) >= 0.97 - 1e-6
