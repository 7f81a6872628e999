"""
The imitation objective and its Gauss-Newton step.

    L(theta) = mean over the demonstrations of (pi_theta(x) - u)^2

with the saturated policy; the gradient is exact (zero where the policy is saturated). With the
Jacobian J of the policy and the errors e, the damped Gauss-Newton step is
-(J'J / N + mu I)^-1 J'e / N, and M = J'J / N + mu I is its metric: the quadratic model of L / 2.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scpo_ros.arrays import checked
from scpo_ros.exceptions import InvalidArrayError

OTHER_DAMPINGS = (10.0, 100.0, 0.1)


@dataclass(frozen=True)
class RawStep:
    """A proposal of the learner: not trusted, projected before use."""

    step: np.ndarray  # (d,)
    metric: np.ndarray  # (d, d), curvature of the quadratic model
    gradient: np.ndarray  # (d,)
    others: tuple = ()  # of (d,): the same step with other dampings, longer and shorter


class ImitationLoss:
    """The loss over a fixed batch of demonstrations."""

    def __init__(self, policy, states, actions):
        """
        Prepare the batch.

        :param policy: ResidualPolicy. :param states: (N, n); those where the backup is undefined
            are left out. :param actions: (N, 1), clipped to the input limits.
        :raises InvalidArrayError: for wrong shapes, non-finite entries or no state that is left.
        """
        states = checked('states', states, (None, policy.system.n))
        actions = checked('actions', actions, (len(states), 1))
        backup = policy.backup(states)[:, 0]
        known = np.isfinite(backup)
        if not np.any(known):
            raise InvalidArrayError(
                'states', states.tolist()[:3], 'must have at least one in the safe set')
        self.policy = policy
        self.states, self._backup = states[known], backup[known]
        self._target = policy.system.saturate(actions[known])[:, 0]

    def _raw(self, thetas):
        return self._backup + self.policy.network(thetas, self.states)

    def losses(self, thetas):
        """Evaluate the loss of many weight vectors (P, d) at once, (P,)."""
        u = self.policy.system.saturate(self._raw(thetas))
        return np.mean((u - self._target)**2, axis=1)

    def __call__(self, theta):
        """Return the loss of one weight vector (d,)."""
        return float(self.losses(np.asarray(theta)[None])[0])

    def linearise(self, theta):
        """Return the Jacobian (N, d) of the saturated policy and its errors (N,)."""
        raw = self._raw(np.asarray(theta)[None])[0]
        limit = self.policy.system.input_limit[0]
        error = np.clip(raw, -limit, limit) - self._target
        J = self.policy.network.jacobian(theta, self.states)
        return J * (np.abs(raw) < limit)[:, None], error

    def gradient(self, theta):
        """Differentiate the loss, (d,)."""
        J, error = self.linearise(theta)
        return 2 * J.T @ error / len(error)

    def gauss_newton(self, theta, damping, others=OTHER_DAMPINGS):
        """
        Return the damped Gauss-Newton :class:`RawStep`.

        :param damping: mu relative to the mean diagonal of J'J / N.
        :param others: factors on the damping of further steps; together they span nearly the
            optimum of the quadratic model within a ball of any radius.
        """
        J, error = self.linearise(theta)
        curvature = J.T @ J / len(error)
        mu = damping * max(np.trace(curvature) / len(curvature), 1e-9)
        slope = J.T @ error / len(error)

        def damped(factor):
            matrix = curvature + factor * mu * np.eye(len(curvature))
            return matrix, -cho_solve(cho_factor(matrix), slope)

        metric, step = damped(1.0)
        return RawStep(step, metric, 2 * slope, tuple(damped(f)[1] for f in others))
