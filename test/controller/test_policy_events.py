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

"""The controller's log tells swaps, refusals, revocations and their ends, with their reasons."""

from types import SimpleNamespace

from scpo_ros.controller.events import PolicyEvents
from scpo_ros.health.severity import Severity
from scpo_ros.health.story import Story


def test_each_event_is_told_once_with_its_reason():
    lines, time = [], [0.0]
    gate = SimpleNamespace(running=SimpleNamespace(version=0), revoked='', refusals=0,
                           refused=SimpleNamespace(version=-1, reason=''))
    events = PolicyEvents(gate, Story(lambda *line: lines.append(line), lambda: time[0]))

    def after(**changes):
        time[0] += 20.0
        vars(gate).update(changes)
        lines.clear()
        events.look()
        events.look()
        return lines

    assert after() == [(Severity.OK, 'the backup (version 0) runs')]
    assert after() == []
    assert after(running=SimpleNamespace(version=3)) == [(Severity.OK, 'policy 3 runs')]
    assert after(refusals=1, refused=SimpleNamespace(version=4, reason='why')) == [
        (Severity.WARN, 'policy 4 refused: why')]
    assert after(revoked='model error', running=SimpleNamespace(version=0)) == [
        (Severity.ERROR, 'certificates revoked, the backup runs: model error')]
    assert after(revoked='model error, in more words') == []
    assert after(revoked='', running=SimpleNamespace(version=3))[0] == (
        Severity.OK, 'the revocation has ended: policy 3 runs')
