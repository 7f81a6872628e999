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

"""
The laws of size: functions, modules and classes stay small, and every argument has a type.

A module has at most 250 lines, a function at most 40, a class at most 12 attributes of an
instance (frozen dataclasses may have more: they are configuration and results). Properties do not
count.
"""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LINES_OF_FUNCTION, LINES_OF_MODULE, ATTRIBUTES = 40, 250, 12


def is_function(node):
    """Tell whether a node of the syntax tree is a function or method with a name."""
    return isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))


def long_functions(tree, _):
    """Yield the names of functions that are too long."""
    yield from (node.name for node in ast.walk(tree) if is_function(node)
                and node.end_lineno - node.lineno + 1 > LINES_OF_FUNCTION)


def long_module(_, source):
    """Yield 'module' where the source is too long; the copyright header does not count."""
    lines = source.splitlines()
    while lines and lines[0].startswith('#'):
        lines.pop(0)
    if len(lines) > LINES_OF_MODULE:
        yield 'module'


def is_frozen_dataclass(node):
    """Tell whether a class is decorated with dataclass(..., frozen=True, ...)."""
    return any(
        isinstance(call, ast.Call) and ast.unparse(call.func).endswith('dataclass')
        and any(word.arg == 'frozen' and ast.unparse(word.value) == 'True'
                for word in call.keywords) for call in node.decorator_list)


def attributes(node):
    """Return the names of a class's instance attributes; results (NamedTuple) have none."""
    if any(ast.unparse(base) in ('TypedDict', 'NamedTuple') for base in node.bases):
        return set()
    fields = {line.target.id for line in node.body
              if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name)
              and 'ClassVar' not in ast.unparse(line.annotation)}
    return fields | {part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)
                     and isinstance(part.ctx, ast.Store) and isinstance(part.value, ast.Name)
                     and part.value.id == 'self'}


def large_classes(tree, _):
    """Yield the names of classes with too many attributes."""
    yield from (node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)
                and not is_frozen_dataclass(node) and len(attributes(node)) > ATTRIBUTES)


def without_types(tree, _):
    """Yield the names of functions with an argument, or an answer, without annotation."""
    for node in ast.walk(tree):
        if is_function(node):
            given = node.args
            first = [*given.posonlyargs, *given.args][:1]
            listed = [*given.posonlyargs, *given.args, *given.kwonlyargs,
                      *filter(None, [given.vararg, given.kwarg])]
            bare = [one.arg for one in listed if one.annotation is None and not (
                one in first and one.arg in ('self', 'cls'))]
            if bare or node.returns is None:
                yield node.name


LAWS = {'functions up to 40 lines': long_functions, 'modules up to 250 lines': long_module,
        'classes up to 12 attributes': large_classes, 'annotated arguments': without_types}


def broken(law, source):
    """Return what breaks a law in the text of a module."""
    return sorted(set(LAWS[law](ast.parse(source), source)))


@pytest.mark.parametrize('law', LAWS)
def test_the_law_holds(law):
    found = [f'{path.relative_to(ROOT)}: {name}'
             for path in sorted((ROOT / 'scpo_ros').rglob('*.py'))
             for name in broken(law, path.read_text())]
    assert not found, '\n'.join([f'broken: {law}', *found])


# Each law finds a text that breaks it, and leaves alone one that only just does not. ------------


def function(lines):
    """Return the source of a function of so many lines."""
    return 'def f() -> None:\n' + '    pass\n' * (lines - 1)


def assigned(count, head='class A:'):
    """Return the source of a class with so many attributes, half of them outside __init__."""
    names = [f'        self.a{i} = {i}\n' for i in range(count)]
    return (f'{head}\n    def __init__(self) -> None:\n        pass\n' + ''.join(names[::2])
            + '    def f(self) -> None:\n        pass\n' + ''.join(names[1::2]))


def fields(count, decorator):
    """Return the source of a dataclass with so many fields."""
    return f'@{decorator}\nclass A:\n' + ''.join(f'    a{i}: int\n' for i in range(count))


@pytest.mark.parametrize('law, source, name', [
    ('functions up to 40 lines', function(41), 'f'),
    ('functions up to 40 lines', 'class A:\n    async ' + function(41).replace(
        '\n    ', '\n        '), 'f'),
    ('modules up to 250 lines', 'x = 1\n' * 251, 'module'),
    ('classes up to 12 attributes', assigned(13), 'A'),
    ('classes up to 12 attributes', fields(13, 'dataclass'), 'A'),
    ('classes up to 12 attributes', fields(13, 'dataclass(frozen=False)'), 'A'),
    ('annotated arguments', 'def f(a) -> None: pass', 'f'),
    ('annotated arguments', 'def f(a: int): pass', 'f'),
    ('annotated arguments', 'def f(*a) -> None: pass', 'f'),
    ('annotated arguments', 'def f(**a) -> None: pass', 'f'),
    ('annotated arguments', 'def f(*, a) -> None: pass', 'f'),
    ('annotated arguments', 'def f(a: int, self) -> None: pass', 'f'),
    ('annotated arguments', 'def g() -> None:\n    def f(a): pass', 'f'),
])
def test_what_breaks_a_law_is_found(law, source, name):
    assert broken(law, source) == [name]


@pytest.mark.parametrize('law, source', [
    ('functions up to 40 lines', function(40)),
    ('modules up to 250 lines', 'x = 1\n' * 250),
    ('classes up to 12 attributes', assigned(12)),
    ('classes up to 12 attributes', fields(13, 'dataclass(eq=False, frozen=True)')),
    ('classes up to 12 attributes', fields(13, 'dataclasses.dataclass(frozen=True)')),
    ('classes up to 12 attributes', assigned(12) + ''.join(
        f'    @property\n    def p{i}(self) -> int:\n        return 0\n' for i in range(5))),
    ('classes up to 12 attributes', fields(13, 'final').replace('A:', 'A(TypedDict):')),
    ('annotated arguments', 'class A:\n    def f(self, a: int, *b: int, **c: str) -> None: pass'),
    ('annotated arguments', 'class A:\n    @classmethod\n    def f(cls) -> None: pass'),
])
def test_what_keeps_a_law_is_left_alone(law, source):
    assert broken(law, source) == []
