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

"""What is due at which step: rest, random inputs, the way back."""

from dataclasses import dataclass
from enum import Enum


class Phase(Enum):
    """What the robot is to do."""

    REST = 'rest'  # the inputs are 0: what varies then is the measurement error
    EXCITE = 'excite'  # random inputs
    RETURN = 'return'  # the backup brings it to the origin
    OVER = 'over'


@dataclass(frozen=True)
class Timetable:
    """The phases one after the other, in steps."""

    rest: int
    total: int  # of rest and random inputs
    back: int  # of the return, at most

    def phase(self, step: int, ended: int | None, arrived: bool) -> Phase:
        """
        Return the phase of a step.

        :param ended: the step at which random inputs ended early; None: they did not.
        :param arrived: whether the robot is back.
        """
        end = self.total if ended is None else min(ended, self.total)
        if step < end:
            return Phase.REST if step < self.rest else Phase.EXCITE
        return Phase.OVER if arrived or step >= end + self.back else Phase.RETURN
