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

"""Linear programs that are solved many times with other costs or bounds, by HiGHS."""

import highspy
import numpy as np
from scpo_ros.arrays import Array

_TOLERANCE = 1e-9  # of feasibility, of the bounds


class LinearProgram:
    """
    Maximise c'z subject to rows z <= bounds and |z| <= box.

    The rows are many more than the variables, so HiGHS is given the dual program

        minimise bounds'y  subject to  rows'y = c,  y >= 0,

    whose bases are as small as z; z is the multiplier of its equations. Each solution starts from
    the last one. Where HiGHS does not report an optimal solution the maximum is infinite: nothing
    is known.
    """

    def __init__(self, rows: Array, bounds: Array, box: Array | None = None) -> None:
        """
        Prepare the program.

        :param rows: (r, d). :param bounds: (r,). :param box: (d,), None for no bounds.
        """
        self._size = rows.shape[1]
        self._solver = highspy.Highs()
        for name, value in (('output_flag', False), ('threads', 1), ('presolve', 'off'),
                            ('solver', 'simplex'), ('primal_feasibility_tolerance', _TOLERANCE),
                            ('dual_feasibility_tolerance', _TOLERANCE)):
            self._solver.setOptionValue(name, value)
        self._equations = np.arange(self._size, dtype=np.int32)
        zero, none = np.zeros(self._size), np.zeros(0, dtype=np.int32)
        self._solver.addRows(
            self._size, zero, zero, 0, np.zeros(self._size, dtype=np.int32), none, np.zeros(0))
        self.add(rows, bounds)
        if box is not None:
            axes = np.eye(self._size)
            self.add(np.vstack([axes, -axes]), np.r_[box, box])

    def add(self, rows: Array, bounds: Array) -> None:
        """Add constraints rows z <= bounds. :param rows: (r, d). :param bounds: (r,)."""
        count = len(rows)
        self._solver.addCols(
            count, np.ascontiguousarray(bounds, dtype=np.float64), np.zeros(count),
            np.full(count, np.inf), count * self._size,
            np.arange(0, count * self._size, self._size, dtype=np.int32),
            np.tile(self._equations, count), np.ascontiguousarray(rows, dtype=np.float64).ravel())

    def bound(self, places: Array, bounds: Array) -> None:
        """Replace the bounds of the given constraints. :param places: (k,) :param bounds: (k,)."""
        self._solver.changeColsCost(
            len(places), np.ascontiguousarray(places, dtype=np.int32),
            np.ascontiguousarray(bounds, dtype=np.float64))

    def maximum(self, cost: Array) -> float:
        """Return max c'z, infinite where no optimal solution was reported. :param cost: (d,)."""
        wanted = np.ascontiguousarray(cost, dtype=np.float64)
        self._solver.changeRowsBounds(self._size, self._equations, wanted, wanted)
        self._solver.run()
        if self._solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            return np.inf
        return float(self._solver.getInfo().objective_function_value)

    def solution(self) -> Array:
        """Return the z (d,) of the last maximum."""
        return np.array(self._solver.getSolution().row_dual)
