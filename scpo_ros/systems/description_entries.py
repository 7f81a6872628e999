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

"""Takes single values out of a description file, and says where a value breaks a rule."""

from collections.abc import Iterable
import difflib
import math

import numpy as np
from scpo_ros.arrays import Array, frozen
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.systems.yaml_tree import Plain, Tree

_NAME = 'must be a word of letters, digits and _ that begins with a letter'


class Entries:
    """The values below one place of a file; every value that is taken is checked."""

    def __init__(self, tree: Tree, values: dict[str, Plain], place: str = '') -> None:
        """Look at the given part of a file. :param place: dotted name of the part."""
        self._tree, self._values, self._place = tree, values, place

    def error(self, name: str, value: object, rule: str) -> ConfigurationError:
        """Return the error that names file, line, entry, value and rule."""
        return ConfigurationError(self._tree.where(self._below(name)), value, rule)

    def _below(self, name: str) -> str:
        return '.'.join(filter(None, [self._place, name]))

    def known(self, names: Iterable[str]) -> None:
        """Refuse every key that is not one of `names`."""
        names = tuple(names)
        for key in self._values:
            if key not in names:
                near = difflib.get_close_matches(key, names, 1)
                hint = f'; did you mean {near[0]}?' if near else ''
                raise self.error(key, key, f'is not a key here ({", ".join(names)}){hint}')

    def has(self, name: str) -> bool:
        """Return whether a key is given."""
        return name in self._values

    def required(self, name: str) -> Plain:
        """Return a value that must be given."""
        if name not in self._values:
            raise self.error(name, None, 'is missing')
        return self._values[name]

    def number(self, name: str, default: float | None = None, low: float = -math.inf,
               high: float = math.inf) -> float:
        """Return a finite number in [low, high]; one without default must be given."""
        if name not in self._values and default is not None:
            return default
        value = self.required(name)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self.error(name, value, 'must be a number')
        if not math.isfinite(value):
            raise self.error(name, value, 'must be finite')
        if not low <= value <= high:
            raise self.error(name, value, f'must lie in [{low:g}, {high:g}]')
        return float(value)

    def count(self, name: str, default: int, low: int, high: int) -> int:
        """Return an integer in [low, high]."""
        number = self.number(name, float(default), low, high)
        if number != int(number):
            raise self.error(name, number, 'must be an integer')
        return int(number)

    def truth(self, name: str, default: bool) -> bool:
        """Return true or false."""
        value = self._values.get(name, default)
        if not isinstance(value, bool):
            raise self.error(name, value, 'must be true or false')
        return value

    def text(self, name: str, default: str | None = None) -> str:
        """Return a text; one without default must be given."""
        value = self.required(name) if default is None else self._values.get(name, default)
        if not isinstance(value, str):
            raise self.error(name, value, 'must be a text')
        return value

    def word(self, name: str, default: str | None = None) -> str:
        """Return a text that may stand in topics and parameter names."""
        value = self.text(name, default)
        if not (value.isascii() and value.isidentifier() and value[0].isalpha()):
            raise self.error(name, value, _NAME)
        return value

    def choice(self, name: str, default: str, choices: tuple[str, ...]) -> str:
        """Return one of the given texts."""
        value = self._values.get(name, default)
        if not isinstance(value, str) or value not in choices:
            raise self.error(name, value, f'must be one of {", ".join(choices)}')
        return value

    def mapping(self, name: str) -> 'Entries':
        """Return the mapping below a key; an empty one when it is not given."""
        value = self._values.get(name, {})
        if not isinstance(value, dict):
            raise self.error(name, value, "must hold 'key: value' entries")
        return Entries(self._tree, value, self._below(name))

    def keys(self) -> tuple[str, ...]:
        """Return the keys."""
        return tuple(self._values)

    def sequence(self, name: str) -> list['Entries']:
        """Return the mappings in the list below a key, which must hold one at least."""
        value = self.required(name)
        if not isinstance(value, list) or not value:
            raise self.error(name, value, 'must be a list of one entry or more')
        found = []
        for index, item in enumerate(value):
            if not isinstance(item, dict):
                raise self.error(f'{name}.{index}', item, "must hold 'key: value' entries")
            found.append(Entries(self._tree, item, self._below(f'{name}.{index}')))
        return found

    def matrix(self, name: str, rows: int | None, columns: int | None) -> Array:
        """Return a list of lists of finite numbers as a matrix; None stands for any size."""
        value = self.required(name)
        array = self._array(name, value)
        if array.ndim != 2 or any(want not in (None, have) for want, have in zip(
                (rows, columns), array.shape)):
            wanted = ' x '.join('any' if size is None else str(size) for size in (rows, columns))
            raise self.error(name, _shape(array), f'must be a matrix of {wanted} numbers')
        return array

    def vector(self, name: str, size: int | None) -> Array:
        """Return a list of finite numbers; None stands for any size."""
        array = self._array(name, self.required(name))
        if array.ndim != 1 or size not in (None, len(array)):
            raise self.error(name, _shape(array), f'must be a list of {size} numbers')
        return array

    def weight(self, name: str, size: int) -> Array:
        """Return a symmetric matrix (size, size) from its diagonal or from all of its rows."""
        value = self.required(name)
        if isinstance(value, list) and value and isinstance(value[0], list):
            array = self.matrix(name, size, size)
            if not np.array_equal(array, array.T):
                raise self.error(name, value, 'must be symmetric')
            return array
        return frozen(np.diag(self.vector(name, size)))

    def _array(self, name: str, value: Plain) -> Array:
        for item in _leaves(value):
            if isinstance(item, bool) or not isinstance(item, (int, float)):
                raise self.error(name, item, 'must hold numbers only')
            if not math.isfinite(item):
                raise self.error(name, item, 'must be finite in every entry')
        try:
            return frozen(value)
        except ValueError as error:
            raise self.error(name, value, 'must have rows of one length') from error


def _leaves(value: Plain) -> Iterable[Plain]:
    if isinstance(value, list):
        for item in value:
            yield from _leaves(item)
    else:
        yield value


def _shape(array: Array) -> str:
    return ' x '.join(map(str, array.shape)) or 'one number'
