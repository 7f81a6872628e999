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

from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
import os
from pathlib import Path
import subprocess
import sys

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = [name for name in ('benchmark', 'launch', 'scpo_ros', 'setup.py', 'test')
           if (ROOT / name).exists()]

pytestmark = [
    pytest.mark.linter,
    pytest.mark.pep257,
    pytest.mark.skipif(find_spec('pydocstyle') is None, reason='pydocstyle is not installed'),
]


def pydocstyle(*paths):
    """Return the finished pydocstyle process, run with the settings of setup.cfg."""
    return subprocess.run(
        [sys.executable, '-m', 'pydocstyle', '--config=setup.cfg', *map(str, paths)],
        cwd=ROOT, capture_output=True, text=True, check=False)


def parts(files, count):
    """Return the files in so many parts of about the same size, for as many processes."""
    files = sorted(files, key=lambda path: path.stat().st_size)
    return [part for part in (files[start::count] for start in range(count)) if part]


@pytest.fixture(scope='module')
def files():
    """Return all files of the source."""
    return [path for name in SOURCES for path in (
        (ROOT / name).rglob('*.py') if (ROOT / name).is_dir() else [ROOT / name])]


@pytest.mark.parametrize('count', [1, 2, 7])
def test_no_file_is_left_out_of_the_parts(files, count):
    assert len(files) > 100
    assert sorted(path for part in parts(files, count) for path in part) == sorted(files)


def test_the_source_has_no_findings(files):
    cores = os.cpu_count() or 1
    with ThreadPoolExecutor(cores) as pool:
        for checked in pool.map(lambda part: pydocstyle(*part), parts(files, cores)):
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
