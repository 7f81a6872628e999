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

"""The revocation: how many calm periods it takes, what it remembers, and when it forgets."""

import pytest
from scpo_ros.controller.revocation import FORGIVEN, LONGEST, Revocation


RECORD, OTHER = object(), object()


def revoked(times):
    """Return a revocation that has ended as many times as given and was settled each time."""
    revocation = Revocation()
    for _ in range(times):
        revocation.revoke('wrong')
        revocation.end()
        assert revocation.settle()
    return revocation


@pytest.mark.parametrize('times, periods', [
    (0, 1), (1, 1), (2, 2), (3, 4), (5, LONGEST), (9, LONGEST)])
def test_each_further_one_doubles_the_calm_up_to_a_limit(times, periods):
    revocation = revoked(times)
    assert (revocation.count, revocation.periods) == (times, periods)


def test_a_second_one_before_the_end_of_the_first_counts():
    revocation = Revocation()
    revocation.revoke('wrong')
    revocation.revoke('wrong again')
    assert (revocation.reason, revocation.count, revocation.periods) == ('wrong again', 2, 2)


def test_a_long_calm_forgives_and_nothing_else_does():
    revocation = revoked(3)
    revocation.forgive(FORGIVEN - 1)
    assert revocation.periods == 4
    revocation.revoke('wrong')
    revocation.forgive(FORGIVEN)  # it stands
    assert revocation.periods == 8
    revocation.end()
    revocation.forgive(FORGIVEN)  # the monitor counts from before the end
    assert revocation.periods == 8
    revocation.settle()
    revocation.forgive(FORGIVEN)
    assert revocation.periods == 1


def test_what_was_suspended_stays_until_the_end():
    revocation = Revocation()
    revocation.revoke('wrong', RECORD)
    revocation.revoke('wrong again')  # the backup runs: there is nothing new to suspend
    assert revocation.suspended is RECORD
    revocation.revoke('and again', OTHER)
    assert revocation.suspended is OTHER
    revocation.end()
    assert revocation.suspended is None and not revocation.stands


def test_one_of_the_process_before_stands_and_does_not_count():
    revocation = Revocation()
    revocation.resume('wrong before', RECORD)
    assert revocation.stands and revocation.suspended is RECORD
    assert (revocation.count, revocation.periods) == (0, 1)
    revocation.revoke('wrong')
    assert (revocation.count, revocation.periods) == (1, 1)


def test_it_is_settled_once_and_not_where_it_was_revoked_again():
    revocation = Revocation()
    assert not revocation.settle()
    revocation.end()
    assert not revocation.settle()  # nothing ended
    revocation.revoke('wrong')
    revocation.end()
    revocation.revoke('wrong again')
    assert not revocation.settle()


def test_one_without_a_reason_stands():
    revocation = Revocation()
    revocation.revoke('')
    assert revocation.stands
    revocation.explain('friction')
    assert revocation.reason == 'friction' and revocation.count == 1
    revocation.explain('')
    assert revocation.reason == 'friction'  # it is known no better, and has not ended
