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

"""The controller's own verification of described systems; the certification of their backup."""

from dataclasses import replace

import numpy as np
import pytest
from scpo_ros.backup_certification.cached_result import is_certified, question
from scpo_ros.backup_certification.certification import asked_of, certify_backup
from scpo_ros.backup_certification.demands import (
    AdapterDemand, ControllerDemand, LargestMetricKind)
from scpo_ros.backup_certification.described_system import columns_of_system, largest_of_system
from scpo_ros.backup_certification.required import require_certified_backup, text_of
from scpo_ros.config import Spec
from scpo_ros.config.system_spec import DescriptionConfig
from scpo_ros.controller.assembly import make_verifier
from scpo_ros.exceptions import CertificationError, ConfigurationError
from scpo_ros.systems.loading import file_of
from scpo_ros.verification.filtered_evaluation import FilteredEvaluation
from scpo_ros.verification.filtered_verifier import FilteredVerifier
from scpo_ros.verification.specified import evaluation_of, task_of as specified_task, verifier_of
from scpo_ros.verification.verdict import SEED_OFFSET
from system_samples import spec_of, task_of
import yaml

SMALL = {'design_states': 4, 'verification_states': 6}
DEMANDS = (AdapterDemand(0.02), ControllerDemand(0.02))
SPEC = spec_of('guarded', 'double_integrator_2', **SMALL)


@pytest.fixture(scope='module', params=['guarded', 'bounded', 'proved'])
def task(request):
    return task_of('double_integrator_2', request.param, **SMALL)


def bad(task):
    """Return weights that cost far more than the backup, or need the filter too often."""
    return task.initial_theta + 3 * np.random.default_rng(0).standard_normal(
        task.initial_theta.size)


def test_the_backup_is_safe_and_the_claim_says_what_is_covered(task):
    verdict = FilteredVerifier(task).judge(task.initial_theta)
    assert verdict.safe is True and verdict.claim.kind == task.kind
    assert ('never acts' in verdict.claim.coverage) == (task.kind == 'bounded')
    assert verdict.claim.coverage.startswith('proved: every state') == (task.kind == 'proved')
    assert ('with the safety filter in the loop' in verdict.claim.coverage) == (
        task.kind == 'guarded')
    assert verdict.claim.worst == verdict.worst <= 0 and verdict.claim.size > 0


def test_the_scenarios_are_not_those_of_the_adapter(task):
    own = FilteredVerifier(task)._evaluation
    assert own.verification_set.x0.shape == FilteredEvaluation(
        task).verification_set.x0.shape
    adapters = FilteredEvaluation(task).verification_set
    assert not np.array_equal(own.verification_set.x0, adapters.x0)
    assert np.array_equal(own.verification_set.x0, FilteredEvaluation(
        task, task.spec.metrics.seed + SEED_OFFSET).verification_set.x0)


def test_bad_weights_are_refused_in_words(task):
    verdict = FilteredVerifier(task).judge(bad(task))
    assert verdict.safe is False and verdict.claim is None and verdict.worst > 0
    assert 'verification metric' in verdict.reason and '\n' not in verdict.reason


@pytest.mark.parametrize('value', [np.nan, np.inf])
def test_weights_that_are_no_numbers_are_refused(task, value):
    with np.errstate(all='ignore'):
        verdict = FilteredVerifier(task).judge(np.full(task.initial_theta.size, value))
    assert verdict.safe is False


@pytest.mark.parametrize('worst', [np.nan, np.inf, 1e-12])
def test_one_metric_that_does_not_hold_is_enough(task, worst, monkeypatch):
    verifier = FilteredVerifier(task)
    metrics = verifier._evaluation.verify(task.initial_theta[None])
    metrics[0, -1] = worst
    monkeypatch.setattr(FilteredEvaluation, 'verify', lambda self, thetas: metrics)
    assert verifier.judge(task.initial_theta).safe is False
    metrics[0, -1] = -1e-12
    assert verifier.judge(task.initial_theta).safe is True


def test_a_failed_return_comes_with_the_rollout_that_shows_it(task, monkeypatch):
    verifier, evaluation = FilteredVerifier(task), FilteredVerifier(task)._evaluation
    metrics = evaluation.verify(task.initial_theta[None])
    metrics[0, evaluation.means + 2] = 0.5
    monkeypatch.setattr(FilteredEvaluation, 'verify', lambda self, thetas: metrics)
    found = verifier.judge(task.initial_theta).counterexample
    assert np.array_equal(found.x0, evaluation.verification_set.x0[2])
    assert np.array_equal(found.w, evaluation.verification_set.w[2])
    assert found.states.shape == (task.horizon + 1, task.system.n)


def test_a_tolerance_admits_what_another_machine_measured(task, monkeypatch):
    metrics = FilteredEvaluation(task).verify(task.initial_theta[None])
    metrics[0, 0] = 1e-6
    monkeypatch.setattr(FilteredEvaluation, 'verify', lambda self, thetas: metrics)
    assert FilteredVerifier(task, 1e-5).judge(task.initial_theta).safe is True
    assert FilteredVerifier(task, 1e-7).judge(task.initial_theta).safe is False


def test_a_proved_metric_must_keep_the_margin_that_is_asked_for():
    task = task_of('double_integrator_2', 'proved', **SMALL)
    room = -task.proof.largest(task.initial_theta[None])[0]
    verdict = FilteredVerifier(task, margin=0.9 * room).judge(task.initial_theta)
    assert verdict.safe and verdict.claim.margin == 0.9 * room
    refused = FilteredVerifier(task, margin=1.1 * room).judge(task.initial_theta)
    assert not refused.safe and refused.claim is None
    assert f'is proved with the margin {room:.6g} only' in refused.reason


def test_weights_whose_proof_fails_are_refused_whatever_was_sampled(monkeypatch):
    task = task_of('double_integrator_2', 'proved', **SMALL)
    verifier = FilteredVerifier(task)
    monkeypatch.setattr(FilteredEvaluation, '_metrics', lambda self, thetas, scenarios: np.full(
        (len(thetas), self.means + len(scenarios)), -1.0))
    assert verifier.judge(task.initial_theta).safe
    verdict = verifier.judge(bad(task))
    assert not verdict.safe and 'the input exceeds what the safe set allows' in verdict.reason
    assert verdict.counterexample is None


@pytest.mark.parametrize('name, kind', [
    ('double_integrator_2', 'proved'), ('double_integrator_3', 'proved'),
    ('ball_and_beam', 'guarded')])
def test_auto_is_proved_where_every_part_has_a_proof(name, kind):
    task = task_of(name, 'auto', **SMALL)
    assert task.kind == kind and task.digest == task_of(name, kind, **SMALL).digest
    assert bool(task.residual.why_not) == (kind == 'guarded')


def test_a_proof_that_is_asked_for_and_does_not_exist_is_one_line():
    with pytest.raises(ConfigurationError, match='^certificate must be guarded or bounded for bal'
                       '.*two states and one input') as caught:
        task_of('ball_and_beam', 'proved')
    assert '\n' not in str(caught.value) and 'proved' in str(caught.value)


def test_a_backup_without_room_is_not_proved():
    """From the edge of this set the backup needs nearly the whole input."""
    task = task_of('mayne_2005', 'auto', **SMALL)
    assert task.kind == 'guarded' and 'with a room of 0.05' in task.residual.why_not


def test_the_specification_chooses_task_evaluation_and_verifier():
    described = specified_task(SPEC)
    assert described.kind == 'guarded' and isinstance(evaluation_of(described), FilteredEvaluation)
    assert isinstance(verifier_of(SPEC, 0.02), FilteredVerifier)
    assert specified_task(Spec()).kind == 'proved'


# The backup ---------------------------------------------------------------------------------


def test_the_backup_of_a_shipped_system_is_certified_once(tmp_path):
    asked = []

    def judge(spec, demands):
        asked.append(spec)
        return certify_backup(spec, demands, tmp_path).sentence

    for _ in range(2):
        require_certified_backup(SPEC, DEMANDS, tmp_path, judge)
    assert len(asked) == 1 and all(is_certified(SPEC, demand, tmp_path) for demand in DEMANDS)


def test_every_metric_belongs_to_one_kind(task):
    for count, proved, fresh in ((20, 1, 0), (21, 16, 0), (21, 1, 1 + (task.kind == 'guarded'))):
        columns = columns_of_system(task.kind, count, proved, fresh)
        assert sorted(sum(columns.values(), [])) == list(range(count))
    found = largest_of_system(task, DEMANDS)
    places = {(f.kind, f.place) for f in found}
    kinds = {LargestMetricKind.COST, LargestMetricKind.RETURN} | (
        {LargestMetricKind.ACTION} if task.kind == 'guarded' else
        {LargestMetricKind.PROVED_INPUT} if task.kind == 'proved' else set())
    assert places == {(kind, place) for kind in kinds
                      for place in ('design', 'verification', 'controller')}
    assert all(f.holds for f in found)


def test_a_backup_that_does_not_return_is_not_certified_and_the_command_is_named(tmp_path):
    spec = spec_of('guarded', 'double_integrator_2', return_ratio=0.0, **SMALL)
    strict = replace(spec, metrics=replace(spec.metrics, return_ratio=0.0))
    found = certify_backup(strict, (AdapterDemand(0.9),), tmp_path)
    assert not found.certified and 'the backup is not certified' in found.sentence
    assert 'python -m scpo_ros.systems double_integrator_2' in found.sentence
    assert not is_certified(strict, AdapterDemand(0.9), tmp_path)


def test_a_system_without_a_safe_set_is_one_line(tmp_path):
    data = yaml.safe_load(file_of('double_integrator_2').read_text())
    for entry in data['states']:
        if 'disturbance' in entry:
            entry['disturbance'] = 0.2
    path = tmp_path / 'windy.yaml'
    path.write_text(yaml.safe_dump(data))
    spec = replace(SPEC, system=DescriptionConfig(str(path)))
    found = certify_backup(spec, DEMANDS, tmp_path)
    assert not found.certified and '\n' not in found.sentence
    assert 'is empty' in found.sentence and 'times the disturbance leaves one' in found.sentence
    with pytest.raises(CertificationError, match='is empty'):
        require_certified_backup(spec, DEMANDS, tmp_path, lambda *asked: found.sentence)


def test_the_question_is_about_the_content_of_the_description(tmp_path):
    text = file_of('double_integrator_2').read_text()
    same, other = tmp_path / 'same.yaml', tmp_path / 'other.yaml'
    same.write_text(text)
    other.write_text(text.replace('upper: 0.6', 'upper: 0.61', 1))
    asked = [question(replace(SPEC, system=DescriptionConfig(str(path))), DEMANDS[0])
             for path in (same, other)]
    assert asked[0] == question(SPEC, DEMANDS[0]) != asked[1]


def test_a_question_travels_to_another_process():
    assert asked_of(text_of(SPEC, DEMANDS)) == (SPEC, DEMANDS)


def test_a_verifier_that_is_made_after_the_file_has_changed_verifies_nothing(tmp_path):
    """The controller makes another verifier whenever one has ended, and reads the file again."""
    path = tmp_path / 'own.yaml'
    text = file_of('double_integrator_2').read_text()
    path.write_text(text)
    spec = replace(SPEC, system=DescriptionConfig(str(path)))
    digest = specified_task(spec).digest
    assert make_verifier(spec, 0.02, digest).judge(
        specified_task(spec).initial_theta).safe
    path.write_text(f'{text}\n# a comment\n')
    make_verifier(spec, 0.02, digest)
    path.write_text(text.replace('contraction: 0.95', 'contraction: 0.96'))
    with pytest.raises(ConfigurationError, match='system.description has changed since the star'):
        make_verifier(spec, 0.02, digest)


def test_a_state_with_a_plan_lies_in_the_set_without_a_linear_program(monkeypatch):
    task = task_of('uneven')
    inside, outside = 0.99 * task.safe_set.boundary(5), 1.01 * task.safe_set.boundary(5)
    with monkeypatch.context() as patch:
        patch.setattr('scpo_ros.sets.lifted_set.LinearProgram', None)
        assert np.all(task.contains(inside)) and task.contains(inside[0])
    assert not np.any(task.contains(outside))
