"""Dataclass fields that carry description, unit and range, and are checked against them."""

from dataclasses import field, fields, is_dataclass, MISSING
import math

from scpo_ros.exceptions import ConfigurationError


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
