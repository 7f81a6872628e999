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
Quadratic programs that are solved at many parameters, each from the last answer, by DAQP.

Neighbouring parameters often have the same active constraints. For an active set the optimum is an
affine function of the parameter, and the multipliers are too; it is optimal exactly where the
other constraints hold and the multipliers are not negative (Karush, Kuhn, Tucker). So the affine
function of the last answer is tested at the neighbours that follow, and the solver is asked at the
first one where it does not hold. It takes longer to make than several answers of the solver, so it
is not made for a parameter without a neighbour.
"""

from dataclasses import dataclass
from functools import cached_property

import daqp
import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.backup.parametric_qp import ParametricQP

FEASIBLE = 1e-8  # by how much an answer may exceed a constraint
_INSIDE = 1e-10  # by how much the conditions of an active set may be missed: rounding
_ACTIVE = 1e-9  # multipliers above this mark a constraint as active
_AHEAD = 32  # parameters that are tested at once
_NEAR = 0.01  # two parameters that differ by no more in any entry are neighbours
_REMEMBERED = 512  # active sets
_SETTINGS = {'primal_tol': 1e-9, 'iter_limit': 2000}


@dataclass(frozen=True)
class _AffineAnswer:
    """The optimum of one active set, z = answer (x, 1), where conditions (x, 1) <= 0."""

    answer: Array  # (nz, n + 1)
    conditions: Array  # (c, n + 1)


class WarmProgram:
    """
    Solves minimise z'P z / 2 + (q + F x)'z subject to G z <= b + S x, for one x after another.

    DAQP keeps the active set of the last answer (Arnstrom, Bemporad, Axehill 2022, *A dual
    active-set solver for embedded quadratic programming using recursive LDL' updates*).
    Its scratch memory serves one thread. An answer is checked against the constraints before it
    is returned.
    """

    def __init__(self, qp: ParametricQP) -> None:
        """Take over the program; the solver is made at the first query."""
        self._qp = qp
        self._model: daqp.Model | None = None
        self._known: dict[tuple[int, ...], _AffineAnswer | None] = {}

    def __reduce__(self) -> tuple[type['WarmProgram'], tuple[ParametricQP]]:
        """Travel to other processes without the solver."""
        return WarmProgram, (self._qp,)

    def __call__(self, x: Array) -> Array:
        """
        Return the optimal z (nz,) at a parameter x (n,).

        NaN where there is no solution, the solver reports none or fails, or its answer breaks a
        constraint.
        """
        answer: Array = self.many(x[None])[0]
        return answer

    def many(self, x: Array) -> Array:
        """Return the optimal z (N, nz) at parameters x (N, n); NaN as for one."""
        x = np.where(np.all(np.isfinite(x), axis=1, keepdims=True), x, np.nan)  # fails every test
        points = np.column_stack([x, np.ones(len(x))])
        linear, bounds = points @ self._data[0], points @ self._data[1]
        finite = np.all(np.isfinite(bounds), axis=1) & np.all(np.isfinite(linear), axis=1)
        found, following, at = np.full_like(linear, np.nan), _neighbours(x), 0
        while at < len(x):
            solved = self._solved(linear[at], bounds[at]) if finite[at] else None
            if solved is not None:
                found[at] = solved[0]
            at, after = at + 1, at + 1 + following[at]
            affine = None if solved is None or at == after else self._affine(solved[1])
            if affine is not None:
                ahead = points[at:min(after, at + _AHEAD)]
                held = np.all(affine.conditions @ ahead.T <= _INSIDE, axis=0)
                count = len(held) if held.all() else int(np.argmin(held))
                found[at:at + count] = ahead[:count] @ affine.answer.T
                at += count
        return found

    @cached_property
    def _data(self) -> tuple[Array, Array]:
        """Return (n + 1, nz) and (n + 1, c): (x, 1) times them is q + F x and b + S x."""
        qp = self._qp
        return np.vstack([qp.F.T, qp.q]), np.vstack([qp.S.T, qp.b])

    def _solved(self, linear: Array, bounds: Array) -> tuple[Array, Array] | None:
        """Return z (nz,) and the multipliers (c,), None without an answer."""
        for _ in range(2):  # an active set that misleads the solver is forgotten
            try:
                z, multipliers, success = self._answer(linear, bounds)
            except Exception:  # noqa: B902 - a solver that fails has no answer
                success = False
            if success and np.all(self._qp.G @ z <= bounds + FEASIBLE):
                return z, multipliers
            self._model = None
        return None

    def _answer(self, linear: Array, bounds: Array) -> tuple[Array, Array, bool]:
        """Return (z, multipliers (c,), whether DAQP reports an optimum)."""
        if self._model is None:
            self._model = daqp.Model()
            self._model.settings = _SETTINGS
            flag, _ = self._model.setup(
                np.array(self._qp.P), np.array(linear), np.array(self._qp.G), np.array(bounds),
                np.full(len(bounds), -np.inf), np.zeros(len(bounds), dtype=np.int32))
        else:
            flag = self._model.update(None, linear, None, bounds)
        if flag < 0:
            return linear, bounds, False
        z, _, flag, details = self._model.solve()
        return np.asarray(z), np.asarray(details['lam']), flag > 0

    def _affine(self, multipliers: Array) -> _AffineAnswer | None:
        """Return the affine answer of an active set, None where its rows are dependent."""
        active = tuple(np.flatnonzero(multipliers > _ACTIVE).tolist())
        if active not in self._known:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[active] = _affine_answer(self._qp, list(active))
        return self._known[active]


def _neighbours(x: Array) -> list[int]:
    """Return (N,) how many parameters follow on each (N, n), neighbours one of the other."""
    near = np.max(np.abs(np.diff(x, axis=0)), axis=1, initial=0.0) <= _NEAR  # NaN is not
    ends = np.flatnonzero(~np.append(near, False)[:len(x)])
    following: list[int] = (ends[np.searchsorted(ends, np.arange(len(x)))]
                            - np.arange(len(x))).tolist()
    return following


def _affine_answer(qp: ParametricQP, active: list[int]) -> _AffineAnswer | None:
    (free, gain), (violated, coupling) = qp.response, qp.coupling
    try:
        multipliers = np.linalg.solve(coupling[np.ix_(active, active)], violated[active])
    except np.linalg.LinAlgError:
        return None
    conditions: Array = violated - coupling[:, active] @ multipliers
    if not np.all(np.abs(conditions[active]) <= _INSIDE):
        return None  # nearly dependent rows: the active constraints are not met exactly
    conditions[active] = -multipliers
    if not np.all(np.isfinite(conditions)):
        return None
    return _AffineAnswer(free - gain[:, active] @ multipliers, conditions)
