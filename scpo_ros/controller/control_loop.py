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
The control loop without ROS: from a state to the input that answers it.

Certificates speak of the state at which the answer will act: where the description has a delay, it
is predicted (:mod:`scpo_ros.systems.lookahead`). That is the state that policy and filter see.

The :class:`StateWatch` and the :class:`ModelMonitor` judge a fresh state before it is answered.
A waiting policy takes over between two answers. When the model does not hold, the backup answers
the very state that showed it. The backup also answers where a policy would cost more than the
:class:`CostBudget` has left.
"""

from dataclasses import dataclass

import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.controller.admission import Admission
from scpo_ros.controller.cost_budget import CostBudget
from scpo_ros.controller.model_monitor import ModelMonitor
from scpo_ros.interface.messages import State
from scpo_ros.interface.state_watch import Fate, StateWatch
from scpo_ros.policy.safety_filter import Action, SafetyFilter, Source
from scpo_ros.systems.lookahead import Lookahead
from scpo_ros.verification.safe_task import SafeTask


@dataclass(frozen=True)
class Reply:
    """The answer to a state."""

    u: Array  # (m,)
    source: Source
    version: int  # of the policy that runs

    @property
    def backup(self) -> bool:
        """Return whether the backup chose the input, or a law in its place."""
        return self.version == 0 or self.source not in (Source.POLICY, Source.GUARD)


class ControlLoop:
    """Answers states: lets each part judge in its turn and counts which law answered."""

    def __init__(self, task: SafeTask, law: SafetyFilter, admission: Admission,
                 watch: StateWatch, monitor: ModelMonitor, safety: bool = True,
                 budget: CostBudget | None = None) -> None:
        """
        Join the parts.

        :param safety: False neither revokes nor waits for the safe set to swap.
        :param budget: None where the task cost is not bounded.
        """
        self.task, self.law, self.admission = task, law, admission
        self.watch, self.monitor, self._safety = watch, monitor, safety
        self.budget = budget
        self.lookahead = Lookahead(task.system, task.silent_law)
        self.counts = dict.fromkeys(Source, 0)
        self._reply: Reply | None = None  # to the newest fresh state
        self._time_lines = 0
        self.fate = Fate.MALFORMED  # of the newest state; none can be answered yet

    def answer(self, state: State, now: float | None = None) -> Reply | None:
        """
        Return the :class:`Reply` to a state, or None when it must not be acted upon.

        :param now: clock [s] for the age of the state, or None.
        """
        fate = self.fate = self.watch.judge(state, now)
        if fate is Fate.REPEATED:
            return self._reply
        if fate is not Fate.FRESH:
            return None
        self._reply = None  # that of the state before answers no repetition of this one
        if self.watch.time_lines > max(1, self._time_lines):
            self.admission.gate.rest(state.time)
        self._time_lines = self.watch.time_lines
        running = self.admission.gate.running
        ahead = self.lookahead.see(state)
        fault = self.monitor.observe(state, ahead)
        if self._safety:
            self._follow_the_model(fault, state.time)
        if self.admission.gate.ready is not None:
            self.admission.swap(state.time, not self._safety or self._may_swap(ahead))
        if self.admission.gate.running is not running:
            self.law.swap(self.admission.gate.running.theta)
        if self.budget is not None:
            self.budget.observe(state, valid=not self.admission.gate.revoked)
        self._reply = self._act()
        self.monitor.answered(state, self._reply.u)
        self.lookahead.answered(self._reply.u)
        return self._reply

    def _may_swap(self, x: Array) -> bool:
        """Return whether a policy may begin to run: in the safe set, and under watch."""
        return self.monitor.watched and bool(self.task.contains(x))

    def _follow_the_model(self, fault: str, now: float) -> None:
        """Revoke, recall or end a revocation, by what the monitor found."""
        revocation = self.admission.gate.revocation
        revocation.forgive(self.monitor.calm_periods)
        if fault and (not revocation.stands or self.admission.busy):
            self.monitor.count_anew()
            self.admission.revoke(now, fault)
        elif revocation.stands:
            cause = self.monitor.named(revocation.reason)
            if cause != revocation.reason:
                self.admission.explain(cause)
            elif self.monitor.calm(revocation.periods):
                self.admission.recall()
        elif revocation.settle():
            self.monitor.forget()

    def _act(self) -> Reply:
        with np.errstate(over='ignore', invalid='ignore', divide='ignore'):
            action = self._within_budget(self.law.act(self.lookahead.ahead))
        source, u = action.source, action.u
        if not np.isfinite(u).all():  # a state so far away that the arithmetic overflows
            source, u = Source.LAST_RESORT, np.zeros(self.task.system.m)
        if self.admission.gate.revoked and source is Source.POLICY:
            source = Source.REVOKED
        self.counts[source] += 1
        return Reply(u, source, self.admission.gate.running.version)

    def _within_budget(self, action: Action) -> Action:
        """Return the action, or the backup's where a policy's would cost more than is left."""
        policy = (self.admission.gate.running.version > 0
                  and action.source in (Source.POLICY, Source.GUARD))
        if self.budget is None or not policy or self.budget.allows(action.u):
            return action
        return self.law.without_policy(self.lookahead.ahead)

    def prepare(self) -> None:
        """Compute after an answer what the next one needs and what its state does not change."""
        if self.budget is not None:
            self.budget.prepare()

    def figures(self, x: Array, u: Array) -> tuple[float, Array]:
        """
        Return by how much u (m,) lies inside what the safe set allows, and the residual (m,).

        Computed after the answer, which need not wait for what is only reported.
        """
        with np.errstate(over='ignore', invalid='ignore'):
            return -float(self.task.bounds.violation(x, u)), self.law.residual(x)

    @property
    def cost_balance(self) -> float:
        """Return what the policies may still cost beyond the backup; 0 without a budget."""
        return 0.0 if self.budget is None else self.budget.balance

    @property
    def short_of_budget(self) -> bool:
        """Return whether the cost budget had the backup give the last answer."""
        return self._reply is not None and self._reply.source is Source.BUDGET

    @property
    def interventions(self) -> int:
        """Return how often the safety filter, or a law outside the safe set, acted."""
        return sum(n for source, n in self.counts.items()
                   if source not in (Source.POLICY, Source.REVOKED, Source.BUDGET))
