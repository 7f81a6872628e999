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

"""What the package asks of the backup, and what all laws that an MPC defines have in common."""

from typing import Protocol

import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.backup.mpc import BackupMpc
from scpo_ros.sets.invariant_set import Polytope


class Backup(Protocol):
    """
    The backup's law: feasible on all of a safe set, and from there it never leaves the set.

    For x in the set the input is within its limits, and A x + B u + w lies in the set again for
    every admitted w.
    """

    @property
    def safe_set(self) -> Polytope:
        """Return the set on which the law is feasible."""

    def __call__(self, x: Array) -> Array:
        """Return the inputs (..., m) at states (..., n); NaN where the law is undefined."""

    def solve(self, x: Array) -> Array:
        """
        Return the input (m,) at one state (n,), which may lie outside the safe set.

        :raises InvalidArrayError: for a malformed state.
        :raises InfeasibleError: for a state outside the safe set without a solution.
        :raises SolverError: when there must be a solution and the solver reports none.
        """


class MpcLaw:
    """The part of a :class:`Backup` that is the same for all laws of a :class:`BackupMpc`."""

    def __init__(self, mpc: BackupMpc) -> None:
        """Take over the MPC whose law this is."""
        self.mpc = mpc

    @property
    def safe_set(self) -> Polytope:
        """Return the set on which the law is feasible."""
        return self.mpc.safe_set

    def solve(self, x: Array) -> Array:
        """Return the input (m,) of the MPC's own solver at a state (n,); errors as there."""
        return self.mpc.solve(x)


class SolvedLaw(MpcLaw):
    """The law solved state by state: slow, and needs no table."""

    def __call__(self, x: Array) -> Array:
        """Return the inputs (..., m) at states (..., n); NaN outside the safe set."""
        x = np.asarray(x, dtype=np.float64)
        flat = x.reshape(-1, x.shape[-1])
        u = np.full((len(flat), self.mpc.inputs), np.nan)
        for i in np.flatnonzero(self.safe_set.contains(flat)):
            u[i] = self.solve(flat[i])
        return u.reshape(x.shape[:-1] + (self.mpc.inputs,))
