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

"""A test that ran in the process beside this one counts here as it counted there."""

import json
from types import SimpleNamespace

from beside import Beside, command, FOLDERS
import pytest


def reported(*lines):
    """Return the plugin with what the other process has written."""
    plugin = object.__new__(Beside)
    plugin._reports, plugin._process = None, SimpleNamespace(result=lambda: None)
    plugin._log = [json.dumps({'nodeid': nodeid, 'when': when}) for nodeid, when in lines]
    return plugin


def test_what_ended_there_is_not_run_here():
    plugin = reported(('a', 'setup'), ('a', 'call'), ('a', 'teardown'))
    assert [data['when'] for data in plugin._of('a')] == ['setup', 'call', 'teardown']


def test_what_did_not_end_there_or_never_began_runs_here():
    plugin = reported(('a', 'setup'), ('a', 'call'))
    assert plugin._of('a') == [] and plugin._of('b') == []


@pytest.mark.parametrize('outcome, longrepr', [
    ('failed', 'why'), ('skipped', ('file.py', 3, 'Skipped: why')), ('passed', None)])
def test_an_outcome_survives_the_way(request, outcome, longrepr):
    place = 'test/x.py', 1, 'y'
    report = pytest.TestReport('test/x.py::y', place, {}, outcome, longrepr, 'call')
    config = request.config
    data = json.loads(json.dumps(config.hook.pytest_report_to_serializable(
        config=config, report=report)))
    plugin = object.__new__(Beside)
    plugin._config = config
    found = plugin._report(data)
    assert (found.outcome, found.longrepr, found.location) == (outcome, longrepr, report.location)


def test_the_other_process_runs_under_the_options_of_this_one():
    line = command(('-W', 'error', '--runxfail'))
    assert line[-len(FOLDERS) - 3:-len(FOLDERS)] == ('-W', 'error', '--runxfail')
    assert line[-1] == f'test/{FOLDERS[-1]}'


def test_what_runs_there_comes_last_here():
    names = ['test/nodes/a.py::x', 'test/policy/b.py::x', 'test/test_c.py::x', 'test/sets/d.py::x']
    items = [SimpleNamespace(nodeid=name) for name in names]
    Beside.put_last(items)
    assert [item.nodeid for item in items] == [names[0], names[2], names[1], names[3]]
