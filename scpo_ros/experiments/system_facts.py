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

"""The numbers of a system, as results of experiments give them back."""

from dataclasses import dataclass

from scpo_ros.arrays import Array, frozen
from scpo_ros.systems.linear_system import LinearSystem
from scpo_ros.systems.system import System


@dataclass(frozen=True)
class SystemFacts:
    """x+ = A x + B u + w within limits; arrays are read-only."""

    A: Array  # (n, n)
    B: Array  # (n, m)
    state_lower: Array  # (n,), units of x
    state_upper: Array  # (n,)
    input_lower: Array  # (m,), units of u
    input_upper: Array  # (m,)
    disturbance: Array  # (n,), half-widths of w

    @classmethod
    def of(cls, system: System | LinearSystem) -> 'SystemFacts':
        """Return those of a system."""
        return cls(*(frozen(getattr(system, name)) for name in cls.__dataclass_fields__))
