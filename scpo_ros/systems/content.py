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

"""The content of a description as a text: equal for equal systems, whatever their file is."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass

import numpy as np
from scpo_ros.systems.description import SystemDescription


def content(description: SystemDescription) -> str:
    """
    Return every value of a description, exact: what certificates of the system rest on.

    Floats are written in hexadecimal, which no locale, format or rounding changes; -0.0 is 0.0.
    Comments, the order of keys and the layout of the file do not enter.
    """
    return _exact(description)


def _exact(item: object) -> str:
    if is_dataclass(item):
        return '{' + ', '.join(f'{entry.name}: {_exact(getattr(item, entry.name))}'
                               for entry in fields(item)) + '}'
    if isinstance(item, Mapping):
        return '{' + ', '.join(f'{key}: {_exact(item[key])}' for key in sorted(item)) + '}'
    if isinstance(item, np.ndarray):
        return _exact(item.tolist())
    if isinstance(item, (list, tuple)):
        return '[' + ', '.join(map(_exact, item)) + ']'
    if isinstance(item, float):
        return (item + 0.0).hex()
    return repr(item)
