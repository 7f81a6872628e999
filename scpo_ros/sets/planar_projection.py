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
The lifted set of a decoupled part with two states as polygons.

Two polygons in the plane of z, for the lifted set Xi = {(z, c) : G_z z + G_c c <= 1}:

* P inside the safe set F = {z : (z, c) in Xi for some c}, so large that F lies in
  (1 + REACH) P;
* Q inside {y : G_z y + G_c c' <= 1 - |G_z| wbar for some c'}: the next states before the
  disturbance for which one plan c' serves, whatever the disturbance does. y in Q then says two
  things: y + w lies in F, and the safety filter lets the input pass.

The corners of both are maximisers of linear programs. That one lies inside is checked by its own
plan, without the solver that found it. That F reaches no further is the solver's word, to REACH.
"""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import ConvexHull, QhullError
from scpo_ros.arrays import Array
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.sets.invariant_set import Polytope
from scpo_ros.sets.lifted_construction import MARGIN
from scpo_ros.sets.lifted_set import LiftedSet
from scpo_ros.sets.linear_program import LinearProgram
from scpo_ros.systems.decoupling import Block

REACH = 1e-6  # by how much F may exceed P, as a part of it
_INWARD = 1e-7  # by which corners are drawn towards 0, for the tolerance of the programs
_SHORTEST = 1e-7  # edge that is looked at
_STRAIGHT = 1e-9  # height above an edge that is rounding


@dataclass(frozen=True)
class PlanarProjection:
    """The polygons P and Q of a part, in units of its limits."""

    inside: Polytope  # P
    served: Polytope  # Q


def planar_projection(block: Block, safe_set: LiftedSet) -> PlanarProjection:
    """
    Return the polygons of a part with two states.

    :raises ConfigurationError: for another number of states, or where the linear programs do not
        give corners that lie inside, or not all of them.
    """
    if block.n != 2:
        raise ConfigurationError('states', block.n, 'must be two for a polygon')
    ones = np.ones(len(safe_set.rows))
    inside = _polygon(safe_set.rows, ones)
    reach = safe_set.support(inside.H)
    if not np.all(reach <= 1 + REACH / 2):  # the other half is for the rows, which are relaxed
        raise ConfigurationError(
            'safe set', float(np.max(reach)), f'must reach at most {REACH:g} beyond its polygon')
    used = np.abs(safe_set.state_rows) @ (block.disturbance + MARGIN)
    return PlanarProjection(inside, _polygon(safe_set.rows, ones - used))


def _polygon(rows: Array, bounds: Array) -> Polytope:
    """
    Return a polygon within {z : rows (z, c) <= bounds for some c}, z in the plane.

    :raises ConfigurationError: for corners that do not lie inside, or do not enclose 0.
    """
    found = _corners(LinearProgram(rows, bounds), rows.shape[1]) * (1 - _INWARD)
    if not np.all(found @ rows.T <= bounds):  # each with its own c
        raise ConfigurationError('corners', found.tolist(), 'must lie inside the lifted set')
    try:
        edges = ConvexHull(found[:, :2]).equations
    except (QhullError, ValueError) as error:
        raise ConfigurationError('corners', found.tolist(), 'must enclose 0') from error
    if not np.all(edges[:, 2] < 0):
        raise ConfigurationError('corners', found.tolist(), 'must enclose 0')
    return Polytope(-edges[:, :2] / edges[:, 2:])


def _corners(program: LinearProgram, size: int) -> Array:
    """
    Return the corners (v, size) of the projection, each with its c, counter-clockwise.

    Between two neighbours the highest point above their edge is a corner too, until none is above.
    """
    first = [_highest(program, axis, size) for axis in
             ((1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0))]
    done = []
    for here, stop in zip(first, [*first[1:], first[0]]):
        ahead = [stop]
        while ahead:
            between = _above(program, here, ahead[-1], size)
            if between is not None:
                ahead.append(between)
            else:
                done.append(here)
                here = ahead.pop()
    return np.array(done)


def _above(program: LinearProgram, start: Array, stop: Array, size: int) -> Array | None:
    """Return the point (size,) highest above the edge between two corners; None: there is none."""
    along = stop[:2] - start[:2]
    length = float(np.linalg.norm(along))
    if not length > _SHORTEST:
        return None
    normal = np.array([along[1], -along[0]]) / length
    point = _highest(program, normal, size)
    return point if normal @ (point[:2] - start[:2]) > _STRAIGHT else None


def _highest(program: LinearProgram, direction: Array | tuple[float, float],
             size: int) -> Array:
    """
    Return the point (size,) that lies farthest in a direction (2,).

    :raises ConfigurationError: where no optimum is reported.
    """
    cost = np.zeros(size)
    cost[:2] = direction
    if not np.isfinite(program.maximum(cost)):
        raise ConfigurationError('direction', cost[:2].tolist(), 'must be bounded by the set')
    return program.solution()
