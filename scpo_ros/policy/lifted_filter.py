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
The safety filter of a decoupled part with any number of states and inputs.

In units of the limits, with G the rows of the lifted set Xi and c the backup's plan at z, the
input v_pi that a policy asks for becomes

    minimise |v - v_pi|^2 + eps |c'|^2
    subject to  G_z (A z + B v) + G_c c' <= 1 - h,   input limits,      h = |G_z| wbar,

over v and c': then (z+, c') lies in Xi whatever the disturbance does, so z+ lies in the safe set,
and the backup has a solution there. v_pi is saturated first. It is taken as it is, without a
program, where c' = 0 or the shifted plan of the backup already serves. The term eps |c'|^2 moves v
by little; where the answer is that near to v_pi, v_pi is taken as it is if any c' serves it.

Where the program has no answer, a closed form serves, given the backup's plan: with c' the shifted
plan, v_b the backup's input keeps all rows, and so does v_b + t (v_pi - v_b) for every t up to

    t = min(1, min_j (1 - h - G_z (A z + B v_b) - G_c c')_j / (G_z B (v_pi - v_b))_j+).
"""

from dataclasses import dataclass
from functools import cached_property

import casadi as ca
import numpy as np
from scpo_ros.arrays import Array, Booleans
from scpo_ros.backup.lifted_mpc import LiftedMpc
from scpo_ros.backup.parametric_qp import condense, ParametricQP
from scpo_ros.backup.warm_program import FEASIBLE, WarmProgram
from scpo_ros.sets.inner_ellipsoid import inner_ellipsoid, within
from scpo_ros.sets.lifted_construction import MARGIN
from scpo_ros.sets.lifted_set import LiftedSet
from scpo_ros.systems.decoupling import Block

_EPSILON = 1e-6  # of |c'|^2; at 1e-3 nearly every call moves v
_NEAR = 0.05  # |v - v_pi| that eps |c'|^2 may be the cause of: at most eps^(1/2) |c'|
_ROUNDING = 1e-9  # of the rows; the set is built for a disturbance that is larger by MARGIN
_SOLVED = 2 * FEASIBLE  # of the rows, by which an answer of the solver may exceed them


def filter_qp(block: Block, safe_set: LiftedSet, allowance: Array) -> ParametricQP:
    """
    Return the program of the filter in (z, v_pi); its variables are (v, c').

    :param allowance: h (r,).
    """
    z, wanted = ca.SX.sym('z', block.n), ca.SX.sym('v_pi', block.m)
    v, c = ca.SX.sym('v', block.m), ca.SX.sym('c', safe_set.lifted_rows.shape[1])
    following = ca.SX(block.A @ z + block.B @ v)
    rows = ca.vertcat(safe_set.state_rows @ following + safe_set.lifted_rows @ c,
                      block.input_rows @ v)
    return condense(ca.sumsqr(v - wanted) + _EPSILON * ca.sumsqr(c), ca.SX(rows),
                    np.r_[1 - allowance, np.ones(len(block.input_rows))],
                    ca.vertcat(v, c), ca.vertcat(z, wanted))


def plan_qp(block: Block, safe_set: LiftedSet, allowance: Array) -> ParametricQP:
    """
    Return the program of the shortest plan c' that takes A z + B v into Xi, in (A z + B v).

    :param allowance: h (r,).
    """
    following = ca.SX.sym('following', block.n)
    c = ca.SX.sym('c', safe_set.lifted_rows.shape[1])
    rows = safe_set.state_rows @ following + safe_set.lifted_rows @ c
    return condense(ca.sumsqr(c), ca.SX(rows), 1 - allowance, c, following)


@dataclass(frozen=True)
class LiftedFilter:
    """The filter of one decoupled part."""

    backup: LiftedMpc

    @cached_property
    def allowance(self) -> Array:
        """Return h (r,): what each row of the set leaves to the disturbance."""
        block, rows = self.backup.block, self.backup.safe_set.state_rows
        allowance: Array = np.abs(rows) @ (block.disturbance + MARGIN)
        return allowance

    @cached_property
    def program(self) -> WarmProgram:
        """Return the program that is solved where no plan that is known serves."""
        return WarmProgram(filter_qp(self.backup.block, self.backup.safe_set, self.allowance))

    @cached_property
    def plan_program(self) -> WarmProgram:
        """Return the program that says whether any plan serves an input."""
        return WarmProgram(plan_qp(self.backup.block, self.backup.safe_set, self.allowance))

    def prepare(self) -> None:
        """Make the programs now: the first answer at a state would have to wait for them."""
        block, size = self.backup.block, self.backup.safe_set.lifted_rows.shape[1]
        z, v = np.zeros((1, block.n)), np.zeros((1, block.m))
        self.backup.plans(z)
        self.backup.program.many(z)
        self._surely_kept(z, v)
        self.program.many(np.hstack([z, v]))
        self.plan_program.many(z)
        self.room(z, v, np.zeros((1, size)))

    def shifted(self, plans: Array) -> Array:
        """Return the plans (N, horizon m) one step later: c_0 dropped, 0 appended."""
        m = self.backup.block.m
        return np.hstack([plans[:, m:], np.zeros((len(plans), m))])

    def room(self, z: Array, v: Array, plans: Array) -> Array:
        """
        Return what each row leaves (N, r): negative where (z+, c') may leave Xi.

        :param z: (N, n). :param v: (N, m). :param plans: c' (N, horizon m).
        """
        block, safe_set = self.backup.block, self.backup.safe_set
        room = (z @ block.A.T + v @ block.B.T) @ -safe_set.state_rows.T
        room += 1 - self.allowance
        if np.any(plans):
            room -= plans @ safe_set.lifted_rows.T
        filled: Array = room
        return filled

    def least_room(self, z: Array, v: Array) -> Array:
        """
        Return what the tightest row leaves (N,), with c' = 0 or else the shortest plan.

        A plan that leaves all rows their bounds is as good as 0 room or more. Where there is none
        it is the room of c' = 0, which is negative. NaN stays NaN.

        :param z: (N, n). :param v: (N, m).
        """
        size = self.backup.safe_set.lifted_rows.shape[1]
        least: Array = np.min(self.room(z, v, np.zeros((len(z), size))), axis=1)
        left = np.flatnonzero(least < 0)
        if len(left):
            block = self.backup.block
            plans = self.plan_program.many(z[left] @ block.A.T + v[left] @ block.B.T)
            planned = np.min(self.room(z[left], v[left], plans), axis=1)
            least[left] = np.fmax(least[left], planned)  # no plan: NaN, which is passed over
        return least

    def __call__(self, z: Array, wanted: Array, plans: Array) -> Array:
        """Return the filtered inputs v (N, m) alone, see :meth:`with_plans`."""
        return self.with_plans(z, wanted, plans)[0]

    def with_plans(self, z: Array, wanted: Array, plans: Array) -> tuple[Array, Array]:
        """
        Return the filtered inputs v (N, m) and the plans c' (N, horizon m) that serve them.

        Then (z+, c') lies in Xi, so that c' serves at the next state without any solver.

        :param z: states (N, n). :param wanted: v_pi (N, m), within the input limits; the backup's
            input takes the place of one that is not finite.
        :param plans: the backup's c (N, horizon m) at these states; NaN gives NaN.
        """
        told = np.all(np.isfinite(wanted), axis=1)[:, None]
        asked = np.where(told, wanted, self.backup.inputs(z, plans))
        v = np.where(np.isnan(plans[:, :1]), np.nan, asked)
        later = np.zeros_like(plans)
        left = np.flatnonzero(~self._surely_kept(z, v) & ~np.isnan(v[:, 0]))
        left = left[~self._kept(z[left], v[left], later[left])]
        if len(left):
            later[left] = self.shifted(plans[left])
            left = left[~self._kept(z[left], v[left], later[left])]
            v[left], later[left] = self._moved(z[left], v[left], later[left], plans[left])
        return v, later

    @cached_property
    def _ellipsoid(self) -> Array:
        """Return M (n, n): where x'M x <= 1 of x = A z + B v, every row is kept with c' = 0."""
        return inner_ellipsoid(
            self.backup.safe_set.state_rows / (1 - self.allowance)[:, None])

    def _surely_kept(self, z: Array, v: Array) -> Booleans:
        """Return (N,) whether the ellipsoid says that c' = 0 serves: it does for most states."""
        block = self.backup.block
        return within(self._ellipsoid, z @ block.A.T + v @ block.B.T)

    def _kept(self, z: Array, v: Array, plans: Array) -> Booleans:
        """Return (N,) whether every row is kept; NaN keeps none."""
        kept: Booleans = np.all(self.room(z, v, plans) >= -_ROUNDING, axis=1)
        return kept

    def _moved(self, z: Array, wanted: Array, later: Array, plans: Array
               ) -> tuple[Array, Array]:
        """Return the nearest inputs (N, m) that keep the set, state by state, and their plans."""
        size, block = self.backup.block.m, self.backup.block
        safe = self.backup.inputs(z, plans)
        moved = self._on_the_segment(z, wanted, later, safe)
        answers = self.program.many(np.hstack([z, wanted]))
        found = self._holds(z, answers[:, :size], answers[:, size:])
        moved[found], later[found] = answers[found, :size], answers[found, size:]
        near = np.flatnonzero(np.max(np.abs(moved - wanted), axis=1) <= _NEAR)
        serving = self.plan_program.many(z[near] @ block.A.T + wanted[near] @ block.B.T)
        served = self._kept(z[near], wanted[near], serving)
        moved[near[served]], later[near[served]] = wanted[near[served]], serving[served]
        return moved, later

    def _holds(self, z: Array, v: Array, plans: Array) -> Booleans:
        """Return (N,) whether an answer of the solver keeps set and input limits; NaN does not."""
        rows = self.backup.block.input_rows
        holds: Booleans = (np.all(self.room(z, v, plans) >= -_SOLVED, axis=1)
                           & np.all(v @ rows.T <= 1 + _SOLVED, axis=1))
        return holds

    def _on_the_segment(self, z: Array, wanted: Array, later: Array, safe: Array) -> Array:
        """Return v_b + t (v_pi - v_b) (N, m); needs no solver. :param safe: v_b (N, m)."""
        block, safe_set = self.backup.block, self.backup.safe_set
        room = np.maximum(self.room(z, safe, later), 0.0)
        used = (wanted - safe) @ (safe_set.state_rows @ block.B).T
        with np.errstate(divide='ignore', invalid='ignore'):
            steps = np.where(used > 0, room / used, 1.0)
        t = np.minimum(1.0, np.min(steps, axis=1, initial=1.0))
        inputs: Array = safe + t[:, None] * (wanted - safe)
        return inputs
