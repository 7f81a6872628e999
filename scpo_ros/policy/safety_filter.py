"""
The law that the controller runs: policy, guard, backup, and a last resort.

Inside the safe set C the policy's input is clipped into [LO(x), UP(x)], which keeps the next state
in C whatever the disturbance does: the least change that is enough for any weights whatever. Where
it changes the input the guard counts; an input that is no number is replaced by the backup's.
Outside C the backup acts as far as it is feasible, else a saturated LQR. That acts inside C too,
clipped into [LO, UP], should the backup's solver fail. With certified policies from inside C the
guard never acts.
"""

from dataclasses import dataclass
from enum import Enum

import numpy as np
from scpo_ros.arrays import checked
from scpo_ros.exceptions import SolverError


_ROUNDING = 1e-9  # of the admissible inputs


class Source(Enum):
    """Which law produced an action."""

    POLICY = 'policy'
    GUARD = 'guard'  # the nearest admissible input, because the policy's was not
    BACKUP = 'backup'  # the backup, because the state lies outside the safe set
    LAST_RESORT = 'lqr'
    REVOKED = 'revoked'  # the backup, because the model does not hold
    BUDGET = 'budget'  # the backup, because the policies have used up their task-cost budget


@dataclass(frozen=True)
class Action:
    """An input and where it came from."""

    u: float  # within the input limits
    source: Source


class GuardedPolicy:
    """A policy with its guard; weights are swapped between two calls of :meth:`act`."""

    def __init__(self, task, theta, guard=True):
        """
        Start with the given weights.

        :param task: ControlTask. :param theta: (d,).
        :param guard: False lets the policy act everywhere: for demonstrations of the danger.
        """
        self._task, self._guard = task, guard
        self.swap(theta)

    def swap(self, theta):
        """Run other weights (d,) from the next action on."""
        self.theta = checked('theta', theta, (self._task.policy.network.d,))
        self._residual = self._task.policy.network.prepare(self.theta[None])

    def residual(self, x):
        """Return the residual of the policy at a state (n,)."""
        return self._residual(x[None])[0, 0]

    def act(self, x):
        """
        Return the :class:`Action` at a state.

        :param x: (n,).
        :raises InvalidArrayError: for a malformed state.
        """
        x = checked('state', x, (self._task.system.n,))
        backup = self._backup(x)
        if not self._guard:
            base = backup if np.isfinite(backup) else self._lqr(x)
            return Action(self._saturated(base + self.residual(x)), Source.POLICY)
        if not np.isfinite(backup):
            return self._outside(x)
        u = self._saturated(backup + self.residual(x))
        low, up = self._task.bounds(x)
        if low - _ROUNDING <= u <= up + _ROUNDING:  # NaN is not
            return Action(u, Source.POLICY)
        clipped = min(max(u, low + _ROUNDING), up - _ROUNDING)
        kept = np.isfinite(u) and self._task.bounds.excess(x, clipped) <= _ROUNDING
        return Action(self._saturated(clipped if kept else backup), Source.GUARD)

    def without_policy(self, x):
        """Return the :class:`Action` of the backup at a state (n,), in place of the policy's."""
        u = self._backup(x)
        return (Action(self._saturated(u), Source.BUDGET) if np.isfinite(u)
                else self._outside(x))

    def _backup(self, x):
        """Return the backup's input; NaN where it is undefined, or its solver fails."""
        try:
            return self._task.policy.backup(x[None])[0, 0]
        except SolverError:
            return np.nan

    def _outside(self, x):
        try:
            return Action(self._saturated(self._task.mpc.solve(x)[0]), Source.BACKUP)
        except RuntimeError:  # infeasible, not solved, or CasADi's own: the numbers overflow
            u = self._lqr(x)
            if self._task.safe_set.contains(x):  # only the solver failed: C can be kept
                low, up = self._task.bounds(x)
                u = min(max(u, low), up)
            return Action(self._saturated(u), Source.LAST_RESORT)

    def _lqr(self, x):
        return -(self._task.gain @ x)[0]

    def _saturated(self, u):
        return float(self._task.system.saturate(np.array([u]))[0])
