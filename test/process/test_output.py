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

"""Standard output and error that are closed, full or without a reader end no program."""

import os
import subprocess
import sys

import pytest


TALKING = """
import sys
from scpo_ros.process.program import program

@program
def main():
    for _ in range(20000):
        print('a line', flush={flush})
    print('told', file=sys.stderr)
    {end}
    return 5

sys.exit(main())
"""


def talking(tmp_path, flush=False, end=''):
    """Return the command line of a program that says much and exits with 5."""
    path = tmp_path / 'talking.py'
    path.write_text(TALKING.format(flush=flush, end=end))
    return [sys.executable, str(path)]


@pytest.mark.parametrize('flush', [True, False])
def test_without_a_reader_the_program_goes_on(tmp_path, flush):
    process = subprocess.Popen(talking(tmp_path, flush), stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    process.stdout.readline()
    process.stdout.close()
    error = process.stderr.read()
    assert process.wait(30) == 5 and error == 'told\n'


@pytest.mark.parametrize('redirection, error', [
    ('>&-', 'told\n'), ('2>&-', ''), ('>&- 2>&-', ''), ('<&- >&- 2>&-', ''),
    ('>/dev/full', '[scpo_ros] the standard output cannot be written (No space left on device): '
     'the rest is not shown\ntold\n'), ('>/dev/full 2>/dev/full', '')])
def test_closed_and_full_outputs_end_nothing(tmp_path, redirection, error):
    line = ' '.join(talking(tmp_path))
    done = subprocess.run(f'{line} {redirection}', shell=True, text=True, timeout=60,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (5, error)


def test_no_file_gets_the_number_of_a_closed_output(tmp_path):
    line = talking(tmp_path, end='print(open("/dev/zero").fileno() > 2, file=open("seen", "w"))')
    subprocess.run(f'{" ".join(line)} >&- 2>&-', shell=True, cwd=tmp_path, timeout=60,
                   env={**os.environ, 'PYTHONPATH': os.getcwd()})
    assert (tmp_path / 'seen').read_text() == 'True\n'


@pytest.mark.parametrize('end, code, error', [
    ('raise KeyboardInterrupt', 130, '\n[scpo_ros] interrupted\n'),
    ('raise OSError(28, "No space left on device")', 1,
     '[scpo_ros] error: [Errno 28] No space left on device\n'),
    ('from scpo_ros.exceptions import ScpoRosError; raise ScpoRosError("x")', 2,
     '[scpo_ros] error: x\n')])
def test_no_program_ends_in_a_traceback(tmp_path, end, code, error):
    done = subprocess.run(talking(tmp_path, end=end), capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (code, f'told\n{error}')


def test_streams_that_somebody_replaced_are_left_alone(capsys):
    from scpo_ros.process.output import keep_going
    before = sys.stdout, sys.stderr
    keep_going()
    assert (sys.stdout, sys.stderr) == before
