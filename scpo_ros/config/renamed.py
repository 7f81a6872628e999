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
Parameters that once had another name.

A parameter file, a launch argument or a ROS parameter that uses an old name is refused in one line
with the present name. Two things keep the old name, since they were written before: the digest of
a specification (:mod:`scpo_ros.config.specification`), so that certificates and ledgers stay
valid, and the parameters in a recorded bag, which are read under their present names.
"""

from collections.abc import Mapping
from typing import TypeVar

from scpo_ros.exceptions import ConfigurationError


RENAMED = {  # old name: present name
    'metrics.no_regret': 'metrics.baseline_cost',
    'metrics.no_regret_tolerance': 'metrics.baseline_cost_tolerance',
    'metrics.invariance': 'metrics.certificate',
    'certificate': 'verification',
    'teacher_wait_s': 'expert_wait_s',
}

_Value = TypeVar('_Value')


def refuse_old_name(name: str, value: object, place: str = '') -> None:
    """
    Do nothing for a name that no parameter ever had or that one still has.

    :param place: where the present name belongs, such as ' in the parameter file'.
    :raises ConfigurationError: for an old name; the rule holds the present one.
    """
    if name in RENAMED:
        raise ConfigurationError(
            name, value, f'must be given under its present name, {RENAMED[name]}{place}')


def present_names(values: Mapping[str, _Value]) -> dict[str, _Value]:
    """Return {parameter: value} of a recorded run with every old name replaced."""
    return {RENAMED.get(name, name): item for name, item in values.items()}


def first_names() -> dict[str, str]:
    """Return {present name: the name under which its values enter the digest}."""
    return {present: old for old, present in RENAMED.items()}
