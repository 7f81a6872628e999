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

"""How numbers are shown that may be unknown: an unknown number is never shown as good."""

from collections.abc import Mapping
import math


def known(number: float | None, form: str, otherwise: str = 'not measured') -> str:
    """
    Return a number as text, or words where the number is unknown.

    :param number: None and NaN were not measured. :param form: format, such as '.4f'.
    :param otherwise: the words.
    """
    if number is None or math.isnan(number):
        return otherwise
    return format(number, form)


def identity(summary: Mapping[str, object]) -> str:
    """Return which expert was heard and which seed was given, as far as they are known."""
    seed, expert = summary['seed'], summary['expert']
    return ', '.join(['no expert was heard' if expert is None else f'expert {expert}',
                      'no simulated plant' if seed is None else f'seed {seed}'])
