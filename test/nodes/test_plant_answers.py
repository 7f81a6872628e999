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

"""When the plant goes on: at once on the wall clock, with every answer in lock-step."""

import math

import pytest
from scpo_ros.nodes.plant_answers import Due, PendingAnswers


@pytest.fixture
def answers():
    """Return the answers of a plant in lock-step that waits for at most 1 s."""
    return PendingAnswers(lockstep=True, timeout_s=1.0)


def test_on_the_wall_clock_nothing_is_waited_for():
    assert PendingAnswers(lockstep=False, timeout_s=1.0).due(0.0, 0.1) is Due.ADVANCE


def test_in_lockstep_both_answers_are_waited_for(answers):
    answers.hear_command([0.3], 2.0, 2.0)
    assert answers.due(2.0, 0.01) is not Due.ADVANCE
    answers.hear_adapter(1.9)  # an earlier state
    assert answers.due(2.0, 0.01) is not Due.ADVANCE
    answers.hear_adapter(2.0)
    assert answers.due(2.0, 0.01) is Due.ADVANCE
    assert answers.take() == 0.3 and answers.take() is None
    assert answers.due(2.1, 0.01) is not Due.ADVANCE


def test_the_adapter_alone_is_not_enough(answers):
    answers.hear_adapter(2.0)
    assert answers.due(2.0, 0.01) is not Due.ADVANCE


@pytest.mark.parametrize('processed', [math.nan, -math.inf])
def test_a_time_that_is_no_number_is_no_answer(answers, processed):
    answers.hear_command([0.3], 2.0, 2.0)
    answers.hear_adapter(processed)
    assert answers.due(2.0, 0.01) is not Due.ADVANCE


def test_a_state_without_answers_is_repeated_until_the_time_out(answers):
    told = [answers.due(0.0, 1 / 16) for _ in range(16)]
    assert told.count(Due.REPEAT) == 4 and told.count(Due.WAIT) == 11
    assert told[-1] is Due.ADVANCE
    assert answers.timeouts == 1


def test_an_adapter_that_let_the_time_out_pass_is_left_until_it_is_heard(answers):
    while answers.due(0.0, 0.3) is not Due.ADVANCE:
        pass
    answers.take()
    answers.hear_command([0.1], 0.1, 0.1)
    assert answers.alone and answers.due(0.1, 0.01) is Due.ADVANCE
    answers.hear_adapter(0.0)
    assert not answers.alone and answers.due(0.1, 0.01) is not Due.ADVANCE


@pytest.mark.parametrize('effort', [[], [1.0, 2.0], [math.nan], [math.inf]])
def test_a_malformed_command_is_counted_and_takes_no_ones_place(answers, effort):
    answers.hear_command([0.5], 0.0, 0.0)
    answers.hear_command(effort, 0.0, 0.0)
    assert (answers.malformed, answers.command) == (1, 0.5)


def test_with_two_inputs_a_command_has_two_numbers():
    answers = PendingAnswers(lockstep=True, timeout_s=1.0, inputs=2)
    for effort in ([0.5], [0.5, math.nan], [0.1, 0.2, 0.3]):
        answers.hear_command(effort, 0.0, 0.0)
    assert answers.malformed == 3 and answers.command is None
    answers.hear_command([0.1, -0.2], 0.0, 0.0)
    assert answers.take().tolist() == [0.1, -0.2]


def test_the_answer_to_another_state_is_ignored(answers):
    answers.hear_command([0.5], 0.1, 0.2)
    assert (answers.command, answers.malformed) == (None, 0)


def test_commands_without_a_stamp_are_counted():
    answers = PendingAnswers(False, 1.0)
    answers.hear_command([0.1], 0.0, 0.0)  # the state of time 0 may be answered
    answers.hear_command([0.2], 0.3, 0.5)
    assert answers.unstamped == 0
    answers.hear_command([0.2], 0.0, 0.5)
    assert (answers.unstamped, answers.malformed, answers.command) == (1, 0, 0.1)
