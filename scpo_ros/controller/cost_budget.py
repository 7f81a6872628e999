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
A budget for the task cost of a sequence of policies. No ROS.

Each policy is certified alone, on means over rollouts in which it is not exchanged. A sequence of
policies that all pass can cost many times as much as the backup. This account bounds its cost.

Let l(x, u) be the backup's stage cost, V its cost-to-go
(:mod:`scpo_ros.backup.planar.cost_to_go`), and
x^b the *counterfactual*: the state that the backup would have reached under the realised
disturbances w_k = x_{k+1} - A x_k - B u_k, with u_k the input really applied. The balance is

    b_k = (1 + eps) (J^b_k + V(x^b_k)) - (J_k + V(x_k)) + credit,

J_k and J^b_k the stage costs since the account was opened at x_0 = x^b_0. The policy answers only
if its input lowers b by no more than the balance, or not at all, predicted with w = 0; otherwise
the backup does. So b does not fall below 0 by an input of a policy, and not further where it is.

**Theorem.** With w = 0, J_k + V(x_k) <= (1 + eps) V(x_0) + credit for every k and every sequence
of policies: an input of a policy keeps b >= 0 by the rule, and the backup changes neither J + V
nor b (Bellman's equation V(x) = l(x, u_b(x)) + V(A x + B u_b(x))). The cost of an infinite run
is at most (1 + eps) times the backup's, plus credit. With a disturbance b also changes by what w
adds to V at x^b and at x, over which no policy has a say; what remains is measured
(docs/proof.md).

Rules beside it:

1. The first account has `reserve` as its credit. Balances are carried over: debts as a whole,
   credit up to `limit` = eps times the mean of V over C, so that long thrift is not spent in one
   burst. What the counterfactual has yet to pay, (1 + eps) V(x^b) - V(x) where positive, is
   *pending*: it is not capped, since it is not earned.
2. A new episode ends the account: what is pending is taken back, and eps V(x_0) is granted to
   the new one. So episodes that end early earn nothing: over all of them J exceeds
   (1 + eps) J^b + credit at most by what was pending when the last one ended.
3. After a lost state, another time line, numbers that are not finite, or while the model does
   not hold, w is unknown. x^b begins anew from x. No credit comes of it: what was pending is
   kept up to eps V(x). If a policy had answered, the increase of l + V is charged: the measured
   one where two states of one episode tell it, the predicted one otherwise; a decrease is not
   credited.
4. The backup acts where anything is not finite. Where its solver finds no input at x^b, rule 3
   holds.

Policies are exchanged as before while the backup answers, since the bound does not depend on
which policy runs, and a better one ends the shortage. Nor does the backup stay for a fixed time:
without disturbance the balance does not change under the backup, so a threshold to come back at
would never be reached. A policy's input that costs no more than the backup's is always admitted,
in debt too: with a disturbance a debt comes about by chance, and under the backup alone it takes
hours to be paid.
"""

from dataclasses import dataclass
from sys import float_info

import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.exceptions import SolverError
from scpo_ros.interface.messages import State
from scpo_ros.verification.task import ControlTask

_RESERVE = 0.1  # of the limit


@dataclass(frozen=True)
class AdmittedInput:
    """The input of a policy that the budget admitted last."""

    u: Array  # (m,)
    change: float  # predicted, of l + V [cost]


class CostBudget:
    """The account of one controller: what its policies may still cost beyond the backup."""

    def __init__(self, task: ControlTask, tolerance: float) -> None:
        """
        Open the account.

        :param task: whose system, backup, stage cost and cost-to-go are used.
        :param tolerance: eps, the share by which the cost may be above the backup's [1].
        """
        self._system, self._backup = task.system, task.policy.backup
        self._stage, self._value = task.simulator.stage_cost, task.cost_to_go
        self._share = 1 + tolerance
        self.limit = tolerance * self._value.mean  # most credit [cost]
        self.balance = _RESERVE * self.limit  # b [cost]
        self._last: State | None = None
        self._counterfactual: Array = np.full(task.system.n, np.nan)  # x^b
        self._values: Array = np.full(2, np.nan)  # V at the last state and at the counterfactual
        self._admitted: AdmittedInput | None = None  # at the last state
        self._base: tuple[Array, Array | None] | None = None  # (x^b, the backup's input there)

    def observe(self, state: State, valid: bool = True) -> None:
        """
        Settle the step that led to a state, whichever law chose its input.

        :param valid: False where the model does not hold.
        """
        last, self._last = self._last, state
        with np.errstate(over='ignore', invalid='ignore'):
            if last is None or not (valid and self._follows(last, state)
                                    and self._settle(last, state)):
                self._begin(last, state)
        self._admitted = None

    def prepare(self) -> None:
        """Compute the backup's input at the counterfactual, before the next state needs it."""
        with np.errstate(over='ignore', invalid='ignore'):
            self._backup_at_counterfactual()

    def allows(self, u: Array) -> bool:
        """
        Return whether the budget admits an input of a policy at the state observed last.

        :param u: input (m,), within its limits.
        """
        if self._last is None:
            return False
        x = self._last.x
        with np.errstate(over='ignore', invalid='ignore'):
            following = self._system.step(x, u)
            change = (self._stage(x, u) + self._value(following[None])[0]
                      - self._values[0])
        if not change <= np.maximum(0.0, self.balance):  # NaN is not
            return False
        self._admitted = AdmittedInput(u, float(change))
        return True

    @property
    def pending(self) -> float:
        """Return what the counterfactual has yet to pay more than the plant, at least 0 [cost]."""
        pending = float(self._share * self._values[1] - self._values[0])
        return min(pending, float_info.max) if pending > 0 else 0.0  # NaN is not

    def _follows(self, last: State, state: State) -> bool:
        """Return whether a state comes one step after another, of the same episode."""
        steps = (state.time - last.time) / self._system.dt
        return state.episode == last.episode and 0.5 < steps < 1.5

    def _backup_at_counterfactual(self) -> Array | None:
        """Return the backup's input (m,) there; None where its solver finds none."""
        if self._base is None or self._base[0] is not self._counterfactual:
            try:
                u: Array | None = self._backup(self._counterfactual[None])[0]
            except SolverError:
                u = None
            self._base = self._counterfactual, u
        return self._base[1]

    def _settle(self, last: State, state: State) -> bool:
        """Account for one step; return False, with nothing changed, where that is not possible."""
        base = self._backup_at_counterfactual()
        if base is None:
            return False
        w = state.x - self._system.step(last.x, state.applied)
        counterfactual = self._system.step(self._counterfactual, base, w)
        values = self._value(np.array([state.x, counterfactual]))
        costs = self._stage(np.array([last.x, self._counterfactual]),
                            np.array([state.applied, base]))
        spent, allowed = costs + values - self._values
        balance = self.balance + self._share * allowed - spent
        if not np.isfinite(balance):
            return False
        self._counterfactual, self._values = counterfactual, values
        self.balance = float(min(balance, self.limit + self.pending))
        return True

    def _begin(self, last: State | None, state: State) -> None:
        """Let the counterfactual begin anew, rules 2 and 3."""
        value = self._value(state.x[None])[0]
        fresh = last is None or state.episode != last.episode
        if last is not None and self._admitted is not None:
            charge = self._charge(last, state, value, self._admitted)
            self.balance = (self.balance - charge if np.isfinite(charge)
                            else min(self.balance, 0.0))
        pending, grant = self.pending, max(0.0, float(np.nan_to_num(
            (self._share - 1) * value, nan=0.0)))
        self.balance += (grant if fresh else min(pending, grant)) - pending
        self._counterfactual, self._values = np.array(state.x), np.array([value, value])

    def _charge(self, last: State, state: State, value: float,
                admitted: AdmittedInput) -> float:
        """Return by how much l + V grew over steps that were not judged, at least 0."""
        steps = (state.time - last.time) / self._system.dt
        if state.episode != last.episode or not steps > 0:
            return max(0.0, admitted.change)
        spent = (max(1, round(steps)) * self._stage(last.x, admitted.u)
                 + value - self._values[0])
        return float(np.maximum(0.0, spent))  # NaN stays NaN
