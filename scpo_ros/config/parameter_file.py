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
The parameter file: which parameters it gives to which node.

Sections are named as in ROS 2: the full name of a node, or a pattern of names, where '*' stands
for one word and '**' for any number of them. A later section wins over an earlier one.
"""

from collections.abc import Callable, Iterable
import difflib
import os
import re
import sys
from typing import TypeAlias

from scpo_ros.config.node_parameters import NODES, STANDARD
from scpo_ros.config.ros_scalar import Scalar, scalar
from scpo_ros.config.ros_yaml import Section, sections_of, Value
from scpo_ros.config.shared_parameters import Spec
from scpo_ros.config.system_spec import SystemSpec
from scpo_ros.config.validation import flatten
from scpo_ros.exceptions import ConfigurationError


Given: TypeAlias = dict[str, dict[str, object]]  # node: {parameter: value}, not checked yet
Note: TypeAlias = Callable[[str], None]

NAMESPACE = '/scpo'  # of the nodes, where nothing else is said
_LARGEST = 1_000_000  # bytes of a parameter file
_WORDS = {'**': r'(/\w+)*', '*': r'/\w+'}


def say(sentence: str) -> None:
    """Print a note on standard error."""
    print(f'[scpo_ros] note: {sentence}', file=sys.stderr, flush=True)


def read_parameter_file(path: str | os.PathLike[str], namespace: str = NAMESPACE,
                        note: Note = say) -> Given:
    """
    Return {node: {parameter: value}} of a parameter file.

    :param namespace: of the nodes. :param note: told what is left to other nodes.
    :raises ConfigurationError: when it cannot be read, or a node would read it differently.
    """
    return by_node(sections_of(_text(path), str(path)), str(path), namespace, note)


def _text(path: str | os.PathLike[str]) -> bytes:
    """Return the bytes of a file of sensible size."""
    try:
        with open(path, 'rb') as stream:
            text = stream.read(_LARGEST + 1)
    except (OSError, ValueError) as error:
        raise ConfigurationError('params_file', str(path), f'cannot be read: {error}') from error
    if len(text) > _LARGEST:
        raise ConfigurationError('params_file', str(path), f'must hold at most {_LARGEST} bytes')
    return text


def by_node(sections: Iterable[Section], source: str, namespace: str = NAMESPACE,
            note: Note = say) -> Given:
    """
    Return {node: {parameter: value}} of the sections of a parameter file, in their order.

    :param source: where they come from. :param namespace: of the nodes.
    :param note: told what is left to other nodes.
    :raises ConfigurationError: for a section that names a node almost.
    """
    result: Given = {node: {} for node in NODES}
    for section in sections:
        nodes = nodes_of(section, namespace)
        if not nodes:
            _leave(section, source, namespace, note)
        for node in nodes:
            result[node].update(section.parameters)
    return result


def nodes_of(section: Section, namespace: str) -> list[str]:
    """Return the nodes of a namespace that a section is for."""
    return [node for node in NODES
            if matches(section.name, f'{namespace.rstrip("/")}/{node}')]


def from_outside(beside: Iterable[tuple[str, object] | str], namespace: str) -> Given:
    """
    Return {node: {parameter: value}} of what a launch file sets for all nodes that it includes.

    Parameters that a node here does not know are for other nodes, and left to them.

    :param beside: (parameter, value) pairs and paths of parameter files, in their order.
    :raises ConfigurationError: when a file cannot be read, or a value is none of ROS 2.
    """
    result: Given = {node: {} for node in NODES}
    for item in beside:
        sections = ([Section('/**', 0, {item[0]: _value(*item)})] if isinstance(item, tuple)
                    else sections_of(_text(item), str(item)))
        for section in sections:
            for node in nodes_of(section, namespace):
                result[node].update((name, value) for name, value in section.parameters.items()
                                    if name in _known_to(node))
    return result


def _known_to(node: str) -> set[str]:
    """Return the names of the parameters of a node."""
    return {*STANDARD, *flatten(Spec()), *flatten(SystemSpec()), *flatten(NODES[node]())}


def _value(name: str, item: object) -> Value:
    """Return a value as a node would get it on its command line."""
    if isinstance(item, (list, tuple)):
        return [_entry(name, entry) for entry in item]
    return _entry(name, item)


def _entry(name: str, item: object) -> Scalar:
    """Return a number, a truth value, or what ROS 2 reads in a text."""
    if isinstance(item, (bool, int, float)):
        return item
    try:
        return scalar(str(item))
    except ValueError as error:
        raise ConfigurationError(name, item, str(error)) from error


def matches(pattern: str, name: str) -> bool:
    """Return whether a section is for the node of a full name."""
    words = (_WORDS.get(word, f'/{word}') for word in pattern.split('/')[1:])
    return re.fullmatch(''.join(words), name) is not None


def _leave(section: Section, source: str, namespace: str, note: Note) -> None:
    """Leave a section to other nodes; refuse one that is meant for a node here."""
    where, last = f'{source}, line {section.line}', section.name.rpartition('/')[2]
    near = difflib.get_close_matches(last, NODES, 1, 0.75)
    elsewhere = (last in NODES and section.name.count('/') > 1
                 and not section.name.startswith('/**'))
    if near and not elsewhere:
        raise ConfigurationError(
            f'{where}: the section', section.name, f'must be /**/{near[0]} or '
            f'{namespace.rstrip("/")}/{near[0]} to reach the {near[0]}')
    note(f'{where}: the section {section.name} is for no node of {namespace}, and left to others')
