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
Dataclass fields that carry description, unit and range, and are checked against them.

Nested dataclasses have dotted names ('backup.horizon'), which :func:`build` turns into objects and
:func:`flatten` back.
"""

from collections.abc import Mapping
from dataclasses import dataclass, Field, field, fields, MISSING, replace
import difflib
import math
from numbers import Integral
from typing import cast, TypeAlias, TypedDict, TypeVar

from scpo_ros.config.paths import expanded
from scpo_ros.config.renamed import refuse_old_name
from scpo_ros.config.ros_scalar import Scalar, TYPES
from scpo_ros.exceptions import ConfigurationError


LARGEST = 2**31 - 1  # what every tool can show and set

Value: TypeAlias = Scalar | tuple[Scalar, ...]


class Metadata(TypedDict):
    """What a field says about its values."""

    description: str
    low: float | None  # smallest admissible number, of every entry for sequences
    high: float | None  # largest admissible number
    choices: tuple[str, ...] | None  # admissible strings
    dynamic: bool  # whether it may change while a node runs
    path: bool  # whether it is the path of a file or folder


_Kind = TypeVar('_Kind', bound='Validated')
_Default = TypeVar('_Default', bound=Value)


def checked_count(name: str, number: object) -> int:
    """
    Return a seed or a number of things as an int.

    :raises ConfigurationError: unless it is a non-negative integer; truth values are none.
    """
    if isinstance(number, bool) or not isinstance(number, Integral) or number < 0:
        raise ConfigurationError(name, number, 'must be a non-negative integer')
    return int(number)


def value(default: _Default, description: str, low: float | None = None,
          high: float | None = None, choices: tuple[str, ...] | None = None,
          dynamic: bool = False, path: bool = False) -> _Default:
    """
    Return a dataclass field that carries its own documentation and range.

    :param low: smallest admissible number (of every entry, for sequences).
    :param high: largest admissible number.
    :param choices: the admissible strings.
    :param dynamic: whether it may change while a node runs.
    :param path: whether it is a path, in which ~ is the home folder.
    """
    return field(default=default, metadata=Metadata(
        description=description, low=low, high=high, choices=choices, dynamic=dynamic, path=path))


def _check_scalar(name: str, item: object, kind: type[Scalar], meta: Metadata) -> Scalar:
    wanted = (int, float) if kind is float else kind
    if not isinstance(item, wanted) or (kind is not bool and isinstance(item, bool)):
        raise ConfigurationError(name, item, f'must be of type {TYPES[kind]}')
    if isinstance(item, (int, float)) and kind is not bool:
        low = -math.inf if meta['low'] is None else meta['low']
        high = math.inf if meta['high'] is None else meta['high']
        if not low <= item <= high or item in (math.inf, -math.inf):
            raise ConfigurationError(name, item, f'must lie in [{low}, {high}]')
    if meta['choices'] is not None and item not in meta['choices']:
        raise ConfigurationError(name, item, f'must be one of {", ".join(meta["choices"])}')
    return expanded(name, str(item)) if meta['path'] else kind(item)


def _checked(name: str, item: object, default: Value, meta: Metadata) -> Value:
    if isinstance(default, tuple):
        if not isinstance(item, (list, tuple)) or not item:
            raise ConfigurationError(name, item, 'must be a non-empty list')
        return tuple(_check_scalar(name, entry, type(default[0]), meta) for entry in item)
    return _check_scalar(name, item, type(default), meta)


def _metadata(entry: 'Field[Value]') -> Metadata:
    """Return what :func:`value` stored in a field."""
    return cast(Metadata, entry.metadata)  # no other function makes the fields


@dataclass(frozen=True)
class Validated:
    """Base of the groups: every field is checked against its own type, range and choices."""

    def __post_init__(self) -> None:
        """Check each value; sequences become tuples, integers given for floats become floats."""
        for entry in fields(self):
            if entry.default is not MISSING:
                item = _checked(entry.name, getattr(self, entry.name), entry.default,
                                _metadata(entry))
                object.__setattr__(self, entry.name, item)


def flatten(config: Validated, prefix: str = '') -> dict[str, tuple[Value, Metadata]]:
    """Return {dotted name: (value, metadata)} of a configuration object."""
    flat: dict[str, tuple[Value, Metadata]] = {}
    for entry in fields(config):
        item, name = getattr(config, entry.name), prefix + entry.name
        if isinstance(item, Validated):
            flat.update(flatten(item, name + '.'))
        else:
            flat[name] = (item, _metadata(entry))
    return flat


def build(kind: type[_Kind], values: Mapping[str, object]) -> _Kind:
    """
    Build a configuration object from {dotted name: value}.

    :param kind: a configuration dataclass.
    :param values: overrides; what is absent keeps its default.
    :raises ConfigurationError: for an old name (with the present one), an unknown name (with the
        nearest known one) or a bad value.
    """
    known = flatten(kind())
    for name, item in values.items():
        if name not in known:
            refuse_old_name(name, item)
            near = difflib.get_close_matches(name, known, 1)
            hint = f'; did you mean {near[0]!r}?' if near else ''
            raise ConfigurationError(name, item, f'is not a parameter of {_title(kind)}{hint}')
    return _assembled(kind(), values, '')


def _title(kind: type) -> str:
    """Return what messages call a configuration class: AdapterConfig is the adapter."""
    name = kind.__name__.removesuffix('Config').lower()
    return {'spec': 'the specification', 'systemspec': 'the specification of a described system',
            'driver': 'the ros2_control_driver'}.get(name, f'the {name}')


def _assembled(default: _Kind, values: Mapping[str, object], prefix: str) -> _Kind:
    """Return a configuration object with the given values in place of its own."""
    changes: dict[str, object] = {}
    for entry in fields(default):
        name, present = prefix + entry.name, getattr(default, entry.name)
        if isinstance(present, Validated):
            changes[entry.name] = _assembled(present, values, name + '.')
        elif name in values:
            changes[entry.name] = values[name]
    try:
        return replace(default, **changes)
    except ConfigurationError as error:
        if error.name.startswith(prefix):
            raise
        raise ConfigurationError(prefix + error.name, error.value, error.rule) from error
