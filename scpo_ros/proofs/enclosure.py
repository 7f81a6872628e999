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
Sound affine enclosures of the residual network over boxes.

Over the box |x - c| <= h every unit is enclosed as

    value + slope'(x - c) +- radius

and so is the network, in the manner of affine arithmetic and of CROWN (Zhang et al. 2018). Linear
layers map the three parts exactly. With p +- delta the range of a unit's argument, tanh is
enclosed by its tangent at p, radius delta^2 / 2 times a bound of |tanh''|, or, where that is
smaller, by a line of the least slope of tanh over the range (tanh minus it is monotone there, so
its ends bound it), which never exceeds the range of tanh and serves large weights.

Rounding is outward. Every radius is enlarged by a bound of the errors of the floating-point
operations that led to it (Higham, *Accuracy and Stability of Numerical Algorithms*, ch. 3), and
the last one by those of the network evaluated elsewhere, in any order of summation. Weights that
overflow give NaN or infinity, which no comparison takes for safe.
"""

from dataclasses import dataclass

import numpy as np
from scpo_ros.arrays import Array, Booleans
from scpo_ros.exceptions import InvalidValueError
from scpo_ros.policy.residual_policy import ResidualNetwork

_UNIT = 2.0**-53
_TANH = 8 * _UNIT      # error of tanh; numpy's vector code keeps within half of it
_RELATIVE = 1e-12      # inflation of radii, for the operations on them
_INPUT = 1.01          # bound of |x / scale| in and around the safe set
_CURVED = 0.77         # max |tanh''| = 4 / (3 sqrt 3)
_TANGENT = 0.25        # delta up to which the tangent is taken without comparison


@dataclass(frozen=True)
class Enclosure:
    """r_theta(x) in value + slope'(x - c) +- radius over N boxes, for P weight vectors."""

    value: Array   # (P, N)
    slope: Array   # (P, N, n), per unit of x
    radius: Array  # (P, N)


def enclosed(network: ResidualNetwork, thetas: Array, centre: Array, half: Array) -> Enclosure:
    """
    Return the :class:`Enclosure` of a :class:`ResidualNetwork` with one output.

    :param thetas: (P, d). :param centre: (N, n), inside the limits. :param half: (N, n),
        half-widths of the boxes, >= 0.
    """
    hidden, output = _layers_of(network, thetas)
    n, half = centre.shape[1], half / network.scale * (1 + _RELATIVE) + 4 * _UNIT
    with np.errstate(over='ignore', invalid='ignore'):
        value, slope, radius = centre / network.scale, np.eye(n)[None, None], np.zeros((1, 1, n))
        rest, steep = np.zeros((1, 1, n)), np.eye(n)[None]
        for weights, bias in hidden:
            size = np.abs(weights)
            steep = np.matmul(steep, size)
            radius = np.matmul(radius, size) + _rounding(size, bias, steep)
            slope = _matmul(slope, weights)
            value, slope, radius = _tanh(
                np.matmul(value, weights) + bias, slope, radius, half)
            rest = np.tanh(np.matmul(rest, weights) + bias)
        size = np.abs(output)
        radius = (np.matmul(radius, size)
                  + _rounding(size, 0.0, np.matmul(steep, size)))[..., 0] * (1 + _RELATIVE)
        radius = radius + 4 * evaluation_error(hidden, output)[:, None]
        radius = radius + _overflow(network, hidden)[:, None]
        return Enclosure(np.matmul(value - rest, output)[..., 0],
                         _matmul(slope, output)[..., 0] / network.scale, radius)


def jacobian_enclosed(network: ResidualNetwork, thetas: Array,
                      half: Array) -> tuple[Array, Array]:
    """
    Return centre and radius, each (P, n), of d r_theta / dx over the box |x| <= half.

    :param thetas: (P, d). :param half: (n,).
    """
    hidden, output = _layers_of(network, thetas)
    n, half = len(half), half / network.scale * (1 + _RELATIVE)
    with np.errstate(over='ignore', invalid='ignore'):
        middle, spread = np.eye(n)[None], np.zeros((1, n, n))
        value, slope, radius = np.zeros((1, n)), np.eye(n)[None, None], np.zeros((1, 1, n))
        steep = np.eye(n)[None]
        for weights, bias in hidden:
            size = np.abs(weights)
            steep = np.matmul(steep, size)
            radius = np.matmul(radius, size) + _rounding(size, bias, steep)
            slope = _matmul(slope, weights)
            value = np.matmul(value, weights) + bias
            least, most = _slopes_of_tanh(value, slope, radius, half[None])
            middle, spread = np.matmul(middle, weights), np.matmul(spread, size)
            spread = (0.5 * (most - least) * (np.abs(middle) + spread)
                      + 0.5 * (most + least) * spread) + _RELATIVE * steep
            middle = 0.5 * (most + least) * middle
            value, slope, radius = _tanh(value, slope, radius, half[None])
        size = np.abs(output)
        spread = np.matmul(spread, size)[..., 0] * (1 + _RELATIVE)
        spread = spread + _RELATIVE * np.matmul(steep, size)[..., 0]
        return np.matmul(middle, output)[..., 0] / network.scale, spread / network.scale


def _layers_of(network: ResidualNetwork,
               thetas: Array) -> tuple[list[tuple[Array, Array]], Array]:
    """Return the layers of weights (P, d). :raises InvalidValueError: for several outputs."""
    if network.outputs != 1:
        raise InvalidValueError('outputs of the network', network.outputs,
                                'must be 1 for an enclosure: enclose each output by itself')
    return network.layers(np.asarray(thetas, dtype=np.float64))


def _slopes_of_tanh(value: Array, slope: Array, radius: Array,
                    half: Array) -> tuple[Array, Array]:
    """Return the least and the largest slope (P, 1, b) of tanh over the range of its argument."""
    delta = np.einsum('...ij,...i->...j', np.abs(slope), half) + radius
    far = np.tanh(np.abs(value) + delta)
    near = np.tanh(np.maximum(np.abs(value) - delta, 0.0))
    least = np.maximum(1 - far * far - 8 * _TANH, 0.0)
    return np.where(np.isnan(far), np.nan, least), 1 - near * near + 8 * _TANH


def evaluation_error(hidden: list[tuple[Array, Array]], output: Array) -> Array:
    """Return the largest rounding error (P,) of N_theta(x) evaluated in floating point."""
    error = np.full((1, 1, hidden[0][0].shape[1]), _UNIT)
    for weights, bias in hidden:
        size = np.abs(weights)
        error = np.matmul(error, size) + _rounding(size, bias, None)
        error = np.minimum(error, 2.0) + _TANH
    size = np.abs(output)
    total: Array = np.matmul(error, size) + _rounding(size, 0.0, None)
    return total[:, 0, 0]


def _overflow(network: ResidualNetwork, hidden: list[tuple[Array, Array]]) -> Array:
    """Return 0 (P,), or NaN where the controller's division of the weights by scale overflows."""
    largest: Array = np.sum(np.abs(hidden[0][0]) / network.scale[:, None], axis=(1, 2))
    return 0.0 * largest


def _rounding(size: Array, bias: Array | float, steep: Array | None) -> Array:
    """
    Return a bound (P, 1, b) of the rounding errors of one linear layer.

    Its inputs are at most _INPUT, its slopes at most `steep`, over boxes no wider than 1. None:
    over points.
    """
    terms = size.shape[-2] + 8
    total: Array = _INPUT * size.sum(axis=-2, keepdims=True) + np.abs(bias)
    if steep is not None:
        total = total + 4 * steep.sum(axis=-2, keepdims=True)
    error: Array = 4 * terms * _UNIT * total
    return error


def _matmul(slope: Array, weights: Array) -> Array:
    """Return slope (P, N, n, a) times weights (P, a, b), as one product for every P."""
    count, boxes, n, _ = slope.shape
    flat: Array = np.matmul(slope.reshape(count, boxes * n, -1), weights)
    return flat.reshape(len(flat), boxes, n, -1)


def _tanh(value: Array, slope: Array, radius: Array,
          half: Array) -> tuple[Array, Array, Array]:
    """Enclose tanh of value + slope'(x - c) +- radius; see the module."""
    delta = np.einsum('...ij,...i->...j', np.abs(slope), half) + radius
    top = np.tanh(value)
    slant = 1 - top * top
    bend = np.minimum(2 * np.abs(top) * slant + 2 * delta, _CURVED)
    spread = slant * radius + 0.5 * bend * delta * delta
    wide = ~(delta <= _TANGENT)
    if np.any(wide):
        top, slant, spread = _with_lines(value, radius, delta, wide, top, slant, spread)
    spread = spread * (1 + _RELATIVE) + _TANH * (2 + delta + np.abs(value))
    return top, slope * slant[:, :, None, :], spread


def _with_lines(value: Array, radius: Array, delta: Array, wide: Booleans, top: Array,
                slant: Array, spread: Array) -> tuple[Array, Array, Array]:
    """Replace tangents by lines of least slope where these enclose more tightly."""
    radius = np.broadcast_to(radius, value.shape)[wide]
    delta = np.broadcast_to(delta, value.shape)[wide]
    high, low = np.tanh(value[wide] + delta), np.tanh(value[wide] - delta)
    least = np.minimum(1 - high * high, 1 - low * low)
    line = 0.5 * (high - low) - least * delta + least * radius
    better = ~(line >= spread[wide])
    top[wide] = np.where(better, 0.5 * (high + low), top[wide])
    slant[wide] = np.where(better, least, slant[wide])
    spread[wide] = np.where(better, line, spread[wide])
    return top, slant, spread
