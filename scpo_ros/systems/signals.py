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

"""The names, units and symbols of the entries of a vector: of the states, or of the inputs."""

from collections.abc import Iterable
from dataclasses import dataclass
import re

from scpo_ros.arrays import Array
from scpo_ros.exceptions import ConfigurationError


@dataclass(frozen=True)
class Signals:
    """
    What the entries of a vector are called, in texts, tables, pictures and topics.

    :raises ConfigurationError: for names that are not as many as units and symbols, not different,
        or not made of letters, digits and underscores.
    """

    names: tuple[str, ...]  # 'position'
    units: tuple[str, ...]  # 'm/s'; '' for none
    symbols: tuple[str, ...]  # 'p', of formulas

    def __post_init__(self) -> None:
        """Check that there is one of each for every entry."""
        for name, given in (('units', self.units), ('symbols', self.symbols)):
            if len(given) != len(self.names):
                raise ConfigurationError(name, given, f'must be {len(self.names)}, as the names')
        for name, given in (('names', self.names), ('symbols', self.symbols)):
            if len(set(given)) != len(given):
                raise ConfigurationError(name, given, 'must be different from each other')
            for word in given:
                if not re.fullmatch(r'[A-Za-z]\w*', word, re.ASCII):
                    raise ConfigurationError(
                        name, word, 'must be a letter, then letters, digits and underscores')

    @classmethod
    def numbered(cls, symbol: str, count: int) -> 'Signals':
        """Return names without a meaning: x1, x2 and so on; of one alone, x."""
        names = (symbol,) if count == 1 else tuple(f'{symbol}{i + 1}' for i in range(count))
        return cls(names, ('',) * count, names)

    @property
    def axes(self) -> tuple[str, ...]:
        """Return the labels of axes: 'position p [m]'; a symbol that is the name is left out."""
        return tuple(name + (f' {symbol}' if symbol != name else '') + (
            f' [{unit}]' if unit else '') for name, unit, symbol
                     in zip(self.names, self.units, self.symbols))

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the names of columns of a table, with the unit: 'velocity_m_s'."""
        return tuple(name + in_a_name(unit) for name, unit in zip(self.names, self.units))

    def values(self, numbers: Array, form: str) -> str:
        """
        Return numbers (n,) in words: 'p = 0.100, v = 0.200'.

        :param form: format of each, as '.3f'.
        """
        return ', '.join(f'{symbol} = {number:{form}}'
                         for symbol, number in zip(self.symbols, numbers))


def in_a_name(unit: str) -> str:
    """Return a unit as the end of a name: '_m_s2' for m/s^2, '' for none."""
    words = re.sub(r'\W+', '_', unit.replace('^', '')).strip('_')
    return f'_{words}' if words else ''


def listed(values: Iterable[float], form: str) -> str:
    """Return numbers as the entries of a vector: '0.100, 0.200'. :param form: of each."""
    return ', '.join(f'{value:{form}}' for value in values)
