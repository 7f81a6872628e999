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
How far two honest computations of the same thing may be apart, and why.

Processors differ in the last bits: BLAS chooses the order of a sum by the processor, numpy its
tanh, and compilers fuse products. What two machines compute from one specification is therefore
compared with the tolerances below, never bit for bit. What is *recorded* (weights, certificates,
states, commands) travels bit for bit and is compared exactly. So are the initial weights, which
lie on a grid (:mod:`scpo_ros.policy.residual_policy`).

eps = 2^-53 is the unit of rounding. Measured between kernels of OpenBLAS (Prescott, Haswell),
at the defaults: rows of C 2e-16, its vertices 2e-15, the QP 5e-15, the law 4e-11, LO and UP 3e-14,
the network 4e-16, metrics and proved bounds 4e-12.
"""

from dataclasses import dataclass
from typing import Protocol

# Numbers of one certificate, which one machine computed: g against its bound, a duality gap
# against 0. Sums of at most 1e4 terms of size 1 err by 1e4 eps = 1e-12; a thousand times that.
ARITHMETIC = 1e-9
# A x + B u and its difference to a recorded state, as a part of the limits: sums of at most 1e3
# terms of size 1 err by 1e3 eps = 2e-13. Likewise an input that only travelled, in its units.
STATE = 1e-9
# The gauge of C: the iteration ends within 1e-9 of the largest set and is tested to 2e-9
# (docs/proof.md). Two such sets are at most twice that apart, and membership admits 1e-9 itself.
GAUGE = 5e-9
# An input that a solver found, outside C. It stops where the objective no longer improves beyond
# its rounding, 1e-13 relative; the objective's curvature along u_0 is at least 2 R, so that the
# input errs by (2 * 1e-13 / (2 R))^(1/2) = 6e-7 at R = 0.3.
SOLVED = 1e-6

# An input that a safety filter let through as it is: of the input range, rounding.
CHANGED = 1e-9

_TABLE = 1e-9  # of a table against its QP's law, by test/backup/test_explicit_law.py
_EDGE = 1e-12  # by which a state may lie beyond a region and still count as inside (law_table)
_FEEDBACK = 10.0  # change of a metric over that of the inputs; measured: at most 4.1
_NORM = 1e-7  # of a metric in a norm that a solver found to 1e-8


class TaskTolerances(Protocol):
    """What a comparison of two machines asks of the tolerances of a task."""

    @property
    def command(self) -> float:
        """Return by how much the input at one state may differ, units of the input."""

    @property
    def metric(self) -> float:
        """Return by how much a metric may differ, metric units."""

    @property
    def margin(self) -> float:
        """Return what a reader's own bound may lack of the margin that the sender kept."""


@dataclass(frozen=True)
class SolvedTolerances:
    """
    The tolerances of a task whose inputs a solver finds at every state.

    *command*: backup and filter are quadratic programs with unique answers, which are solved to
    1e-9 of the limits (test/backup, test/policy); a state within rounding of two active sets gives
    answers that differ by rounding. SOLVED of the largest input limit is a thousand times that.

    *metric*: as in :class:`Tolerances`, at most _FEEDBACK times what the inputs differ by, over
    the limits.
    """

    largest: float  # input limit, units of the input

    @property
    def command(self) -> float:
        """Return by how much the input at one state may differ, units of the input."""
        return SOLVED * self.largest

    @property
    def metric(self) -> float:
        """Return by how much a metric may differ, metric units."""
        return _FEEDBACK * SOLVED

    @property
    def margin(self) -> float:
        """Return what a reader's own bound may lack of the margin that the sender kept."""
        return self.metric


@dataclass(frozen=True)
class Tolerances:
    """
    The tolerances that depend on how steep the backup's law is.

    *command*: u = sat(u_backup(x) + r_theta(x)) at one state. Each table is exact to 1e-9,
    and within 1e-12 of the edge between two regions either law may answer; they differ there by at
    most their slopes' difference times 1e-12, at most 2 steepest 1e-12. Rounding of A, B and H
    moves the edges by less than that (the vertices by 2e-15), and the network's own rounding is
    below 1e-12. Two machines: twice the sum.

    *metric*: violation, return and cost over a rollout, and their smooth maxima, when every input
    differs by at most *command*. The closed loop forgets: changing every input by 1e-6 and 1e-8,
    at random or in one direction, changed no metric by more than 4.1 times that, for four
    specifications; 10 is used. A proved bound changes by *command* and by LO and UP (1e-9), a
    contraction metric by the norm besides, which a solver found: at least 1e-7 is admitted.

    Not covered, as no tolerance could: a decision that falls the other way because a number lies
    within rounding of its threshold. A scenario's state may fall out of C, and all later ones move
    up; a cell of a proof may be split on one machine only (2e-3 in its bound). A proof has some
    1e3 such numbers, which differ by some 1e-12: estimated, that happens in one of 1e8 proofs. A
    critical region narrower than the proof's enlargement (1e-7) may be found by one machine only.
    That was seen (545 and 547 regions, no bound changed by more than 1e-13); at worst it raises
    the bound of its cell by the error of its piece, at most 7e-5 at the defaults. In these cases
    an audit may report what is no fault, or a controller refuse a policy at the very edge of the
    margin. Nothing unsafe passes: each bound holds on its own.
    """

    steepest: float  # largest norm of a slope of the backup's law, units of u per unit of x

    @property
    def command(self) -> float:
        """Return by how much the input at one state may differ, units of the input."""
        return 2 * (_TABLE + 2 * _EDGE * self.steepest)

    @property
    def metric(self) -> float:
        """Return by how much a metric or a proved bound may differ, metric units."""
        return max(_NORM, _FEEDBACK * self.command)

    @property
    def margin(self) -> float:
        """
        Return what a reader's own bound may lack of the margin that the sender kept.

        The sender proved a bound of at most -margin; the reader's own of the same weights is then
        at most -margin + this.
        """
        return self.metric
