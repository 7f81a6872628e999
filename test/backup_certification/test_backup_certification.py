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

"""The backup is certified before anything starts; where it fails the line says what would help."""

import json
import math
import os
from pathlib import Path
import signal
import subprocess
import sys

import ahead
import numpy as np
import pytest
import scpo_ros
from scpo_ros.adapter.adaptation import Adaptation
from scpo_ros.arrays import digest
from scpo_ros.backup_certification.cached_result import (
    is_certified, keep, question, source_files)
from scpo_ros.backup_certification.certification import asked_of, certify_backup
from scpo_ros.backup_certification.demands import (
    AdapterDemand, ControllerDemand, demands_of, largest_metric_kinds, LargestMetric,
    LargestMetricKind)
from scpo_ros.backup_certification.largest_metrics import build_task, largest_metrics
from scpo_ros.backup_certification.required import judged_apart, require_certified_backup, text_of
from scpo_ros.backup_certification.rollouts import bisected, down, up
from scpo_ros.backup_certification.trials import Trials
from scpo_ros.config import AdapterConfig, ControllerConfig, Spec
from scpo_ros.config.table_cache import cached
from scpo_ros.config.validation import build
from scpo_ros.exceptions import CertificationError
from scpo_ros.scpo.local_safe_region import planning_target
from scpo_ros.verification.verifier import Verifier


DEMANDS = demands_of(AdapterConfig(), ControllerConfig())
SMALL = {'metrics.design_states': 8, 'metrics.verification_states': 12}


def spec_of(**changes):
    """Return the Spec with few scenarios and changes; keys use __ for the dot."""
    return build(Spec, {**SMALL, **{name.replace('__', '.'): item
                                    for name, item in changes.items()}})


@pytest.fixture(scope='module')
def found():
    """Return the largest metrics of the default specification."""
    return largest_metrics(build_task(Spec()), DEMANDS)


def test_the_default_backup_is_certified_and_every_metric_was_looked_at(found):
    assert {(f.kind, f.place) for f in found} == {
        (kind, place) for kind in largest_metric_kinds(Spec())
        for place in ('design', 'verification', 'controller')}
    assert all(f.holds for f in found)


def test_the_findings_are_what_adapter_and_controller_measure(found):
    learner = Adaptation(Spec(), AdapterConfig())
    certificate = learner.begin().certificate
    values = {(f.kind, f.place): f.value for f in found}
    assert max(v for (_, place), v in values.items() if place == 'design') == pytest.approx(
        certificate.g.max(), abs=1e-12)
    assert max(v for (_, place), v in values.items() if place != 'controller') == pytest.approx(
        certificate.verification_max, abs=1e-12)  # over both sets
    verdict = Verifier(Spec(), 0.02).judge(learner.task.initial_theta)
    assert verdict.safe and verdict.worst == pytest.approx(
        max(v for (_, place), v in values.items() if place == 'controller'), abs=1e-12)


def test_what_never_learned_fails_and_the_metric_is_named():
    spec = spec_of(system__disturbance=0.3, system__position_disturbance=0.008, backup__horizon=4)
    result = certify_backup(spec, DEMANDS, budget=0.0)
    assert not result.certified
    assert {f.kind for f in result.largest_metrics if not f.holds} == {LargestMetricKind.RETURN}
    for part in ('return to the origin', 'less than -0.02', 'system.disturbance = 0.3 m/s^2',
                 'system.position_disturbance = 0.008 m/s'):
        assert part in result.sentence
    assert not any(is_certified(spec, demand) for demand in DEMANDS)
    report = Adaptation(spec, AdapterConfig()).begin()  # this is what it did for ever
    assert report.outcome == 'NO_SAFE_POLICY' and report.certificate is None


def test_what_would_help_was_tried():
    """A short horizon of the backup, so that its tables are made in a second or two."""
    spec = spec_of(system__disturbance=0.3, system__position_disturbance=0.008, backup__horizon=4)
    result = certify_backup(spec, DEMANDS, clock=lambda: 0.0)
    tried = [each for each in result.suggestions if each.helps and each.tried]
    assert {name for suggestion in tried for name in suggestion.changes} >= {
        'metrics.stability_offset', 'system.disturbance', 'system.position_disturbance'}
    for suggestion in tried:
        assert suggestion.sentence in result.sentence
        better = Trials(spec, DEMANDS, None, lambda: 0.0, 1.0).changed(suggestion.changes)
        assert all(f.holds for f in largest_metrics(build_task(better), DEMANDS)), suggestion
    together = next(r for r in tried if len(r.changes) == 2)
    assert 0.02 < together.changes['system.disturbance'] < 0.27
    more = {name: 1.15 * item for name, item in together.changes.items()}
    worse = Trials(spec, DEMANDS, None, lambda: 0.0, 1.0).changed(more)
    assert not all(f.holds for f in largest_metrics(build_task(worse), DEMANDS))


def test_task_cost_without_room_names_tolerance_and_margin():
    result = certify_backup(spec_of(metrics__baseline_cost_tolerance=0.015), DEMANDS)
    assert "the backup's task cost" in result.sentence
    changes = [set(suggestion.changes) for suggestion in result.suggestions if suggestion.helps]
    assert {'metrics.baseline_cost_tolerance'} in changes
    assert {'accept_margin', 'certified_margin'} in changes
    margin = next(r for r in result.suggestions if 'accept_margin' in r.changes).changes
    assert margin['certified_margin'] <= margin['accept_margin'] < 0.015


def test_without_a_safe_set_the_line_says_what_leaves_one():
    spec = spec_of(system__disturbance=1.0, system__dt=0.25, backup__horizon=4)
    result = certify_backup(spec, DEMANDS, clock=lambda: 0.0)
    assert result.largest_metrics == () and not result.certified
    assert 'safe set' in result.sentence and 'system.disturbance = 1 m/s^2' in result.sentence
    trials = Trials(spec, DEMANDS, None, lambda: 0.0, 1.0)
    names = {name for suggestion in result.suggestions for name in suggestion.changes}
    assert 'system.input_limit' in names
    for suggestion in result.suggestions:
        assert trials.has_safe_set(suggestion.changes), suggestion


def test_the_design_set_leaves_the_plan_room():
    """No step is ever possible from -accept_margin exactly: b = 0 must be strictly feasible."""
    margins = AdapterConfig()
    for value in (-0.021, -0.02, -0.019, math.nan, -math.inf):
        largest = LargestMetric(LargestMetricKind.COST, 'design', value, -margins.accept_margin)
        target = planning_target(np.array(value), margins.accept_margin, margins.plan_margin)
        assert largest.holds == bool(value < target and math.isfinite(value))
    assert LargestMetric(LargestMetricKind.COST, 'verification', -0.02, -0.02).holds


def test_the_controllers_margin_counts_on_proved_bounds_only():
    demand = ControllerDemand(0.02)
    assert demand.bound('controller', LargestMetricKind.PROVED_INPUT) == -0.02
    assert demand.bound('controller', LargestMetricKind.STABILITY) == -0.02
    assert demand.bound('controller', LargestMetricKind.RETURN) == demand.bound(
        'controller', LargestMetricKind.INPUT) == 0.0


# The cache ------------------------------------------------------------------------------------

def good(demand):
    """Return metrics that meet a demand."""
    return [LargestMetric(kind, place, -0.5, demand.bound(place, kind))
            for kind in largest_metric_kinds(Spec()) for place in demand.places]


@pytest.mark.parametrize('demand', DEMANDS)
def test_a_positive_result_is_found_again(tmp_path, demand):
    assert not is_certified(Spec(), demand, tmp_path)
    keep(Spec(), demand, good(demand), tmp_path)
    assert is_certified(Spec(), demand, tmp_path)


def tampered(path, change):
    """Change the content of the only cache file."""
    (file,) = path.iterdir()
    kept = json.loads(file.read_text())
    change(kept)
    file.write_text(json.dumps(kept))


def resealed(kept):
    kept['seal'] = digest(kept['question'], json.dumps(kept['largest_metrics']))


def set_value(value):
    def change(kept):
        kept['largest_metrics'][0][2] = value
        resealed(kept)
    return change


def without_one(kept):
    kept['largest_metrics'].pop()
    resealed(kept)


@pytest.mark.parametrize('change', [
    lambda kept: kept.update(seal='0' * 64), lambda kept: kept.update(question='{}'),
    lambda kept: kept['largest_metrics'][0].__setitem__(2, -0.6), set_value(-0.001),
    set_value(math.nan), set_value(-math.inf), set_value('text'), without_one,
    lambda kept: kept.update(largest_metrics=[]), lambda kept: kept.clear()])
def test_a_tampered_result_never_counts(tmp_path, change):
    demand = AdapterDemand(0.02)
    keep(Spec(), demand, good(demand), tmp_path)
    tampered(tmp_path, resealed)
    assert is_certified(Spec(), demand, tmp_path)  # the negative control
    tampered(tmp_path, change)
    assert not is_certified(Spec(), demand, tmp_path)


@pytest.mark.parametrize('content', [b'', b'\x00\xff', b'{', b'[]', b'null'])
def test_a_damaged_file_never_counts(tmp_path, content):
    demand = AdapterDemand(0.02)
    keep(Spec(), demand, good(demand), tmp_path)
    (file,) = tmp_path.iterdir()
    file.write_bytes(content)
    assert not is_certified(Spec(), demand, tmp_path)


def test_another_specification_margin_or_code_is_another_question(tmp_path, monkeypatch):
    demand = AdapterDemand(0.02)
    keep(Spec(), demand, good(demand), tmp_path)
    assert not is_certified(spec_of(), demand, tmp_path)
    assert not is_certified(Spec(), AdapterDemand(0.021), tmp_path)
    assert not is_certified(Spec(), AdapterDemand(0.02, True), tmp_path)
    assert not is_certified(Spec(), ControllerDemand(0.02), tmp_path)
    (file,) = tmp_path.iterdir()
    asked = question(Spec(), AdapterDemand(0.021))
    file.rename(tmp_path / f'backup-{digest(asked)[:32]}.json')  # a file put in another's place
    assert not is_certified(Spec(), AdapterDemand(0.021), tmp_path)
    monkeypatch.setattr('scpo_ros.backup_certification.cached_result._code', lambda: 'another')
    keep(Spec(), demand, good(demand), tmp_path)
    monkeypatch.undo()
    assert not is_certified(Spec(), demand, tmp_path)


# Parts of the package that decide no figure: values (they stand in the question), errors, files.
DECIDE_NOTHING = ('config', 'exceptions', 'interface', 'atomic_file')


def unhashed(loaded, hashed):
    """Return the files of the package that were loaded, may decide a figure and are not hashed."""
    package = Path(scpo_ros.__file__).parent
    decisive = {path for path in map(Path, loaded) if path != package / '__init__.py'
                and path.relative_to(package).parts[0].removesuffix('.py') not in DECIDE_NOTHING}
    return sorted(decisive - set(hashed))


MEASURED = """
import json, sys
from scpo_ros.config import AdapterConfig, ControllerConfig, Spec
from scpo_ros.backup_certification.certification import certify_backup
from scpo_ros.backup_certification.demands import demands_of
demands = demands_of(AdapterConfig(verification='sampled-bound', bound_file='f'),
                     ControllerConfig())
assert certify_backup(Spec(), demands).certified
print(json.dumps([module.__file__ for name, module in sys.modules.items()
                  if name.split('.')[0] == 'scpo_ros']))
"""


def measured():
    """Return the finished process that measures the backup."""
    return ahead.finished([sys.executable, '-c', MEASURED])


def begin_ahead(items):
    if any('loaded' in item.fixturenames for item in items):
        ahead.once(measured)


@pytest.fixture(scope='module')
def loaded():
    """Return the files of the package that a fresh process loads to measure the backup."""
    done = ahead.once(measured).result()
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_all_code_that_a_certification_loads_is_part_of_the_question(loaded):
    assert len(loaded) > 30 and unhashed(loaded, source_files()) == []


def test_code_that_is_not_part_of_the_question_is_found(loaded):
    """Negative control: each file left out, and a module of no known folder."""
    for path in (path for path in source_files() if str(path) in loaded):
        assert unhashed(loaded, set(source_files()) - {path}) == [path]
    stray = Path(scpo_ros.__file__).parent / 'elsewhere' / 'law.py'
    assert unhashed([*loaded, str(stray)], source_files()) == [stray]


# The gate ---------------------------------------------------------------------------------------

def test_without_safety_nothing_is_certified_and_that_is_said():
    said = []
    require_certified_backup(Spec(), demands_of(
        AdapterConfig(safety=False), ControllerConfig(safety=False)), judge=None, say=said.append)
    assert said == ['safety is off: nothing is certified, the backup neither']
    assert demands_of(AdapterConfig(safety=False), ControllerConfig()) == (ControllerDemand(0.02),)


@pytest.mark.parametrize('why_not', ['because', None])
def test_only_the_empty_reason_passes(tmp_path, why_not):
    with pytest.raises(CertificationError):
        require_certified_backup(
            Spec(), DEMANDS, tmp_path, judge=lambda spec, demands: why_not)
    require_certified_backup(Spec(), DEMANDS, tmp_path, judge=lambda spec, demands: '')


def test_the_question_reaches_the_other_process_whole():
    spec = spec_of(backup__state_weight=(2.0, 0.25), system__dt=0.02)
    demands = demands_of(AdapterConfig(verification='sampled-bound', bound_file='f'),
                         ControllerConfig())
    assert asked_of(text_of(spec, demands)) == (spec, demands)


def test_a_process_of_its_own_certifies_or_says_why_not(tmp_path, monkeypatch):
    monkeypatch.setenv('SCPO_TEST', 'x')
    assert judged_apart(Spec(), DEMANDS) == ''
    why_not = judged_apart(spec_of(metrics__baseline_cost_tolerance=0.015), DEMANDS)
    assert 'task cost' in why_not and '\n' not in why_not


@pytest.mark.parametrize('outcome', [
    subprocess.CalledProcessError(1, 'x'), OSError('no process'),
    subprocess.TimeoutExpired('x', 1.0)])
def test_a_process_that_does_not_answer_certifies_nothing(monkeypatch, outcome):
    def failing(*_, **__):
        raise outcome

    monkeypatch.setattr(subprocess, 'run', failing)
    assert 'could not be certified' in judged_apart(Spec(), DEMANDS)


@pytest.mark.parametrize('answer', ['', 'null', '{"certified": 1, "sentence": ""}',
                                    '{"certified": false, "sentence": ""}', '{}'])
def test_an_answer_that_is_not_true_certifies_nothing(monkeypatch, answer):
    monkeypatch.setattr(subprocess, 'run', lambda *_, **__: subprocess.CompletedProcess(
        [], 0, stdout=answer))
    assert 'could not be certified' in judged_apart(Spec(), DEMANDS)


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_who_is_asked_to_stop_does_not_wait_for_the_process(tmp_path, number):
    log, given = tmp_path / 'log', []
    hanging = [sys.executable, '-c', 'import os, sys, time; open(sys.argv[1], "w").write('
               'str(os.getpid())); os.kill(os.getppid(), int(sys.argv[2])); time.sleep(20)',
               str(log), str(int(number))]
    before = signal.signal(number, lambda n, _: given.append(n))
    run = subprocess.run
    try:
        with pytest.MonkeyPatch.context() as patch, pytest.raises(
                CertificationError, match='asked to stop'):
            patch.setattr(subprocess, 'run', lambda line, **kw: run(hanging, **kw))
            judged_apart(Spec(), DEMANDS)
        assert given == [number]  # it reached its handler
        with pytest.raises(ProcessLookupError):
            os.kill(int(log.read_text()), 0)
        os.kill(os.getpid(), number)
        assert given == [number, number]  # and goes on doing so
    finally:
        signal.signal(number, before)


def test_without_a_home_directory_nothing_is_kept_and_nothing_fails(monkeypatch):
    monkeypatch.delenv('XDG_CACHE_HOME', raising=False)
    monkeypatch.setattr(Path, 'home', homeless)
    assert cached('x', 'y', ('a',), lambda: {'a': 1}) == {'a': 1}
    keep(Spec(), DEMANDS[0], good(DEMANDS[0]))
    assert not is_certified(Spec(), DEMANDS[0])


def homeless():
    raise RuntimeError('Could not determine home directory.')


def test_a_certified_backup_costs_the_controller_no_heavy_import(tmp_path):
    certify_backup(Spec(), DEMANDS)
    done = subprocess.run([sys.executable, '-c', """
import sys
from scpo_ros.backup_certification.demands import demands_of
from scpo_ros.backup_certification.required import require_certified_backup
from scpo_ros.config import ControllerConfig, Spec
def never(spec, demands):
    raise SystemExit('the cache was not used')
require_certified_backup(Spec(), demands_of(controller=ControllerConfig()), judge=never)
print(*(n for n in ('cvxpy', 'clarabel', 'scipy', 'casadi', 'matplotlib') if n in sys.modules))
"""], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stdout.split() == [], done.stderr + done.stdout


# Numbers -----------------------------------------------------------------------------------------

def test_numbers_are_rounded_to_the_safe_side():
    assert (down(0.1589), down(0.0042999), down(0.0), up(0.6101), up(0.0211)) == (
        0.15, 0.0042, 0.0, 0.62, 0.022)
    assert (down(0.15), up(0.15)) == (0.15, 0.15)


def test_the_bisection_ends_below_the_truth_and_near_it():
    assert 0.36 < bisected(lambda s: s <= 0.37, lambda: False) <= 0.37
    assert bisected(lambda s: True, lambda: True) == 0.0
