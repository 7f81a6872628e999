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

"""The campaign over damaged and foreign bags finds what must not be."""

from assurance import attack_bags
from assurance.tally import Tally
import numpy as np
import pytest


@pytest.mark.parametrize('name, code, error, failure', [
    ('bad', 0, '', 'unnoticed_faults'),
    ('good', 'ValueError: x', '', 'other_crashes'),
    ('good', 3, '', 'other_crashes'),
    ('bad', 2, '', 'refusals_without_reason'),
    ('bad', 2, 'Traceback\n', 'refusals_without_reason'),
    ('bad', 2, '[scpo_ros] error: a\nb\n', 'refusals_without_reason')])
def test_what_must_not_be_is_counted(name, code, error, failure):
    tally = Tally()
    attack_bags.judge(tally, 'kind', name, code, error)
    assert tally.failures[failure] == 1


@pytest.mark.parametrize('name, code, error', [
    ('good', 0, ''), ('good', 1, ''), ('bad', 1, ''), ('bad', 2, '[scpo_ros] error: a\n')])
def test_right_answers_are_none(name, code, error):
    tally = Tally()
    attack_bags.judge(tally, 'kind', name, code, error)
    assert tally.passed


def test_a_traceback_is_an_answer_that_is_counted():
    def raising(_):
        raise KeyError('topic')
    code, _, _ = attack_bags.asked(raising, 'path')
    assert code == "KeyError: 'topic'"


@pytest.mark.parametrize('kind', attack_bags.DAMAGE)
def test_damage_changes_the_file(kind):
    data = bytes(range(1, 201))
    assert attack_bags.damaged(data, kind, 0.5, np.random.default_rng(0)) != data
