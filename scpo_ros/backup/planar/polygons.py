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
Batches of convex polygons, all clipped at once.

A batch is an array (N, V, 2): the vertices in order, a polygon with fewer than V repeats its last
one. Clipping by a half-plane is that of Sutherland and Hodgman (1974), vectorised.
"""

import numpy as np
from scpo_ros.arrays import Array, Booleans, Integers


def clipped(polygons: Array, normals: Array, bounds: Array | float) -> tuple[Array, Booleans]:
    """
    Clip every polygon by its own half-plane normal'x <= bound.

    :param polygons: (N, V, 2). :param normals: (N, 2) or (2,). :param bounds: (N,) or a number.
    :returns: the polygons (N, V', 2) and whether anything is left of each, (N,); of those where
        nothing is, the vertices mean nothing.
    """
    normals = np.broadcast_to(normals, (len(polygons), 2))
    beyond = np.einsum('nvi,ni->nv', polygons, normals) - np.reshape(bounds, (-1, 1))
    points, kept = _cut(polygons, beyond)
    return compacted(points, kept)


def clipped_with_labels(vertices: Array, labels: Integers, normal: Array, bound: float,
                        label: int) -> tuple[Array, Integers]:
    """
    Clip one polygon by normal'x <= bound, and follow what its edges are called.

    :param vertices: (v, 2), in order. :param labels: (v,), labels[i] names the edge i -> i + 1.
    :returns: the vertices and edge labels of the clipped polygon; the new edge carries `label`.
    """
    beyond = vertices @ normal - bound
    points, kept = _cut(vertices[None], beyond[None])
    names = np.repeat(labels, 2)
    names[1::2][beyond <= 0] = label  # the edge that begins where the polygon is left
    return points[0, kept[0]], names[kept[0]]


def _cut(polygons: Array, beyond: Array) -> tuple[Array, Booleans]:
    """
    Return all vertices and where edges cross the boundary (N, 2 V, 2), and which to keep (N, 2 V).

    :param beyond: (N, V), how far every vertex lies beyond the half-plane; at most 0: inside.
    """
    inside = beyond <= 0
    following = np.roll(polygons, -1, axis=1)
    crossing = inside != np.roll(inside, -1, axis=1)
    fall = beyond - np.roll(beyond, -1, axis=1)
    share = np.where(crossing, beyond, 0.0) / np.where(crossing, fall, 1.0)
    met = polygons + share[..., None] * (following - polygons)
    points = np.stack([polygons, met], axis=2).reshape(len(polygons), 2 * polygons.shape[1], 2)
    return points, np.stack([inside, crossing], axis=2).reshape(points.shape[:2])


def compacted(points: Array, kept: Booleans) -> tuple[Array, Booleans]:
    """
    Return the batch of the vertices that are kept, and whether a polygon has any.

    :param points: (N, V, 2). :param kept: (N, V).
    """
    count = kept.sum(axis=1)
    width = max(int(count.max(initial=0)), 1)
    order = np.argsort(~kept, axis=1, kind='stable')[:, :width]
    order = np.take_along_axis(
        order, np.minimum(np.arange(width), np.maximum(count - 1, 0)[:, None]), axis=1)
    return np.take_along_axis(points, order[..., None], axis=1), count > 0


def areas(polygons: Array) -> Array:
    """Return the area (N,) of every polygon."""
    x, y = np.moveaxis(polygons, -1, 0)
    x, y = x - x[:, :1], y - y[:, :1]
    twice = x * np.roll(y, -1, axis=1) - y * np.roll(x, -1, axis=1)
    area: Array = 0.5 * np.abs(twice.sum(axis=1))
    return area
