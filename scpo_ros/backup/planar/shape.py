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

"""What all of this folder, and the proofs that use it, ask of a system."""

from scpo_ros.exceptions import ConfigurationError


def require_planar(states: int, inputs: int, what: str) -> None:
    """
    Return where there are two states and one input.

    :param what: needs them, in words.
    :raises ConfigurationError: for other numbers.
    """
    if (states, inputs) != (2, 1):
        raise ConfigurationError(
            'system', f'{states} states and {inputs} inputs',
            f'must have two states and one input for {what}')
