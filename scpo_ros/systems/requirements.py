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

"""What a described system must keep before anything is computed from it."""

import numpy as np
from scipy.optimize import linprog
from scpo_ros.arrays import Array
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.systems.description import SystemDescription

_UNSTABLE = 1 - 1e-9  # modes with |eigenvalue| above this must be controllable
_RANK = 1e-9  # singular values below this, over the largest, are 0
_NOTHING = 1e-12  # an input whose effect over a step is below this, over the limits, does nothing


def check_supported(description: SystemDescription) -> None:
    """
    Refuse what needs to know the plant within a step where the dynamics are discrete.

    :raises ConfigurationError: naming the key.
    """
    if description.dynamics.kind != 'discrete':
        return
    for key, of_what in (('sample_jitter', 'another step'), ('delay_fraction', 'a part of a step'),
                         ('between_ticks', 'what happens within a step')):
        value = getattr(description, key)
        if value:
            raise ConfigurationError(
                f'{description.name}: {key}', value,
                f'needs continuous dynamics: a discrete model says nothing of {of_what}')


def check_limits(description: SystemDescription) -> Array:
    """
    Return the largest |x_i| (n,) that limits and constraints admit, units of x.

    :raises ConfigurationError: naming a state that nothing bounds.
    """
    lower = np.array([entry.lower for entry in description.states])
    upper = np.array([entry.upper for entry in description.states])
    largest = np.empty(description.n)
    for index, entry in enumerate(description.states):
        extremes = [_extreme(sign, index, description, lower, upper) for sign in (-1.0, 1.0)]
        largest[index] = max(extremes)
        if not np.all(np.isfinite(extremes)):
            side = 'below' if not np.isfinite(extremes[0]) else 'above'
            raise ConfigurationError(
                f'{description.name}: states.{entry.name}', entry.name,
                f'must be bounded {side}, by its own limits or by constraints')
    return largest


def _extreme(sign: float, index: int, description: SystemDescription, lower: Array,
             upper: Array) -> float:
    """Return the maximum of sign x_i over limits and constraints; infinite without bound."""
    if not len(description.constraint_rows):
        return float(upper[index] if sign > 0 else -lower[index])
    cost = np.zeros(description.n)
    cost[index] = -sign
    answer = linprog(cost, description.constraint_rows, description.constraint_bounds,
                     bounds=list(zip(lower, upper)))
    return float(-answer.fun) if answer.status == 0 else np.inf


def check_dynamics(description: SystemDescription, A: Array, B: Array) -> None:
    """
    Refuse an input that does nothing, and a mode that no input can stabilise.

    A mode is an eigenvalue z of A. It can be stabilised when |z| < 1 or when [z I - A, B] has
    full rank (Popov, Belevitch, Hautus).

    :raises ConfigurationError: naming the input, or the mode and the state that it moves most.
    """
    scale = check_limits(description)
    size = np.array([max(-entry.lower, entry.upper) for entry in description.inputs])
    A = A * scale[None] / scale[:, None]
    B = B * size[None] / scale[:, None]
    for index, entry in enumerate(description.inputs):
        if not np.max(np.abs(B[:, index])) > _NOTHING:
            raise ConfigurationError(f'{description.name}: inputs.{entry.name}', entry.name,
                                     'must move a state; its column of B is 0')
    if not (np.all(np.isfinite(A)) and np.all(np.isfinite(B))):
        raise ConfigurationError(f'{description.name}: dynamics', description.dynamics.kind,
                                 'must be finite over a step, in units of the limits')
    for z in np.linalg.eigvals(A):
        if abs(z) < _UNSTABLE:
            continue
        left, singular, _ = np.linalg.svd(np.hstack([z * np.eye(len(A)) - A, B]))
        if not singular[-1] > _RANK * singular[0]:
            moved = description.states[int(np.argmax(np.abs(left[:, -1])))].name
            mode = f'{z.real:.6g}' if abs(z.imag) < 1e-12 else f'{z:.6g}'
            raise ConfigurationError(
                f'{description.name}: dynamics', mode, 'has a mode that no input can stabilise '
                f'(eigenvalue per step, magnitude {abs(z):.6g}); it moves {moved} most')
