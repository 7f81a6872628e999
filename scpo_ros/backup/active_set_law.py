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
The law of an MPC with any number of states: remembered active sets, tested at every query.

An active set gives an affine law that is optimal exactly where its :func:`conditions` hold (KKT),
whichever way it was guessed. The guesses are the sets of the nearest states solved before; where
none holds the solver is asked, and what it finds is remembered. For two states the table of
:mod:`scpo_ros.backup.planar.explicit_law` is faster.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree
from scpo_ros.arrays import Array, Integers
from scpo_ros.backup.law import MpcLaw
from scpo_ros.backup.mpc import BackupMpc
from scpo_ros.backup.parametric_qp import ParametricQP

GUESSES = 4  # active sets tried for a state
ACTIVE = 1e-9  # multipliers above this mark a constraint active
_FLAT = 1e-9  # a constraint with a smaller slope in x does not depend on x: rounding
_INSIDE = 1e-12  # distance beyond a condition that still counts as satisfied
_AT_ONCE = 256  # states whose conditions are tested at once; bounds memory


def conditions(qp: ParametricQP, active: Sequence[int],
               inputs: int = 1, units: Array | float = 1.0) -> tuple[Array, Array] | None:
    """
    Return the first move (m, n + 1) of an active set, u = law (x, 1), and where it is optimal.

    That is where rows (c, n + 1) have rows'(x / units, 1) <= 0, each with a unit normal:
    multipliers of the active constraints not negative, the others satisfied. None where it is
    nowhere.

    :param active: indices of the active constraints. Any number of states.
    :param inputs: m, the number of first entries of z that are the first move.
    :param units: of the states (n,) in the rows.
    """
    active = list(active)
    (free, gain), (violated, coupling) = qp.response, qp.coupling
    try:
        weight = np.linalg.solve(coupling[np.ix_(active, active)], violated[active])
    except np.linalg.LinAlgError:
        return None
    law = free[:inputs] - gain[:inputs, active] @ weight
    rows: Array = violated - coupling[:, active] @ weight
    rows[active] = -weight  # all must be <= 0
    rows[:, :-1] *= units
    length = np.linalg.norm(rows[:, :-1], axis=1)
    if np.any(rows[length <= _FLAT, -1] > _FLAT):
        return None
    return law, rows[length > _FLAT] / length[length > _FLAT, None]


@dataclass(frozen=True)
class _Remembered:
    """The active sets of states solved before, ready for queries."""

    tree: cKDTree  # of S states
    sets: Integers  # (S,), the number of each state's active set
    laws: Array  # (L, m, n + 1): u = law (x, 1)
    rows: Array  # (L, r, n + 1), where each is optimal, padded with 0'x <= 1


class ActiveSetLaw(MpcLaw):
    """
    `law(x)` maps states (..., n) to inputs (..., m); NaN where the MPC has no solution.

    `law.fallbacks` counts the states that went to the solver.
    """

    def __init__(self, mpc: BackupMpc, states: Iterable[Array] = (), most: int = 4096) -> None:
        """
        Solve some states, best those that closed loops visit, and remember their active sets.

        :param mpc: a :class:`BackupMpc`. :param states: (N, n). :param most: sets remembered.
        """
        super().__init__(mpc)
        self.fallbacks, self._most = 0, most
        self._numbers: dict[tuple[int, ...], int] = {}
        self._found: list[tuple[Array, Array]] = []  # of every active set, see conditions
        self._states: list[Array] = []
        self._sets: list[int] = []  # of every state
        self._ready: _Remembered | None = None
        for x in states:
            self._solved(np.asarray(x, dtype=np.float64))

    def __len__(self) -> int:
        """Return the number of active sets remembered."""
        return len(self._found)

    def __call__(self, x: Array) -> Array:
        """Return the inputs (..., m) at the states x (..., n)."""
        x = np.asarray(x, dtype=np.float64)
        flat = x.reshape(-1, x.shape[-1])
        u = np.full((len(flat), self.mpc.inputs), np.nan)
        finite = np.flatnonzero(np.all(np.isfinite(flat), axis=1))
        for start in range(0, len(finite), _AT_ONCE):
            part = finite[start:start + _AT_ONCE]
            u[part] = self._remembered(flat[part])
            for i in part[np.isnan(u[part]).any(axis=1)]:
                self.fallbacks += 1
                u[i] = self._solved(flat[i])
        return u.reshape(x.shape[:-1] + (self.mpc.inputs,))

    def _remembered(self, x: Array) -> Array:
        """Return the inputs (N, m) by the first guessed set whose conditions hold, else NaN."""
        u = np.full((len(x), self.mpc.inputs), np.nan)
        if not self._found:
            return u
        ready = self._refreshed()
        count = min(GUESSES, len(ready.sets))
        # A state so far away that its distances overflow has no neighbours: any guess will do.
        nearest = np.minimum(ready.tree.query(x, count)[1], len(ready.sets) - 1)
        guesses = ready.sets[nearest.reshape(len(x), count)]
        points = np.column_stack([x, np.ones(len(x))])
        left = np.arange(len(x))
        for slot in range(count):
            sets = guesses[left, slot]
            beyond = np.matmul(ready.rows[sets], points[left, :, None])[..., 0].max(axis=1)
            hit = beyond <= _INSIDE  # NaN is not
            u[left[hit]] = np.sum(ready.laws[sets[hit]] * points[left[hit], None], axis=2)
            left = left[~hit]
        return u

    def _solved(self, x: Array) -> Array:
        """Return the solver's input (m,) at a state, NaN without a solution; remember its set."""
        try:
            z, multipliers = self.mpc.solve_with_multipliers(x)
        except RuntimeError:  # infeasible, not solved, or CasADi's own: the numbers overflow
            return np.full(self.mpc.inputs, np.nan)
        active = tuple(np.flatnonzero(multipliers > ACTIVE).tolist())
        number = self._numbers.get(active)
        if number is None and len(self._found) < self._most:
            found = conditions(self.mpc.qp, active, self.mpc.inputs)
            if found is not None:
                number = self._numbers[active] = len(self._found)
                self._found.append(found)
        if number is not None and len(self._states) < 8 * self._most:
            self._states.append(x)
            self._sets.append(number)
        return z[:self.mpc.inputs]

    def _refreshed(self) -> _Remembered:
        """Return the arrays of queries, up to date when a tenth has been added."""
        ready = self._ready
        if ready is None or len(self._states) >= 1.1 * len(ready.sets):
            most = max(len(rows) for _, rows in self._found)
            stack = np.zeros((len(self._found), most, self._found[0][0].shape[1]))
            stack[:, :, -1] = -1.0  # 0'x <= 1
            for stacked, (_, rows) in zip(stack, self._found):
                stacked[:len(rows)] = rows
            ready = self._ready = _Remembered(
                cKDTree(np.array(self._states)), np.array(self._sets),
                np.array([law for law, _ in self._found]), stack)
        return ready
