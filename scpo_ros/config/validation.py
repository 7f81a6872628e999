"""
Dataclass fields that carry description, unit and range, and are checked against them.

Nested dataclasses have dotted names ('backup.horizon'), which :func:`build` turns into objects and
:func:`flatten` back.
"""

from dataclasses import field, fields, is_dataclass, MISSING
import difflib
import math
from numbers import Integral

from scpo_ros.exceptions import ConfigurationError


def checked_count(name, number):
    """
    Return a seed or a number of things as an int.

    :raises ConfigurationError: unless it is a non-negative integer; truth values are none.
    """
    if isinstance(number, bool) or not isinstance(number, Integral) or number < 0:
        raise ConfigurationError(name, number, 'must be a non-negative integer')
    return int(number)


def value(default, description, low=None, high=None, choices=None, dynamic=False):
    """
    Return a dataclass field that carries its own documentation and range.

    :param low: smallest admissible number (of every entry, for sequences).
    :param high: largest admissible number.
    :param choices: the admissible strings.
    :param dynamic: whether it may change while a node runs.
    """
    return field(default=default, metadata={
        'description': description, 'low': low, 'high': high, 'choices': choices,
        'dynamic': dynamic})


def _check_scalar(name, item, kind, meta):
    wanted = {float: (int, float), int: int, bool: bool, str: str}[kind]
    if not isinstance(item, wanted) or (kind is not bool and isinstance(item, bool)):
        raise ConfigurationError(name, item, f'must be of type {kind.__name__}')
    if kind in (int, float):
        low = -math.inf if meta['low'] is None else meta['low']
        high = math.inf if meta['high'] is None else meta['high']
        if not low <= item <= high or item in (math.inf, -math.inf):
            raise ConfigurationError(name, item, f'must lie in [{low}, {high}]')
    if meta['choices'] is not None and item not in meta['choices']:
        raise ConfigurationError(name, item, f'must be one of {", ".join(meta["choices"])}')
    return kind(item)


def _checked(name, item, default, meta):
    if isinstance(default, tuple):
        if not isinstance(item, (list, tuple)) or not item:
            raise ConfigurationError(name, item, 'must be a non-empty list')
        return tuple(_check_scalar(name, entry, type(default[0]), meta) for entry in item)
    return _check_scalar(name, item, type(default), meta)


class Validated:
    """Base of the groups: every field is checked against its own type, range and choices."""

    def __post_init__(self):
        """Check each value; sequences become tuples, integers given for floats become floats."""
        for entry in fields(self):
            if not is_dataclass(entry.type) and entry.default is not MISSING:
                item = _checked(entry.name, getattr(self, entry.name), entry.default,
                                entry.metadata)
                object.__setattr__(self, entry.name, item)


def flatten(config, prefix=''):
    """Return {dotted name: (value, metadata)} of a configuration object."""
    flat = {}
    for entry in fields(config):
        item, name = getattr(config, entry.name), prefix + entry.name
        if is_dataclass(item):
            flat.update(flatten(item, name + '.'))
        else:
            flat[name] = (item, entry.metadata)
    return flat


def build(kind, values):
    """
    Build a configuration object from {dotted name: value}.

    :param kind: a configuration dataclass.
    :param values: overrides; what is absent keeps its default.
    :raises ConfigurationError: for an unknown name (with the nearest known one) or a bad value.
    """
    known = flatten(kind())
    for name, item in values.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f'; did you mean {near[0]!r}?' if near else ''
            raise ConfigurationError(name, item, f'is not a parameter of {kind.__name__}{hint}')
    return _assemble(kind, values, '')


def _assemble(kind, values, prefix):
    arguments = {}
    for entry in fields(kind):
        name = prefix + entry.name
        if is_dataclass(entry.type):
            arguments[entry.name] = _assemble(entry.type, values, name + '.')
        elif name in values:
            arguments[entry.name] = values[name]
    try:
        return kind(**arguments)
    except ConfigurationError as error:
        if error.name.startswith(prefix):
            raise
        raise ConfigurationError(prefix + error.name, error.value, error.rule) from error
