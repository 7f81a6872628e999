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
How far a nonlinear model strays from its linearisation over a step, within the limits.

With z = (x, u), f(z) = A_c x + B_c u + R(z), and Taylor's theorem between 0 and z, over the box
|z_j| <= zbar_j, both

    |R_i| <= sum_jk sup |H_i,jk| zbar_j zbar_k / 2   and
    |R_i| <= sum_jk |H_i,jk(0)| zbar_j zbar_k / 2 + sum_jkl sup |T_i,jkl| zbar_j zbar_k zbar_l / 6

hold, with H and T the second and third derivatives; Rbar_i is the smaller one. They exist because
:mod:`.interval` refuses models with a kink. The suprema are
bounded by interval arithmetic. Over a step the input is constant, and the state that the linear
model predicts is off by w = int_0^dt exp(A_c (dt - s)) R(x(s), u) ds. With P pieces of length h,

    |w| <= sum_j |exp(A_c (dt - t_{j+1}))| int_0^h exp(|A_c| s) ds Rbar(j),   t_j = j h.

Rbar(j) is taken where the state can be in piece j: it may leave the limits X within a step. It
stays in X + r_{j+1} where r_{j+1} >= r_j + h sup |f| over X + r_{j+1} and U (Picard, Lindeloef).
"""

from collections.abc import Mapping

import casadi as ca
import numpy as np
from scipy.linalg import expm
from scpo_ros.arrays import Array
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.systems.interval import ranges
from scpo_ros.systems.models import model

_PIECES = 16  # P
_ROUNDS = 30  # of the search for r
_FAR = 1e3  # r over the limits, beyond which the search ends
_GROWN = 1.05  # r over what the last round asked for
_ROUNDING = 1 + 1e-9


def linearisation_error(name: str, parameters: Mapping[str, float], state_limit: Array,
                        input_limit: Array, dt: float) -> Array:
    """
    Return the half-widths (n,) of what a step of a model differs from that of its linearisation.

    :param name: of the model, see :func:`~scpo_ros.systems.models.model`.
    :param state_limit: largest |x_i| (n,). :param input_limit: largest |u_j| (m,).
    :param dt: step [s].
    :raises ConfigurationError: where the model cannot be bounded within the limits.
    """
    n, m = len(state_limit), len(input_limit)
    z = ca.SX.sym('z', n + m)
    derivative = ca.SX(model(name)(z[:n], z[n:], parameters))
    linear = ca.Function('A', [z], [ca.jacobian(derivative, z)])
    A, width = np.array(linear(0))[:, :n], np.zeros(n)
    boxes = _boxes(derivative, z, state_limit, input_limit, dt)
    for weight, box in zip(_weights(A, dt), boxes):
        width += weight @ np.array([_remainder(derivative[i], z, box) for i in range(n)])
    found: Array = width * _ROUNDING
    if not np.all(np.isfinite(found)):
        raise ConfigurationError('dynamics.model', found.tolist(), 'must have a finite error')
    return found


def curved(name: str, parameters: Mapping[str, float], n: int, m: int) -> tuple[int, ...]:
    """Return which entries of (x, u) a model has second derivatives in, for n states, m inputs."""
    z = ca.SX.sym('z', n + m)
    derivative = ca.SX(model(name)(z[:n], z[n:], parameters))
    second = ca.jacobian(ca.jacobian(derivative, z), z)
    return tuple(sorted(set(second.sparsity().get_triplet()[1])))


def _boxes(derivative: ca.SX, z: ca.SX, state_limit: Array, input_limit: Array,
           dt: float) -> list[Array]:
    """
    Return zbar (n + m,) for each piece of a step: where states and inputs can be.

    :raises ConfigurationError: where no such bound is found.
    """
    function, r = ca.Function('f', [z], [ca.densify(derivative)]), np.zeros(len(state_limit))
    boxes = []
    for _ in range(_PIECES):
        r = _grown(function, r, state_limit, input_limit, dt / _PIECES)
        boxes.append(np.concatenate([state_limit + r, input_limit]))
    return boxes


def _grown(function: ca.Function, before: Array, state_limit: Array, input_limit: Array,
           h: float) -> Array:
    """Return r_{j+1} (n,) after a piece of h seconds that begins within r_j."""
    r = before
    for _ in range(_ROUNDS):
        box = np.concatenate([state_limit + r, input_limit])
        needed = before + h * np.max(np.abs(ranges(function, -box, box)), axis=0) * _ROUNDING
        if np.all(needed <= r):
            return r
        r = np.maximum(r, before + _GROWN * (needed - before))
        if not np.all(r <= _FAR * state_limit):
            break
    raise ConfigurationError('dt', h * _PIECES, 'must be so short that the state of the model '
                             'stays near its limits within a step')


def _remainder(component: ca.SX, z: ca.SX, box: Array) -> float:
    """Return Rbar_i of a component of f over the box."""
    hessian = ca.simplify(ca.hessian(component, z)[0])
    second, places = _largest(hessian, z, box)
    if not places:
        return 0.0
    weights = box[[j for j, _ in places]] * box[[k for _, k in places]]
    at_rest = ca.Function('H', [z], [ca.SX(hessian.nz[:])])(0)
    third, entries = _largest(ca.simplify(ca.jacobian(
        ca.SX(hessian.nz[:]), z)), z, box)
    cubic = sum(size * weights[row] * box[column] for size, (row, column) in zip(third, entries))
    quadratic = np.abs(np.array(at_rest)).ravel() @ weights
    return float(min(second @ weights / 2, quadratic / 2 + cubic / 6))


def _largest(matrix: ca.SX, z: ca.SX, box: Array) -> tuple[Array, list[tuple[int, int]]]:
    """Return the suprema (k,) of the entries of a matrix over the box, and where these stand."""
    rows, columns = matrix.sparsity().get_triplet()
    if not rows:
        return np.zeros(0), []
    function = ca.Function('entries', [z], [ca.SX(matrix.nz[:])])
    largest: Array = np.max(np.abs(ranges(function, -box, box)), axis=0)
    return largest, list(zip(rows, columns))


def _weights(A: Array, dt: float) -> list[Array]:
    """Return for each piece an upper bound (n, n) of the integral of |exp(A (dt - s))| over it."""
    n, h = len(A), dt / _PIECES
    block = np.block([[np.abs(A), np.eye(n)], [np.zeros((n, 2 * n))]])
    within = expm(h * block)[:n, n:]  # int_0^h exp(|A| s) ds
    return [np.abs(expm((_PIECES - 1 - j) * h * A)) @ within for j in range(_PIECES)]
