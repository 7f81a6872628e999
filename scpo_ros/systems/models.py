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
Nonlinear models, defined in CasADi, and their linearisation at the equilibrium.

A model is a function of (x, u, parameters) that returns x' [units of x per second] as a CasADi
expression. x and u are deviations: the model is at rest at x = 0, u = 0.
"""

from collections.abc import Callable, Mapping
import importlib
from typing import TypeAlias

import casadi as ca
import numpy as np
from scpo_ros.arrays import Array, frozen
from scpo_ros.exceptions import ConfigurationError, in_words

Model: TypeAlias = Callable[[ca.SX, ca.SX, Mapping[str, float]], ca.SX]
_AT_REST = 1e-9  # largest |f(0, 0)|
_GRAVITY = 9.81  # [m/s^2]


def cart_pole(x: ca.SX, u: ca.SX, p: Mapping[str, float]) -> ca.SX:
    """
    Return x' of a point mass on a massless rod that stands upright on a cart.

    x = (position [m], angle from upright [rad], velocity [m/s], rate [rad/s]), u = force [N].
    Parameters: cart_mass, pole_mass [kg], length from pivot to mass [m]. Equations: Florian 2007,
    *Correct equations for the dynamics of the cart-pole system*, without friction, with all mass
    of the pole at its end.
    """
    M, m, length = p['cart_mass'], p['pole_mass'], p['length']
    angle, rate = x[1], x[3]
    sine, cosine = ca.sin(angle), ca.cos(angle)
    # With the angle towards +position: the rod pushes the cart back when it falls forward.
    moving = M + m * sine**2
    acceleration = (u[0] + m * sine * (length * rate**2 - _GRAVITY * cosine)) / moving
    angular = (_GRAVITY * sine - acceleration * cosine) / length
    return ca.vertcat(x[2], rate, acceleration, angular)


def ball_and_beam(x: ca.SX, u: ca.SX, p: Mapping[str, float]) -> ca.SX:
    """
    Return x' of a ball that rolls without slip on a beam whose angular acceleration is commanded.

    x = (position [m], velocity [m/s], beam angle [rad], beam rate [rad/s]), u = angular
    acceleration of the beam [rad/s^2]. Parameter: inertia_factor = m / (J / r^2 + m), 5/7 for a
    solid ball. Model: Hauser, Sastry, Kokotovic 1992, eq. (2.4), after their change of input.
    """
    factor = p['inertia_factor']
    acceleration = factor * (x[0] * x[3]**2 - _GRAVITY * ca.sin(x[2]))
    return ca.vertcat(x[1], acceleration, x[3], u[0])


def planar_quadrotor(x: ca.SX, u: ca.SX, p: Mapping[str, float]) -> ca.SX:
    """
    Return x' of a quadrotor in a vertical plane under the thrusts of its two motor pairs.

    x = (y [m], z [m], angle [rad], their rates), u = thrusts [N] of the right and the left pair,
    less the thrust at hover. Parameters: mass [kg], inertia [kg m^2], arm [m].
    """
    mass, inertia, arm = p['mass'], p['inertia'], p['arm']
    thrust = u[0] + u[1] + mass * _GRAVITY
    return ca.vertcat(
        x[3], x[4], x[5], -thrust * ca.sin(x[2]) / mass,
        thrust * ca.cos(x[2]) / mass - _GRAVITY, arm * (u[0] - u[1]) / inertia)


MODELS: Mapping[str, Model] = {
    'cart_pole': cart_pole, 'ball_and_beam': ball_and_beam, 'planar_quadrotor': planar_quadrotor}


def model(name: str) -> Model:
    """
    Return a shipped model, or the function that 'package.module:function' names.

    :raises ConfigurationError: when there is none.
    """
    if name in MODELS:
        return MODELS[name]
    module, separator, function = name.partition(':')
    if not separator:
        raise ConfigurationError(
            'dynamics.model.name', name,
            f"must be one of {', '.join(MODELS)}, or read 'package.module:function'")
    try:
        found: Model = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigurationError(
            'dynamics.model.name', name, f'cannot be loaded: {error}') from error
    return found


def linearised(name: str, parameters: Mapping[str, float], n: int, m: int
               ) -> tuple[Array, Array]:
    """
    Return A_c (n, n) and B_c (n, m) of x' = A_c x + B_c u, the Jacobians of a model at rest.

    :raises ConfigurationError: for an unknown model, a missing parameter, another number of states
        or inputs, or a model that is not at rest at x = 0, u = 0.
    """
    function = model(name)
    x, u = ca.SX.sym('x', n), ca.SX.sym('u', m)
    try:
        derivative = function(x, u, parameters)
    except KeyError as error:
        raise ConfigurationError(
            f'dynamics.model.parameters.{error.args[0]}', None, 'is missing') from error
    except (RuntimeError, IndexError) as error:
        raise ConfigurationError(
            'dynamics.model', name, f'does not take {n} states and {m} inputs') from error
    except Exception as error:  # noqa: B902 - a function of the user
        raise ConfigurationError('dynamics.model', name, f'fails: {in_words(error)}') from error
    if not isinstance(derivative, ca.SX):
        raise ConfigurationError('dynamics.model', name, "must return x' as a CasADi SX")
    if derivative.shape != (n, 1):
        raise ConfigurationError(
            'dynamics.model', name, f'has {derivative.shape[0]} states; the file has {n}')
    at = ca.Function('at', [x, u], [derivative, ca.jacobian(derivative, x),
                                    ca.jacobian(derivative, u)])
    rest, A, B = (np.array(part) for part in at(0, 0))
    if not np.all(np.abs(rest) <= _AT_REST):
        raise ConfigurationError(
            'dynamics.model', name, f"must be at rest at 0, but x' = {rest[:, 0].tolist()}")
    return frozen(A), frozen(B)
