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

"""The programs of the documentation run; its links and commands name what is there."""

import os
from pathlib import Path
import re
import sys
from tempfile import TemporaryDirectory

import ahead
import pytest
from scpo_ros.config.arguments import ADAPT_ARGUMENTS, ARGUMENTS, EXCITE_ARGUMENTS, overrides
from scpo_ros.config.parameter_file import read_parameter_file
from scpo_ros.systems import load

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / 'README.md', *sorted((ROOT / 'docs').glob('*.md')), ROOT / 'CONTRIBUTING.md',
         ROOT / 'QUALITY_DECLARATION.md']


def programs(page):
    """Return {file name: program} of the programs of a page that name themselves."""
    blocks = re.findall(r'```python\n(.*?)```', (ROOT / 'docs' / page).read_text(), re.DOTALL)
    return {re.match(r'"""(\w+\.py):', block).group(1): block for block in blocks}


def ended(name):
    """Return the finished process of a program of a page."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_text(programs('extending.md')[name])
        return ahead.finished([sys.executable, str(path)], cwd=ROOT,
                              env={**os.environ, 'PYTHONPATH': str(ROOT)})


def begin_ahead(items):
    for item in items:
        if item.function is test_a_program_of_the_page_runs:
            ahead.once(ended, item.callspec.params['name'])


@pytest.mark.parametrize('name, says', [
    ('gentle.py', 'ACCEPTED'), ('friction.py', 'facets')])
def test_a_program_of_the_page_runs(name, says):
    done = ahead.once(ended, name).result()
    assert done.returncode == 0, done.stderr
    assert says in done.stdout and 'ACCEPTED' in done.stdout, done.stdout


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.name)
def test_every_test_that_a_page_names_is_there(page):
    defined = set()
    for path in (ROOT / 'test').rglob('test_*.py'):
        defined |= {path.stem, *re.findall(r'^def (test_\w+)\(', path.read_text(), re.MULTILINE)}
    assert set(re.findall(r'`(test_\w+)`', page.read_text())) <= defined


def test_every_program_compiles():
    for page in PAGES:
        for block in re.findall(r'```python\n(.*?)```', page.read_text(), re.DOTALL):
            compile(block, page.name, 'exec')


def test_the_files_of_the_page_on_your_robot_can_be_read(tmp_path):
    text = (ROOT / 'docs' / 'your_robot.md').read_text()
    draft, run = re.findall(r'```yaml\n(.*?)```', text, re.DOTALL)
    system = load(draft)
    assert (system.name, system.states.names) == ('my_slider', ('position', 'velocity'))
    (tmp_path / 'run.yaml').write_text(run)
    given = read_parameter_file(tmp_path / 'run.yaml')
    assert {values['system.description'] for values in given.values()} == {'my_slider.yaml'}


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page):
    for target in re.findall(r'\]\(([^)#]+)\)', page.read_text()):
        assert target.startswith('https://') or (page.parent / target).exists(), target


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.name)
def test_every_launch_argument_in_a_command_is_one(page):
    for block in re.findall(r'```\w*\n(.*?)```', page.read_text(), re.DOTALL):
        for line in block.splitlines():
            if any(word in line for word in ('launch.py', 'scpo_ros.sim', 'make sim',
                                             'scpo_ros.excite')):
                known = (EXCITE_ARGUMENTS if 'excite' in line else
                         ADAPT_ARGUMENTS if 'adapt.launch' in line else ARGUMENTS)
                given = dict(re.findall(r"(\w+):=([^\s']+)", line))
                overrides({**given, 'params_file': ''} if given else {}, known)


def test_the_table_of_launch_arguments_names_all_of_them():
    text = (ROOT / 'README.md').read_text()
    rows = text.split('| launch argument |')[1].split('\n\n')[0].splitlines()[2:]
    named = {name for row in rows for name in re.findall(r'`(\w+)`', row.split('|')[1])}
    assert named == {argument.name for argument in ARGUMENTS}
    beside = text.split('`adapt.launch.py` (controller')[1].split('\n\n')[0]
    excite = text.split('`excite.launch.py`')[1].split('In every path')[0]
    assert {argument.name for argument in EXCITE_ARGUMENTS} <= set(re.findall(r'`(\w+)`', excite))
    only = {argument.name for argument in ADAPT_ARGUMENTS} ^ {a.name for a in ARGUMENTS}
    assert only <= set(re.findall(r'`(\w+)`', beside))
