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

"""Every law is its formula; the benign one helps; the others do the harm they are named for."""

from control_samples import states_in
import numpy as np
import pytest
from scpo_ros.config import EXPERTS
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.experts.catalogue import ExpertCatalogue
from scpo_ros.systems.scenario import random_scenarios

P_MAX, V_MAX, U_MAX = 1.0, 0.6, 1.0


@pytest.fixture(scope='module')
def catalogue(task):
    """Return the catalogue of the default task."""
    return ExpertCatalogue(task.system, task.gain)


def c(p, v, k, speed):
    """Return the speed-limited regulator, as the docstring writes it."""
    return k[1] * (max(-speed, min(speed, -k[0] * p / k[1])) - v)


def saturated(u):
    """Return u within the input limit."""
    return max(-U_MAX, min(U_MAX, u))


def benign(p, v, k):
    """Return c(p, v; K, 0.9 v_max)."""
    return c(p, v, k, 0.9 * V_MAX)


FORMULAS = {
    'benign': benign,
    'overspeed': lambda p, v, k: c(p, v, 1.5 * k, 2 * V_MAX),
    'outward_edge': lambda p, v, k: benign(p, v, k) + (
        0 if abs(p) < P_MAX / 2 else 4 * (abs(p) - P_MAX / 2) * np.sign(p)),
    'sign_flip': lambda p, v, k: -saturated(benign(p, v, k)),
    'destabilising_gain': lambda p, v, k: 2 * k[0] * p + 2 * k[1] * v,
    'wrong_target': lambda p, v, k: c(p - 1.15 * P_MAX, v, k, 0.9 * V_MAX),
    'energy_pump': lambda p, v, k: -k[0] * p + k[1] * v,
}


def test_the_catalogue_is_complete():
    assert set(FORMULAS) == set(EXPERTS) and len(EXPERTS) == 7


@pytest.mark.parametrize('name', EXPERTS)
def test_a_law_is_its_formula_saturated(task, catalogue, name, rng):
    states = np.vstack([rng.uniform(-1.2, 1.2, (400, 2)), [[0.5, 0.0], [-0.5, 0.1], [0.0, 0.0]]])
    actions = catalogue.law(name)(states)
    assert actions.shape == (len(states), 1) and np.all(np.abs(actions) <= U_MAX)
    for (p, v), u in zip(states, actions[:, 0]):
        assert u == pytest.approx(saturated(FORMULAS[name](p, v, task.gain[0])), abs=1e-12)


@pytest.mark.parametrize('name', EXPERTS)
def test_no_two_laws_are_the_same(task, catalogue, name, rng):
    states = states_in(task.safe_set, 200, rng)
    for other in set(EXPERTS) - {name}:
        assert np.max(np.abs(catalogue.law(name)(states) - catalogue.law(other)(states))) > 0.1


def run(task, law, scenarios):
    """Return (states (S, H + 1, 2), mean cost (S,)) of a law run bare."""
    x, states, cost = scenarios.x0, [scenarios.x0], 0.0
    for k in range(scenarios.horizon):
        u = law(x)
        cost = cost + task.simulator.stage_cost(x, u)
        x = task.system.step(x, u, scenarios.w[:, k])
        states.append(x)
    return np.stack(states, axis=1), cost / scenarios.horizon


@pytest.fixture
def scenarios(task, rng):
    """Return 100 random scenarios of 100 steps."""
    return random_scenarios(task.system, task.safe_set, 100, 100, rng)


def leaves_limits(task, states):
    """Return the share of rollouts that leave the state limits."""
    return np.mean(np.any(np.abs(states) > task.system.state_limit + 1e-9, axis=(1, 2)))


def test_the_benign_expert_is_cheaper_than_the_backup_and_so_worth_learning_from(
        task, catalogue, scenarios):
    _, cheap = run(task, catalogue.law('benign'), scenarios)
    backup, dear = run(task, task.policy.backup, scenarios)
    assert leaves_limits(task, backup) == 0
    assert cheap.mean() < 0.9 * dear.mean()


def test_the_benign_expert_regulates_the_others_do_not(task, catalogue, scenarios):
    def ends(name):
        return np.median(np.abs(run(task, catalogue.law(name), scenarios)[0][:, -1]).max(axis=1))

    assert ends('benign') < 0.05
    for name in ('sign_flip', 'destabilising_gain', 'wrong_target', 'energy_pump'):
        assert ends(name) > 0.5, name


@pytest.mark.parametrize('name', sorted(set(EXPERTS) - {'benign'}))
def test_a_malicious_expert_run_bare_leaves_the_limits(task, catalogue, scenarios, name):
    """Negative control: without certificates and guard this is what the plant would do."""
    share = leaves_limits(task, run(task, catalogue.law(name), scenarios)[0])
    assert share > (0.02 if name in ('overspeed', 'outward_edge') else 0.9)


@pytest.mark.parametrize('name', ['evil', '', 'Benign', None, '_benign', 'law'])
def test_an_unknown_expert_is_refused_with_the_choices(catalogue, name):
    with pytest.raises(ConfigurationError, match='expert must be one of benign, o') as caught:
        catalogue.law(name)
    assert caught.value.value == name
