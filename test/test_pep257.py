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

"""Docstrings follow ament_pep257 of ROS 2 Jazzy (settings in setup.cfg)."""

from importlib.util import find_spec
import os
from pathlib import Path
import subprocess
import sys

import ahead
import pytest

ROOT = Path(__file__).parents[1]
SOURCES = [name for name in ('benchmark', 'launch', 'scpo_ros', 'setup.py', 'test')
           if (ROOT / name).exists()]
PROCESSORS = os.cpu_count() or 1
MISSING = find_spec('pydocstyle') is None

pytestmark = [
    pytest.mark.linter,
    pytest.mark.pep257,
    pytest.mark.skipif(MISSING, reason='pydocstyle is not installed'),
]


def command(paths):
    """Return the command line of pydocstyle with the settings of setup.cfg."""
    return [sys.executable, '-m', 'pydocstyle', '--config=setup.cfg', *map(str, paths)]


def pydocstyle(*paths):
    """Return the finished pydocstyle process."""
    return subprocess.run(command(paths), cwd=ROOT, capture_output=True, text=True, check=False)


def parts(files, count):
    """Return the files in so many parts of about the same size, for as many processes."""
    files = sorted(files, key=lambda path: path.stat().st_size)
    return [part for part in (files[start::count] for start in range(count)) if part]


def all_files():
    """Return all files of the source."""
    return [path for name in SOURCES for path in (
        (ROOT / name).rglob('*.py') if (ROOT / name).is_dir() else [ROOT / name])]


def looked_at(number):
    """Return the finished process that looked at one part of all files."""
    return ahead.finished(command(parts(all_files(), PROCESSORS)[number]), cwd=ROOT)


def begin_ahead(_):
    for number in range(0 if MISSING else PROCESSORS):
        ahead.once(looked_at, number)


@pytest.mark.parametrize('count', [1, 2, 7])
def test_no_file_is_left_out_of_the_parts(count):
    files = all_files()
    assert len(files) > 100
    assert sorted(path for part in parts(files, count) for path in part) == sorted(files)


def test_the_source_has_no_findings():
    for number in range(PROCESSORS):
        checked = ahead.once(looked_at, number).result()
        assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize('code, docstring', [
    ('D400', 'Return one, without a full stop'),
    ('D401', 'Returns one.'),
    ('D213', 'Return one.\n\n    A summary on the first of several lines.\n    '),
    ('D407', '\n    Return one.\n\n    Returns\n\n    one\n    '),
])
def test_a_violation_is_found(tmp_path, code, docstring):
    path = tmp_path / 'made_up.py'
    path.write_text(f'def one():\n    """{docstring}"""\n    return 1\n')
    assert f'{code}: ' in pydocstyle(path).stdout
