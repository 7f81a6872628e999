"""
The controller without ROS: from a state to the input that answers it.

Every fresh state is judged by the :class:`StateWatch` and the :class:`ModelMonitor` before it is
acted upon; a waiting policy is swapped in between two answers; when the model does not hold the
backup gives the very answer to the state that showed it. It also answers where the policies would
cost more than the :class:`CostBudget` has left.
"""

from dataclasses import dataclass

import numpy as np
from scpo_ros.interface.state_watch import Fate
from scpo_ros.policy.safety_filter import Source


@dataclass(frozen=True)
class Reply:
    """The answer to a state."""

    u: float
    source: Source
    version: int  # of the policy that runs

    @property
    def backup(self) -> bool:
        """Return whether the backup chose the input, or a law in its place."""
        return self.version == 0 or self.source not in (Source.POLICY, Source.GUARD)


class ControlLoop:
    """Watch, monitor, admission and law."""

    def __init__(self, task, law, admission, watch, monitor, safety=True, budget=None):
        """
        Join the parts.

        :param task: ControlTask. :param law: GuardedPolicy. :param admission: Admission.
        :param watch: StateWatch. :param monitor: ModelMonitor.
        :param safety: False neither revokes nor waits for the safe set to swap.
        :param budget: CostBudget, or None where the task cost is not bounded.
        """
        self.task, self.law, self.admission = task, law, admission
        self.watch, self.monitor, self._safety = watch, monitor, safety
        self.budget = budget
        self.counts = dict.fromkeys(Source, 0)
        self._reply, self._time_lines = None, 0
        self.fate = None  # of the last state, a Fate

    def answer(self, state, now=None):
        """
        Return the :class:`Reply` to a state, or None when it must not be acted upon.

        :param state: with time, episode, x, applied. :param now: clock [s] for its age, or None.
        """
        fate = self.fate = self.watch.judge(state, now)
        if fate is Fate.REPEATED:
            return self._reply
        if fate is not Fate.FRESH:
            return None
        if self.watch.time_lines > max(1, self._time_lines):
            self.admission.gate.rest(state.time)
        self._time_lines = self.watch.time_lines
        running = self.admission.gate.running
        fault = self.monitor.observe(state)
        if self._safety:
            self._follow_the_model(fault, state.time)
        self.admission.swap(state.time, not self._safety or self._may_swap(state.x))
        if self.admission.gate.running is not running:
            self.law.swap(self.admission.gate.running.theta)
        if self.budget is not None:
            self.budget.observe(state, valid=not self.admission.gate.revoked)
        self._reply = self._act(state)
        self.monitor.answered(state, self._reply.u)
        return self._reply

    def _may_swap(self, x):
        """Return whether a policy may begin to run: in the safe set, and under watch."""
        return self.monitor.watched and bool(self.task.safe_set.contains(x))

    def _follow_the_model(self, fault, now):
        """Revoke, recall or reinstate, by what the monitor found."""
        revoked = self.admission.gate.revoked
        if fault and (not revoked or self.admission.busy):
            self.monitor.revoke(fault)
            self.admission.revoke(now, fault)
        elif revoked and self.monitor.named and self.monitor.named != revoked:
            self.monitor.reason = self.monitor.named
            self.admission.explain(self.monitor.named)
        elif revoked and self.monitor.calm:
            self.admission.recall()
        elif not revoked and not self.monitor.holds:
            self.monitor.reinstate()

    def _act(self, state):
        with np.errstate(over='ignore', invalid='ignore', divide='ignore'):
            action = self._within_budget(state, self.law.act(state.x))
        source, u = action.source, action.u
        if not np.isfinite(u):  # a state so far away that the arithmetic overflows
            source, u = Source.LAST_RESORT, 0.0
        if self.admission.gate.revoked and source is Source.POLICY:
            source = Source.REVOKED
        self.counts[source] += 1
        return Reply(u, source, self.admission.gate.running.version)

    def _within_budget(self, state, action):
        """Return the action, or the backup's where a policy's would cost more than is left."""
        policy = (self.admission.gate.running.version > 0
                  and action.source in (Source.POLICY, Source.GUARD))
        if self.budget is None or not policy or self.budget.allows(action.u):
            return action
        return self.law.without_policy(state.x)

    def figures(self, x, u):
        """
        Return by how much u lies inside what the safe set allows, and the policy's residual.

        Apart from the answer, which need not wait for what is only reported.
        """
        with np.errstate(over='ignore', invalid='ignore'):
            return float(-self.task.bounds.excess(x, u)), float(self.law.residual(x))

    @property
    def short_of_budget(self):
        """Return whether the cost budget had the backup give the last answer."""
        return self._reply is not None and self._reply.source is Source.BUDGET

    @property
    def interventions(self):
        """Return how often guard or last resort acted, not revocation or cost budget."""
        return sum(n for source, n in self.counts.items()
                   if source not in (Source.POLICY, Source.REVOKED, Source.BUDGET))
