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

"""What the controller says of itself: every condition while it holds, and no longer."""

from types import SimpleNamespace

from monitor_samples import WIDE
import numpy as np
import pytest
from scpo_ros.config import ControllerConfig
from scpo_ros.controller.diagnosis import ControllerDiagnosis, RECENT_S
from scpo_ros.controller.policy_gate import Refused
from scpo_ros.health.severity import Severity
from scpo_ros.interface.state_watch import Fate
from scpo_ros.policy.safety_filter import Source


def healthy():
    """Return a loop about which there is nothing to say."""
    gate = SimpleNamespace(revoked='', refusals=0, refused=Refused(),
                           running=SimpleNamespace(version=7))
    history = SimpleNamespace(failure='', fault='')
    return SimpleNamespace(
        admission=SimpleNamespace(gate=gate, history=history), task=WIDE, interventions=0,
        short_of_budget=False,
        counts=dict.fromkeys(Source, 0), monitor=SimpleNamespace(
            watched=True, judged_share=1.0, mismatches=0, mismatch='0.1 instead of 0.2'))


class Diagnosed:
    """A diagnosis and its loop, with states that come every 0.1 s."""

    def __init__(self, **config):
        self.loop, self.now = healthy(), 100.0
        self.diagnosis = ControllerDiagnosis(self.loop, ControllerConfig(**config))
        self.pass_by(1.0)

    def pass_by(self, seconds, fate=Fate.FRESH, x=(0.1, 0.1), time=1.0):
        """Let states arrive for some time; judge every second, as the node does."""
        for k in range(round(10 * seconds)):
            self.now += 0.1
            if fate is not None:
                self.diagnosis.saw(SimpleNamespace(x=np.array(x), time=time), fate, self.now)
            if k % 10 == 9:
                self.diagnosis.judge(self.now)
        return self

    @property
    def said(self):
        """Return severity and sentences."""
        return self.diagnosis.judge(self.now)


@pytest.mark.parametrize('fate', [Fate.CONFLICTING, Fate.REPEATED, Fate.STALE, Fate.OUT_OF_ORDER])
def test_a_stamp_of_zero_is_named(fate):
    severity, sentence = Diagnosed().pass_by(2, fate, time=0.0).said
    assert severity is Severity.ERROR and 'header.stamp is 0' in sentence
    assert 'header.stamp' not in Diagnosed().pass_by(2, fate, time=0.1).said[1]
    assert Diagnosed().pass_by(2, Fate.FRESH, time=0.0).said[0] is Severity.OK


def test_nothing_to_say():
    assert Diagnosed().said == (Severity.OK, 'running policy 7')


def test_a_revocation_is_said_with_its_reason_whatever_else_holds():
    case = Diagnosed()
    case.loop.admission.gate.revoked = 'friction'
    case.pass_by(5, fate=None)
    severity, sentence = case.said
    assert severity is Severity.ERROR and 'certificates revoked' in sentence
    assert 'friction' in sentence and 'no state arrives' in sentence


def test_without_safety_that_is_said_first():
    assert Diagnosed(safety=False).said[1].startswith('SAFETY IS OFF')


def test_silence_is_told_from_states_that_cannot_be_used():
    case = Diagnosed()
    assert 'no state arrives' in case.pass_by(2, fate=None).said[1]
    case.diagnosis.saw_malformed(case.now)
    severity, sentence = case.said
    assert severity is Severity.ERROR and 'cannot be read' in sentence
    assert 'no state arrives' not in sentence and case.diagnosis.malformed == 1
    assert case.pass_by(1).said[0] is Severity.OK


@pytest.mark.parametrize('fate, hint', [
    (Fate.STALE, 'state_age_limit_s'), (Fate.AHEAD, 'clock'), (Fate.OUT_OF_ORDER, 'go back'),
    (Fate.CONFLICTING, 'two plants'), (Fate.MALFORMED, 'finite'), (Fate.REPEATED, 'repeat')])
def test_states_that_are_refused_are_said_to_arrive_with_what_to_look_at(fate, hint):
    severity, sentence = Diagnosed().pass_by(2, fate).said
    assert severity is Severity.ERROR and hint in sentence
    assert 'no state arrives' not in sentence


def test_before_the_first_state_silence_is_told_after_its_time_out():
    diagnosis = ControllerDiagnosis(healthy(), ControllerConfig())
    assert diagnosis.judge(50.0)[0] is Severity.OK
    assert 'no state arrives' in diagnosis.judge(51.0)[1]


@pytest.mark.parametrize('x, name', [((101.0, 0.0), 'position'), ((0.0, -51.0), 'velocity'),
                                     ((np.nan, 0.0), 'position')])
def test_a_state_outside_its_limits_is_said_until_it_is_over(x, name):
    case = Diagnosed().pass_by(1, x=x)
    severity, sentence = case.said
    assert severity is Severity.ERROR and f'outside its limits: |{name}|' in sentence
    assert case.pass_by(1).said[0] is Severity.OK


@pytest.mark.parametrize('error, told', [(0.0, True), (0.5, True), (1.5, False)])
def test_what_the_measurement_error_explains_is_not_outside_the_limits(error, told):
    case = Diagnosed()
    case.loop.task = SimpleNamespace(kind='proved', system=SimpleNamespace(
        states=WIDE.system.states, measurement_error=np.array([error, 0.0]),
        use_of_limits=WIDE.system.use_of_limits))
    case.pass_by(1, x=(101.0, 0.0))
    assert (case.said[0] is Severity.ERROR) is told


def test_late_answers_are_said_for_a_while():
    case = Diagnosed()
    severity, sentence = case.diagnosis.judge(case.now, 3)
    assert severity is Severity.WARN and '3 answers came later than 50% of' in sentence
    for _ in range(11):
        case.now += 1.0
        case.diagnosis.saw(SimpleNamespace(x=np.zeros(2), time=1.0), Fate.FRESH, case.now)
        severity, _ = case.diagnosis.judge(case.now, 3)
    assert severity is Severity.OK
    assert case.diagnosis.judge(case.now, 4)[0] is Severity.WARN


EVENTS = {
    'safety filter': lambda case: setattr(case.loop, 'interventions', 3),
    'mismatch': lambda case: setattr(case.loop.monitor, 'mismatches', 2),
    'last resort': lambda case: case.loop.counts.__setitem__(Source.LAST_RESORT, 1),
    'fault': lambda case: case.diagnosis.failed('ValueError: x')}


@pytest.mark.parametrize('event', EVENTS)
def test_an_event_is_said_for_a_while_and_again_when_it_happens_again(event):
    case = Diagnosed()
    EVENTS[event](case)
    assert case.said[0] > Severity.OK
    assert case.pass_by(RECENT_S - 2).said[0] > Severity.OK
    assert case.pass_by(4).said[0] is Severity.OK
    if event == 'safety filter':
        case.loop.interventions = 4
        assert '4 times' in case.said[1]


def test_the_gravest_is_said_and_all_of_one_gravity():
    case = Diagnosed()
    case.loop.interventions = 1
    case.loop.admission.history.fault = 'torn tail'
    severity, sentence = case.said
    assert severity is Severity.WARN and 'safety filter' in sentence and 'torn tail' in sentence
    case.loop.admission.history.failure = 'the disk is full'
    severity, sentence = case.said
    assert severity is Severity.ERROR and 'disk' in sentence and 'safety filter' not in sentence


def test_a_refused_policy_and_too_little_that_is_judged_are_warnings():
    case = Diagnosed()
    case.loop.monitor.watched, case.loop.monitor.judged_share = False, 0.25
    assert '25% of the newest states' in case.said[1]
    case.loop.monitor.watched = True
    gate = case.loop.admission.gate
    gate.refusals, gate.refused = 1, Refused(9, 'verification', 'too fast')
    assert case.said == (Severity.WARN, 'policy 9 refused: too fast')
    case.loop.short_of_budget, case.loop.counts[Source.BUDGET] = True, 12
    assert 'cost_tolerance' in case.said[1] and '12 answers' in case.said[1]
    case.loop.short_of_budget = False
    gate.refused = Refused(3, 'verification', 'long ago')
    assert case.said[0] is Severity.OK
