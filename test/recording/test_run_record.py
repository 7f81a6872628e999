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

"""What a run record says of what nobody measured: that, and never a number that looks good."""

import json
import math
from types import SimpleNamespace

from foreign_bags import panda
import pytest
from recorded_run import Entry, genuine, in_memory, joint_state, make, parameters, write
from scpo_ros.config import Spec
from scpo_ros.health.known import identity, known
from scpo_ros.health.timing import Punctuality
from scpo_ros.interface.messages import read_state
from scpo_ros.recording.bag import PARAMETERS
from scpo_ros.recording.bag_tables import state_rows
from scpo_ros.recording.picture import draw, plt
from scpo_ros.recording.recorded_parameters import recorded_parameters
from scpo_ros.recording.robots import Robot
from scpo_ros.recording.run_record import RunRecord
from scpo_ros.recording.run_summary import numbers_of
from scpo_ros.recording.written_files import NotWrittenError, WrittenFiles
from scpo_ros.report import main, record_of, report


def number(value):
    return SimpleNamespace(data=value)


def reported(tmp_path, hidden):
    """Return summary and page of the genuine run without some topics."""
    bag = in_memory([e for e in genuine() if not e.topic.startswith(
        tuple(f'/scpo/{topic}' for topic in hidden))], {PARAMETERS: parameters()})
    report(bag, tmp_path, Robot('/scpo/'), recorded_parameters(bag, '/scpo/'))
    return (json.loads((tmp_path / 'summary.json').read_text()),
            (tmp_path / 'report.html').read_text())


def test_before_anything_was_heard_nothing_is_shown_as_zero_or_safe():
    record = RunRecord(Spec())
    line = record.line()
    assert '0' not in line and line.count('not measured') == 5
    assert 'worst metric not certified' in line and 'nothing known to run' in line
    record.take('plant/metrics/deadline_misses', number(0.0))
    record.take('adapter/metrics/accepted_total', number(0.0))
    assert 'accepted    0' in record.line()  # the negative control: a measured zero is one


def test_a_run_without_safety_has_no_worst_metric_whatever_was_said_before():
    record = RunRecord(Spec())
    record.take('adapter/metrics/worst_metric', number(-0.03))
    assert 'worst metric -0.030' in record.line()
    record.take('adapter/metrics/worst_metric', number(math.nan))
    record.take('adapter/metrics/accepted_total', number(1.0))
    assert 'worst metric not certified' in record.line()
    task = record.task()
    summary = numbers_of(record, task)
    assert summary['worst_metric'] is None and summary['updates_accepted'] == 1
    figure = draw(record, task, {**summary, 'expert': 'sign_flip', 'seed': 0})
    labels = [axis.get_ylabel() for axis in figure.axes]
    plt.close(figure)
    assert any('not certified' in label for label in labels)


def test_on_a_robot_of_ones_own_no_misses_are_shown_that_nobody_measured(tmp_path):
    summary, page = reported(tmp_path, ['plant/'])
    assert summary['deadline_misses'] is None and summary['seed'] is None
    assert '<tr><td>deadline_misses</td><td>not measured</td></tr>' in page
    assert summary['limit_violations'] == 0  # the states were seen
    assert 'no simulated plant' in page


def test_without_the_controllers_topics_nothing_is_said_of_guard_periods_and_what_ran(tmp_path):
    summary, page = reported(tmp_path, ['controller/', 'joint_command'])
    for name in ('guard_interventions', 'control_period_p99_ms', 'control_periods',
                 'policies_refused_by_controller', 'policy_version_controller',
                 'imitation_loss_final', 'task_cost_final'):
        assert summary[name] is None, name
    assert page.count('not measured') >= 7
    assert summary['deadline_misses'] == 1


def test_without_the_adapters_topics_nothing_is_said_of_updates(tmp_path):
    summary, _ = reported(tmp_path, ['adapter/', 'policy'])
    for name in ('updates_accepted', 'updates_refused', 'worst_metric', 'policy_version_adapter',
                 'duration_s'):
        assert summary[name] is None, name


def test_a_bag_without_diagnostics_is_not_called_ok(tmp_path):
    bag = in_memory([e for e in genuine() if e.topic != '/diagnostics'],
                    {PARAMETERS: parameters()})
    report(bag, tmp_path, Robot('/scpo/'), recorded_parameters(bag, '/scpo/'))
    assert 'Nothing but ok' not in (tmp_path / 'report.html').read_text()


def test_without_a_state_there_is_no_count_of_violations():
    record = RunRecord(Spec())
    assert numbers_of(record, record.task())['limit_violations'] is None
    seen, _ = record_of(in_memory(genuine()), Robot('/scpo/'), Spec())
    assert numbers_of(seen, record.task())['limit_violations'] == 0


def test_before_the_first_period_none_is_said():
    punctuality = Punctuality(0.1)
    assert punctuality.values['period_p99_ms'] == 'not measured'
    assert math.isnan(punctuality.period_ms) and math.isnan(punctuality.latency_ms)
    punctuality.note(1.0, 1.001)
    assert math.isnan(punctuality.period_ms) and punctuality.latency_ms == pytest.approx(1.0)


def test_unknown_is_words_and_known_is_a_number():
    assert (known(None, 'd'), known(math.nan, '.2f', 'x')) == ('not measured', 'x')
    assert (known(0, 'd'), known(0.0, '.1f')) == ('0', '0.0')
    assert identity({'expert': None, 'seed': None}) == 'no expert was heard, no simulated plant'
    assert identity({'expert': 'benign', 'seed': 0}) == 'expert benign, seed 0'


def drawn(record):
    """Return the titles of the picture of a record, and its first one."""
    task = record.task()
    figure = draw(record, task, {**numbers_of(record, task), 'expert': None, 'seed': None})
    titles = [axis.get_title() for axis in figure.axes]
    plt.close(figure)
    return titles


def state(time, position, effort=0.0):
    return read_state(joint_state(time, 'episode/0', [position], [0.0], [effort]))


def test_a_picture_without_states_counts_none():
    assert 'what the plant did: no state was seen' in drawn(RunRecord(Spec()))


def test_an_input_that_the_robot_does_not_know_breaks_no_limit():
    record = RunRecord(Spec())
    record.add_state(state(1.0, 0.1, math.nan))
    assert record.known_violations == 0
    record.add_state(state(1.1, 0.1, 5.0))
    record.add_state(state(1.2, 9.0, math.nan))
    assert record.known_violations == 2  # the negative control
    inputs = [row[4] for row in state_rows(record)]
    assert math.isnan(inputs[0]) and inputs[1] == 5.0 and math.isnan(inputs[2])


@pytest.mark.parametrize('position', [math.nan, math.inf, 1e300])
def test_a_state_that_is_no_number_is_no_good_state_and_has_a_picture(position):
    record = RunRecord(Spec())
    record.add_state(state(1.0, position))
    assert record.known_violations == 1
    assert any('1 outside the limits' in title for title in drawn(record))


def test_updates_of_which_only_one_total_was_heard_show_no_other(tmp_path):
    bag = in_memory([e for e in genuine() if 'refused_total' not in e.topic and (
        'metrics/loss' not in e.topic)])
    report(bag, tmp_path, Robot('/scpo/'), recorded_parameters(bag, '/scpo/'))
    rows = (tmp_path / 'updates.csv').read_text().splitlines()[1:]
    assert rows and all(row.split(',')[2:4] == ['', ''] for row in rows)
    assert 'nan' not in ''.join(path.read_text() for path in tmp_path.glob('*.csv'))


def test_something_else_below_plant_makes_no_simulated_plant(tmp_path):
    entries = [e for e in genuine() if not e.topic.startswith('/scpo/plant/')]
    bag = in_memory([*entries, Entry(1001.0, '/scpo/plant/temperature', 'std_msgs/msg/Float64',
                                     make('std_msgs/Float64', 20.0))])
    report(bag, tmp_path, Robot('/scpo/'), recorded_parameters(bag, '/scpo/'))
    summary = json.loads((tmp_path / 'summary.json').read_text())
    assert summary['seed'] is None and summary['deadline_misses'] is None


def test_states_with_more_joints_or_fewer_numbers_are_named_and_left_out(tmp_path):
    entries = [e for e in panda(genuine(), '/scpo/joint_states')
               if e.topic != '/scpo/joint_states' or len(e.message.position) == 7]
    bag = in_memory(entries)
    record, (note,) = record_of(bag, Robot('/scpo/'), Spec())
    assert record.known_violations is None
    assert note.startswith('/scpo/joint_states: 75 messages are malformed and left out')
    assert note.endswith('joint state must name one joint, got 7')
    _, notes = report(bag, tmp_path, Robot('/scpo/'), recorded_parameters(bag, '/scpo/'))
    assert note in notes and 'must name one joint, got 7' in (tmp_path / 'report.html').read_text()


def test_a_file_that_cannot_be_written_is_told_and_the_others_are_written(tmp_path, capsys):
    path = write(tmp_path / 'bag', genuine())
    for name in ('run.png', 'states.csv'):
        (path / 'report' / name).mkdir(parents=True)
    assert main([str(path)]) == 1
    said = capsys.readouterr()
    assert said.err.count('\n') == 2 and 'run.png cannot be written' in said.err
    assert {p.name for p in (path / 'report').iterdir() if p.is_file()} == {
        'summary.json', 'report.html', 'policies.csv', 'updates.csv', 'numbers.csv'}
    assert 'data:image/png' in (path / 'report' / 'report.html').read_text()


def test_results_are_written_each_for_itself(tmp_path):
    files = WrittenFiles(tmp_path / 'new')
    files.add('a', lambda path: path.write_text('a'))
    files.add('b', lambda path: path.mkdir() or path.write_text('b'))
    files.add('c', lambda path: path.write_text('c'))
    assert [path.name for path in files.paths] == ['a', 'c']
    with pytest.raises(NotWrittenError, match='b cannot be written: Is a directory$'):
        files.require()
