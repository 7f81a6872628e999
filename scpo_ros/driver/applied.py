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
Which input the robot really applied over the step that led to a sample. No ROS.

Without feedback it is the command that was sent last, `delay_steps` of the description ago. A
robot that says what it applies is believed: where its number differs from the command by more than
a tolerance, for what a sensor of forces adds, the robot's number is reported. Before anything was
sent, or where nobody listened, it is not known, and NaN.
"""

from collections import deque

import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.systems.model import Model
from scpo_ros.systems.transitions import INPUT_ERROR


class AppliedInput:
    """Keeps what was sent, and compares it with what the robot says."""

    def __init__(self, system: Model, tolerance: float) -> None:
        """
        Start before anything was sent.

        :param tolerance: of the limit of an input, by which feedback may differ from the command.
        """
        self._scale = system.input_scale
        self.tolerance = max(tolerance, INPUT_ERROR)
        self._nothing: Array = np.full(system.m, np.nan)
        self._present = self._nothing  # in force now
        # In force over the newest steps, oldest first.
        self._steps: deque[Array] = deque(maxlen=system.delay_steps + 1)
        self.difference = 0.0  # largest of feedback to command in the newest step, of the limit
        self.feedback = False  # whether the robot said anything in the newest step

    def sent(self, u: Array | None) -> None:
        """Note what the robot was told (m,) from now on; None: nobody knows what it applies."""
        self._present = self._nothing if u is None else u

    def over_step(self, effort: Array, steps: int) -> Array:
        """
        Return the input (m,) over the step that ends now; entries that nobody knows are NaN.

        :param effort: (m,), what the robot says, NaN where nothing. :param steps: that end now:
            more than 1 where states were lost.
        """
        longest = self._steps.maxlen or 1
        self._steps.extend([self._present] * min(max(1, steps), longest))
        commanded = self._steps[0] if len(self._steps) == longest else self._nothing
        said = np.isfinite(effort)
        difference = np.abs(effort - commanded) / self._scale
        same = difference <= self.tolerance
        self.feedback = bool(np.any(said))
        self.difference = float(np.max(difference, initial=0.0, where=np.isfinite(difference)))
        applied: Array = np.where(said & ~same, effort, commanded)
        return applied
