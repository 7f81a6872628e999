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

"""Python with -OO has no docstrings and no assertions: help is shown, and checks still check."""

from pathlib import Path
import subprocess
import sys

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize('module, part', [
    ('scpo_ros.sim', 'python -m scpo_ros.sim expert:=sign_flip'),
    ('scpo_ros.ledger_audit', 'python -m scpo_ros.ledger_audit')])
def test_help_is_shown_without_docstrings(module, part):
    shown = subprocess.run([sys.executable, '-B', '-OO', '-m', module, '--help'], cwd=ROOT,
                           text=True, capture_output=True, timeout=60)
    assert shown.returncode == 0 and part in shown.stdout, shown.stderr
    assert 'None' not in shown.stdout


def test_no_check_is_an_assertion():
    """Those would be taken out."""
    found = [f'{path.name}: {line}' for path in (ROOT / 'scpo_ros').rglob('*.py')
             for line in path.read_text().splitlines() if line.strip().startswith('assert ')]
    assert found == []
