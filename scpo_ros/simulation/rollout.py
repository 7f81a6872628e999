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
Closed-loop rollouts of many policies from many scenarios, in lock-step.

The rollouts are cut into tiles of some policies by some scenarios: that bounds the memory, fits
the cache, and is what a pool of processes shares. The cut depends on the numbers of policies and
scenarios only, so that the results do not depend on who worked on what.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass, replace
import multiprocessing
from typing import Protocol

import numpy as np
from scpo_ros.arrays import Array, Booleans
from scpo_ros.backup.law import Backup
from scpo_ros.sets.admissible_inputs import AdmissibleInputs
from scpo_ros.systems.linear_system import LinearSystem
from scpo_ros.systems.scenario import Scenarios

TILE = 4096  # rollouts that are worked on at once
NARROWEST = 64  # scenarios of a tile, where there are so many; fewer waste time in small products


def soft_maximum(values: Array, sharpness: float, axis: int) -> Array:
    """Return log(sum(exp(sharpness values))) / sharpness >= max(values), smooth."""
    top = values.max(axis=axis, keepdims=True)
    total = np.exp(sharpness * (values - top)).sum(axis=axis)
    soft: Array = np.squeeze(top, axis) + np.log(total) / sharpness
    return soft


class Steps(Protocol):
    """A system in discrete time."""

    def step(self, x: Array, u: Array, w: Array | float = 0.0) -> Array:
        """Return the next states (S, n), of states (S, n), inputs (S, m), disturbances (S, n)."""


def trajectory(law: Callable[[Array], Array], system: Steps, x0: Array, w: Array
               ) -> tuple[Array, Array]:
    """
    Return states (S, H + 1, n) and inputs (S, H, m) of a closed loop; NaN once undefined.

    :param law: states (S, n) -> inputs (S, m). :param x0: (S, n). :param w: (S, H, n).
    """
    x = np.asarray(x0, dtype=np.float64)
    states, inputs = [x], []
    for k in range(w.shape[1]):
        u = law(x)
        x = system.step(x, u, w[:, k])
        states.append(x)
        inputs.append(u)
    return np.stack(states, axis=1), np.stack(inputs, axis=1)


class Network(Protocol):
    """A residual network, for many weight vectors at once."""

    def columns(self, thetas: Array) -> Callable[[Array], Array]:
        """Return the function from states (n, P, N) to residuals (m, P, N), of weights (P, d)."""


class Policy(Protocol):
    """What is rolled out: backup and residual, saturated."""

    @property
    def system(self) -> LinearSystem: ...

    @property
    def backup(self) -> Backup: ...

    @property
    def network(self) -> Network: ...

    def __call__(self, theta: Array, x: Array) -> Array:
        """Return the inputs (N, m) of the weights (d,) at states (N, n)."""


@dataclass(frozen=True)
class RolloutSummary:
    """
    What the metrics need of a batch of rollouts: P policies, S scenarios.

    The violation is that of the admissible inputs, its largest value over the rollout.
    """

    violation: Array  # (P, S), units of u; NaN: not asked for
    soft_violation: Array  # (P, S): its smooth upper bound; NaN: not asked for
    final: Array  # (P, S, n): last state
    cost: Array  # (P, S): mean stage cost
    left: Booleans  # (P, S): whether the rollout left the safe set


@dataclass(frozen=True)
class Simulator:
    """Runs closed loops and summarises them."""

    policy: Policy
    bounds: AdmissibleInputs
    state_weight: Array  # (n,), diagonal of Q
    input_weight: Array  # (m,), diagonal of R
    sharpness: float = 100.0  # of the smooth maximum over time, per unit of u
    executor: Executor | None = None  # shares the tiles

    def stage_cost(self, x: Array, u: Array) -> Array:
        """Return x'Qx + u'Ru for states (..., n) and inputs (..., m)."""
        cost: Array = x**2 @ self.state_weight + u**2 @ self.input_weight
        return cost

    def summarise(self, thetas: Array, scenarios: Scenarios,
                  violation: bool = True) -> RolloutSummary:
        """
        Run every policy from every scenario.

        A rollout that leaves the safe set stays where it left (the backup is undefined there);
        its violation is then positive by construction, so it can never pass for safe.

        :param thetas: (P, d). :param scenarios: :class:`~scpo_ros.systems.scenario.Scenarios`.
        :param violation: False leaves the two violations out: they take a third of the time.
        """
        tiles = list(tiles_of(len(thetas), len(scenarios)))
        parts = ((thetas[rows], scenarios.take(columns), violation) for rows, columns in tiles)
        done: Iterable[RolloutSummary]
        if self.executor is None or len(tiles) == 1:
            done = (self.tile(*part) for part in parts)
        else:
            run = _adopted_tile if isinstance(self.executor, RolloutPool) else self.tile
            done = self.executor.map(run, *zip(*parts))
        whole = self._empty(len(thetas), len(scenarios))
        for (rows, columns), part in zip(tiles, done):
            for name, values in vars(part).items():
                getattr(whole, name)[rows, columns] = values
        return whole

    def _empty(self, policies: int, scenarios: int) -> RolloutSummary:
        """Return a summary to be filled."""
        shape = (policies, scenarios)
        return RolloutSummary(
            np.empty(shape), np.empty(shape), np.empty((*shape, self.policy.system.n)),
            np.empty(shape), np.empty(shape, dtype=bool))

    def tile(self, thetas: Array, scenarios: Scenarios, wanted: bool = True) -> RolloutSummary:
        """Run one tile; arguments and result as those of :meth:`summarise`."""
        policy, horizon = self.policy, scenarios.horizon
        system, shape = policy.system, (len(thetas), len(scenarios))
        residual, limit = policy.network.columns(thetas), system.input_limit[:, None, None]
        x: Array = np.empty((system.n, *shape))
        x[:] = scenarios.x0.T[:, None]
        w = np.ascontiguousarray(scenarios.w.transpose(1, 2, 0))[:, :, None]
        left, cost = np.zeros(shape, dtype=bool), np.zeros(shape)
        violation = np.empty((horizon, *shape)) if wanted else np.full((1, *shape), np.nan)
        for k in range(horizon):
            flat = x.reshape(system.n, -1)
            backup = policy.backup(flat.T).T.reshape(system.m, *shape)
            undefined = np.isnan(backup)
            lost = bool(undefined.any())
            if lost:
                backup[undefined] = 0.0
                left |= undefined.any(axis=0)
            u = self._input(backup, residual(x), limit)
            if wanted:
                violation[k] = self.bounds.columns_violation(
                    flat, u.reshape(system.m, -1)).reshape(shape)
                if lost:
                    np.maximum(violation[k], 1e-3, out=violation[k], where=left)
            stage = self._stage(x, u)
            cost += stage
            if lost and left.all():  # nothing moves any more
                if wanted:
                    violation[k + 1:] = violation[k]
                cost += (horizon - 1 - k) * stage
                break
            step = (system.A @ flat).reshape(x.shape)
            for column, component in zip(system.B.T, u):
                step += column[:, None, None] * component
            step += w[k]
            x = np.where(left, x, step) if lost else step
        return RolloutSummary(
            violation.max(axis=0), soft_maximum(violation, self.sharpness, 0),
            np.moveaxis(x, 0, -1), cost / horizon, left)

    @staticmethod
    def _input(backup: Array, residual: Array, limit: Array) -> Array:
        """Return the saturated sum (m, P, S), in the memory of the second; NaN stays NaN."""
        residual += backup
        np.minimum(residual, limit, out=residual)
        return np.maximum(residual, -limit, out=residual)

    def _stage(self, x: Array, u: Array) -> Array:
        """Return the stage cost for states (n, ...) and inputs (m, ...)."""
        first, *others = u
        cost: Array = self.input_weight[0] * first
        cost *= first
        weights = (*self.input_weight[1:], *self.state_weight)
        for weight, component in zip(weights, (*others, *x)):
            cost += weight * component * component
        return cost

    def trajectory(self, theta: Array, x0: Array, w: Array) -> tuple[Array, Array]:
        """Return states (S, H + 1, n), inputs (S, H, m) of one policy; NaN once undefined."""
        return trajectory(lambda x: self.policy(theta, x), self.policy.system, x0, w)


def tiles_of(policies: int, scenarios: int) -> Iterator[tuple[slice, slice]]:
    """
    Yield the slices (of policies, of scenarios) of the tiles, evenly cut.

    :param policies: P. :param scenarios: S.
    """
    columns = min(scenarios, max(NARROWEST, TILE // policies))
    for rows in _even(policies, max(1, TILE // columns)):
        for part in _even(scenarios, columns):
            yield rows, part


def _even(count: int, most: int) -> list[slice]:
    """Return slices of at most `most` that cover `count`, their lengths differing by at most 1."""
    ends = np.linspace(0, count, -(-count // most) + 1).astype(int)
    return [slice(a, b) for a, b in zip(ends, ends[1:])]


class RolloutPool(ProcessPoolExecutor):
    """
    Processes that hold a simulator, so that only weights and scenarios travel.

    Use it with `dataclasses.replace(simulator, executor=pool)`, and as a context manager.
    """

    def __init__(self, simulator: Simulator, workers: int) -> None:
        """Start `workers` processes for one simulator."""
        super().__init__(workers, multiprocessing.get_context('spawn'), _adopt,
                         (replace(simulator, executor=None),))


_adopted: list[Simulator] = []  # the simulator of a process of a RolloutPool


def _adopt(simulator: Simulator) -> None:
    _adopted[:] = [simulator]


def _adopted_tile(thetas: Array, scenarios: Scenarios, wanted: bool) -> RolloutSummary:
    return _adopted[0].tile(thetas, scenarios, wanted)
