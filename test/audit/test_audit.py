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

"""The audit: nothing is found in genuine bags, and every kind of tampering is."""

from dataclasses import replace
import re

from foreign_bags import ARM, killed, renamed
import numpy as np
import pytest
from quick_audit import quick_audits
from recorded_run import genuine, in_memory, late, parameters, REFUSED, stamp, STEPS, write
from scpo_ros.audit import audit
from scpo_ros.audit.__main__ import main
from scpo_ros.recording.bag import PARAMETERS, read_bag
from scpo_ros.recording.recorded_parameters import recorded_parameters
from scpo_ros.recording.robots import Robot
from scpo_ros.verification.verdict import Verdict
from scpo_ros.verification.verifier import Verifier
from tampering import (
    ACTIVE, altered, COMMANDS, dropped, field, header, indices, POLICY, policy, STATES, TAMPERINGS,
    value)


@pytest.fixture(autouse=True)
def once():
    """Compute what many bags have in common once: the task, and what is true of some weights."""
    with quick_audits():
        yield


def audited(entries, text=None):
    """Return the report on a bag of the given entries."""
    bag = in_memory(entries, None if text is None else {PARAMETERS: text})
    return audit(bag, Robot('/scpo/'), recorded_parameters(bag, '/scpo/'))


def test_nothing_is_found_in_a_genuine_bag(tmp_path):
    bag = read_bag(write(tmp_path / 'bag', genuine()))
    report = audit(bag, Robot('/scpo/'), recorded_parameters(bag, '/scpo/'))
    assert report == audited(genuine())
    assert report.findings == ()
    assert report.checked == {
        'policies': 14, 'policies verified again': 13, 'swaps': 7, 'states': STEPS,
        'transitions': STEPS - 3, 'commands computed again': STEPS}
    assert report.notes == (
        'commands too late, so that the plant held the last or braked: 1',)


@pytest.mark.parametrize('seconds', [0.05, 0.15, 1.05, 2.55, 3.02, 4.05, 6.95])
def test_nothing_is_found_when_the_recorder_came_late(seconds):
    report = audited(late(genuine(), 1000 + seconds))
    assert report.findings == ()
    if seconds > 1:
        assert 'taken on trust' in report.notes[0]
        assert report.checked['commands computed again'] > 0.9 * (STEPS - 10 * seconds) - 1


@pytest.mark.parametrize('seconds', [0.95, 2.55, 3.0002, 5.05])
def test_nothing_is_found_when_the_recorder_went_early(seconds):
    entries = [entry for entry in genuine() if entry.time < 1000 + seconds]
    assert audited(entries).findings == ()


def test_nothing_is_found_when_adapter_and_controller_were_started_again():
    report = audited(genuine(restarts=True))
    assert report.findings == ()
    assert 'returns to the backup: 1' in report.notes
    assert report.checked['policies verified again'] >= 10


@pytest.mark.parametrize('name, item', [
    ('metrics.certificate', 'sampled'), ('metrics.stability', 'proved')])
def test_certificates_of_every_kind_are_computed_again(name, item):
    more = ((name, item),)
    entries = genuine(more=more)

    assert audited(entries, parameters(more)).findings == ()
    at = len(value(entries[indices(entries, POLICY, policy__version=2)[0]], 'certificate.g'))
    places = (at - 1, 1) if item == 'proved' else (at // 2,)
    for place in places:
        tampered = policy('certificate.g', lambda g, place=place: np.r_[
            g[:place], g[place] - 1e-3, g[place + 1:]], 2)(entries)
        found = audited(tampered, parameters(more)).findings
        assert any('1 of the metrics' in finding.sentence for finding in found), found


def test_of_a_revocation_only_what_caused_it_is_found():
    report = audited(genuine(kicked=47))
    (finding,) = report.findings
    assert 'the model does not hold' in finding.sentence and '0.0189' in finding.sentence
    assert finding.time == pytest.approx(4.7, abs=0.01)
    assert 'returns to the backup: 1' in report.notes
    assert report.checked['commands computed again'] == STEPS


def again(entries, at):
    """Have an adapter that keeps a ledger publish its newest policy once more."""
    newest = max((e for e in entries if e.topic == POLICY and e.time < at), key=lambda e: e.time)
    repeated = altered((newest,), 0, lambda message: setattr(message, 'stamp', stamp(at)))[0]
    return tuple(sorted((*entries, replace(repeated, time=at)), key=lambda e: e.time))


def test_an_adapter_with_a_ledger_may_publish_its_newest_policy_again():
    assert audited(again(genuine(), 1004.02)).findings == ()


def with_ledger(entries):
    """Return the findings in a bag whose parameters name a ledger."""
    return audited(entries, parameters().replace(
        'min_dem', 'ledger_dir: somewhere\n    min_dem')).findings


def test_a_ledger_may_bring_policies_from_before_and_excuses_no_gap():
    entries = again(genuine(), 1004.02)
    later = [e for e in entries if e.time > 1004.01 or e.topic in (STATES, COMMANDS, ACTIVE)]
    assert with_ledger(later) == ()
    found = with_ledger(dropped(POLICY)(genuine()))
    assert any('published version 0, which was not recorded' in f.sentence for f in found)
    found = with_ledger(dropped(POLICY, policy__version=6)(genuine()))
    assert any('version 6 before it is missing' in f.sentence for f in found)


def test_a_recorder_that_heard_the_adapter_late_is_excused():
    entries = [e for e in genuine() if e.time > 1002.6 or not e.topic.startswith(
        ('/scpo/policy', '/scpo/adapter'))]
    entries += [replace(e, time=1002.7) for e in genuine()
                if e.topic == POLICY and 1002.4 < e.time < 1002.6]
    report = audited(entries)
    assert report.findings == () and 'taken on trust' in report.notes[0]


@pytest.mark.parametrize('late_commands', [(30,), (29, 30, 31), tuple(range(24, 42))])
def test_commands_may_be_late_where_an_episode_ends_too(late_commands):
    report = audited(genuine(late_commands=late_commands))
    assert report.findings == ()
    assert f'{len(set(late_commands) - {29})}' in report.notes[0]


SHORT = tuple(range(44, 54))  # steps at which the cost budget is used up


def sources(entries):
    """Return the frames of the commands."""
    return [entry.message.header.frame_id for entry in entries if entry.topic == COMMANDS]


def test_answers_of_the_backup_for_the_cost_budget_are_computed_again():
    entries = genuine(short=SHORT)
    assert all(sources(entries)[k].startswith('budget/') for k in SHORT)
    assert 'budget/0' not in sources(entries)
    report = audited(entries)
    assert report.findings == () and report.checked['commands computed again'] == STEPS
    wrong = field(COMMANDS, 'effort', lambda u: u + 1e-6, SHORT[3])(entries)
    assert any('but at this state it is' in f.sentence for f in audited(wrong).findings)


@pytest.mark.parametrize('k, change', [
    (SHORT[3], lambda frame: frame.replace('budget', 'policy')),
    (20, lambda frame: frame.replace('policy', 'budget')), (SHORT[3], lambda _: 'budget/0')])
def test_an_answer_of_one_law_under_the_name_of_another_is_found(k, change):
    entries = genuine(short=SHORT)
    found = audited(header(COMMANDS, change, k)(entries)).findings
    assert any(finding.topic == COMMANDS for finding in found)


def test_the_genuine_run_has_an_update_that_the_controller_refused(tmp_path):
    bag = read_bag(write(tmp_path / 'bag', genuine()))
    frames = {m.message.header.frame_id for m in bag.messages if m.topic == COMMANDS}
    assert f'policy/{REFUSED}' not in frames and len(frames) == 8


def test_messages_of_two_topics_may_change_places():
    order = {POLICY: 0.02, ACTIVE: -0.02, COMMANDS: -0.01}
    entries = [replace(entry, time=entry.time + order.get(entry.topic, 0.0))
               for entry in genuine()]
    assert audited(entries).findings == ()


@pytest.mark.parametrize('tampering', TAMPERINGS, ids=[t.name for t in TAMPERINGS])
def test_every_tampering_is_found(tampering):
    found = audited(tampering.apply(genuine())).findings
    assert any(finding.topic == tampering.topic and tampering.part in finding.sentence
               for finding in found), '\n'.join(map(str, found)) or 'nothing was found'


@pytest.mark.parametrize('seconds', [2.55, 4.05])
def test_a_late_recorder_is_no_excuse_for_a_gap(seconds):
    entries = dropped(POLICY, policy__version=9)(late(genuine(), 1000 + seconds))
    assert any('version 9' in f.sentence for f in audited(entries).findings)


def test_a_bag_of_other_parameters_is_found():
    text = parameters().replace('metrics.design_states: 16', 'metrics.design_states: 17')
    found = audited(genuine(), text).findings
    assert sum('another specification' in f.sentence for f in found) >= 14


def test_what_cannot_be_verified_is_not_verified(monkeypatch):
    def fails(self, theta):
        raise ArithmeticError('no proof')

    monkeypatch.setattr(Verifier, 'judge', fails)
    found = audited(genuine()).findings
    assert len(found) == 13 and all('no proof' in f.sentence for f in found)
    monkeypatch.setattr(Verifier, 'judge', lambda self, theta: Verdict(1, '', 0.0))
    assert len(audited(genuine()).findings) == 13


def test_the_command_line_says_what_was_found_and_when(tmp_path, capsys):
    assert main([str(write(tmp_path / 'good', genuine()))]) == 0
    assert 'nothing found' in capsys.readouterr().out
    (tampering,) = [t for t in TAMPERINGS if t.name == 'position']
    assert main([str(write(tmp_path / 'bad', tampering.apply(genuine())))]) == 1
    output = capsys.readouterr().out
    assert re.search(r't = +2\.0\d\d s  /scpo/joint_states: the model does not hold', output)
    assert re.search(r'\d found that does not hold', output)


def test_the_parameters_can_be_given(tmp_path, capsys):
    path = write(tmp_path / 'bag', genuine(), {})
    assert main([str(path)]) == 2
    assert '--params' in capsys.readouterr().err
    (tmp_path / 'p.yaml').write_text(parameters())
    assert main([str(path), '--params', str(tmp_path / 'p.yaml')]) == 0


def test_what_cannot_be_read_is_neither_good_nor_bad(tmp_path, capsys):
    assert main([str(tmp_path / 'nowhere')]) == 2
    path = killed(write(tmp_path / 'bag', genuine()))
    assert main([str(path)]) == 2
    assert 'is torn' in capsys.readouterr().err
    assert main([str(write(tmp_path / 'empty', ()))]) == 2


def test_what_others_publish_in_the_namespace_is_theirs():
    entries = [replace(entry, topic='/scpo/battery') if 'metrics/loss' in entry.topic else entry
               for entry in genuine()]
    entries = [altered((entry,), 0, lambda m: setattr(m, 'data', np.nan))[0]
               if entry.topic == '/scpo/battery' else entry for entry in entries]
    assert audited(entries).findings == ()


def test_a_robot_with_topics_of_its_own_is_audited_and_findings_name_them(tmp_path, capsys):
    path = write(tmp_path / 'good', renamed(genuine(), ARM))
    options = ['--remap', 'joint_states:=/arm/states', '--remap', 'joint_command:=/arm/command']
    assert main([str(path), *options]) == 0
    assert '75 states, 72 transitions, 75 commands' in capsys.readouterr().out
    assert main([str(path)]) == 1  # without them nothing was looked at, and that does not pass
    assert '--remap say which is what' in capsys.readouterr().out
    (tampering,) = [t for t in TAMPERINGS if t.name == 'position']
    bad = write(tmp_path / 'bad', renamed(tampering.apply(genuine()), ARM))
    assert main([str(bad), *options]) == 1
    assert '/arm/states: the model does not hold' in capsys.readouterr().out


def unknown(place):
    """Return the tampering after which the robot does not say which input it applied."""
    return field(STATES, 'effort', lambda effort: effort * np.nan, place)


def test_an_unknown_input_is_a_step_of_which_nothing_can_be_said():
    (finding,) = [f for f in audited(unknown(20)(genuine())).findings if f.topic == STATES]
    assert 'does not say which input it applied' in finding.sentence
    first = next(k for k in range(1, STEPS) if genuine()[
        indices(genuine(), STATES)[k]].message.header.frame_id == 'episode/1')
    assert audited(unknown(first)(genuine())).findings == ()  # nothing rests on it
