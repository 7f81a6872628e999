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
The text of a YAML file as values that know their line.

Only the plain part of YAML is taken: mappings with texts as keys, lists, texts, numbers and truth
values. Keys that are given twice, anchors, tags and several documents in one file are refused.
A number may be written as `1e-3`, which YAML 1.1 would read as a text.
"""

from collections.abc import Iterator
from dataclasses import dataclass
import re
from typing import TypeAlias

from scpo_ros.exceptions import ConfigurationError
import yaml

Plain: TypeAlias = 'bool | int | float | str | None | list[Plain] | dict[str, Plain]'
_NUMBER = re.compile(r'[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?')
_INTEGER = re.compile(r'[-+]?(0|[1-9]\d*)')
_DIGITS = 18  # of an integer; a longer one is a float
_WORDS = {'true': True, 'false': False, 'null': None, '~': None, '': None}
_SPECIAL = {'.nan': float('nan'), '.inf': float('inf'), '+.inf': float('inf'),
            '-.inf': float('-inf')}


@dataclass(frozen=True)
class Tree:
    """The values of a file, and at which line each of them stands."""

    source: str  # name of the file
    values: dict[str, Plain]
    lines: dict[str, int]  # dotted place, such as 'states.0.lower': line, from 1

    def where(self, place: str) -> str:
        """Return 'FILE:LINE: PLACE' of a dotted place; the line of its parent if it is absent."""
        known = place
        while known and known not in self.lines:
            known = known.rpartition('.')[0]
        line = f':{self.lines[known]}' if known else ''
        return f'{self.source}{line}: {place}'


def parse(text: str, source: str) -> Tree:
    """
    Return the tree of a text.

    :param source: what to call the file in errors.
    :raises ConfigurationError: naming file and line.
    """
    try:
        _refuse_anchors(text, source)
        return _tree(text, source)
    except RecursionError as error:
        raise ConfigurationError(source, text[:20], 'must not be nested so deeply') from error
    except yaml.YAMLError as error:
        mark = getattr(error, 'problem_mark', None)
        line = f':{mark.line + 1}' if mark else ''
        rule = getattr(error, 'problem', None) or 'is not YAML'
        raise ConfigurationError(
            f'{source}{line}', text[:20], f'cannot be read: {rule}') from error


def _tree(text: str, source: str) -> Tree:
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if not isinstance(root, yaml.MappingNode):
        raise ConfigurationError(source, text[:20], "must hold 'key: value' lines")
    lines: dict[str, int] = {}
    return Tree(source, _mapping(root, '', source, lines), lines)


def _refuse_anchors(text: str, source: str) -> None:
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        anchor, tag = getattr(event, 'anchor', None), getattr(event, 'tag', None)
        if anchor or tag:
            raise ConfigurationError(
                f'{source}:{event.start_mark.line + 1}', f'&{anchor}' if anchor else tag,
                'must not use anchors, aliases or tags')


def _value(node: yaml.Node, place: str, source: str, lines: dict[str, int]) -> Plain:
    lines[place] = node.start_mark.line + 1
    if isinstance(node, yaml.ScalarNode):
        return node.value if node.style else _scalar(node.value)
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, _below(place, str(index)), source, lines)
                for index, item in enumerate(node.value)]
    return _mapping(node, place, source, lines)


def _mapping(node: yaml.Node, place: str, source: str, lines: dict[str, int]) -> dict[str, Plain]:
    found: dict[str, Plain] = {}
    for key, below in _entries(node, source):
        if key in found:
            raise ConfigurationError(
                f'{source}:{below.start_mark.line + 1}', key, 'must not be given twice')
        found[key] = _value(below, _below(place, key), source, lines)
    return found


def _entries(node: yaml.Node, source: str) -> Iterator[tuple[str, yaml.Node]]:
    for key, below in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise ConfigurationError(
                f'{source}:{key.start_mark.line + 1}', str(key.value)[:20], 'must be a word')
        yield key.value, below


def _below(place: str, name: str) -> str:
    return f'{place}.{name}' if place else name


def _scalar(text: str) -> Plain:
    """Return what a text without quotes stands for."""
    low = text.lower()
    if low in _WORDS:
        return _WORDS[low]
    if low in _SPECIAL:
        return _SPECIAL[low]
    if _INTEGER.fullmatch(text) and len(text) <= _DIGITS:
        return int(text)
    return float(text) if _NUMBER.fullmatch(text) else text
