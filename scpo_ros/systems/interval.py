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
Interval arithmetic of CasADi functions: the range of every output over a box of inputs.

CasADi lists the elementary operations of a function. Each is done with the intervals of mpmath,
which rounds outward. The result contains the range, and may be wider: an input that occurs twice
counts as two.

Only operations that are smooth where they are defined are known. One with a kink, such as fabs or
fmin, is refused: its second derivative is 0 on both sides, and would hide the kink.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import casadi as ca
import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.exceptions import ConfigurationError

Interval: TypeAlias = Any  # mpmath.iv.mpf
_INSTALL = 'is needed to bound a nonlinear model: pip install mpmath'


def _operations(iv: Any) -> Mapping[int, Callable[..., Interval]]:  # mpmath has no types
    """Return {operation of CasADi: what it does with intervals}."""
    return {
        ca.OP_ASSIGN: lambda a: a, ca.OP_ADD: lambda a, b: a + b, ca.OP_SUB: lambda a, b: a - b,
        ca.OP_MUL: lambda a, b: a * b, ca.OP_DIV: lambda a, b: a / b, ca.OP_NEG: lambda a: -a,
        ca.OP_TWICE: lambda a: 2 * a, ca.OP_SQ: lambda a: a**2, ca.OP_INV: lambda a: 1 / a,
        ca.OP_SQRT: iv.sqrt, ca.OP_EXP: iv.exp, ca.OP_LOG: iv.log, ca.OP_SIN: iv.sin,
        ca.OP_COS: iv.cos, ca.OP_TAN: iv.tan,
        ca.OP_CONSTPOW: lambda a, b: a**b, ca.OP_POW: lambda a, b: a**b}


def ranges(function: ca.Function, lower: Array, upper: Array) -> tuple[Array, Array]:
    """
    Return the lower and upper ends (k,) of all outputs of a function over a box.

    :param function: of one vector (n, 1), to one vector (k, 1) without structural zeros.
    :param lower: (n,), of the box. :param upper: (n,).
    :raises ConfigurationError: without mpmath, for an operation that is not known here, or where a
        range is not finite: a division by an interval that contains 0.
    """
    try:
        from mpmath import iv
    except ImportError as error:
        raise ConfigurationError('mpmath', None, _INSTALL) from error
    known, work = _operations(iv), dict[int, Interval]()
    found = np.full((2, function.size1_out(0)), np.nan)
    for number in range(function.n_instructions()):
        operation, to = function.instruction_id(number), function.instruction_output(number)
        of = function.instruction_input(number)
        if operation == ca.OP_CONST:
            work[to[0]] = iv.mpf(function.instruction_constant(number))
        elif operation == ca.OP_INPUT:
            work[to[0]] = iv.mpf([lower[of[1]], upper[of[1]]])
        elif operation == ca.OP_OUTPUT:
            found[:, to[1]] = _ends(work[of[0]])
        elif operation in known:
            work[to[0]] = _done(known[operation], [work[place] for place in of])
        else:
            raise ConfigurationError(
                'dynamics.model', operation, 'has an operation of CasADi (by its number) that '
                'cannot be bounded: use + - * /, powers, sqrt, exp, log, sin, cos, tan; '
                'nothing with a kink')
    if not np.all(np.isfinite(found)):
        raise ConfigurationError('dynamics.model', 'its range', 'must be finite within the limits')
    return found[0], found[1]


def _done(operation: Callable[..., Interval], intervals: list[Interval]) -> Interval:
    try:
        return operation(*intervals)
    except Exception as error:  # noqa: B902 - outside of where an operation is defined
        raise ConfigurationError(
            'dynamics.model', str(error), 'must be defined everywhere within the limits'
        ) from error


def _ends(interval: Interval) -> tuple[float, float]:
    """Return the ends of an interval, rounded outward."""
    return (float(np.nextafter(float(interval.a), -np.inf)),
            float(np.nextafter(float(interval.b), np.inf)))
