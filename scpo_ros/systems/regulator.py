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

"""The linear quadratic regulator (LQR) in discrete time."""

import numpy as np
from scipy.linalg import LinAlgError, solve_discrete_are
from scpo_ros.arrays import Array
from scpo_ros.exceptions import ConfigurationError

_STABLE = 1 - 1e-9  # spectral radius of A - B K that counts as stable


def lqr(A: Array, B: Array, Q: Array, R: Array) -> tuple[Array, Array]:
    """
    Return the cost-to-go P (n, n) and the gain K (m, n) of u = -K x.

    u minimises the sum of x'Qx + u'Ru along x+ = A x + B u. P solves the discrete algebraic
    Riccati equation.

    :param A: (n, n). :param B: (n, m). :param Q: (n, n). :param R: (m, m).
    :raises ConfigurationError: when it has no stabilising solution: a mode that cannot be
        stabilised, or one at the limit of stability that costs nothing.
    """
    try:
        P = solve_discrete_are(A, B, Q, R)
        gain = np.linalg.solve(R + B.T @ P @ B, B.T @ P @ A)
        radius = float(np.max(np.abs(np.linalg.eigvals(A - B @ gain))))
    except (LinAlgError, ValueError) as error:
        raise _no_regulator(Q, R) from error
    if not radius < _STABLE:  # scipy gives an answer that does not stabilise, too
        raise _no_regulator(Q, R)
    return P, gain


def _no_regulator(Q: Array, R: Array) -> ConfigurationError:
    return ConfigurationError(
        'cost', [np.diag(Q).tolist(), np.diag(R).tolist()],
        'must give a stabilising regulator: a mode that does not decay must be moved by an input '
        'and cost something')
