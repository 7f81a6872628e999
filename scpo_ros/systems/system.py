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

:func:`load` reads a shipped description by its name, a file by its path, or a mapping.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
import os
from pathlib import Path

import numpy as np
from scpo_ros.arrays import Array, Booleans, frozen
from scpo_ros.config.resources import share_file
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.systems.description import SystemDescription
from scpo_ros.systems.reading import described
from scpo_ros.systems.requirements import check_dynamics, check_limits, check_supported
from scpo_ros.systems.sampling import Sampling
from scpo_ros.systems.yaml_tree import parse, Plain, Tree


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
    disturbance: Array  # (n,), half-widths of w, units of x per step

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
                description.constraint_rows / description.constraint_bounds[:, None]]
        return frozen(np.vstack(rows))

    @cached_property
    def input_rows(self) -> Array:
        """Return the rows (r, m) of the input limits, {u : rows u <= 1}."""
        return frozen(_box_rows(self.input_lower, self.input_upper))

    @cached_property
    def state_scale(self) -> Array:
        """Return the largest |x_i| (n,) that limits and constraints admit, units of x."""
        return check_limits(self.description)

    def same_as(self, other: 'System') -> bool:
        """Return whether two systems have the same dynamics, limits, disturbance and task."""
        own, its = self.description, other.description
        arrays = ('A', 'B', 'state_lower', 'state_upper', 'input_lower', 'input_upper',
                  'disturbance', 'state_rows')
        return (self.dt == other.dt and own.contraction == its.contraction
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


def load(system: str | os.PathLike[str] | Mapping[str, Plain]) -> System:
    """
    Return the system of a shipped description, of a file, or of a mapping.

    :param system: the name of a shipped description such as 'cart_pole'; the path of a file, which
        ends in .yaml or .yml or contains a '/', relative to the working directory; or a mapping
        with the keys of such a file.
    :raises ConfigurationError: naming file, line, entry, value and rule.
    """
    description = described(_tree(system))
    check_supported(description)
    check_limits(description)
    A, B, disturbance = _over_one_step(description)
    check_dynamics(description, A, B)
    states, inputs = description.states, description.inputs
    return System(
        description, frozen(A), frozen(B), frozen([entry.lower for entry in states]),
        frozen([entry.upper for entry in states]), frozen([entry.lower for entry in inputs]),
        frozen([entry.upper for entry in inputs]), frozen(disturbance))


def _tree(system: str | os.PathLike[str] | Mapping[str, Plain]) -> Tree:
    if isinstance(system, Mapping):
        return Tree('system', dict(system), {})
    text = os.fspath(system)
    if isinstance(system, str) and not _is_path(text):
        return _read(shipped(text))
    return _read(Path(text).expanduser())


def _is_path(text: str) -> bool:
    return '/' in text or os.sep in text or text.endswith(('.yaml', '.yml'))


def shipped(name: str) -> Path:
    """
    Return the file of a shipped description.

    :raises ConfigurationError: with the names of all, when there is none of that name.
    """
    folder = share_file('config/systems/double_integrator.yaml').parent
    path = folder / f'{name}.yaml'
    if not path.is_file():
        raise ConfigurationError(
            'system', name, f"must be one of {', '.join(shipped_names())}, or the path of a file, "
            'such as my_robot.yaml')
    return path


def shipped_names() -> list[str]:
    """Return the names of the shipped descriptions."""
    folder = share_file('config/systems/double_integrator.yaml').parent
    return sorted(path.stem for path in folder.glob('*.yaml'))


def _read(path: Path) -> Tree:
    try:
        text = path.read_text(encoding='utf-8')
    except (OSError, ValueError) as error:
        reason = getattr(error, 'strerror', None) or 'is not UTF-8 text'
        raise ConfigurationError('system', str(path), f'cannot be read: {reason}') from error
    return parse(text, path.name)


def _over_one_step(description: SystemDescription) -> tuple[Array, Array, Array]:
    """Return A (n, n), B (n, m) and the half-widths (n,) of the disturbance over dt."""
    dynamics = description.dynamics
    disturbance = np.array([entry.disturbance for entry in description.states])
    if dynamics.kind == 'discrete':
        return dynamics.A, dynamics.B, disturbance
    sampling = Sampling(
        dynamics.A, dynamics.B, description.dt, description.sample_jitter, disturbance)
    held = sampling.held(description.dt)
    largest = [max(-entry.lower, entry.upper) for entry in description.inputs]
    return *held, sampling.certified_disturbance(check_limits(description), np.array(largest))
