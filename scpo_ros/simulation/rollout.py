"""
Closed-loop rollouts of many policies from many scenarios, in lock-step.

The rollouts are cut into tiles of some policies by some scenarios: that bounds the memory, fits
the cache, and is what a pool of processes shares. The cut depends on the numbers of policies and
scenarios only, so that the results do not depend on who worked on what.
"""

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
import multiprocessing

import numpy as np

TILE = 4096  # rollouts that are worked on at once
NARROWEST = 64  # scenarios of a tile, where there are so many; fewer waste time in small products


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
        x = np.asarray(x)
        flat = x.reshape(-1, x.shape[-1]).T
        low, up = np.empty((2, flat.shape[1]))
        for start in range(0, flat.shape[1], TILE):
            part = slice(start, start + TILE)
            low[part], up[part] = self.columns(flat[:, part])
        return low.reshape(x.shape[:-1])[()], up.reshape(x.shape[:-1])[()]

    def columns(self, x):
        """Return LO and UP, (N,) each, at states (n, N)."""
        low = self.low[:, :-1] @ x
        low += self.low[:, -1:]
        up = self.up[:, :-1] @ x
        up += self.up[:, -1:]
        return low.max(axis=0), up.min(axis=0)

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
    executor: object = None  # concurrent.futures.Executor that shares the tiles, or None

    def stage_cost(self, x, u):
        """Return x'Qx + R u^2 for states (..., n) and inputs (...,)."""
        return x**2 @ np.asarray(self.state_weight) + self.input_weight * u**2

    def summarise(self, thetas, scenarios, excess=True):
        """
        Run every policy from every scenario.

        A rollout that leaves the safe set stays where it left (the backup is undefined there);
        its excess is then positive by construction, so it can never pass for safe.

        :param thetas: (P, d). :param scenarios: :class:`~scpo_ros.systems.scenario.Scenarios`.
        :param excess: False leaves the two excesses out (None): they take a third of the time.
        """
        tiles = list(tiles_of(len(thetas), len(scenarios)))
        parts = ((thetas[rows], scenarios.take(columns), excess) for rows, columns in tiles)
        if self.executor is None or len(tiles) == 1:
            done = (self.tile(*part) for part in parts)
        else:
            run = _adopted_tile if isinstance(self.executor, RolloutPool) else self.tile
            done = self.executor.map(run, *zip(*parts))
        whole = self._empty(len(thetas), len(scenarios), excess)
        for (rows, columns), part in zip(tiles, done):
            for name, values in vars(part).items():
                if values is not None:
                    getattr(whole, name)[rows, columns] = values
        return whole

    def _empty(self, policies, scenarios, excess):
        """Return a summary to be filled."""
        shape = (policies, scenarios)
        most = (np.empty(shape), np.empty(shape)) if excess else (None, None)
        return RolloutSummary(*most, np.empty((*shape, self.policy.system.n)), np.empty(shape),
                              np.empty(shape, dtype=bool))

    def tile(self, thetas, scenarios, wanted=True):
        """Run one tile; arguments and result as those of :meth:`summarise`."""
        policy, horizon = self.policy, scenarios.horizon
        system, shape = policy.system, (len(thetas), len(scenarios))
        residual, limit = policy.network.columns(thetas), system.input_limit[0]
        x = np.empty((system.n, *shape))
        x[:] = scenarios.x0.T[:, None]
        w = np.ascontiguousarray(scenarios.w.transpose(1, 2, 0))[:, :, None]
        left, cost = np.zeros(shape, dtype=bool), np.zeros(shape)
        excess = np.empty((horizon, *shape)) if wanted else None
        for k in range(horizon):
            flat = x.reshape(system.n, -1)
            backup = policy.backup(flat.T).reshape(shape)
            undefined = np.isnan(backup)
            lost = bool(undefined.any())
            if lost:
                backup[undefined] = 0.0
                left |= undefined
            u = self._input(backup, residual(x), limit)
            if wanted:
                low, up = self.bounds.columns(flat)
                np.maximum(u - up.reshape(shape), low.reshape(shape) - u, out=excess[k])
                if lost:
                    np.maximum(excess[k], 1e-3, out=excess[k], where=left)
            stage = self._stage(x, u)
            cost += stage
            if lost and left.all():  # nothing moves any more
                if wanted:
                    excess[k + 1:] = excess[k]
                cost += (horizon - 1 - k) * stage
                break
            step = (system.A @ flat).reshape(x.shape)
            step += system.B[:, 0, None, None] * u
            step += w[k]
            x = np.where(left, x, step) if lost else step
        most = (excess.max(axis=0), soft_maximum(excess, self.sharpness, 0)) if wanted else (
            None, None)
        return RolloutSummary(*most, np.moveaxis(x, 0, -1), cost / horizon, left)

    @staticmethod
    def _input(backup, residual, limit):
        """Return the saturated sum, in the memory of the second; NaN stays NaN."""
        residual += backup
        np.minimum(residual, limit, out=residual)
        return np.maximum(residual, -limit, out=residual)

    def _stage(self, x, u):
        """Return the stage cost for states (n, ...) and inputs (...,)."""
        cost = self.input_weight * u
        cost *= u
        for weight, component in zip(self.state_weight, x):
            cost += weight * component * component
        return cost

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


def tiles_of(policies, scenarios):
    """
    Yield the slices (of policies, of scenarios) of the tiles, evenly cut.

    :param policies: P. :param scenarios: S.
    """
    columns = min(scenarios, max(NARROWEST, TILE // policies))
    for rows in _even(policies, max(1, TILE // columns)):
        for part in _even(scenarios, columns):
            yield rows, part


def _even(count, most):
    """Return slices of at most `most` that cover `count`, their lengths differing by at most 1."""
    ends = np.linspace(0, count, -(-count // most) + 1).astype(int)
    return [slice(a, b) for a, b in zip(ends, ends[1:])]


class RolloutPool(ProcessPoolExecutor):
    """
    Processes that hold a simulator, so that only weights and scenarios travel.

    Use it with `dataclasses.replace(simulator, executor=pool)`, and as a context manager.
    """

    def __init__(self, simulator, workers):
        """Start `workers` processes for one simulator."""
        super().__init__(workers, multiprocessing.get_context('spawn'), _adopt,
                         (replace(simulator, executor=None),))


_adopted = []  # the simulator of a process of a RolloutPool


def _adopt(simulator):
    _adopted[:] = [simulator]


def _adopted_tile(thetas, scenarios, wanted):
    return _adopted[0].tile(thetas, scenarios, wanted)
