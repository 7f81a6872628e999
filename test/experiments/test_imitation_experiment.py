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

"""Imitation on described systems: what a run returns, refuses and writes."""

from dataclasses import fields
from functools import partial
import json

import numpy as np
import pytest
from scpo_ros.config.system_spec import DescribedMetricsConfig
from scpo_ros.exceptions import (
    CertificationError, ConfigurationError, InvalidArrayError, NoSafeSetError)
from scpo_ros.experiments import imitation, imitation_case, imitation_judgement
from scpo_ros.experiments.imitation_judgement import (
    bernstein_bound, closed_loops, held_out_scenarios)
from scpo_ros.experiments.imitation_result import FIELDS
from scpo_ros.experts.catalogue import ExpertCatalogue
from scpo_ros.systems import load
from scpo_ros.verification.filtered_evaluation import FilteredEvaluation
from system_samples import UNEVEN

HELD_OUT = 12


@pytest.fixture(scope='module', autouse=True)
def small():
    """Verify with few scenarios and judge from few states."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(imitation_judgement, '_ITERATE_STATES', 4)
        patch.setattr(imitation_judgement, '_COST_SCENARIOS', 20)
        patch.setattr(imitation_case, 'DescribedMetricsConfig',
                      partial(DescribedMetricsConfig, design_states=6, verification_states=12))
        yield


def run(expert='benign', updates=0, steps=30, **changed):
    """Return a result; where a test is about something else, it is judged over few steps."""
    given = {'system': UNEVEN, 'seed': 0, 'held_out': HELD_OUT, **changed}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(imitation_judgement, 'STEPS', steps)
        return imitation.run(expert=expert, updates=updates, **given)


@pytest.fixture(scope='module', params=['guarded', 'bounded', 'proved'])
def result(request):
    """Return a short run of each kind."""
    return run(updates=2, steps=imitation_judgement.STEPS, certificate=request.param)


def test_a_run_learns_and_says_what_it_did(result):
    assert result.updates == 2 and result.accepted + result.refused == 2
    assert result.accepted >= 1 and len(result.thetas) == result.accepted + 1
    assert result.loss_final == result.losses[-1] < result.loss_initial == result.losses[0]
    assert len(result.losses) == 3 and result.rollouts > 0 and result.seconds > 0
    assert result.held_out_states == HELD_OUT
    assert result.held_out_violations == result.held_out_unsafe_iterates == 0
    assert result.task_cost_expert < result.task_cost_final <= result.task_cost_backup
    gained = result.task_cost_backup - result.task_cost_final
    assert np.isclose(result.gap_closed, gained / (
        result.task_cost_backup - result.task_cost_expert))
    assert result.filter_action <= result.filter_action_bound <= 1
    assert result.certificate_kind == 'guarded' or result.filter_share == 0
    assert not result.losses.flags.writeable and not result.system.A.flags.writeable
    assert set(FIELDS) <= {entry.name for entry in fields(result)}


def test_the_law_of_a_result_is_the_one_that_runs(result):
    x = (1 - 1e-9) * result.sample(20, np.random.default_rng(0))
    assert np.all(result.contains(x)) and not result.contains(np.full((1, 2), np.nan))[0]
    u, plain = (law(result.thetas[-1], x.tolist()) for law in (
        result.policy, result.residual_policy))
    assert u.shape == (20, 1) and np.all(result.described.within_limits(x, u))
    assert result.certificate_kind == 'guarded' or np.array_equal(u, plain)
    assert np.all(np.isnan(result.policy(result.thetas[-1], [[5.0, 5.0]])))


def test_one_seed_gives_one_result():
    first, second, other = (run(updates=1, seed=seed) for seed in (1, 1, 2))
    known, again = first.summary(), second.summary()
    known.pop('seconds'), again.pop('seconds')
    assert known == again
    assert all(np.array_equal(a, b) for a, b in zip(first.thetas, second.thetas))
    assert not np.array_equal(first.thetas[0], other.thetas[0])


def test_results_are_written(result, tmp_path):
    imitation.write(result, tmp_path / 'new')
    written = json.loads((tmp_path / 'new' / 'results.json').read_text())
    assert list(written) == list(FIELDS) and written == result.summary()
    assert (tmp_path / 'new' / 'imitation.png').stat().st_size > 10_000


# Experts ------------------------------------------------------------------------------------


def raising(x):
    raise RuntimeError('two\nlines')


BAD = {'shape': lambda x: np.zeros(len(x)), 'columns': lambda x: np.zeros((len(x), 2)),
       'rows': lambda x: np.zeros((3, 1)), 'nan': lambda x: np.full((len(x), 1), np.nan),
       'infinite': lambda x: np.full((len(x), 1), np.inf), 'nothing': lambda x: None,
       'text': lambda x: 'left', 'complex': lambda x: x[:, :1] + 1j, 'raises': raising,
       'arguments': lambda: 0}


@pytest.mark.parametrize('name', BAD)
def test_a_malformed_expert_is_one_line(name):
    with pytest.raises(InvalidArrayError, match='^expert inputs must') as caught:
        run(BAD[name])
    assert '\n' not in str(caught.value)


def test_an_expert_that_fails_later_has_no_cost():
    """It is asked again at states that it never saw."""
    seen = []

    def expert(x):
        seen.append(len(x))
        if len(seen) > 1:
            raise ValueError('enough')
        return -x[:, :1]

    result = run(expert)
    assert result.task_cost_expert is None and result.gap_closed is None and len(seen) > 1
    assert json.dumps(result.summary(), allow_nan=False)


def test_an_expert_that_changes_its_states_changes_nothing_else():
    def quiet(x):
        return -x[:, :1]

    def busy(x):
        answer = -x[:, :1]
        x *= 0
        return answer

    plain, changed = run(quiet).summary(), run(busy).summary()
    for summary in (plain, changed):
        summary.pop('expert'), summary.pop('seconds')
    assert plain == changed


def test_inputs_of_an_expert_are_clipped_and_it_has_a_name():
    def strong(x):
        return np.full((len(x), 1), 1e6).tolist()

    def at_the_limit(x):
        return np.full((len(x), 1), 0.6)

    first, second = run(strong), run(at_the_limit)
    assert first.expert == 'strong' and first.loss_initial == second.loss_initial
    assert first.task_cost_expert == second.task_cost_expert


def test_an_expert_who_costs_more_than_the_backup_closes_no_gap():
    assert run('sign_flip').gap_closed is None


# Words and numbers --------------------------------------------------------------------------


@pytest.mark.parametrize('changed, name', [
    ({'certificate': 'sworn'}, 'certificate'), ({'certificate': None}, 'certificate'),
    ({'certificate': 'proved', 'system': 'ball_and_beam'}, 'certificate'),
    ({'expert': 'nobody'}, 'expert'),
    ({'expert': 3}, 'expert'), ({'seed': -1}, 'seed'), ({'seed': 1.5}, 'seed'),
    ({'updates': -1}, 'updates'), ({'updates': True}, 'updates'), ({'held_out': 0}, 'held_out'),
    ({'held_out': -3}, 'held_out'), ({'system': 'nothing'}, 'system')])
def test_what_cannot_be_run_is_one_line_that_names_it(changed, name):
    with pytest.raises(ConfigurationError, match=f'^{name} must') as caught:
        run(**changed)
    assert '\n' not in str(caught.value)


def test_a_system_without_a_safe_set_is_named():
    states = [dict(entry) for entry in UNEVEN['states']]
    states[1]['disturbance'] = 0.3
    with pytest.raises(NoSafeSetError, match='uneven'):
        run(system={**UNEVEN, 'states': states})


@pytest.mark.parametrize('system, certificate, kind', [
    ('double_integrator', 'auto', 'proved'), ('double_integrator', 'proved', 'proved'),
    ('double_integrator', 'guarded', 'guarded'), ('double_integrator', 'bounded', 'bounded'),
    (UNEVEN, 'auto', 'proved'), (UNEVEN, 'proved', 'proved'), (UNEVEN, 'bounded', 'bounded'),
    (UNEVEN, 'guarded', 'guarded'), ('ball_and_beam', 'auto', 'guarded')])
def test_the_kind_is_the_one_asked_for_or_the_best_there_is(system, certificate, kind):
    _, case = imitation._case(load(system), lambda x: np.zeros((len(x), 1)), 0, certificate)
    assert case.kind == kind


@pytest.mark.parametrize('held_out', [1, 2])
def test_few_held_out_states_are_enough(held_out):
    result = run(held_out=held_out)
    assert result.held_out_states == held_out and np.isfinite(result.filter_share)


def test_the_command_refuses_in_one_line(capsys):
    with pytest.raises(SystemExit) as ended:
        imitation.main(['--system', 'ball_and_beam', '--certificate', 'proved'])
    assert ended.value.code == 2
    assert 'certificate must be guarded or bounded' in capsys.readouterr().err.splitlines()[-1]


def test_the_expert_who_is_judged_is_the_one_who_taught(task):
    """The double integrator has a catalogue of its own, under the same names."""
    from scpo_ros.experiments.imitation_case import ProvedCase
    case = ProvedCase.build('benign', 0)
    x = case.sample(50, np.random.default_rng(0))
    taught = ExpertCatalogue(task.system, task.gain).law('benign')(x)
    assert np.array_equal(case.law(x), taught)


# Judging ------------------------------------------------------------------------------------


def test_what_a_law_breaks_and_what_the_filter_does_is_counted(result):
    case, system = result.case, result.described
    scenarios = held_out_scenarios(case, system, HELD_OUT, (1,))
    hostile = closed_loops(case, system, lambda x: np.full((len(x), 1), 9.0), scenarios)
    assert not np.any(hostile.broken) and np.all(hostile.acted > 0.5)
    assert np.all((0 < hostile.action) & (hostile.action <= 1))
    silent = closed_loops(case, system, lambda x: np.full((len(x), 1), np.nan), scenarios)
    assert np.all(silent.broken)
    quiet = closed_loops(case, system, case.task.policy.backup, scenarios)
    assert not np.any(quiet.broken) and np.all(quiet.acted == 0) and quiet.cost < hostile.cost


def test_a_filter_that_acts_although_it_never_should_is_a_violation(result):
    """Only a guarded certificate rests on the filter: it must not hide that another is untrue."""
    case, system = result.case, result.described
    scenarios = held_out_scenarios(case, system, HELD_OUT, (1,))
    hostile = closed_loops(
        case, system, lambda x: np.full((len(x), 1), 9.0), scenarios, certified=True)
    assert np.all(hostile.broken) == (case.kind != 'guarded')
    assert np.any(hostile.broken) == (case.kind != 'guarded')


def test_a_backup_that_is_not_certified_ends_the_run(monkeypatch):
    monkeypatch.setattr(
        FilteredEvaluation, 'verify', lambda self, thetas: np.ones((len(thetas), 28)))
    with pytest.raises(CertificationError, match='the backup of uneven is not certified'):
        run()


def test_without_a_filter_a_hostile_law_is_seen_to_break_limits(result, monkeypatch):
    """Control of the count of violations."""
    case, system = result.case, result.described
    monkeypatch.setattr(type(case), 'applied', lambda self, x, wanted: wanted)
    scenarios = held_out_scenarios(case, system, HELD_OUT, (1,))
    found = closed_loops(case, system, lambda x: np.full((len(x), 1), 9.0), scenarios)
    assert np.all(found.broken)


def test_held_out_scenarios_are_no_scenarios_of_the_learner(result):
    scenarios = held_out_scenarios(result.case, result.described, HELD_OUT, (0, 1))
    known = result.case.learner.evaluation
    for used in (known.design_set, known.verification_set):
        assert not np.any(np.all(scenarios.x0[:, None] == used.x0[None], axis=2))
    assert np.all(np.abs(scenarios.w) <= result.described.disturbance)


@pytest.mark.parametrize('share, size', [(0.02, 1.0), (0.5, 0.1), (0.0, 1.0)])
def test_the_bound_covers_the_expectation_as_often_as_it_says(share, size):
    """Of rare large actions; 400 times 300 values, at a doubt of 5 %."""
    rng = np.random.default_rng(0)
    values = size * (rng.random((400, 300)) < share)
    bounds = np.array([bernstein_bound(one, 0.05) for one in values])
    assert np.mean(bounds < share * size) <= 0.05
    assert np.all(bounds >= values.mean(axis=1)) and np.all(bounds <= 1)
    assert np.mean(bounds) < share * size + 0.1  # and it says something


def test_the_mean_alone_does_not_cover():
    """Control: without its terms the bound fails about half of the time."""
    rng = np.random.default_rng(0)
    means = np.mean(rng.random((400, 300)) < 0.02, axis=1)
    assert np.mean(means < 0.02) > 0.3


def test_the_bound_is_the_published_formula():
    values, doubt = np.array([0.0, 0.1, 0.4]), np.log(2 / 0.5)
    expected = values.mean() + np.sqrt(2 * values.var(ddof=1) * doubt / 3) + 7 * doubt / 6
    assert np.isclose(bernstein_bound(values, 0.5), min(1.0, expected))
    assert bernstein_bound(values[:1]) == bernstein_bound(values[:0]) == 1.0
    many = np.tile(values, 500)
    assert np.isclose(bernstein_bound(many, 1e-3), many.mean() + np.sqrt(
        2 * many.var(ddof=1) * np.log(2000) / 1500) + 7 * np.log(2000) / (3 * 1499))
