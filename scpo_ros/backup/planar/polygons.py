"""
Batches of convex polygons, all clipped at once.

A batch is an array (N, V, 2): the vertices in order, a polygon with fewer than V repeats its last
one. Clipping by a half-plane is that of Sutherland and Hodgman (1974), vectorised.
"""

import numpy as np


def clipped(polygons, normals, bounds):
    """
    Clip every polygon by its own half-plane normal'x <= bound.

    :param polygons: (N, V, 2). :param normals: (N, 2) or (2,). :param bounds: (N,) or a number.
    :returns: the polygons (N, V', 2) and whether anything is left of each, (N,); of those where
        nothing is, the vertices mean nothing.
    """
    normals = np.broadcast_to(normals, (len(polygons), 2))
    excess = np.einsum('nvi,ni->nv', polygons, normals) - np.reshape(bounds, (-1, 1))
    inside = excess <= 0
    following = np.roll(polygons, -1, axis=1)
    crossing = inside != np.roll(inside, -1, axis=1)
    fall = excess - np.roll(excess, -1, axis=1)
    share = np.where(crossing, excess, 0.0) / np.where(crossing, fall, 1.0)
    met = polygons + share[..., None] * (following - polygons)
    points = np.stack([polygons, met], axis=2).reshape(len(polygons), 2 * polygons.shape[1], 2)
    kept = np.stack([inside, crossing], axis=2).reshape(points.shape[:2])
    return compacted(points, kept)


def compacted(points, kept):
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


def areas(polygons):
    """Return the area (N,) of every polygon."""
    x, y = np.moveaxis(polygons, -1, 0)
    x, y = x - x[:, :1], y - y[:, :1]
    twice = x * np.roll(y, -1, axis=1) - y * np.roll(x, -1, axis=1)
    return 0.5 * np.abs(twice.sum(axis=1))
