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
Programs that take long and need nothing of other tests begin with the run, beside its first tests.

They use what those leave of the processors, at a low priority. A module that has some defines
`begin_ahead(items)`, which conftest.py calls after the collection with the tests that will be run.
A test asks for the result, and waits until it is there.
"""

from concurrent.futures import ThreadPoolExecutor, wait
import os
import subprocess

_POOL = ThreadPoolExecutor(os.cpu_count() or 1)
_begun = {}
_running = set()


def once(function, *arguments):
    """Return the future of a call that is made once, whoever asks for it first."""
    key = function, repr(arguments)
    if key not in _begun:
        _begun[key] = _POOL.submit(function, *arguments)
    return _begun[key]


def finished(line, **options):
    """Return the completed process of a command line."""
    with subprocess.Popen(['nice', '-n', '10', *line], stdout=subprocess.PIPE, text=True,
                          stderr=subprocess.PIPE, **options) as process:
        _running.add(process)
        output, errors = process.communicate()
        _running.discard(process)
    return subprocess.CompletedProcess(line, process.returncode, output, errors)


def finished_with(variable, line, folder):
    """Return the completed process of a command line. :param variable: (name, value) to set."""
    return finished(line, cwd=folder, env={**os.environ, variable[0]: variable[1]})


def await_quiet(seconds):
    """Wait until nothing runs any more, but not longer than that."""
    wait(_begun.values(), seconds)


def stop():
    """End what still runs, and begin nothing more."""
    _POOL.shutdown(wait=False, cancel_futures=True)
    for process in list(_running):
        process.kill()
