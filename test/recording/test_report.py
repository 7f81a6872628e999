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

"""The report of a bag: numbers, tables, and a page that needs nothing else."""

from base64 import b64decode
import csv
from dataclasses import replace
from html.parser import HTMLParser
import json
import re

import pytest
from recorded_run import genuine, in_memory, late, LATE_COMMAND, parameters, REFUSED, STEPS, write
from scpo_ros.config import Spec
from scpo_ros.recording.bag import BagError, PARAMETERS, read_bag
from scpo_ros.recording.picture import draw, plt
from scpo_ros.recording.recorded_parameters import recorded_parameters
from scpo_ros.recording.report_page import page
from scpo_ros.recording.robots import Robot
from scpo_ros.recording.run_record import RunRecord
from scpo_ros.recording.run_summary import numbers_of
from scpo_ros.report import main, record_of
from tampering import altered, indices


@pytest.fixture(scope='module')
def bag(tmp_path_factory):
    """Return the path of the bag of a genuine run."""
    return write(tmp_path_factory.mktemp('report') / 'bag', genuine())


@pytest.fixture(scope='module')
def folder(bag):
    """Return the folder of its report."""
    assert main([str(bag)]) == 0
    return bag / 'report'


def table(path):
    with open(path, newline='', encoding='utf-8') as stream:
        return list(csv.DictReader(stream))


class Elements(HTMLParser):
    """Collects the elements of a page and what they refer to."""

    def __init__(self):
        super().__init__()
        self.tags, self.references = [], []

    def handle_starttag(self, tag, attributes):
        """Note a tag and its references."""
        self.tags.append(tag)
        self.references += [text for name, text in attributes if name in ('src', 'href')]


def test_the_summary_counts_what_happened(folder):
    summary = json.loads((folder / 'summary.json').read_text())
    assert summary['samples'] == STEPS and summary['seed'] == 4
    assert (summary['policy_version_adapter'], summary['policy_version_controller']) == (13, 13)
    assert summary['policies_refused_by_controller'] == summary['deadline_misses'] == 1
    assert summary['limit_violations'] == summary['guard_interventions'] == 0
    assert summary['imitation_loss_final'] < summary['imitation_loss_initial']
    assert summary['expert'] == 'overspeed'


def test_the_page_is_one_file_with_the_picture_in_it(folder):
    page = (folder / 'report.html').read_text()
    elements = Elements()
    elements.feed(page)
    assert not {'script', 'link', 'iframe', 'object'} & set(elements.tags)
    (source,) = elements.references
    kind, _, data = source.partition(',')
    assert kind == 'data:image/png;base64'
    assert b64decode(data) == (folder / 'run.png').read_bytes()
    assert not re.search(r'https?://|url\(|@import', page)
    assert 'judge: no answer within the time limit' in page
    assert page.count('<tr class="bad">') == 1


def test_the_tables_hold_every_state_and_every_policy(folder):
    rows = table(folder / 'states.csv')
    assert len(rows) == STEPS and {row['law'] for row in rows} == {'policy'}
    for before, after in zip(rows, rows[1:]):
        if before['episode'] == after['episode'] and before is not rows[LATE_COMMAND]:
            assert after['input_applied_m_s2'] == before['input_commanded_m_s2']
    policies = table(folder / 'policies.csv')
    assert [int(row['version']) for row in policies] == list(range(14))
    assert [row['version'] for row in policies if row['fate'].startswith('refused')] == [
        str(REFUSED)]
    ran = [row for row in policies if row['fate'] == 'ran']
    assert {row['policy_version'] for row in rows} == {row['version'] for row in ran}
    for row in ran:
        times = [float(r['time_s']) for r in rows if r['policy_version'] == row['version']]
        assert (float(row['ran_from_s']), float(row['ran_until_s'])) == pytest.approx(
            (times[0], times[-1]), abs=1e-6)
    numbers = table(folder / 'numbers.csv')
    assert [float(row['value']) for row in numbers if row['topic'].endswith('misses')] == [
        0, 0, 0, 1, 1, 1, 1]
    assert len(table(folder / 'updates.csv')) == 13


def test_what_the_recorder_missed_is_missing_and_nothing_else(tmp_path):
    bag = read_bag(write(tmp_path / 'bag', late(genuine(), 1004.05)))
    record, notes = record_of(bag, Robot('/scpo/'), Spec())
    assert notes == []
    assert len(record.states) == STEPS - 41
    assert [published.policy.version for published in record.published] == list(range(7, 14))


def test_text_of_the_bag_cannot_become_part_of_the_page():
    def insult(message):
        message.header.frame_id = '<script>alert(1)</script>'

    entries = genuine()
    for index in indices(entries, '/scpo/demonstrations'):
        entries = altered(entries, index, insult)
    bag = in_memory(entries)
    record, _ = record_of(bag, Robot('/scpo/'), Spec())
    summary = {'expert': ', '.join(record.experts), 'seed': 0}
    text = page(bag, Robot('/scpo/'), record, summary, b'picture',
                {'Parameters': '<b>parameters</b>'}, frames=b'frames')
    assert text.count('<img ') == 2  # the picture of the run, and the frames of its motion
    assert '<script>' not in text and '&lt;script&gt;' in text
    assert '<b>' not in text and '&lt;b&gt;' in text


def test_two_robots_get_two_reports(tmp_path):
    entries = [replace(entry, topic=topic) for entry in genuine() for topic in (
        entry.topic, entry.topic.replace('/scpo/', '/b/'))]
    text = parameters() + parameters().replace('/scpo/', '/b/').replace('/**', '/b/*')
    path = write(tmp_path / 'bag', entries, {PARAMETERS: text})
    assert main([str(path), '--output', str(tmp_path / 'out')]) == 0
    assert {p.name for p in (tmp_path / 'out').iterdir()} == {'scpo', 'b'}


def test_parameters_are_given_or_kept_or_beside_the_bag(tmp_path, capsys):
    path = write(tmp_path / 'bag', genuine(), {})
    assert main([str(path)]) == 2
    assert '--params' in capsys.readouterr().err
    (tmp_path / 'run.parameters.yaml').write_text(parameters())
    (tmp_path / 'other.yaml').write_text('/a/plant: {ros__parameters: {seed: 1}}')
    bag, kept = read_bag(path), read_bag(write(tmp_path / 'other' / 'bag', genuine()))
    found = [recorded_parameters(bag, '/scpo/'), recorded_parameters(kept, '/scpo/'),
             recorded_parameters(bag, '/scpo/', tmp_path / 'run.parameters.yaml')]
    assert {p.spec.metrics.design_states for p in found} == {16}
    assert {p.nodes['controller'].swap_dwell_s for p in found} == {1.0}
    with pytest.raises(BagError, match='nothing for /b/'):
        recorded_parameters(kept, '/b/', tmp_path / 'other.yaml')
    (tmp_path / 'bad.yaml').write_text('/**: {ros__parameters: {system: {dt: -1.0}}}')
    assert main([str(path), '--params', str(tmp_path / 'bad.yaml')]) == 2
    assert 'system.dt' in capsys.readouterr().err


def test_what_is_no_bag_is_one_line(tmp_path, capsys):
    assert main([str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert error.count('\n') == 1 and 'is no bag' in error
    assert main([str(write(tmp_path / 'bag', []))]) == 2
    assert 'nothing to look at' in capsys.readouterr().err


def test_a_run_without_anything_has_a_picture_too():
    record = RunRecord(Spec())
    task = record.task()
    plt.close(draw(record, task, {**numbers_of(record, task), 'expert': None, 'seed': 0}))
