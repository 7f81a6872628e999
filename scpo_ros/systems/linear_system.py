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

"""The controlled system: linear, with box limits and a bounded additive disturbance."""

from dataclasses import dataclass

import numpy as np
from scpo_ros.arrays import Array, Booleans, checked
from scpo_ros.config import SystemConfig
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.systems.sampling import Sampling
from scpo_ros.systems.signals import Signals


@dataclass(frozen=True)
class LinearSystem:
    """
    x_{k+1} = A x_k + B u_k + w_k with |x| <= state_limit, |u| <= input_limit, |w| <= disturbance.

    Inequalities are entry by entry. All arrays are read-only. `disturbance` is that of the
    certificate: where steps may be longer or shorter than dt it covers what that changes.

    :raises InvalidArrayError: for a wrong shape or a non-finite entry.
    :raises ConfigurationError: for a limit that is not positive, a negative disturbance bound, or
        names that are not as many as the states or the inputs.
    """

    A: Array  # (n, n)
    B: Array  # (n, m)
    state_limit: Array  # (n,), units of x
    input_limit: Array  # (m,), units of u
    disturbance: Array  # (n,), half-widths of w, units of x per step
    dt: float  # step [s]
    sampling: Sampling | None = None  # how steps of another length are predicted; None: not at all
    states: Signals = Signals((), (), ())  # what the n states are called; left out: x1, x2 ...
    inputs: Signals = Signals((), (), ())  # what the m inputs are called; left out: u1, u2 ...

    def __post_init__(self) -> None:
        """Check shapes, signs and names."""
        n = np.shape(self.A)[0] if np.ndim(self.A) else 0
        m = np.shape(self.B)[1] if np.ndim(self.B) == 2 else None
        shapes = {'A': (n, n), 'B': (n, m), 'state_limit': (n,), 'input_limit': (m,),
                  'disturbance': (n,)}
        for name, shape in shapes.items():
            object.__setattr__(self, name, checked(name, getattr(self, name), shape))
        for name in ('state_limit', 'input_limit'):
            if not np.all(getattr(self, name) > 0):
                raise ConfigurationError(name, getattr(self, name), 'must be positive')
        if not np.all(self.disturbance >= 0):
            raise ConfigurationError('disturbance', self.disturbance, 'must not be negative')
        if not self.dt > 0:
            raise ConfigurationError('dt', self.dt, 'must be positive')
        for name, symbol, count in (('states', 'x', self.n), ('inputs', 'u', self.m)):
            given: Signals = getattr(self, name)
            if not given.names:
                object.__setattr__(self, name, Signals.numbered(symbol, count))
            elif len(given.names) != count:
                raise ConfigurationError(name, given.names, f'must be {count} names')

    @property
    def state_names(self) -> tuple[str, ...]:
        """Return what the n states are called."""
        return self.states.names

    @property
    def state_units(self) -> tuple[str, ...]:
        """Return the units of the n states, '' for none."""
        return self.states.units

    @property
    def input_names(self) -> tuple[str, ...]:
        """Return what the m inputs are called."""
        return self.inputs.names

    @property
    def input_units(self) -> tuple[str, ...]:
        """Return the units of the m inputs, '' for none."""
        return self.inputs.units

    @property
    def n(self) -> int:
        """Return the number of states."""
        return int(self.A.shape[0])

    @property
    def m(self) -> int:
        """Return the number of inputs."""
        return int(self.B.shape[1])

    @property
    def state_lower(self) -> Array:
        """Return the lower limits (n,) of the states, units of x."""
        return -self.state_limit

    @property
    def state_upper(self) -> Array:
        """Return the upper limits (n,) of the states, units of x."""
        return self.state_limit

    @property
    def input_lower(self) -> Array:
        """Return the lower limits (m,) of the inputs, units of u."""
        return -self.input_limit

    @property
    def input_upper(self) -> Array:
        """Return the upper limits (m,) of the inputs, units of u."""
        return self.input_limit

    @property
    def plane(self) -> tuple[int, int]:
        """Return the two states that are drawn as a phase plane: the first two."""
        return 0, 1

    @property
    def state_scale(self) -> Array:
        """Return the largest |x_i| (n,) within the limits, units of x."""
        return self.state_limit

    @property
    def input_scale(self) -> Array:
        """Return the largest |u_j| (m,) within the limits, units of u."""
        return self.input_limit

    def use_of_limits(self, x: Array) -> Array:
        """Return states (..., n) over their limits: 1 at the upper, -1 at the lower one."""
        used: Array = x / self.state_limit
        return used

    @property
    def step_disturbance(self) -> Array:
        """Return the half-widths (n,) of w over a step of exactly dt, units of x."""
        return self.disturbance if self.sampling is None else self.sampling.disturbance

    @property
    def deadline(self) -> float:
        """Return the part of dt after which an answer is late."""
        return 0.5

    @property
    def delay_steps(self) -> int:
        """Return q: the input computed at step k acts from step k + q on: at once."""
        return 0

    @property
    def late_input(self) -> Array:
        """Return B_1 (n, m) of inputs that act a part of a step late: 0, none does."""
        return np.zeros_like(self.B)

    @property
    def measurement_error(self) -> Array:
        """Return the half-widths (n,) of e in y = x + e: none, y is x."""
        return np.zeros(self.n)

    @property
    def observed(self) -> 'LinearSystem':
        """Return the model of the states as they are measured: this one."""
        return self

    @property
    def plant(self) -> 'LinearSystem':
        """Return the model of the states as they are: this one."""
        return self

    def step(self, x: Array, u: Array, w: Array | float = 0.0) -> Array:
        """
        Return A x + B u + w.

        :param x: states (..., n).
        :param u: inputs (..., m).
        :param w: disturbances (..., n).
        """
        following: Array = x @ self.A.T + u @ self.B.T + w
        return following

    def saturate(self, u: Array) -> Array:
        """Return the input clipped to its limits; NaN stays NaN."""
        return np.clip(u, -self.input_limit, self.input_limit)

    def within_limits(self, x: Array, u: Array, tolerance: float = 1e-9) -> Booleans:
        """Return whether states (..., n) and inputs (..., m) keep the limits; NaN does not."""
        kept: Booleans = (np.all(np.abs(x) <= self.state_limit + tolerance, axis=-1)
                          & np.all(np.abs(u) <= self.input_limit + tolerance, axis=-1))
        return kept


def double_integrator(config: SystemConfig) -> LinearSystem:
    """
    Return the double integrator of a :class:`~scpo_ros.config.SystemConfig`.

    p_{k+1} = p_k + dt v_k + dt^2/2 u_k + w_k and v_{k+1} = v_k + dt u_k + w'_k, with
    |w_k| <= dt position_disturbance and |w'_k| <= dt disturbance: position p [m],
    velocity v [m/s], acceleration u [m/s^2]. With a `sample_jitter` the disturbance is enlarged
    by what a step of another length changes, see :class:`~scpo_ros.systems.sampling.Sampling`.
    """
    dt = config.dt
    sampling = Sampling(
        A=np.array([[0.0, 1.0], [0.0, 0.0]]), B=np.array([[0.0], [1.0]]), dt=dt,
        jitter=config.sample_jitter,
        disturbance=np.array([dt * config.position_disturbance, dt * config.disturbance]))
    state_limit = np.array([config.position_limit, config.velocity_limit])
    input_limit = np.array([config.input_limit])
    return LinearSystem(
        A=np.array([[1.0, dt], [0.0, 1.0]]), B=np.array([[dt * dt / 2], [dt]]),
        state_limit=state_limit, input_limit=input_limit,
        disturbance=sampling.certified_disturbance(state_limit, input_limit), dt=dt,
        sampling=sampling, states=Signals(('position', 'velocity'), ('m', 'm/s'), ('p', 'v')),
        inputs=Signals(('acceleration',), ('m/s^2',), ('u',)))
