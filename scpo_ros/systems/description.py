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
The description of a system, as a file holds it: states, inputs, dynamics, limits, cost.

All values are deviations from the equilibrium: x = 0 with u = 0 is where the system shall rest.
"""

from collections.abc import Mapping
from dataclasses import dataclass
import math

from scpo_ros.arrays import Array

ON_SILENCE = ('hold', 'zero', 'feedback')
MODEL_ERRORS = ('bounded', 'neglected')  # added to the disturbance, or not
FIELDS = ('position', 'velocity', 'effort')  # arrays of a JointState message


@dataclass(frozen=True)
class StateEntry:
    """One entry of x."""

    name: str
    unit: str
    lower: float  # -inf where none is given
    upper: float  # inf where none is given
    disturbance: float  # half-width of w per step, in the unit of the state
    measurement_error: float  # half-width of e in y = x + e, in the unit of the state
    joint: str  # name of the joint in JointState
    field: str  # array of JointState, one of FIELDS

    @property
    def largest(self) -> float:
        """Return the largest |x| within the limits; infinite where a limit is missing."""
        return max(-self.lower, self.upper)


@dataclass(frozen=True)
class InputEntry:
    """One entry of u."""

    name: str
    unit: str
    lower: float
    upper: float
    joint: str
    field: str


@dataclass(frozen=True)
class ModelReference:
    """A CasADi-defined model, by the name of a shipped one or as 'package.module:function'."""

    name: str
    parameters: Mapping[str, float]
    error: str = 'bounded'  # of its linearisation, one of MODEL_ERRORS


@dataclass(frozen=True)
class Dynamics:
    """Exactly one of: continuous matrices, discrete matrices, a nonlinear model."""

    kind: str  # 'continuous', 'discrete' or 'model'
    A: Array  # (n, n), of the linearisation at 0 where there is a model
    B: Array  # (n, m)
    model: ModelReference | None = None


@dataclass(frozen=True)
class SystemDescription:
    """All keys of a description file, with the defaults filled in."""

    name: str
    dt: float  # model step and control period [s]
    states: tuple[StateEntry, ...]
    inputs: tuple[InputEntry, ...]
    dynamics: Dynamics
    constraint_rows: Array  # F (r, n) of F x <= f
    constraint_bounds: Array  # f (r,)
    state_weight: Array  # Q (n, n) of the stage cost x'Q x + u'R u
    input_weight: Array  # R (m, m)
    delay_steps: int = 0
    delay_fraction: float = 0.0  # of a step, on top
    sample_jitter: float = 0.0  # how far a stamp may lie off the grid [s]
    deadline: float = 0.5  # of dt; a later answer is a miss
    between_ticks: bool = False  # whether limits shall hold between the samples too
    on_silence: str = 'hold'  # what the simulated plant does without commands
    horizon: int = 15  # of the backup [steps]
    planned: Mapping[str, float] | None = None  # soft limits of the backup, by name
    contraction: float | None = None  # lambda per step; None: chosen automatically

    @property
    def n(self) -> int:
        """Return the number of states."""
        return len(self.states)

    @property
    def m(self) -> int:
        """Return the number of inputs."""
        return len(self.inputs)

    @property
    def bounded(self) -> bool:
        """Return whether every state and input has both limits."""
        limits = [(entry.lower, entry.upper) for entry in self.states]
        limits += [(entry.lower, entry.upper) for entry in self.inputs]
        return all(math.isfinite(number) for pair in limits for number in pair)
