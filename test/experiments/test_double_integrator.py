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

"""The double-integrator experiment: what a result holds, and the claims on short runs."""

import json

import numpy as np
import pytest
from scpo_ros.exceptions import ConfigurationError, InvalidArrayError
from scpo_ros.experiments import double_integrator
from scpo_ros.experiments.double_integrator import (
    FIELDS, gap_closed, main, METHODS, run, write)
from scpo_ros.experiments.held_out import held_out_scenarios, violating, violations

UPDATES = 12


@pytest.fixture(scope='module')
def benign():
    return run('benign', updates=UPDATES)


@pytest.fixture
def quick(monkeypatch):
    """Judge the final policy from a tenth of the states, where a test is about something else."""
    monkeypatch.setattr(double_integrator, 'HELD_OUT_STATES', 1000)


def test_one_seed_gives_one_result_and_another_seed_another(benign, quick):
    again, other = run('benign', updates=3), run('benign', seed=1, updates=3)
    assert all(np.array_equal(a, b) for a, b in zip(again.thetas, benign.thetas))
    assert not np.array_equal(other.thetas[0], again.thetas[0])
    assert other.loss_initial == again.loss_initial  # the states are fixed, theta_0 is the backup


def test_a_useful_expert_is_learned_from_safely(benign):
    assert benign.gap_closed > 0.8
    assert benign.unsafe_iterates == 0 and benign.held_out_violations == 0
    assert benign.held_out_states == 10_000
    assert benign.task_cost_final < benign.task_cost_backup


def test_a_result_adds_up(benign):
    assert benign.accepted + benign.refused == benign.updates == UPDATES
    assert len(benign.losses) == UPDATES + 1 and len(benign.thetas) == benign.accepted + 1
    assert benign.losses[0] == benign.loss_initial and benign.losses[-1] == benign.loss_final
    assert np.all(np.diff(benign.losses) <= 0.05 * benign.loss_initial)  # the barrier allows it
    assert benign.loss_optimum <= benign.loss_final


def test_anybody_can_check_by_a_simulation_of_their_own(benign):
    """From states of C, with disturbances of their own, under the policy alone."""
    system, safe_set = benign.system, benign.safe_set
    rng = np.random.default_rng(5)
    x = rng.uniform(system.state_lower, system.state_upper, (4000, 2))
    x = x[np.all(x @ safe_set.H.T <= safe_set.h, axis=1)]
    assert len(x) > 1000
    for _ in range(60):
        u = benign.policy(benign.thetas[-1], x)
        assert np.all((u >= system.input_lower) & (u <= system.input_upper))
        w = rng.choice([-1.0, 1.0], x.shape) * system.disturbance
        x = x @ system.A.T + u @ system.B.T + w
        assert np.all((x >= system.state_lower) & (x <= system.state_upper))


def test_the_policy_is_undefined_outside_the_safe_set(benign):
    assert np.isnan(benign.policy(benign.thetas[0], np.array([[2.0, 0.0]]))).all()


def test_the_first_policy_is_the_backup(benign):
    states = np.array([[0.3, 0.1], [-0.5, 0.2]])
    assert np.array_equal(benign.policy(benign.thetas[0], states),
                          benign.problem.task.policy.backup(states))


def raising(states):
    """Push outwards, and raise outside the position limits."""
    if np.any(np.abs(states[:, 0]) > 1):
        raise ValueError('what is this?')
    return np.sign(states[:, :1])


def undefined(states):
    """Push outwards; NaN outside the position limits."""
    return np.where(np.abs(states[:, :1]) > 1, np.nan, np.sign(states[:, :1]))


@pytest.mark.parametrize('law', [raising, undefined])
def test_an_expert_need_not_know_what_to_do_outside_the_safe_set(law, tmp_path, quick):
    result = run(law, updates=1, baseline_cost=False)
    assert result.task_cost_expert is None
    write(result, tmp_path)
    assert json.loads((tmp_path / 'results.json').read_text())['task_cost_expert'] is None


def test_a_callable_is_an_expert():
    def pushy(states):
        return np.full((len(states), 1), 5.0)

    result = run(pushy, updates=4)
    assert result.expert == 'pushy' and result.unsafe_iterates == 0
    assert result.held_out_violations == 0
    assert np.isfinite(result.gap_closed)


def test_an_expert_that_agrees_with_the_backup_leaves_no_gap(benign, quick):
    result = run(benign.problem.task.policy.backup, updates=2)
    assert result.loss_initial == 0.0 and result.gap_closed == 1.0


@pytest.mark.parametrize('actions, error', [
    (lambda x: np.zeros(len(x)), InvalidArrayError),
    (lambda x: np.full((len(x), 1), np.nan), InvalidArrayError),
    (3, ConfigurationError), ('kind', ConfigurationError)])
def test_what_is_no_expert_is_refused(actions, error):
    with pytest.raises(error):
        run(actions, updates=1)


@pytest.mark.parametrize('wrong', [
    {'method': 'magic'}, {'seed': -1}, {'seed': 0.5}, {'updates': -1}, {'updates': 1.5}])
def test_bad_arguments_are_refused(wrong):
    with pytest.raises(ConfigurationError):
        run('benign', **{'updates': 1, **wrong})


@pytest.mark.parametrize('method', [m for m in METHODS if m != 'scpo'])
def test_every_method_runs(method, quick):
    result = run('overspeed', method=method, updates=2, baseline_cost=False)
    assert result.accepted + result.refused == 2
    if method in ('line-search', 'scpo-paper', 'scpo-paper-adaptive'):
        assert result.unsafe_iterates == 0 and result.accepted == 2


def test_without_constraints_the_same_data_lead_out_of_the_safe_set(quick):
    """The negative control: the same steps, not projected, are unsafe."""
    result = run('outward_edge', method='unconstrained', updates=UPDATES, baseline_cost=False,
                 trust_radius=0.5)
    assert result.unsafe_iterates >= 3


def test_iterates_are_judged_by_held_out_scenarios_as_final_policies_are(benign, quick):
    """The fast count over many policies is the plain one, policy by policy."""
    bad = run('energy_pump', method='unconstrained', updates=8, baseline_cost=False,
              trust_radius=0.5)
    scenarios = held_out_scenarios(benign.problem.task, 60, 3)
    for result in (bad, benign):
        task = result.problem.task
        plain = [violations(task, theta, scenarios).any() for theta in result.thetas]
        assert violating(task, result.thetas, scenarios, chunk=3).tolist() == plain
    assert bad.held_out_unsafe_iterates > 0 and benign.held_out_unsafe_iterates == 0


def test_the_command_writes_results_and_a_picture(tmp_path, capsys, quick):
    main(['--expert', 'sign_flip', '--updates', '2', '--seed', '3', '--output', str(tmp_path)])
    results = json.loads((tmp_path / 'results.json').read_text())
    assert tuple(results) == FIELDS
    assert (results['expert'], results['seed'], results['updates']) == ('sign_flip', 3, 2)
    assert (tmp_path / 'double_integrator.png').stat().st_size > 10_000
    assert 'gap_closed' in capsys.readouterr().out


@pytest.mark.parametrize('initial, final, optimum, gap', [
    (1.0, 0.5, 0.0, 0.5), (1.0, 1.0, 0.2, 0.0), (0.3, 0.3, 0.3, 1.0), (0.3, 0.4, 0.3, 0.0),
    (0.0, 0.0, 0.1, 1.0)])
def test_the_gap_is_always_a_number(initial, final, optimum, gap):
    assert gap_closed(initial, final, optimum) == pytest.approx(gap)
