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

"""Constrained regression: safe at every iterate, learning, repeatable, and unsafe without SCPO."""

import json

import numpy as np
import pytest
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.experiments import regression
from scpo_ros.experiments.regression_learner import MinibatchStep
from scpo_ros.experiments.results import write_json

EPOCHS = 60
ISSUE_FIELDS = {'seed', 'epochs', 'mse_initial', 'mse_final', 'unsafe_iterates',
                'max_abs_enforced', 'max_abs_held_out', 'accepted', 'refused', 'seconds'}


@pytest.fixture(scope='module')
def result():
    return regression.run(seed=0, epochs=EPOCHS)


@pytest.mark.parametrize('value', [-1, 0.5, True])
def test_what_is_no_seed_is_named(value):
    with pytest.raises(ConfigurationError, match='seed'):
        regression.run(seed=value, epochs=1)


def test_the_command_line_names_what_is_wrong(capsys):
    with pytest.raises(SystemExit):
        regression.main(['--seed', '-1'])
    assert 'seed' in capsys.readouterr().err


def fresh_inputs():
    """Return inputs that no run draws, with the ends."""
    inside = np.random.default_rng(987654321).uniform(-np.pi, np.pi, 20_000)
    return np.concatenate([[-np.pi, np.pi], inside])


# -- the task -------------------------------------------------------------------------------


def test_the_target_is_that_of_the_paper():
    x = np.linspace(-np.pi, np.pi, 10_000)
    labels = regression.target(x)
    assert np.max(np.abs(labels)) == pytest.approx(1.947, abs=1e-3)
    assert np.mean(np.abs(labels) > regression.LIMIT) == pytest.approx(0.357, abs=1e-3)


def test_no_function_within_the_bound_is_below_the_clipped_target():
    x = np.linspace(-np.pi, np.pi, 10_000)
    labels = regression.target(x)
    best = np.clip(labels, -regression.LIMIT, regression.LIMIT)
    assert np.mean((best - labels) ** 2) == pytest.approx(0.0402, abs=1e-4)
    rng = np.random.default_rng(0)
    for _ in range(20):  # clipping is the nearest point, input by input
        other = np.clip(best + rng.normal(size=x.size), -regression.LIMIT, regression.LIMIT)
        assert np.mean((other - labels) ** 2) > np.mean((best - labels) ** 2)


def test_held_out_inputs_are_fresh_and_inside():
    held_out = regression.held_out_inputs(0)
    assert held_out.shape == (10_000,) and np.all(np.abs(held_out) <= np.pi)
    assert not np.any(np.isin(held_out, regression.BOUND.enforced))
    assert not np.array_equal(held_out, regression.held_out_inputs(1))


# -- safety ---------------------------------------------------------------------------------


def test_the_first_policy_is_zero_and_its_loss_that_of_the_labels(result):
    x = fresh_inputs()
    assert np.array_equal(result.policy(result.thetas[0], x), np.zeros(x.size))
    assert result.mse_initial == pytest.approx(1.5, abs=1e-3)


def test_every_iterate_obeys_the_bound_also_where_nobody_looked(result):
    x = fresh_inputs()
    assert len(result.thetas) > 0.9 * EPOCHS
    for theta in result.thetas:
        largest = np.max(np.abs(result.policy(theta, x)))
        assert largest <= result.max_abs_proved <= regression.LIMIT
    assert result.unsafe_iterates == 0
    assert result.max_abs_enforced <= result.max_abs_proved
    assert result.max_abs_held_out <= result.max_abs_proved


def test_the_reported_maxima_are_those_of_the_iterates(result):
    for name, x in (('max_abs_enforced', regression.BOUND.enforced),
                    ('max_abs_held_out', regression.held_out_inputs(0))):
        largest = max(np.max(np.abs(result.policy(theta, x))) for theta in result.thetas)
        assert getattr(result, name) == largest


def test_the_bound_is_reached_and_the_loss_falls(result):
    assert result.max_abs_enforced > 1.39  # else the constraint had nothing to do
    assert result.mse_final < 0.1
    assert result.mse_final == regression.mean_squared_error(result.thetas[-1])


def test_the_same_steps_without_projection_leave_the_bound(result):
    rng = np.random.default_rng([0, 0])
    theta = regression.NETWORK.initial(rng, regression.FREQUENCY, np.pi)
    assert np.array_equal(theta, result.thetas[0])
    largest = []
    for _ in range(EPOCHS):
        step = regression.minibatch_step(theta, rng).step
        theta = theta + step * min(1.0, 0.5 / np.linalg.norm(step))
        largest.append(np.max(np.abs(regression.policy(theta, regression.BOUND.enforced))))
    assert np.mean(np.array(largest) > regression.LIMIT) > 0.5 and max(largest) > 1.8
    assert regression.mean_squared_error(theta) < 0.0402  # below what any safe policy can have


def test_an_unsafe_iterate_would_be_counted(monkeypatch):
    def honest(theta, held_out):
        return 0.0, 0.0, 0.0, 1.0

    for column, value in ((0, 1.5), (1, 1.5), (0, np.nan), (1, np.nan)):
        def broken(theta, held_out):
            row = list(honest(theta, held_out))
            row[column] = value
            return tuple(row)
        monkeypatch.setattr(regression, 'observed', broken)
        assert regression.run(epochs=2).unsafe_iterates == 3
    monkeypatch.setattr(regression, 'observed', honest)
    assert regression.run(epochs=2).unsafe_iterates == 0


def test_held_out_inputs_never_decide(monkeypatch, result):
    monkeypatch.setattr(regression, 'held_out_inputs', lambda seed: np.zeros(1))
    other = regression.run(seed=0, epochs=20)
    assert all(np.array_equal(*pair) for pair in zip(other.thetas, result.thetas))


def test_a_nan_step_ends_the_run_and_a_nan_loss_is_refused(monkeypatch):
    monkeypatch.setattr(MinibatchStep, 'loss', lambda self, theta: np.nan)
    result = regression.run(epochs=3)
    assert result.outcomes == {'LOSS_NOT_LOWERED': 3}
    assert (result.accepted, result.refused, result.unsafe_iterates) == (0, 3, 0)
    assert result.mse_final == result.mse_initial and result.history.shape == (4, 4)
    monkeypatch.setattr(regression, 'target', lambda x: np.full(np.shape(x), np.nan))
    with pytest.raises(ValueError):
        regression.run(epochs=1)


# -- what a run leaves ----------------------------------------------------------------------


def test_epochs_are_accounted_for(result):
    assert result.epochs == EPOCHS == result.accepted + result.refused
    assert sum(result.outcomes.values()) == EPOCHS
    assert result.outcomes['ACCEPTED'] == result.accepted == len(result.thetas) - 1
    assert result.history.shape == (EPOCHS + 1, len(regression.OBSERVED))
    assert result.seconds > 0


def test_no_epoch_is_a_run_too():
    result = regression.run(epochs=0)
    assert result.accepted == result.refused == result.unsafe_iterates == 0
    assert result.mse_final == result.mse_initial and len(result.thetas) == 1


@pytest.mark.parametrize('bad', [{'seed': -1}, {'epochs': -1}])
def test_bad_arguments_are_named(bad):
    with pytest.raises(ConfigurationError, match=next(iter(bad))):
        regression.run(**{'epochs': 1, **bad})


def test_one_seed_gives_one_result_up_to_seconds(result):
    again = regression.run(seed=0, epochs=EPOCHS, clock=iter([10.0, 12.5]).__next__)
    assert again.seconds == 2.5
    assert {**again.summary(), 'seconds': 0} == {**result.summary(), 'seconds': 0}
    assert np.array_equal(again.history, result.history)
    assert all(np.array_equal(*pair) for pair in zip(again.thetas, result.thetas, strict=True))


def test_another_seed_gives_another_result(result):
    assert regression.run(seed=1, epochs=5).mse_final != result.mse_final


def test_the_command_writes_results_and_a_picture(tmp_path, capsys):
    folder = tmp_path / 'new' / 'folder'
    regression.main(['--seed', '3', '--epochs', '4', '--output', str(folder)])
    written = json.loads((folder / 'results.json').read_text())
    assert ISSUE_FIELDS <= written.keys() and list(written) == list(regression.FIELDS)
    expected = regression.run(seed=3, epochs=4).summary()
    assert {**written, 'seconds': 0} == {**expected, 'seconds': 0}
    assert (folder / 'regression.png').read_bytes().startswith(b'\x89PNG')
    assert {path.name for path in folder.iterdir()} == {'results.json', 'regression.png'}
    assert 'max_abs_held_out' in capsys.readouterr().out


def test_results_appear_complete_or_not_at_all(tmp_path):
    path = tmp_path / 'results.json'
    write_json(path, {'b': 1, 'a': 2})
    with pytest.raises(ValueError):
        write_json(path, {'b': np.nan})
    assert list(json.loads(path.read_text())) == ['b', 'a']
    assert list(tmp_path.iterdir()) == [path]
