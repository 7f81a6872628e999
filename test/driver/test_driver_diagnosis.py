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

"""What the driver says of itself, in order of what matters most."""

from driver_samples import answer, NAN, RAIL, see, session_of
import pytest
from scpo_ros.config.node_parameters import build_spec
from scpo_ros.driver.diagnosis import DriverDiagnosis
from scpo_ros.health.severity import Severity
from scpo_ros.interface.wiring import wiring_of

OK, WARN, ERROR = Severity.OK, Severity.WARN, Severity.ERROR


def diagnosed(**parameters):
    """Return (session, its diagnosis)."""
    session = session_of(**parameters)
    return session, DriverDiagnosis(
        session, wiring_of(build_spec(RAIL)).system, '/joint_states', '/arm/commands')


def walk(session, first, count, period=0.1, **fields):
    """Let a session see states that are answered."""
    for k in range(first, first + count):
        state = see(session, k * period, (0.1 + 1e-3 * k, 0.0), **fields)
        if state is not None:
            answer(session, state, 0.25)


def test_a_robot_that_is_heard_and_answered_runs():
    session, diagnosis = diagnosed()
    walk(session, 0, 5)
    assert diagnosis.judge(1) == (OK, 'running')
    assert diagnosis.values['states'] == diagnosis.values['commands'] == 5
    assert diagnosis.values['applied_input'] == 'command as sent'
    assert diagnosis.values['robot_period_s'] == '0.1'


def test_silence_of_the_robot_is_named_with_its_topic():
    session, diagnosis = diagnosed()
    for _ in range(2):
        severity, sentence = diagnosis.judge(1)
        assert severity is ERROR and 'arrives on /joint_states' in sentence
    walk(session, 0, 3)
    assert diagnosis.judge(1)[0] is OK
    assert diagnosis.judge(1)[0] is ERROR  # nothing new


@pytest.mark.parametrize('also_good, severity', [(True, WARN), (False, ERROR)])
def test_refused_states_are_named(also_good, severity):
    session, diagnosis = diagnosed()
    if also_good:
        walk(session, 0, 3)
    see(session, 5.0, (NAN, 0.0))
    found, sentence = diagnosis.judge(1)
    assert found is severity and "the position of the joint 'slider' is nan" in sentence
    assert diagnosis.values['refused_malformed'] == 1


def test_commands_that_nobody_takes_are_an_error():
    session, diagnosis = diagnosed()
    walk(session, 0, 3)
    severity, sentence = diagnosis.judge(0)
    assert severity is ERROR and 'nobody takes the commands on /arm/commands' in sentence


def test_before_the_first_command_it_waits():
    session, diagnosis = diagnosed()
    see(session, 0.0)
    severity, sentence = diagnosis.judge(1)
    assert severity is WARN and 'waiting for the first command' in sentence


@pytest.mark.parametrize('answered, severity', [(2, WARN), (0, ERROR)])
def test_answers_that_are_missing_are_counted(answered, severity):
    session, diagnosis = diagnosed()
    walk(session, 0, 3)
    diagnosis.judge(1)
    walk(session, 3, answered)
    see(session, 0.1 * (3 + answered), (0.2, 0.0))
    session.without_answer()
    found, sentence = diagnosis.judge(1)
    assert found is severity and '1 states had no answer in time' in sentence


def test_a_rate_that_does_not_fit_dt_is_explained():
    session, diagnosis = diagnosed()
    walk(session, 0, 20, period=0.03)
    severity, sentence = diagnosis.judge(1)
    assert severity is WARN and 'every 0.03 s, so a step took 0.09 s' in sentence
    assert 'update_rate' in sentence


@pytest.mark.parametrize('tolerance, severity', [(0.0, WARN), (0.05, OK)])
def test_an_effort_that_is_measured_asks_for_a_tolerance(tolerance, severity):
    session, diagnosis = diagnosed(effort_tolerance=tolerance)
    walk(session, 0, 4, effort=(NAN, 0.26, NAN))
    found, sentence = diagnosis.judge(1)
    assert found is severity and ('effort_tolerance' in sentence) is (severity is WARN)
    assert diagnosis.values['applied_input'] == 'effort of the robot'
