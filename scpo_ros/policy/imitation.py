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
The imitation objective and its Gauss-Newton step.

    L(theta) = mean over the N demonstrations of |pi_theta(x) - u|^2

with the saturated policy; the gradient is exact (zero where the policy is saturated). With the
Jacobian J of the policy's N m inputs and their errors e, the damped Gauss-Newton step is
-(J'J / N + mu I)^-1 J'e / N, and M = J'J / N + mu I is its metric: the quadratic model of L / 2.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scpo_ros.arrays import Array, checked
from scpo_ros.exceptions import InvalidArrayError
from scpo_ros.policy.residual_at import LearnedNetwork, ResidualAt

OTHER_DAMPINGS = (10.0, 100.0, 0.1)


class LimitedSystem(Protocol):
    """A system with n states, m inputs and limits of the inputs."""

    @property
    def n(self) -> int: ...

    @property
    def m(self) -> int: ...

    @property
    def input_lower(self) -> Array: ...

    @property
    def input_upper(self) -> Array: ...

    def saturate(self, u: Array) -> Array:
        """Return inputs (..., m) clipped to their limits."""


class LearnedPolicy(Protocol):
    """What the loss needs of a policy sat(u_backup + r_theta)."""

    @property
    def system(self) -> LimitedSystem: ...

    @property
    def network(self) -> LearnedNetwork: ...

    @property
    def backup(self) -> Callable[[Array], Array]: ...

    def at(self, x: Array) -> tuple[Array, ResidualAt]:
        """Return the backup's inputs (N, m) at states (N, n), and the residual there."""


@dataclass(frozen=True)
class RawStep:
    """A proposal of the learner: not trusted, projected before use."""

    step: Array  # (d,)
    metric: Array  # (d, d), curvature of the quadratic model
    gradient: Array  # (d,)
    others: tuple[Array, ...] = ()  # (d,) each: with other dampings, longer and shorter


class ImitationLoss:
    """The loss over a fixed batch of demonstrations."""

    def __init__(self, policy: LearnedPolicy, states: Array, actions: Array) -> None:
        """
        Prepare the batch.

        :param policy: backup and network. :param states: (N, n); those where the backup is
            undefined are left out. :param actions: (N, m), clipped to the input limits.
        :raises InvalidArrayError: for wrong shapes, non-finite entries or no state that is left.
        """
        states = checked('states', states, (None, policy.system.n))
        actions = checked('actions', actions, (len(states), policy.system.m))
        backup, residual = policy.at(states)
        known = np.all(np.isfinite(backup), axis=1)
        if not np.any(known):
            raise InvalidArrayError(
                'states', states.tolist()[:3], 'must have at least one in the safe set')
        self._system = policy.system
        self.states, self._backup = states[known], backup[known]
        self._residual = residual.at(known)
        self._target = policy.system.saturate(actions[known])

    def _raw(self, thetas: Array) -> Array:
        """Return what the policies ask for, before saturation, (P, N, m)."""
        return self._backup + self._residual(thetas)

    def losses(self, thetas: Array) -> Array:
        """Evaluate the loss of many weight vectors (P, d) at once, (P,)."""
        u = self._system.saturate(self._raw(thetas))
        losses: Array = np.mean(np.sum((u - self._target)**2, axis=2), axis=1)
        return losses

    def __call__(self, theta: Array) -> float:
        """Return the loss of one weight vector (d,)."""
        return float(self.losses(np.asarray(theta)[None])[0])

    def linearise(self, theta: Array) -> tuple[Array, Array]:
        """Return the Jacobian (N m, d) of the saturated policy and its errors (N m,)."""
        raw = self._raw(np.asarray(theta)[None])[0]
        saturated = self._system.saturate(raw)
        error = saturated - self._target
        free = (self._system.input_lower < raw) & (raw < self._system.input_upper)
        J = self._residual.jacobian(theta) * free[:, :, None]
        return J.reshape(error.size, -1), error.ravel()

    def gradient(self, theta: Array) -> Array:
        """Differentiate the loss, (d,)."""
        J, error = self.linearise(theta)
        gradient: Array = 2 * J.T @ error / len(self.states)
        return gradient

    def gauss_newton(self, theta: Array, damping: float,
                     others: Sequence[float] = OTHER_DAMPINGS) -> RawStep:
        """
        Return the damped Gauss-Newton :class:`RawStep`.

        :param damping: mu relative to the mean diagonal of J'J / N.
        :param others: factors on the damping of further steps; together they span nearly the
            optimum of the quadratic model within a ball of any radius.
        """
        J, error = self.linearise(theta)
        count = len(self.states)
        curvature = J.T @ J / count
        mu = damping * max(np.trace(curvature) / len(curvature), 1e-9)
        slope = J.T @ error / count

        def damped(factor: float) -> tuple[Array, Array]:
            matrix = curvature + factor * mu * np.eye(len(curvature))
            return matrix, -cho_solve(cho_factor(matrix), slope)

        metric, step = damped(1.0)
        return RawStep(step, metric, 2 * slope, tuple(damped(f)[1] for f in others))
