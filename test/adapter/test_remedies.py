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

"""What a refusal tells a person to do."""

from dataclasses import replace
import math
from pathlib import Path
import re

import numpy as np
import pytest
from scpo_ros.adapter.adaptation import Adaptation
from scpo_ros.adapter.cause import Cause, cause_of_answer, cause_of_refusal
from scpo_ros.adapter.health import clipped, judgement, values_of
from scpo_ros.adapter.remedies import remedy
from scpo_ros.adapter.session import Session
from scpo_ros.config import AdapterConfig, Spec
from scpo_ros.experts.catalogue import ExpertCatalogue
from scpo_ros.health.severity import Severity
from scpo_ros.health.silence import without_commands, without_states
from scpo_ros.interface.refusal import RefusalKind
from scpo_ros.interface.state_watch import Fate
from scpo_ros.process.requests import Fault, Start
from scpo_ros.scpo import UpdateOutcome
from scpo_ros.systems.scenario import interior_states
from session_samples import (
    acknowledgement, answer, begun, PROPOSE, report, RESET, RESTORE, STEP, SYSTEM)

ROOT = Path(__file__).parents[2]


def told(session, **changes):
    """Return what diagnostics say of a session."""
    return judgement(session, replace(AdapterConfig(), **changes), active=True)


def test_every_cause_has_a_remedy_and_every_outcome_is_a_cause():
    for cause in Cause:
        assert len(remedy(cause).sentence) >= len('nothing to do')
        assert remedy(cause).must_act != remedy(cause).sentence.startswith('nothing to do') or (
            cause is Cause.FEW_DEMONSTRATIONS)
    reported = set(re.findall(r"(?:_idle|AdaptationReport|outcome=)\(?'([A-Z_]+)'",
                              (ROOT / 'scpo_ros/adapter/adaptation.py').read_text()))
    assert reported >= {'MODEL_INVALID', 'FEW_DEMONSTRATIONS', 'UNCHECKED'}
    for name in {*UpdateOutcome.__members__, *reported}:
        Cause(name)
    for kind in set(RefusalKind) - {RefusalKind.NONE}:
        assert cause_of_refusal(kind) is not Cause.CONTROLLER_UNKNOWN
    assert cause_of_refusal('a new kind') is Cause.CONTROLLER_UNKNOWN
    for fault in set(Fault) - {Fault.NONE}:
        assert cause_of_answer(answer(STEP, failure='x', fault=fault)).name.startswith('WORKER')


# what the worker answers: what the remedy must say, and what it must not
ANSWERS = [
    (answer(PROPOSE, failure='InvalidArrayError', fault=Fault.MALFORMED),
     'proposal.step must be', 'update_timeout_s'),
    (answer(STEP, failure='late', fault=Fault.LATE), 'raise update_timeout_s', 'proposal'),
    (answer(PROPOSE, failure='late', fault=Fault.LATE), 'raise update_timeout_s', 'proposal'),
    (answer(STEP, failure='ended', fault=Fault.ENDED), 'started again by itself',
     'update_timeout_s'),
    (answer(STEP, failure='ZeroDivisionError', fault=Fault.RAISED), 'report it',
     'update_timeout_s'),
    (answer(Start(), failure='bound_file', fault=Fault.RAISED), 'mend what the reason names',
     'update_timeout_s')]


@pytest.mark.parametrize('failed, wanted, unwanted', ANSWERS)
def test_the_remedy_fits_what_befell_the_worker(failed, wanted, unwanted):
    session = begun(Session(AdapterConfig(), SYSTEM))
    session.conclude(failed)
    _, sentence = told(session)
    assert wanted in sentence and unwanted not in sentence, sentence


REFUSALS = [
    ('malformed', 'same system, backup, policy and metrics', 'delay'),
    ('lineage', 'goes on from what the controller runs', 'same system'),
    ('verification', 'joins the scenarios', 'same system'),
    ('unverified', 'verification_timeout_s', 'same system'),
    ('ledger', 'disk', 'same system'), ('revoked', 'model_calm_s', 'same system')]


@pytest.mark.parametrize('kind, wanted, unwanted', REFUSALS)
def test_the_remedy_fits_why_the_controller_refused(kind, wanted, unwanted):
    session = begun(Session(AdapterConfig(), SYSTEM))
    session.acknowledge(acknowledgement(0))
    session.conclude(answer(STEP, report(1)))
    session.acknowledge(acknowledgement(0, refused=1, kind=kind, refusals=1))
    _, sentence = told(session)
    assert wanted in sentence and unwanted not in sentence, sentence


def test_a_revocation_says_what_the_plant_does_and_not_that_parameters_differ():
    session = begun(Session(AdapterConfig(), SYSTEM))
    session.acknowledge(acknowledgement(0, revoked='model error 2 > 1'))
    level, sentence = told(session)
    assert level is Severity.ERROR and 'model error 2 > 1' in sentence
    assert 'the plant is not the model' in sentence and 'same' not in sentence
    assert math.isnan(session.results.worst_metric)  # nothing certified runs


def test_without_an_earlier_policy_nobody_is_told_to_roll_back():
    session = begun(Session(AdapterConfig(), SYSTEM))
    session.conclude(answer(STEP, report(0, 'UNSAFE_PARENT', False)))
    assert session.rollback_target() is None
    assert 'rollback' not in told(session)[1] and 'adapter/reset' in told(session)[1]
    session.conclude(answer(STEP, report(1)))
    session.conclude(answer(STEP, report(1, 'UNSAFE_PARENT', False)))
    assert session.rollback_target() is not None and 'adapter/rollback' in told(session)[1]


def test_what_a_service_did_is_not_told_with_the_remedy_of_the_update_before():
    session = begun(Session(AdapterConfig(), SYSTEM))
    session.conclude(answer(STEP, report(0, 'STALLED', False)))
    assert 'leave no room' in told(session)[1]
    session.conclude(answer(RESTORE, report(2, reason='verified anew')))
    assert told(session) == (Severity.OK, 'ACCEPTED: verified anew')


def test_a_worker_that_fails_does_not_hide_that_the_model_does_not_hold():
    session = begun(Session(AdapterConfig(), SYSTEM))
    session.conclude(answer(STEP, report(0, 'MODEL_INVALID', reason='the model: friction')))
    session.conclude(answer(STEP, failure='late', fault=Fault.LATE))
    level, sentence = told(session)
    assert level is Severity.ERROR and 'friction' in sentence and 'adapter/reset' in sentence
    assert 'update_timeout_s' not in sentence


def test_malformed_messages_and_a_full_disk_are_told_beside_and_clear_when_they_are_over():
    session = begun(Session(AdapterConfig(), SYSTEM))
    session.inbox.ignore('position must be finite')
    args = (session, AdapterConfig(), True)
    assert judgement(*args)[0] is Severity.OK  # the negative control: none since
    level, sentence = judgement(*args, ignored=3)
    assert level is Severity.WARN and '3 malformed' in sentence and 'must be finite' in sentence
    level, sentence = judgement(*args, ledger_failure='ENOSPC')
    assert level is Severity.WARN and 'ENOSPC' in sentence and 'ledger_dir' in sentence
    level, sentence = judgement(*args, controllers=0)
    assert level is Severity.WARN and 'controller/active_policy' in sentence


def test_what_must_be_acted_upon_becomes_an_error_when_it_repeats():
    session = begun(Session(AdapterConfig(), SYSTEM))
    for _ in range(5):
        assert told(session)[0] is not Severity.ERROR
        session.conclude(answer(STEP, failure='late', fault=Fault.LATE))
    assert told(session)[0] is Severity.ERROR
    for _ in range(9):
        session.conclude(answer(STEP, report(0, 'STALLED', False)))
    assert told(session)[0] is Severity.WARN


@pytest.mark.parametrize('seen, wanted', [
    ({}, 'is the plant running'), ({'malformed': 0, Fate.FRESH: 0}, 'is the plant running'),
    ({'malformed': 4}, 'cannot be read'), ({Fate.STALE: 2, Fate.AHEAD: 1}, 'state_age_limit_s'),
    ({Fate.AHEAD: 3}, 'future'), ({Fate.OUT_OF_ORDER: 3}, 'go back'),
    ({Fate.CONFLICTING: 3}, 'two plants'), ({Fate.REPEATED: 3}, 'repeat'),
    ({Fate.MALFORMED: 1}, 'cannot be read'), ({'unstamped': 5, Fate.STALE: 1}, 'stamp is 0')])
def test_without_usable_states_it_is_said_why(seen, wanted):
    assert wanted in without_states(seen)
    assert ('is the plant running' in without_states(seen)) == (not any(seen.values()))


def test_a_plant_that_waits_says_for_what():
    assert 'is the controller running' in without_commands(0)
    assert '3 came that cannot be read' in without_commands(3)
    assert 'running' not in without_commands(3)
    assert '4 came with the stamp 0' in without_commands(3, 4)


# The worst metric -------------------------------------------------------------------------


@pytest.mark.parametrize('outcome', ['UNCHECKED', 'MODEL_INVALID', 'EVALUATION_FAILED'])
def test_the_worst_metric_is_unknown_where_nothing_is_certified(outcome):
    session = begun(Session(AdapterConfig(), SYSTEM))
    assert session.results.worst_metric == -0.1
    session.conclude(answer(STEP, replace(report(1, outcome), worst=math.nan)))
    assert math.isnan(session.results.worst_metric)
    assert values_of(session)['worst_metric'] == 'not certified'


def test_a_refused_policy_does_not_hide_how_safe_the_present_one_is():
    session = begun(Session(AdapterConfig(), SYSTEM))
    session.conclude(answer(
        STEP, replace(report(0, 'FEW_DEMONSTRATIONS', False), worst=math.nan)))
    assert session.results.worst_metric == -0.1
    session.conclude(answer(RESET, replace(report(2, 'RESET'), worst=math.nan)))
    assert session.results.worst_metric == -1.0  # that of its certificate


def test_a_step_that_was_taken_whole_or_that_nobody_looked_at_is_not_explained():
    assert clipped(1.0, 'it is dangerous') == clipped(0.1, '') == ''
    assert clipped(float('nan'), 'it is dangerous') == ''
    assert clipped(0.025, 'it is dangerous') == (
        'clipped to 2.5 % of what the expert asks; in full, it is dangerous')


@pytest.fixture(scope='module')
def learner():
    """Return a learner who is looked at whenever asked."""
    times = iter(np.arange(1e6))
    return Adaptation(Spec(), AdapterConfig(), clock=lambda: 10 * next(times))


def taught(learner, law):
    states = interior_states(learner.task.safe_set, 200, 3)
    actions = ExpertCatalogue(learner.task.system, learner.task.gain).law(law)(states)
    learner.demonstrations.add(states, actions)
    return learner.update()


def test_a_malicious_step_says_what_it_would_do(learner):
    learner.begin()
    report = taught(learner, 'sign_flip')
    assert report.clipped < 0.9 and report.tries >= 1
    assert any(word in report.objection for word in ('input', 'cost', 'origin', 'finite'))
    assert report.present.shape[1] == 2  # what the present policy does, for the markers
    unsafe = np.array(learner.updater.theta)
    unsafe[-16:] = 3.0
    assert learner.evaluation.objection(unsafe)
    assert learner.evaluation.objection(learner.task.initial_theta) == ''  # the negative control


def test_what_may_change_does_and_the_rest_stays(learner):
    learner.reconfigure(AdapterConfig(damping=0.5, demonstrations=100, min_demonstrations=90,
                                      accept_margin=0.001))
    assert (learner.config.damping, learner.demonstrations.capacity) == (0.5, 100)
    assert learner.config.accept_margin == learner.updater.settings.accept_margin == 0.02
    learner.reset()
    learner.demonstrations.add(np.zeros((89, 2)), np.zeros((89, 1)))
    assert learner.update().outcome == 'FEW_DEMONSTRATIONS'


def test_a_refused_policy_is_shown_from_the_state_of_the_present_one(learner):
    unsafe = np.array(learner.task.initial_theta)
    unsafe[-16:] = 3.0
    report = learner.restore(unsafe)
    assert not report.changed and report.candidate.shape == unsafe.shape
    assert np.array_equal(report.trajectory[0], report.present[0])
    assert len(report.present) == learner.task.horizon + 1
