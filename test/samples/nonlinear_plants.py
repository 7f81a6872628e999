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

"""Nonlinear plants, stepped by their own equations, and descriptions that cover them."""

import casadi as ca
import numpy as np
from scpo_ros.systems.loading import file_of
from scpo_ros.systems.models import model
import yaml

STAGES = 20  # of the reference integration of one step


def described(name, **changes):
    """Return the mapping of a shipped description, the error of its model bounded."""
    mapping = yaml.safe_load(file_of(name).read_text(encoding='utf-8'))
    mapping['dynamics']['model']['error'] = 'bounded'
    return {**mapping, **changes}


def narrow(limit=0.2):
    """Return the cart-pole with the angle within 0.2 rad."""
    mapping = described('cart_pole')
    for entry, (size, disturbance) in zip(mapping['states'], (
            (1.0, 0.0), (limit, 0.0), (1.5, 0.001), (1.5, 0.002))):
        entry.update(lower=-size, upper=size, disturbance=disturbance)
    mapping['inputs'][0].update(lower=-8.0, upper=8.0)
    return mapping


def stepping(reference, n, m, dt):
    """Return (states (N, n), inputs (N, m)) -> states after dt, by fourth-order Runge-Kutta."""
    x, u = ca.SX.sym('x', n), ca.SX.sym('u', m)
    f = ca.Function('f', [x, u], [model(reference.name)(x, u, reference.parameters)])
    h, y = dt / STAGES, x
    for _ in range(STAGES):
        a = f(y, u)
        b = f(y + h / 2 * a, u)
        c = f(y + h / 2 * b, u)
        y = y + h / 6 * (a + 2 * b + 2 * c + f(y + h * c, u))
    step = ca.Function('step', [x, u], [y])
    return lambda states, inputs: np.array(step(states.T, inputs.T)).T
