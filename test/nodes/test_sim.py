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

"""The whole run without ros2 launch: summary, clean stop, bad arguments, the negative control."""

import json
import re
import signal
import time

import pytest
from scpo_ros.interface.messages import read_policy
from scpo_ros.recording.bag import PARAMETERS, read_bag
from scpo_ros.sim import main

FIELDS = {'expert', 'seed', 'duration_s', 'updates_accepted', 'updates_refused',
          'limit_violations', 'guard_interventions', 'imitation_loss_initial',
          'imitation_loss_final', 'task_cost_backup', 'task_cost_final', 'policy_version_adapter',
          'policy_version_controller', 'control_period_p99_ms', 'control_periods',
          'deadline_misses', 'worst_metric'}


@pytest.fixture
def start(started):
    """Return a function that starts a run with its results in a folder."""
    return lambda folder, *arguments: started(
        'namespace:=sim_test', f'results:={folder}', *arguments)


def interrupt_after(process, pattern, limit=90.0):
    """Interrupt a run when a line of its output matches; return the output; fail after a limit."""
    deadline, lines = time.monotonic() + limit, []
    while not lines or not re.search(pattern, lines[-1]):
        assert time.monotonic() < deadline, ''.join(lines)
        lines.append(process.stdout.readline())
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    return ''.join(lines)


def summary(folder):
    return json.loads((folder / 'summary.json').read_text())


def test_a_run_ends_by_itself_with_a_summary_of_the_policy_that_runs(start, tmp_path):
    folder = tmp_path / 'latest'
    folder.mkdir()
    (folder / 'summary.json').write_text('{"stale": true}')
    process = start(folder, 'expert:=overspeed', 'duration:=15', 'seed:=3')
    output, _ = process.communicate(timeout=100)
    assert process.returncode == 0, output
    found = summary(folder)
    assert FIELDS <= set(found)
    assert (found['expert'], found['seed']) == ('overspeed', 3)
    assert found['updates_accepted'] >= 5
    assert found['limit_violations'] == found['guard_interventions'] == 0
    assert found['policy_version_controller'] == found['policy_version_adapter'] > 0
    assert found['imitation_loss_final'] < found['imitation_loss_initial']
    assert (folder / 'run.png').stat().st_size > 10000


def test_an_interrupted_run_writes_what_there_is(start, tmp_path):
    process = start(tmp_path / 'latest', 'duration:=0', 'record:=true')
    interrupt_after(process, r'running v([5-9]|\d\d)')  # the recorder has found everybody by then
    assert summary(tmp_path / 'latest')['limit_violations'] == 0
    bag = read_bag(tmp_path / 'latest' / 'bag')
    versions = [read_policy(m.message).version for m in bag.messages
                if m.topic == '/sim_test/policy']
    assert versions == list(range(len(versions))) and versions
    assert bag.data[PARAMETERS] == (tmp_path / 'latest' / 'run.parameters.yaml').read_text()


def test_without_safety_a_malicious_expert_breaks_the_limits(start, tmp_path):
    process = start(tmp_path / 'latest', 'expert:=sign_flip', 'safety:=off', 'duration:=0')
    assert 'SAFETY IS OFF' in interrupt_after(process, r'violations [1-9]')
    assert summary(tmp_path / 'latest')['limit_violations'] > 0


@pytest.mark.parametrize('argument, parts', [
    ('expert:=nobody', ['nobody', 'benign']), ('sped:=1', ['sped', 'must be one of']),
    ('seed:=x', ['seed', 'x']), ('dt:=-1', ['system.dt', '-1']), ('verbose', ['name:=value']),
    ('params_file:=/nowhere.yaml', ['/nowhere.yaml']), ('safety:=maybe', ['safety', 'maybe'])])
def test_a_bad_argument_is_named_before_anything_starts(tmp_path, capsys, argument, parts):
    folder = tmp_path / 'latest'
    assert main([argument, f'results:={folder}']) == 2
    error = capsys.readouterr().err
    assert error.count('\n') == 1 and all(part in error for part in parts), error
    assert not folder.exists()


def test_a_folder_that_no_run_wrote_is_not_replaced(tmp_path, capsys):
    (tmp_path / 'thesis.tex').write_text('years of work')
    assert main([f'results:={tmp_path}']) == 2
    assert 'thesis.tex' in capsys.readouterr().err
    assert (tmp_path / 'thesis.tex').exists()


@pytest.mark.parametrize('place, part', [
    ('old', 'exists already'), ('latest/run7', 'outside the results')])
def test_a_bag_has_a_place_of_its_own(tmp_path, capsys, place, part):
    (tmp_path / 'old').mkdir()
    assert main(['record:=true', f'bag_path:={tmp_path / place}',
                 f'results:={tmp_path / "latest"}']) == 2
    assert part in capsys.readouterr().err
    assert not (tmp_path / 'latest').exists()
