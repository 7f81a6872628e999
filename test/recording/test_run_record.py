"""What a run record says of what nobody measured: that, and never a number that looks good."""

import json
import math
from types import SimpleNamespace

import pytest
from recorded_run import genuine, in_memory, parameters
from scpo_ros.config import Spec
from scpo_ros.health.known import identity, known
from scpo_ros.health.timing import Punctuality
from scpo_ros.recording.bag import PARAMETERS
from scpo_ros.recording.picture import draw, plt
from scpo_ros.recording.recorded_parameters import recorded_parameters
from scpo_ros.recording.run_record import RunRecord
from scpo_ros.recording.run_summary import numbers_of
from scpo_ros.report import record_of, report


def number(value):
    return SimpleNamespace(data=value)


def reported(tmp_path, hidden):
    """Return summary and page of the genuine run without some topics."""
    bag = in_memory([e for e in genuine() if not e.topic.startswith(
        tuple(f'/scpo/{topic}' for topic in hidden))], {PARAMETERS: parameters()})
    report(bag, tmp_path, '/scpo/', recorded_parameters(bag, '/scpo/'))
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
    report(bag, tmp_path, '/scpo/', recorded_parameters(bag, '/scpo/'))
    assert 'Nothing but ok' not in (tmp_path / 'report.html').read_text()


def test_without_a_state_there_is_no_count_of_violations():
    record = RunRecord(Spec())
    assert numbers_of(record, record.task())['limit_violations'] is None
    assert numbers_of(record_of(in_memory(genuine()), '/scpo/', Spec()), record.task())[
        'limit_violations'] == 0


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
