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
