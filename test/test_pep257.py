"""Docstrings follow ament_pep257 of ROS 2 Jazzy (settings in setup.cfg)."""

from importlib.util import find_spec
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


def test_the_source_has_no_findings():
    checked = pydocstyle(*SOURCES)
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
