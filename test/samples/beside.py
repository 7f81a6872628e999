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

"""
Folders of tests that run in a process of their own, beside the first tests of a whole run.

They need no ROS and no quiet machine. Their turn here comes last. What the other process reports
of a test is reported here then. A test of which it reports nothing, because it was ended or broke
down, runs here.
"""

import json
import os
import sys
import tempfile

import ahead

FOLDERS = ('backup', 'driver', 'excite', 'experiments', 'identification', 'physics', 'policy',
           'proofs', 'scpo', 'sets', 'simulation', 'system_page', 'systems', 'verification')
_LOG = 'SCPO_ROS_TEST_LOG'  # in the other process: where its reports go


def whole(config):
    """Return whether all tests are run, and here is not the other process already."""
    source = getattr(config, 'args_source', None)
    return (_LOG not in os.environ and source is not None and source.name == 'TESTPATHS'
            and not config.option.keyword and not config.option.markexpr)


def folder_of(item):
    """Return the folder of a test below test/."""
    return item.nodeid.split('/')[1]


def command(options):
    """Return the command line of the other process, with the options of this run."""
    return (sys.executable, '-m', 'pytest', '-q', '-p', 'no:cacheprovider', *options,
            *(f'test/{folder}' for folder in FOLDERS))


class Beside:
    """The plugin of the run that begins the other process."""

    def __init__(self, config):
        """Begin it."""
        self._config, self._reports = config, None
        self._log = tempfile.NamedTemporaryFile(suffix='.jsonl')  # noqa: R1732 - as long as this
        self._process = ahead.once(
            ahead.finished_with, (_LOG, self._log.name),
            command(config.invocation_params.args), str(config.rootpath))

    @staticmethod
    def put_last(items):
        """Have the tests of the other process come last: they have ended by then."""
        items.sort(key=lambda item: folder_of(item) in FOLDERS)

    def pytest_runtest_protocol(self, item):
        """Report what the other process reported of a test."""
        if folder_of(item) not in FOLDERS:
            return None
        reports = self._of(item.nodeid)
        if not reports:
            return None
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        for data in reports:
            item.ihook.pytest_runtest_logreport(report=self._report(data))
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    def _report(self, data):
        """Return a report; JSON has made lists of its tuples."""
        report = self._config.hook.pytest_report_from_serializable(
            config=self._config, data=data)
        report.location = tuple(report.location)
        if isinstance(report.longrepr, list):
            report.longrepr = tuple(report.longrepr)
        return report

    def _of(self, nodeid):
        """Return the reports of a test; those of one that did not end are none."""
        if self._reports is None:
            self._process.result()
            self._reports = {}
            for line in self._log:
                data = json.loads(line)
                self._reports.setdefault(data['nodeid'], []).append(data)
        found = self._reports.get(nodeid, [])
        return found if found and found[-1]['when'] == 'teardown' else []


class Reporting:
    """The plugin of the other process."""

    @staticmethod
    def put_last(items):
        """Leave the order of the tests as it is."""

    def __init__(self, config):
        """Open the file of the reports."""
        self._config, self._file = config, open(os.environ[_LOG], 'a', encoding='utf-8')

    def pytest_runtest_logreport(self, report):
        """Write a report."""
        data = self._config.hook.pytest_report_to_serializable(
            config=self._config, report=report)
        self._file.write(json.dumps(data) + '\n')
        self._file.flush()


def plugin_of(config):
    """Return the plugin that a run needs, or None."""
    if _LOG in os.environ:
        return Reporting(config)
    return Beside(config) if whole(config) and not config.option.collectonly else None
