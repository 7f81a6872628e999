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

"""What docstrings, comments and pages refer to is there: files, modules, classes, functions."""

import ast
from pathlib import Path
import re

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted(path for folder in ('scpo_ros', 'launch', 'assurance', 'benchmark', 'test')
                 for path in (ROOT / folder).rglob('*.py'))
PAGES = [*sorted(ROOT.glob('*.md')), *sorted((ROOT / 'docs').glob('*.md')),
         ROOT / 'config' / 'scpo.yaml']
ROLE = re.compile(r':(mod|class|func|meth|attr):`~?([\w.]+)`')
PAGE = re.compile(r'(?<![\w/*{}.])((?:[\w.-]+/)*[\w-]+\.md)\b')
FILE = re.compile(r'`((?!results/|benchmark/results)(?:[\w.-]+/)+[\w-]+\.(?:py|json|yaml))`')
BASES = ('', 'docs', 'scpo_ros', 'test')


def there(name, beside):
    """Return whether a file is in the repository, by its path from somewhere one begins."""
    return any((base / name).exists() for base in (beside, *(ROOT / b for b in BASES)))


def names_of(tree):
    """Return the names that a module defines or imports, methods and attributes among them."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found |= {(alias.asname or alias.name).split('.')[-1] for alias in node.names}
        elif isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Store):
            found.add(node.id if isinstance(node, ast.Name) else node.attr)
    return found


def module_of(path):
    """Return the dotted name of a source file."""
    parts = path.relative_to(ROOT).with_suffix('').parts
    return '.'.join(parts[:-1] if parts[-1] == '__init__' else parts)


CLASSES = {node.name for path in SOURCES if path.is_relative_to(ROOT / 'scpo_ros')
           for node in ast.parse(path.read_text()).body if isinstance(node, ast.ClassDef)}
NAMES = {module_of(path): names_of(ast.parse(path.read_text())) for path in SOURCES}


def dangling(text, path):
    """Yield what a text of a source file refers to and what is not there."""
    for name in PAGE.findall(text):
        if not there(name, path.parent):
            yield name
    here = module_of(path) if path.suffix == '.py' else ''
    for _, ref in ROLE.findall(text):
        package = here if path.name == '__init__.py' else here.rpartition('.')[0]
        full = f'{package}{ref}' if ref.startswith('.') else ref
        module, _, name = full.rpartition('.')
        owner = module.rpartition('.')[0]
        if not (full in NAMES or name in NAMES.get(module, ()) or name in NAMES.get(owner, ())
                or ref in CLASSES or ('.' not in ref.rpartition('.')[0].strip('.')
                                      and not ref.startswith(('.', 'scpo_ros.'))
                                      and name in NAMES.get(here, ()))):
            yield ref


@pytest.mark.parametrize('path', SOURCES, ids=module_of)
def test_what_a_source_file_refers_to_is_there(path):
    if path != Path(__file__):
        assert list(dangling(path.read_text(), path)) == []


@pytest.mark.parametrize('path', PAGES, ids=lambda path: path.name)
def test_what_a_page_refers_to_is_there(path):
    text = path.read_text()
    assert list(dangling(text, path)) == []
    assert [name for name in FILE.findall(text) if not there(name, path.parent)] == []


@pytest.mark.parametrize('text', [
    'as in design.md, section 2', 'see docs/nowhere.md', ':mod:`scpo_ros.nowhere`',
    ':class:`~scpo_ros.config.Nothing`', ':func:`nothing`', ':mod:`.nowhere`'])
def test_a_dangling_reference_is_found(text):
    assert list(dangling(text, ROOT / 'scpo_ros' / 'scpo' / 'settings.py'))
