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
How large a residual may be at a state, so that the safety filter has nothing to do there.

In units of the limits of a decoupled part, let v_b be the backup's input at z, within its limits,
c its plan, and S c the plan one step later. With a plan c' the rows of the lifted set leave

    room_j(c') = 1 - h_j - G_z,j (A z + B v_b) - G_c,j c',      h = |G_z| wbar,

to the residual. A residual r moves row j by G_z,j B r, at most |r|_max used_j with
used_j = sum_i |(G_z B)_ji|. So every |r| <= rbar(z), entry by entry, keeps every row with c', for

    rbar(z) = max over c' in {0, S c} of   min over j of room_j(c') / used_j,   if all room_j >= 0,

0 where neither plan leaves every row its bound, and 2 at most: twice the limit of an input has no
use. The filter takes an input as it is where 0 or S c serves it, without any program. So it takes
v_b + r. Saturation only moves an input towards v_b, which lies within its limits: sat(v_b + r)
is v_b + r' with |r'_i| <= |r_i|.

* *The plan.* It is the very plan that serves backup and filter at this state, found by the solver
  or known before. Nothing rests on its being optimal, or on a solver that is right: the rows are
  looked at. Without a plan the residual is 0; a wrong one leaves what the plan 0 allows.
* *Rows that B does not enter* (used_j <= 1e-12) bound no residual. Their room must not be
  negative.
* *Where it is positive.* From (z, c) in the lifted set, (A z + B v_b + w, S c) lies in lambda of
  it for every w, so every room is at least 1 - lambda, and rbar(z) >= (1 - lambda) / max_j used_j.
* *Rounding.* Rows keep 1e-9 more than they must, and the filter admits 1e-9 beyond.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scpo_ros.arrays import Array, Booleans
from scpo_ros.policy.lifted_filter import LiftedFilter
from scpo_ros.sets.inner_ellipsoid import inner_ellipsoid, within

LARGEST = 2.0  # of the input limit: more has no use
_ROUNDING = 1e-9  # of the rows
_NOTHING = 1e-12  # rows that move by less are not moved: far below the rounding that is left
_TOLERANCE = 2e-6  # of the rows: by what the set may miss its contraction, and the relaxed rows
_AT_ONCE = 128  # states: their rows stay in the processor's cache


@dataclass(frozen=True)
class ResidualBound:
    """The bound rbar of one decoupled part, in units of its limits."""

    part: LiftedFilter

    @cached_property
    def used(self) -> Array:
        """Return by how much each row moves at most under |r| <= 1, (r,)."""
        used: Array = np.sum(
            np.abs(self.part.backup.safe_set.state_rows @ self.part.backup.block.B), axis=1)
        return used

    @property
    def least(self) -> float:
        """Return what rbar is at least on the whole safe set: what the contraction pays for."""
        left = 1 - self.part.backup.safe_set.contraction - _TOLERANCE
        return float(min(LARGEST, max(0.0, left) / np.max(self.used)))

    def prepare(self) -> None:
        """Compute now what does not depend on a state."""
        block, size = self.part.backup.block, self.part.backup.safe_set.lifted_rows.shape[1]
        self(np.zeros((1, block.n)), np.zeros((1, block.m)), np.zeros((1, size)))

    def __call__(self, z: Array, v: Array, plans: Array) -> Array:
        """
        Return rbar (N,); 0 for what is not finite.

        :param z: (N, n). :param v: the backup's inputs (N, m), within their limits.
        :param plans: the backup's plans c (N, horizon m).
        """
        found, block = np.full(len(z), LARGEST), self.part.backup.block
        following = z @ block.A.T + v @ block.B.T
        left = np.flatnonzero(~self._free(following))
        for start in range(0, len(left), _AT_ONCE):
            some = left[start:start + _AT_ONCE]
            found[some] = self._by_rows(following[some], plans[some])
        found[~np.all(np.isfinite(plans), axis=1)] = 0.0
        return found

    def _by_rows(self, following: Array, plans: Array) -> Array:
        """Return rbar (N,) from all rows, of A z + B v (N, n)."""
        found = self._with(following)
        planned = np.flatnonzero(np.any(plans != 0, axis=1))  # else S c is 0, too
        later = np.hstack([following[planned], self.part.shifted(plans[planned])])
        found[planned] = np.maximum(found[planned], self._with(later))
        return found

    def _with(self, lifted: Array) -> Array:
        """Return rbar (N,) that A z + B v leaves, with c' behind it (N, n + k) or not; NaN: 0."""
        (rows, left), (blind, must) = self._rows
        columns = lifted.shape[1]
        share = -np.max(lifted @ rows[:, :columns].T - left, axis=1, initial=-LARGEST)
        kept = np.all(lifted @ blind[:, :columns].T <= must, axis=1)
        bound: Array = np.where(kept & (share > 0), share, 0.0)
        return bound

    @cached_property
    def _rows(self) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
        """Return rows over used and their bounds, of those that B enters; then the others."""
        rows, left = self.part.backup.safe_set.rows, 1 - self.part.allowance - _ROUNDING
        enters, used = self.used > _NOTHING, self.used[:, None]
        return ((rows[enters] / used[enters], left[enters] / used[enters, 0]),
                (rows[~enters], left[~enters]))

    @cached_property
    def _ellipsoid(self) -> Array | None:
        """Return M (n, n): where x'M x <= 1 of x = A z + B v, rbar is LARGEST; None: nowhere."""
        left = 1 - self.part.allowance - _ROUNDING - LARGEST * self.used
        if not np.all(left > 0):
            return None
        return inner_ellipsoid(self.part.backup.safe_set.state_rows / left[:, None])

    def _free(self, following: Array) -> Booleans:
        """Return (N,) where the ellipsoid says that rbar is LARGEST, of A z + B v (N, n)."""
        if self._ellipsoid is None:
            return np.zeros(len(following), dtype=bool)
        return within(self._ellipsoid, following)


def bound_of_all(bounds: Sequence[ResidualBound], x: Array, backup: Array,
                 plans: Sequence[Array]) -> Array:
    """
    Return rbar(x) (N, m) of all decoupled parts, units of u.

    :param x: (N, n). :param backup: u_backup (N, m), within its limits. :param plans: those of the
        parts that serve it.
    """
    found = np.empty_like(backup)
    for bound, plan in zip(bounds, plans):
        block = bound.part.backup.block
        share = bound(x[:, block.states] / block.scale,
                      backup[:, block.inputs] / block.input_scale, plan)
        found[:, block.inputs] = share[:, None] * block.input_scale
    return found
