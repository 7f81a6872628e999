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

"""No child outlives the process that has bound it, however that one ends; others stay."""

import os
from pathlib import Path
import signal
import subprocess
import sys
import time

from assurance.process_tree import descendants, left
import pytest
from scpo_ros.process.bound import following
from scpo_ros.process.parent import bound, end_with_parent, VARIABLE

needs_linux = pytest.mark.skipif(sys.platform != 'linux', reason='other systems bind nothing')
ROOT = Path(__file__).parents[2]

CHILD = """
import signal, sys, time
from scpo_ros.process.parent import end_with_parent
end_with_parent(signal.SIGTERM)
print('bound', flush=True)
time.sleep(60)
"""
WORKER = """
import time
from scpo_ros.process.worker import Worker
class Hang:
    def ask(self, served):
        print('asked', flush=True)
        time.sleep(60)
if __name__ == '__main__':
    worker = Worker(dict, (), niceness=1)
    assert worker.wait().ok
    worker.request(Hang(), timeout=60)
    time.sleep(60)
"""


def started(*line, environment=None):
    """Start a program and wait for its first line; return the process."""
    process = subprocess.Popen(line, cwd=ROOT, stdout=subprocess.PIPE, text=True, env={
        **os.environ, 'PYTHONPATH': str(ROOT), **(environment or {})})
    assert process.stdout.readline().strip()
    return process


def parent_of(line, environment='bound()'):
    """Return the command line of a program that starts another one and waits for it."""
    return [sys.executable, '-c', 'import os, subprocess\n'
            'from scpo_ros.process.parent import bound\n'
            f'subprocess.Popen({line!r}, env={environment}).wait()']


@pytest.fixture
def ended():
    """Return a function that ends a process in a way, and returns which children outlive it."""
    seen = {}

    def ended(process, number, patience=10.0):
        seen.update(descendants(process.pid))
        assert seen
        process.send_signal(number)
        process.wait(10)
        process.stdout.close()
        return left(seen, patience)

    yield ended
    for number in seen:
        try:
            os.kill(number, signal.SIGKILL)
        except ProcessLookupError:
            pass


@needs_linux
@pytest.mark.parametrize('number', [signal.SIGKILL, signal.SIGHUP, signal.SIGQUIT])
def test_a_bound_child_ends_with_its_parent(ended, number):
    process = started(*parent_of([sys.executable, '-c', CHILD]))
    assert ended(process, number) == []


@needs_linux
@pytest.mark.parametrize('number', [signal.SIGKILL, signal.SIGINT])
def test_a_program_of_others_ends_with_its_parent(ended, number):
    line = following(['sh', '-c', 'echo there; exec sleep 60'], number)
    assert ended(started(*parent_of(line)), signal.SIGKILL) == []


@needs_linux
def test_a_worker_ends_with_its_parent_in_the_middle_of_an_answer(ended, tmp_path):
    path = tmp_path / 'asking.py'
    path.write_text(WORKER)
    assert ended(started(sys.executable, str(path)), signal.SIGKILL) == []


@needs_linux
def test_a_parent_that_has_ended_before_is_noticed():
    gone = subprocess.Popen(['true'])
    gone.wait()
    child = subprocess.run([sys.executable, '-c', CHILD], cwd=ROOT, timeout=20, env={
        **os.environ, 'PYTHONPATH': str(ROOT), VARIABLE: str(gone.pid)}, capture_output=True)
    assert child.returncode == -signal.SIGTERM and not child.stdout


def test_nobody_else_is_bound(ended):
    process = started(*parent_of([sys.executable, '-c', CHILD], 'dict(os.environ)'))
    assert len(ended(process, signal.SIGKILL, patience=1.0)) == 1


@needs_linux
def test_a_program_between_the_two_may_end(ended):
    process = started('sh', '-c', f'{sys.executable} -c "{CHILD}" & wait', environment=bound())
    assert len(ended(process, signal.SIGKILL, patience=1.0)) == 1


def test_the_binding_is_no_affair_of_grandchildren():
    environment = {VARIABLE: str(os.getppid()), 'HOME': '/'}
    assert bound({'HOME': '/'}) == {'HOME': '/', VARIABLE: str(os.getpid())}
    environment[VARIABLE] = 'none'
    end_with_parent(signal.SIGTERM, environment)
    assert environment == {'HOME': '/'}


def test_a_program_that_is_not_there_is_named():
    done = subprocess.run(following(['nowhere/to/be/found'], signal.SIGINT), cwd=ROOT, text=True,
                          capture_output=True, timeout=20)
    assert done.returncode == 127 and 'nowhere/to/be/found cannot be started' in done.stderr
    assert done.stderr.count('\n') == 1


def test_a_bound_program_can_be_interrupted(ended):
    """Started from a script in the background, it would ignore SIGINT."""
    process = started(*following(['sh', '-c', 'echo there; exec sleep 60'], signal.SIGINT),
                      environment=bound())
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == -signal.SIGINT and time.monotonic() < began + 5
    process.stdout.close()
