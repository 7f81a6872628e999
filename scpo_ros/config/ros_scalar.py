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
One scalar of a parameter file or a launch argument, read as ROS 2 reads it.

ROS 2 reads scalars by the forms of C and not by those of YAML: `010` is 8, `1e-3` is a number,
`on` is true, and `~`, `1_0` and `1:30` are text. What it would change without a word (a number
that no 64 bits hold, text with a zero byte) is refused.
"""

import math
import re
from typing import TypeAlias


Scalar: TypeAlias = bool | int | float | str
TYPES: dict[type, str] = {bool: 'bool', int: 'integer', float: 'double', str: 'string'}  # of ROS 2

_TRUE = frozenset('Y y yes Yes YES true True TRUE on On ON'.split())
_FALSE = frozenset('N n no No NO false False FALSE off Off OFF'.split())
_DOTTED = re.compile(r'\.(nan|NaN|NAN)|[+-]?\.(inf|Inf|INF)')
_SPACE = r'[ \t\n\v\f\r]*'
_INTEGER = re.compile(rf'{_SPACE}[+-]?(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)')
_DECIMAL = re.compile(rf'{_SPACE}[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?')
_HEXADECIMAL = re.compile(
    rf'{_SPACE}[+-]?0[xX]([0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)([pP][+-]?[0-9]+)?')
_NO_NUMBER = re.compile(rf'{_SPACE}([+-]?)(inf|infinity|nan(\([a-z0-9_]*\))?)', re.IGNORECASE)
_TOO_LONG = 400  # digits; Python converts no longer integers in reasonable time
_SMALLEST = 2.0**-1022  # below it doubles lose digits, and ROS 2 reads text


def scalar(text: str, quoted: bool = False) -> Scalar:
    """
    Return the value of a scalar.

    :param quoted: whether it stands in quotes or is tagged !!str.
    :raises ValueError: with the rule that it breaks.
    """
    if quoted:
        return _text(text)
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if _INTEGER.fullmatch(text):
        return _integer(text.strip())
    if _DECIMAL.fullmatch(text) or _HEXADECIMAL.fullmatch(text):
        return _double(text.strip())
    if _DOTTED.fullmatch(text):
        return float(text.replace('.', ''))
    special = _NO_NUMBER.fullmatch(text)
    return _text(text) if special is None else float(special[1] + special[2][:3])


def _text(text: str) -> str:
    """Return text as it is. :raises ValueError: where ROS 2 would cut or refuse it."""
    if '\0' in text:
        raise ValueError('must not hold a zero byte')
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError('must be text that UTF-8 can hold') from error
    return text


def _integer(text: str) -> int:
    """Return an integer: hexadecimal after 0x, octal after 0, else decimal."""
    digits = text.lstrip('+-')
    octal = len(digits) > 1 and digits.isdecimal() and digits[0] == '0'
    number = (2**64 if len(digits) > _TOO_LONG
              else int(text, 8 if octal else 16 if digits[:2] in ('0x', '0X') else 10))
    if not -2**63 <= number < 2**63:
        raise ValueError('must be an integer of 64 bits')
    return number


def _double(text: str) -> float:
    """Return a double. :raises ValueError: where it overflows or loses digits."""
    hexadecimal = text.lstrip('+-')[:2] in ('0x', '0X')
    try:
        number = float.fromhex(text) if hexadecimal else float(text)
    except OverflowError:
        number = math.inf
    mantissa = re.split('[pP]' if hexadecimal else '[eE]', text)[0]
    zero = not re.search('[1-9a-fA-F]', mantissa.replace('0x', '').replace('0X', ''))
    if not (zero or _SMALLEST <= abs(number) < math.inf):
        raise ValueError('must be a number that a double holds with all its digits')
    return number
