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

"""Annotations are checked by mypy, strictly, as setup.cfg configures it."""

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
import re
import sys

import ahead
import pytest

ROOT = Path(__file__).parents[1]
NEEDED = {'mypy': (1, 15), 'numpy': (2, 0)}  # older ones find other things
CACHE = ROOT / '.mypy_cache'  # stays: later runs look at what changed only
SECONDS = 600  # longest run of mypy, without a cache


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


def mypy(*arguments):
    """Return the findings of mypy, one line each."""
    done = ahead.finished(
        [sys.executable, '-m', 'mypy', '--config-file', str(ROOT / 'setup.cfg'),
         '--cache-dir', str(CACHE), '--no-error-summary', '--no-pretty', *map(str, arguments)],
        cwd=ROOT)
    assert done.returncode in (0, 1), done.stdout + done.stderr  # 2: it could not run
    return [line for line in done.stdout.splitlines() if ': error:' in line]


def begin_ahead(_):
    if not missing():
        ahead.once(mypy)


def test_there_are_no_findings():
    found = ahead.once(mypy).result()
    assert not found, '\n'.join(found)


SAMPLES = {  # {name of a module: (source, a part of what is found, None for nothing)}
    'argument': ('from scpo_ros.exceptions import ConfigurationError\n'
                 "raise ConfigurationError(3, 'value', 'rule')\n", 'arg-type'),
    'untyped': ('def f(a):\n    return a\n', 'no-untyped-def'),
    'value': ("x: int = 'one'\n", 'assignment'),
    'attribute': ('from scpo_ros.config import Spec\nSpec().system.nowhere\n', 'attr-defined'),
    'right': ('from scpo_ros.config import Spec\nx: float = Spec().system.dt\n', None)}


@pytest.fixture(scope='module')
def of_samples(tmp_path_factory):
    """Return the findings in all samples, of one run."""
    ahead.once(mypy).result()  # it writes the same cache
    folder = tmp_path_factory.mktemp('samples')
    for name, (source, _) in SAMPLES.items():
        (folder / f'sample_{name}.py').write_text(source)
    return mypy(*folder.iterdir())


@pytest.mark.parametrize('name', SAMPLES)
def test_a_wrong_type_is_found_and_a_right_one_is_not(of_samples, name):
    part = SAMPLES[name][1]
    found = [line for line in of_samples if f'sample_{name}.py' in line]
    assert len(found) == (part is not None) and all(part in line for line in found)
