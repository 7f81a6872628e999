"""Closed-loop rollouts of many policies from many scenarios, in lock-step."""

from dataclasses import dataclass

import numpy as np

CHUNK = 4096  # states per step that are worked on at once; bounds memory, fits the cache


@dataclass(frozen=True)
class InputBounds:
    """
    LO(x) <= u <= UP(x): the inputs that keep A x + B u + w inside the safe set for every w.

    For a facet H_j x <= 1 with s_j = |H_j| wbar and one input,
    UP(x) = min over H_j B > 0 of (1 - s_j - H_j A x) / H_j B, and LO likewise from H_j B < 0.
    """

    up: np.ndarray  # (q+, n + 1): rows [-H_j A, 1 - s_j] / H_j B
    low: np.ndarray  # (q-, n + 1)

    @classmethod
    def of(cls, system, safe_set):
        """Return the bounds of a system with one input and a safe set."""
        H = safe_set.H
        weight = (H @ system.B)[:, 0]
        table = np.column_stack([-H @ system.A, 1 - np.abs(H) @ system.disturbance])
        up, low = weight > 1e-12, weight < -1e-12
        return cls(table[up] / weight[up, None], table[low] / weight[low, None])

    def __call__(self, x):
        """Return LO and UP, each (...,), at states (..., n)."""
        def affine(rows):
            return x @ rows[:, :-1].T + rows[:, -1]

        return affine(self.low).max(axis=-1), affine(self.up).min(axis=-1)

    def excess(self, x, u):
        """
        Return by how much the input (...,) leaves [LO(x), UP(x)], negative inside; units of u.

        A value <= 0 says that the next state lies in the safe set whatever the disturbance does.
        """
        low, up = self(x)
        return np.maximum(u - up, low - u)


def soft_maximum(values, sharpness, axis):
    """Return log(sum(exp(sharpness values))) / sharpness >= max(values), smooth."""
    top = values.max(axis=axis, keepdims=True)
    total = np.exp(sharpness * (values - top)).sum(axis=axis)
    return np.squeeze(top, axis) + np.log(total) / sharpness


@dataclass(frozen=True)
class RolloutSummary:
    """What the metrics need of a batch of rollouts: P policies, S scenarios."""

    excess: np.ndarray  # (P, S): largest excess over the admissible inputs, units of u
    soft_excess: np.ndarray  # (P, S): its smooth upper bound
    final: np.ndarray  # (P, S, n): last state
    cost: np.ndarray  # (P, S): mean stage cost
    left: np.ndarray  # (P, S): whether the rollout left the safe set


@dataclass(frozen=True)
class Simulator:
    """Runs closed loops and summarises them."""

    policy: object  # ResidualPolicy
    bounds: InputBounds
    state_weight: np.ndarray  # (n,), diagonal of Q
    input_weight: float  # R
    sharpness: float = 100.0  # of the smooth maximum over time, per unit of u

    def stage_cost(self, x, u):
        """Return x'Qx + R u^2 for states (..., n) and inputs (...,)."""
        return x**2 @ np.asarray(self.state_weight) + self.input_weight * u**2

    def summarise(self, thetas, scenarios):
        """
        Run every policy from every scenario.

        A rollout that leaves the safe set stays where it left (the backup is undefined there);
        its excess is then positive by construction, so it can never pass for safe.

        :param thetas: (P, d). :param scenarios: :class:`~scpo_ros.control.scenario.Scenarios`.
        """
        stride = max(1, CHUNK // len(thetas))
        parts = [self._chunk(thetas, scenarios.take(slice(i, i + stride)))
                 for i in range(0, len(scenarios), stride)]
        return RolloutSummary(*(
            np.concatenate([getattr(part, name) for part in parts], axis=1)
            for name in RolloutSummary.__dataclass_fields__))

    def _chunk(self, thetas, scenarios):
        policy, shape = self.policy, (len(thetas), len(scenarios))
        residual = policy.network.prepare(thetas)
        limit = policy.system.input_limit[0]
        x = np.broadcast_to(scenarios.x0, (*shape, policy.system.n)).copy()
        left = np.zeros(shape, dtype=bool)
        excess = np.empty((scenarios.horizon, *shape))
        cost = np.zeros(shape)
        for k in range(scenarios.horizon):
            backup = policy.backup(x)[..., 0]
            undefined = np.isnan(backup)
            u = np.clip(np.where(undefined, 0.0, backup) + residual(x), -limit, limit)
            excess[k] = self.bounds.excess(x, u)
            cost += self.stage_cost(x, u)
            if np.any(undefined):
                left |= undefined
                np.maximum(excess[k], 1e-3, out=excess[k], where=left)
            step = x @ policy.system.A.T + u[..., None] * policy.system.B[:, 0]
            step += scenarios.w[:, k]
            x = np.where(left[..., None], x, step) if np.any(left) else step
        return RolloutSummary(excess.max(axis=0), soft_maximum(excess, self.sharpness, 0), x,
                              cost / scenarios.horizon, left)

    def trajectory(self, theta, x0, w):
        """Return states (S, H + 1, n) and inputs (S, H) of one policy; NaN once undefined."""
        x = np.asarray(x0, dtype=np.float64)
        states, inputs = [x], []
        for k in range(w.shape[1]):
            u = self.policy(theta, x)
            x = self.policy.system.step(x, u, w[:, k])
            states.append(x)
            inputs.append(u[:, 0])
        return np.stack(states, axis=1), np.stack(inputs, axis=1)
