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
A system that a description file defines: matrices over one step, limits, names and units.

    x+ = A x + B u + w,   state_lower <= x <= state_upper,   input_lower <= u <= input_upper,
    F x <= f,   |w| <= disturbance

:func:`~scpo_ros.systems.loading.load` makes one of a description. There are up to three of them:

* the *certified* one, which `load` returns: of the state that certificates speak of, with limits
  and disturbance that allow for measurement error and delay (:mod:`.uncertainty`);
* its :attr:`~System.observed`: of the states as they are measured;
* its :attr:`~System.plant`: of the states as they are.

They are one where the description has neither measurement error nor delay.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scpo_ros.arrays import Array, Booleans, frozen
from scpo_ros.systems.content import content
from scpo_ros.systems.description import InputEntry, StateEntry, SystemDescription
from scpo_ros.systems.requirements import check_limits
from scpo_ros.systems.sampling import Sampling
from scpo_ros.systems.signals import Signals


@dataclass(frozen=True)
class System:
    """A described system over one step of dt; all arrays are read-only."""

    description: SystemDescription
    A: Array  # (n, n)
    B: Array  # (n, m)
    state_lower: Array  # (n,), units of x; -inf where there is no limit
    state_upper: Array  # (n,)
    input_lower: Array  # (m,), units of u
    input_upper: Array  # (m,)
    constraint_bounds: Array  # f (r,) of the description's F x <= f
    disturbance: Array  # (n,), half-widths of w, units of x per step; of admitted lengths of it
    step_disturbance: Array  # (n,), half-widths of w over a step of exactly dt
    observed_model: 'System | None' = None  # None: this one
    plant_model: 'System | None' = None  # None: this one

    @property
    def observed(self) -> 'System':
        """Return the system of the states as they are measured."""
        return self.observed_model or self

    @property
    def plant(self) -> 'System':
        """Return the system of the states as they are, with the limits of the description."""
        return self.plant_model or self

    @property
    def deadline(self) -> float:
        """Return the part of dt after which an answer is late."""
        return self.description.deadline

    @property
    def delay_steps(self) -> int:
        """Return q: the input computed at step k acts from step k + q on."""
        return self.description.delay_steps

    @cached_property
    def late_input(self) -> Array:
        """Return B_1 (n, m): x+ is off by B_1 (u_{k-1} - u_k), where inputs act a part late."""
        if self.sampling is None:
            return frozen(np.zeros_like(self.B))
        return frozen(self.sampling.late(self.description.delay_fraction))

    @cached_property
    def measurement_error(self) -> Array:
        """Return the half-widths (n,) of e in y = x + e, units of x."""
        return measurement_error(self.description)

    @property
    def name(self) -> str:
        """Return the name that the description gives."""
        return self.description.name

    @property
    def dt(self) -> float:
        """Return the step [s]."""
        return self.description.dt

    @property
    def n(self) -> int:
        """Return the number of states."""
        return int(self.A.shape[0])

    @property
    def m(self) -> int:
        """Return the number of inputs."""
        return int(self.B.shape[1])

    @cached_property
    def state_rows(self) -> Array:
        """Return the rows (r, n) of the state limits and constraints, {x : rows x <= 1}."""
        description = self.description
        rows = [_box_rows(self.state_lower, self.state_upper),
                description.constraint_rows / self.constraint_bounds[:, None]]
        return frozen(np.vstack(rows))

    @cached_property
    def input_rows(self) -> Array:
        """Return the rows (r, m) of the input limits, {u : rows u <= 1}."""
        return frozen(_box_rows(self.input_lower, self.input_upper))

    @cached_property
    def state_scale(self) -> Array:
        """Return the largest |x_i| (n,) that limits and constraints admit, units of x."""
        return check_limits(self.description)

    @cached_property
    def plane(self) -> tuple[int, int]:
        """
        Return the two states that are drawn as a phase plane.

        They are the first position and its velocity, where a joint has both, else the first two.
        """
        places = [(entry.joint, entry.field) for entry in self.description.states]
        for first, (joint, field) in enumerate(places):
            if field == 'position' and (joint, 'velocity') in places:
                return first, places.index((joint, 'velocity'))
        return 0, min(1, self.n - 1)

    @property
    def input_scale(self) -> Array:
        """Return the largest |u_j| (m,) within the limits, units of u."""
        return np.maximum(-self.input_lower, self.input_upper)

    @cached_property
    def states(self) -> Signals:
        """Return what the states are called."""
        return _signals(self.description.states)

    @cached_property
    def inputs(self) -> Signals:
        """Return what the inputs are called."""
        return _signals(self.description.inputs)

    @cached_property
    def sampling(self) -> Sampling | None:
        """Return how steps of another length are predicted; None: not at all."""
        return None if self.description.dynamics.kind == 'discrete' else sampling_of(
            self.description)

    @property
    def content(self) -> str:
        """Return every value of the description as a text, the same for the same system."""
        return content(self.description)

    def use_of_limits(self, x: Array) -> Array:
        """Return states (..., n) over the limits described: 1 at the upper, -1 at the lower."""
        plant = self.plant
        upper = np.where(np.isfinite(plant.state_upper), plant.state_upper, self.state_scale)
        lower = np.where(np.isfinite(plant.state_lower), -plant.state_lower, self.state_scale)
        used: Array = np.where(x > 0, x / upper, x / lower)
        return used

    def same_as(self, other: 'System') -> bool:
        """Return whether two systems have the same dynamics, limits, disturbance and task."""
        own, its = self.description, other.description
        arrays = ('A', 'B', 'state_lower', 'state_upper', 'input_lower', 'input_upper',
                  'disturbance', 'state_rows', 'measurement_error')
        return (self.dt == other.dt and own.delay_steps == its.delay_steps
                and own.contraction == its.contraction
                and own.horizon == its.horizon and dict(own.planned or {}) == dict(
                    its.planned or {})
                and np.array_equal(own.state_weight, its.state_weight)
                and np.array_equal(own.input_weight, its.input_weight)
                and all(np.array_equal(getattr(self, name), getattr(other, name))
                        for name in arrays))

    def step(self, x: Array, u: Array, w: Array | float = 0.0) -> Array:
        """Return A x + B u + w (..., n), for states (..., n) and inputs (..., m)."""
        following: Array = x @ self.A.T + u @ self.B.T + w
        return following

    def saturate(self, u: Array) -> Array:
        """Return inputs (..., m) clipped to their limits; NaN stays NaN."""
        return np.clip(u, self.input_lower, self.input_upper)

    def stage_cost(self, x: Array, u: Array) -> Array:
        """Return x'Qx + u'Ru (...,), for states (..., n) and inputs (..., m)."""
        cost: Array = (np.sum(x @ self.description.state_weight * x, axis=-1)
                       + np.sum(u @ self.description.input_weight * u, axis=-1))
        return cost

    def within_limits(self, x: Array, u: Array, tolerance: float = 1e-9) -> Booleans:
        """
        Return whether states (..., n) and inputs (..., m) keep limits and constraints.

        :param tolerance: as a part of the limit. NaN keeps no limit.
        """
        kept: Booleans = (np.all(x @ self.state_rows.T <= 1 + tolerance, axis=-1)
                          & np.all(u @ self.input_rows.T <= 1 + tolerance, axis=-1))
        return kept


def _box_rows(lower: Array, upper: Array) -> Array:
    """Return the rows of lower <= z <= upper as {z : rows z <= 1}, without infinite limits."""
    rows = np.vstack([np.diag(1 / upper), np.diag(1 / lower)])
    finite: Array = rows[np.any(rows != 0, axis=1)]
    return finite


def _signals(entries: Sequence[StateEntry | InputEntry]) -> Signals:
    """Return names and units of states or inputs; their symbols are the names."""
    names = tuple(entry.name for entry in entries)
    return Signals(names, tuple(entry.unit for entry in entries), names)


def measurement_error(description: SystemDescription) -> Array:
    """Return the half-widths (n,) of e in y = x + e, units of x."""
    return frozen([entry.measurement_error for entry in description.states])


def sampling_of(description: SystemDescription) -> Sampling:
    """Return how steps of a description with continuous dynamics are predicted."""
    dynamics = description.dynamics
    return Sampling(dynamics.A, dynamics.B, description.dt, description.sample_jitter,
                    np.array([entry.disturbance for entry in description.states]))
