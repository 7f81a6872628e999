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
By how much a body leaves the linear model of a description, over one step from a sampled state.

    e = x+ - A x - B u,     covered where |e_i| <= wbar_i for every i,

x from the safe set, at least half of them on its boundary, and u within the limits, half of them
at a corner. A transition counts where A x + B u keeps the limits, as every certified one does.
Sampling shows what is not covered; it proves nothing.
"""

from dataclasses import dataclass

import numpy as np
from scpo_ros.arrays import Array, Booleans
from scpo_ros.systems.plant import Body
from scpo_ros.systems.system import System
from scpo_ros.systems.system_scenarios import SampledSafeSet

_SCALES = tuple(round(1 - 0.05 * k, 2) for k in range(20))
_ROUNDING = 1e-9  # of the limits, as the model monitor admits it


@dataclass(frozen=True)
class Coverage:
    """What was sampled of a body and a description."""

    transitions: int
    error: Array  # (n,), largest |e|, units of x
    bound: Array  # (n,), the description's
    covered: float  # share of the transitions whose error is within the bound
    reach: float  # all transitions from this part of the states and inputs are covered; 0: none

    @property
    def complete(self) -> bool:
        """Return whether every sampled transition is covered."""
        return self.covered >= 1.0


def coverage(body: Body, system: System, safe_set: SampledSafeSet, count: int, seed: int
             ) -> Coverage:
    """
    Measure how a body moves from states of the safe set.

    :param count: of states. :param seed: of states and inputs.
    """
    rng = np.random.default_rng(seed)
    x = safe_set.sample(count, rng) * (1 - 1e-9)
    part = rng.uniform(0, 1, (count, system.m))
    part[::2] = np.round(part[::2])
    u = system.input_lower + part * (system.input_upper - system.input_lower)
    kept = system.within_limits(system.step(x, u), u)
    x, u = x[kept], u[kept]
    errors = np.array([_error(body, system, *pair, rng) for pair in zip(x, u)])
    inside = _inside(system, errors)
    hard = np.argsort(inside)  # first those that are outside: one of them decides
    reach = next((scale for scale in _SCALES if all(
        _inside(system, _error(body, system, scale * x[place], scale * u[place], rng))
        for place in hard)), 0.0)
    return Coverage(len(x), np.max(np.abs(errors), axis=0), system.step_disturbance,
                    float(np.mean(inside)), reach)


def _error(body: Body, system: System, x: Array, u: Array, rng: np.random.Generator) -> Array:
    """Return e (n,) of the step from a state (n,) under an input (m,)."""
    body.begin(x, rng)
    motion = body.step(u, rng)
    error: Array = motion.true - system.step(x, motion.applied)
    return error


def _inside(system: System, errors: Array) -> Booleans:
    """Return (...,) whether errors (..., n) are within the bound; NaN is not."""
    inside: Booleans = np.all(
        np.abs(errors) <= system.step_disturbance + _ROUNDING * system.state_scale, axis=-1)
    return inside


def linearised(body: Body, system: System, size: float = 1e-4) -> tuple[Array, Array]:
    """
    Return A (n, n) and B (n, m) of a body at rest, by central differences.

    :param size: of the differences, over the limits. A dry friction hides what is that small.
    """
    rng = np.random.default_rng(0)

    def moved(x: Array, u: Array) -> Array:
        body.begin(x, rng)
        return body.step(u, rng).true

    still, zero = np.zeros(system.n), np.zeros(system.m)
    states, inputs = size * np.diag(system.state_scale), size * np.diag(system.input_scale)
    A = [(moved(d, zero) - moved(-d, zero)) / (2 * d.max()) for d in states]
    B = [(moved(still, d) - moved(still, -d)) / (2 * d.max()) for d in inputs]
    return np.column_stack(A), np.column_stack(B)
