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

"""The parameters of the node that moves a robot while it is recorded."""

from dataclasses import dataclass

from scpo_ros.config.validation import LARGEST, Validated, value
from scpo_ros.exceptions import ConfigurationError


@dataclass(frozen=True)
class ExciteConfig(Validated):
    """The excite node."""

    recording: str = value(
        'excite.csv', 'table that is written at the end; must not exist yet', path=True)
    duration_s: float = value(
        60.0, 'length of the random inputs, after the rest [s]', 0.0, 86400.0)
    rest_s: float = value(
        8.0, 'before, the inputs are 0 for so long: the measurement error is identified from it; '
        'none where the draft does not stand by itself [s]', 0.0, 3600.0)
    amplitude: float = value(
        0.1, 'part of the input limits over which inputs are drawn at first [1]', 0.02, 1.0)
    largest_amplitude: float = value(
        1.0, 'the same, at most [1]', 0.02, 1.0)
    longest_draw: int = value(
        10, 'an input is drawn anew after 1 to so many steps', 1, 1000)
    seed: int = value(0, 'seed of the inputs', 0, LARGEST)
    state_wait_s: float = value(
        30.0, 'without a state for so long the node ends [s, wall]', 0.1, 3600.0)
    realtime_priority: int = value(
        10, 'SCHED_FIFO priority of the node where the system grants it; 0: none', 0, 99)

    def __post_init__(self) -> None:
        """Check the name of the table."""
        super().__post_init__()
        if not self.recording.endswith('.csv'):
            raise ConfigurationError('recording', self.recording, 'must end in .csv')
