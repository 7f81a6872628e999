"""Annotations are checked by mypy, strictly, as setup.cfg configures it."""

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
import re
import subprocess
import sys

import pytest

ROOT = Path(__file__).parents[1]
NEEDED = {'mypy': (1, 15), 'numpy': (2, 0)}  # older ones find other things
SECONDS = 600  # longest run of mypy; the second one takes a few, from its cache


def missing():
    """Return what is too old or not installed, ''."""
    for package, least in NEEDED.items():
        try:
            found = version(package)
        except PackageNotFoundError:
            return f'{package} is not installed'
        if tuple(map(int, re.findall(r'\d+', found)[:2])) < least:
            return f'{package} {found} is older than {".".join(map(str, least))}'
    return ''


pytestmark = [pytest.mark.skipif(bool(missing()), reason=missing()),
              pytest.mark.timeout(SECONDS + 60)]


def mypy(*arguments, cache):
    """Return the findings of mypy, one line each."""
    done = subprocess.run(
        [sys.executable, '-m', 'mypy', '--config-file', str(ROOT / 'setup.cfg'),
         '--cache-dir', str(cache), '--no-error-summary', '--no-pretty', *map(str, arguments)],
        cwd=ROOT, capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode in (0, 1), done.stdout + done.stderr  # 2: it could not run
    return [line for line in done.stdout.splitlines() if ': error:' in line]


@pytest.fixture(scope='module')
def cache(tmp_path_factory):
    """Return the folder of mypy's cache, outside the tree."""
    return tmp_path_factory.mktemp('mypy')


def test_there_are_no_findings(cache):
    found = mypy(cache=cache)
    assert not found, '\n'.join(found)


@pytest.mark.parametrize('source, part', [
    ('from scpo_ros.exceptions import ConfigurationError\n'
     "raise ConfigurationError(3, 'value', 'rule')\n", 'arg-type'),
    ('def f(a):\n    return a\n', 'no-untyped-def'),
    ("x: int = 'one'\n", 'assignment'),
    ('from scpo_ros.config import Spec\nSpec().system.nowhere\n', 'attr-defined')])
def test_a_wrong_type_is_found(tmp_path, cache, source, part):
    path = tmp_path / 'wrong.py'
    path.write_text(source)
    found = [line for line in mypy(path, cache=cache) if 'wrong.py' in line]
    assert len(found) == 1 and part in found[0]


def test_a_right_type_is_not_found(tmp_path, cache):
    path = tmp_path / 'right.py'
    path.write_text('from scpo_ros.config import Spec\nx: float = Spec().system.dt\n')
    assert not [line for line in mypy(path, cache=cache) if 'right.py' in line]
