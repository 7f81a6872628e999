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
The text of a parameter file, read and written in the dialect of ROS 2.

What is taken here has the value and the type that a node gets which reads the same text. What
ROS 2 refuses, and what it would drop or change without a word, is refused with the number of the
line: aliases, repeated sections and names, empty values, lists of several types, tags other than
!!str.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
import math
import re
from typing import NoReturn, TypeAlias

from scpo_ros.config.ros_scalar import Scalar, scalar
from scpo_ros.exceptions import ConfigurationError
import yaml


Value: TypeAlias = Scalar | list[Scalar]

_BODY = 'ros__parameters'
_HOLDS = {_BODY: 'must hold name: value'}
_NAME = re.compile(r'(/(\*\*|\*|[A-Za-z_][A-Za-z0-9_]*))+')
_DEEPEST = 32  # maps within each other
_TEXT = 'tag:yaml.org,2002:str'
_TAGS: Mapping[type[yaml.Event], tuple[str | None, ...]] = {
    yaml.ScalarEvent: (None, _TEXT), yaml.MappingStartEvent: (None, 'tag:yaml.org,2002:map'),
    yaml.SequenceStartEvent: (None, 'tag:yaml.org,2002:seq')}


@dataclass(frozen=True)
class Section:
    """The parameters that stand under one name."""

    name: str  # of a node, or a pattern of names, always with a leading slash
    line: int  # where it begins, counted from 1
    parameters: Mapping[str, Value]  # under their dotted names


def sections_of(text: str | bytes, source: str) -> list[Section]:
    """
    Return the sections of a parameter file in their order.

    :param source: where the text comes from, for messages.
    :raises ConfigurationError: naming source, line and rule.
    """
    try:
        return _Reader(source, yaml.parse(text, Loader=yaml.SafeLoader)).sections()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = 0 if mark is None else mark.line + 1
        raise ConfigurationError(
            f'{source}, line {line}: the text', error.problem, 'must be YAML') from error
    except yaml.reader.ReaderError as error:
        before = text[:error.position]
        line = 1 + (before.count(b'\n') if isinstance(before, bytes) else before.count('\n'))
        raise ConfigurationError(f'{source}, line {line}: the text', error.reason,
                                 'must be UTF-8 without control characters') from error


class _Reader:
    """Turns the events of a YAML parser into sections."""

    def __init__(self, source: str, events: Iterator[yaml.Event]) -> None:
        self._source, self._events, self._depth = source, events, 0
        self._found: dict[str, Section] = {}

    def sections(self) -> list[Section]:
        """Return the sections of the only document."""
        self._next()  # the start of the stream
        start = self._next()
        if isinstance(start, yaml.StreamEndEvent):
            return []
        if isinstance(start, yaml.DocumentStartEvent) and start.version not in (None, (1, 1)):
            self._refuse(start, 'YAML', start.version, 'must be of version 1.1')
        first = self._next()
        if not isinstance(first, yaml.MappingStartEvent):
            self._refuse(first, 'the file', _shown(first), 'must hold sections such as /**')
        self._names('', first)
        self._next()  # the end of the document
        after = self._next()
        if not isinstance(after, yaml.StreamEndEvent):
            self._refuse(after, 'the file', '---', 'must be a single document')
        return list(self._found.values())

    def _next(self) -> yaml.Event:
        """Return the next event; refuse aliases, tags and what is nested too deeply."""
        event: yaml.Event = next(self._events)
        if isinstance(event, yaml.AliasEvent):
            self._refuse(event, 'the value', f'*{event.anchor}', 'must be written out: ROS 2 '
                         'takes no alias')
        allowed = _TAGS.get(type(event))
        if allowed is not None and event.tag not in allowed:
            self._refuse(event, 'the tag', event.tag, 'must be !!str or absent: ROS 2 ignores '
                         'every other')
        self._depth += (isinstance(event, yaml.CollectionStartEvent)
                        - isinstance(event, yaml.CollectionEndEvent))
        if self._depth > _DEEPEST:
            self._refuse(event, 'the file', self._depth, f'must nest at most {_DEEPEST} deep')
        return event

    def _refuse(self, event: yaml.Event, name: str, value: object, rule: str) -> NoReturn:
        raise ConfigurationError(
            f'{self._source}, line {event.start_mark.line + 1}: {name}', value, rule)

    def _keys(self) -> Iterator[yaml.ScalarEvent]:
        """Yield the keys of a map; the caller reads the value of each."""
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent) or not event.value:
                self._refuse(event, 'a name', _shown(event), 'must be a word')
            self._scalar(event, 'a name', quoted=True)
            yield event

    def _names(self, prefix: str, start: yaml.Event) -> None:
        """Read a map of names, down to the parameters of each section."""
        held: list[str] = []
        for key in self._keys():
            held.append(key.value)
            if len(held) > 1 and _BODY in held:
                self._refuse(key, f'the section {prefix}', key.value,
                             f'must hold {_BODY} once and nothing else')
            value = self._next()
            if not isinstance(value, yaml.MappingStartEvent):
                self._refuse(value, key.value, _shown(value),
                             _HOLDS.get(key.value, f'must hold {_BODY} or names'))
            if key.value != _BODY:
                slash = '' if not prefix and key.value.startswith('/') else '/'
                self._names(f'{prefix}{slash}{key.value}', value)
            elif prefix:
                self._add(prefix, key)
            else:
                self._refuse(key, _BODY, '', 'must stand below the name of a node')
        if prefix and not held:
            self._refuse(start, f'the section {prefix}', {}, f'must hold {_BODY}')

    def _add(self, name: str, event: yaml.Event) -> None:
        """Read the parameters of a section."""
        if not _NAME.fullmatch(name):
            self._refuse(event, 'the section', name, 'must be named as a node, such as '
                         '/**/adapter or /scpo/adapter')
        if name in self._found:
            self._refuse(event, f'the section {name}', 'a second one',
                         f'must stand once; the first begins at line {self._found[name].line}')
        parameters: dict[str, Value] = {}
        self._found[name] = Section(name, event.start_mark.line + 1, parameters)
        self._parameters('', parameters)

    def _parameters(self, prefix: str, parameters: dict[str, Value]) -> None:
        """Read a map of parameters; those of a group have dotted names."""
        groups: set[str] = set()
        for key in self._keys():
            name, value = prefix + key.value, self._next()
            if name in parameters or name in groups:
                self._refuse(key, name, _shown(value), 'must be given once')
            if isinstance(value, yaml.MappingStartEvent):
                groups.add(name)
                before = len(parameters)
                self._parameters(f'{name}.', parameters)
                if len(parameters) == before:
                    self._refuse(value, name, {}, 'must have a value')
            elif isinstance(value, yaml.SequenceStartEvent):
                parameters[name] = self._list(value, name)
            else:
                parameters[name] = self._scalar(value, name)

    def _list(self, start: yaml.Event, name: str) -> list[Scalar]:
        """Read a list: at least one scalar, all of one type."""
        entries: list[Scalar] = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            entries.append(self._scalar(event, name))
            if type(entries[-1]) is not type(entries[0]):
                self._refuse(event, name, entries, 'must be a list of one type: '
                             'ROS 2 takes [1.0, 0.5] and not [1, 0.5]')
        if not entries:
            self._refuse(start, name, entries, 'must not be empty: ROS 2 gives it no type')
        return entries

    def _scalar(self, event: yaml.Event, name: str, quoted: bool = False) -> Scalar:
        """Return the value of a scalar."""
        if not isinstance(event, yaml.ScalarEvent):
            self._refuse(event, name, _shown(event), 'must be a value or a list of values')
        marked = event.style in ('"', "'")
        if not event.value and not marked:
            self._refuse(event, name, '', "must have a value; '' is the empty text")
        try:
            return scalar(event.value, quoted or marked or event.tag == _TEXT)
        except ValueError as error:
            self._refuse(event, name, event.value, str(error))


def _shown(event: yaml.Event) -> object:
    """Return what a message shows of an event."""
    if isinstance(event, yaml.MappingStartEvent):
        return '{...}'
    return event.value if isinstance(event, yaml.ScalarEvent) else '[...]'


def text_of(sections: Mapping[str, Mapping[str, object]]) -> str:
    """
    Return the text of a parameter file, in which every text stands in quotes.

    :param sections: {name: {parameter: value}}.
    """
    lines = []
    for name, given in sections.items():
        lines += [f'{_written(name)}:', f'  {_BODY}:{"" if given else " {}"}']
        lines += [f'    {_written(parameter)}: {_written(item)}'
                  for parameter, item in given.items()]
    return '\n'.join([*lines, ''])


def _written(item: object) -> str:
    """Return a value as it stands in a parameter file."""
    if isinstance(item, (list, tuple)):
        return f'[{", ".join(map(_written, item))}]'
    if isinstance(item, str):
        text: str = yaml.safe_dump(item, default_style='"', width=math.inf)
        return text.strip()
    number: str = yaml.safe_dump(item)
    return number.partition('\n')[0]
