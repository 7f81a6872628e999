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

"""The source follows ament_flake8 of ROS 2 Jazzy (settings in setup.cfg)."""

from importlib.util import find_spec
from pathlib import Path
import subprocess
import sys

import ahead
import pytest

ROOT = Path(__file__).parents[1]
# The plugins that ament_flake8 brings, except flake8-docstrings: see test_pep257.py.
PLUGINS = [
    'flake8-blind-except', 'flake8-builtins', 'flake8-class-newline', 'flake8-comprehensions',
    'flake8-deprecated', 'flake8-import-order', 'flake8-quotes']
MISSING = [name for name in ['flake8', *PLUGINS] if find_spec(name.replace('-', '_')) is None]

pytestmark = [
    pytest.mark.linter,
    pytest.mark.flake8,
    pytest.mark.skipif(bool(MISSING), reason=f'not installed: {", ".join(MISSING)}'),
]


FLAKE8 = [sys.executable, '-m', 'flake8', f'--require-plugins={",".join(PLUGINS)}']


def flake8(*arguments, source=None):
    """Return the finished flake8 process; `source` is its standard input."""
    return subprocess.run([*FLAKE8, *arguments], cwd=ROOT, input=source, capture_output=True,
                          text=True, check=False)


def whole_source():
    """Return the finished process that looked at all files."""
    return ahead.finished([*FLAKE8, '.'], cwd=ROOT)


def begin_ahead(_):
    if not MISSING:
        ahead.once(whole_source)


def test_the_source_has_no_findings():
    checked = ahead.once(whole_source).result()
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize('code, source', [
    ('Q000', 'name = "double quotes"\n'),
    ('E501', f'number = {"1" * 91}\n'),
    ('F401', 'import os\n'),
    ('I100', 'import sys\nimport os\n\nprint(os, sys)\n'),
    ('A001', 'sum = 1\n'),
    ('C408', 'empty = dict()\n'),
])
def test_a_violation_is_found(code, source):
    assert f' {code} ' in flake8('-', source=source).stdout


def test_a_line_of_99_columns_is_allowed():
    checked = flake8('-', source=f'number = {"1" * 90}\n')
    assert checked.returncode == 0, checked.stdout
