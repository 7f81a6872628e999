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

"""A log says what happened once, and what happens often now and then."""

from scpo_ros.health.severity import Severity
from scpo_ros.health.story import Story


def story():
    """Return a story, its lines and its clock."""
    lines, time = [], [0.0]
    return Story(lambda *line: lines.append(line), lambda: time[0]), lines, time


def test_single_events_are_said_at_once():
    told, lines, _ = story()
    for _ in range(3):
        told.tell(Severity.ERROR, 'revoked')
    assert lines == [(Severity.ERROR, 'revoked')] * 3


def test_what_happens_often_is_said_every_ten_seconds_with_the_number_left_out():
    told, lines, time = story()
    for tick in range(101):
        time[0] = 0.1 * tick
        told.tell(Severity.OK, f'policy {tick} runs', 'swap')
        told.tell(Severity.WARN, f'policy {tick} refused', 'refusal')
    assert [text for severity, text in lines if severity is Severity.OK] == [
        'policy 0 runs', 'policy 100 runs (99 more since the last such line)']
    assert len(lines) == 4  # kinds are apart


def test_a_change_is_told_from_a_repetition():
    told, _, _ = story()
    assert [told.changed('expert', name) for name in ('a', 'a', 'b', 'a')] == [
        True, False, True, True]
    assert told.changed('other', 'a')
