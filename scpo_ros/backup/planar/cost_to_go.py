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
The backup's cost-to-go V_b(x): what the nominal closed loop under the backup costs from x on.

    V_b(x) = sum over k >= 0 of x_k'Q x_k + R u_b(x_k)^2,    x_{k+1} = A x_k + B u_b(x_k), x_0 = x.

The Riccati solution x'Px is below it by up to 60 %, since the backup plans well inside the
limits. In two dimensions the states of C are written x = s d(a), with the gauge s of x and the
point d(a) of the boundary at the angle a. The table holds V_b / s^2 at equally spaced angles and
at gauges that become dense towards the boundary, where the law is steep; it is found by
simulating all nodes until s <= 1e-3, where x'Px is the rest. Between nodes it is interpolated
bilinearly. At the defaults the error is at most 1.2 % of V_b, 0.02 % on average
(`test/backup/test_cost_to_go.py`).
"""

from pathlib import Path
from typing import Protocol

import numpy as np
from scpo_ros.arrays import Array, digest, frozen
from scpo_ros.backup.law import Backup
from scpo_ros.backup.mpc import BackupMpc
from scpo_ros.backup.planar.shape import require_planar
from scpo_ros.config import Spec
from scpo_ros.config.table_cache import cached
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.systems.linear_system import LinearSystem
from scpo_ros.systems.safe_set import PlanarSafeSet

GAUGES, ANGLES = 128, 512  # nodes
_FORMAT = 'cost-to-go-1'
_ARRIVED = 1e-3  # gauge at which the backup is the LQR, and x'Px the cost-to-go
_LONGEST_S = 100.0  # a state from which the backup needs longer has no cost-to-go [s]
_INSIDE = 1 - 1e-12  # of the nodes on the boundary, so that rounding does not put them outside


class _Simulator(Protocol):

    def stage_cost(self, x: Array, u: Array) -> Array: ...


class _Policy(Protocol):

    @property
    def backup(self) -> Backup: ...


class CostedTask(Protocol):
    """What the cost-to-go needs of a control task."""

    @property
    def spec(self) -> Spec: ...

    @property
    def system(self) -> LinearSystem: ...

    @property
    def safe_set(self) -> PlanarSafeSet: ...

    @property
    def mpc(self) -> BackupMpc: ...

    @property
    def policy(self) -> _Policy: ...

    @property
    def simulator(self) -> _Simulator: ...

    @property
    def lyapunov(self) -> Array: ...

    @property
    def cache(self) -> Path | None: ...


def simulated(task: CostedTask, states: Array) -> Array:
    """
    Return V_b (N,) at states (N, n) by simulation; NaN where the backup does not arrive.

    :param task: ControlTask.
    """
    x, left = np.array(states, dtype=np.float64), np.arange(len(states))
    cost = np.zeros(len(x))
    for _ in range(round(_LONGEST_S / task.system.dt)):
        arrived = task.safe_set.gauge(x) <= _ARRIVED
        done = left[arrived]
        cost[done] += np.einsum('ni,ij,nj->n', x[arrived], task.lyapunov, x[arrived])
        x, left = x[~arrived], left[~arrived]
        if not len(left):
            return cost
        u = task.policy.backup(x)
        cost[left] += task.simulator.stage_cost(x, u)
        x = task.system.step(x, u)
    cost[left] = np.nan
    return cost


class CostToGo:
    """
    The table of V_b over a two-dimensional safe set.

    `value(x)` maps states (N, 2) to costs (N,), NaN outside the safe set. `value.mean` is the mean
    over C. For another system any callable with these two serves.
    """

    def __init__(self, safe_set: PlanarSafeSet, table: Array) -> None:
        """
        Prepare queries.

        :param safe_set: C. :param table: V_b / s^2 (GAUGES, ANGLES + 1), see the module.
        """
        self._set, self._table = safe_set, frozen(table)
        self._scale = safe_set.vertices.max(axis=0)
        rows, columns = self._table.shape
        self._cells = np.array([[rows - 2], [columns - 2]])  # the last ones
        self._corners = np.array([[0], [1], [columns], [columns + 1]])
        low, high = safe_set.vertices.min(axis=0), self._scale
        axes = [np.linspace(*ends, 101) for ends in zip(low, high)]
        grid = np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 2)
        self.mean = float(np.mean(self(grid[safe_set.contains(grid, 0.0)])))

    @classmethod
    def load_or_build(cls, task: CostedTask) -> 'CostToGo':
        """
        Return the table of a ControlTask, cached on disk.

        :raises ConfigurationError: as :func:`checked_table`, and unless the system has two states
            and one input.
        """
        require_planar(task.system.n, task.system.m, "the table of the backup's cost-to-go")
        key = digest(_FORMAT, task.mpc.qp.digest, task.safe_set.H, task.system.A, task.system.B,
                     np.asarray(task.spec.backup.state_weight),
                     str(task.spec.backup.input_weight))
        arrays = cached('cost', key, ('table',), lambda: {'table': _table(task)}, task.cache)
        return cls(task.safe_set, checked_table(task, arrays['table']))

    def __call__(self, x: Array) -> Array:
        """Return V_b (N,) at states (N, 2)."""
        gauge = (x @ self._set.H.T).max(axis=1)
        p, v = x.T / self._scale[:, None]
        inside = gauge <= 1 + 1e-9  # NaN is not
        place = np.where(inside, [1 - np.sqrt(np.maximum(1 - gauge, 0.0)),
                                  np.arctan2(v, p) / (2 * np.pi) + 0.5], 0.0)
        value = self._between(place * (self._cells + 1))
        return np.where(inside, value * gauge**2, np.nan)

    def _between(self, place: Array) -> Array:
        """Return the table interpolated bilinearly at fractional rows and columns (2, N)."""
        cell = np.minimum(place.astype(np.intp), self._cells)
        row, column = place - cell
        first = cell[0] * self._table.shape[1] + cell[1]
        corners = self._table.ravel().take(first + self._corners)  # (4, N)
        left, right = corners[:2] + row * (corners[2:] - corners[:2])
        between: Array = left + column * (right - left)
        return between


def nodes(safe_set: PlanarSafeSet, gauges: int = GAUGES,
          angles: int = ANGLES) -> tuple[Array, Array]:
    """Return the states (N, 2) of the table's nodes, without the origin's row, and gauges (G,)."""
    angle = np.linspace(-np.pi, np.pi, angles + 1)
    boundary = np.stack([np.cos(angle), np.sin(angle)], axis=1) * safe_set.vertices.max(axis=0)
    boundary *= _INSIDE / safe_set.gauge(boundary)[:, None]
    gauge = 1 - (1 - np.linspace(0, 1, gauges)[1:])**2
    return (gauge[:, None, None] * boundary).reshape(-1, 2), gauge


def table_of(values: Array, gauge: Array) -> Array:
    """Return the table made of values (N,) at :func:`nodes`; quadratic near the origin."""
    table = values.reshape(len(gauge), -1) / gauge[:, None]**2
    return np.vstack([table[:1], table])


def checked_table(task: CostedTask, table: Array) -> Array:
    """
    Return the table.

    :raises ConfigurationError: where it has a hole. There no budget would admit any policy.
    """
    if not np.all(np.isfinite(table)):
        raise ConfigurationError(
            'backup.state_weight', task.spec.backup.state_weight,
            f'must let the backup come to rest within {_LONGEST_S:g} s from every state of the '
            'safe set, or its task cost is not known and no policy could be compared with it: '
            'weigh the position more, input and velocity less, plan with a larger '
            'backup.planned_velocity, or set metrics.baseline_cost to false')
    return table


def _table(task: CostedTask) -> Array:
    states, gauge = nodes(task.safe_set)
    return table_of(simulated(task, states), gauge)
