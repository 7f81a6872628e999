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

"""Clipping of batches of convex polygons: what is left is what belongs there, and nothing else."""

import numpy as np
import pytest
from scpo_ros.backup.planar.polygons import areas, clipped

SQUARE = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])


def inside(polygon, points):
    """Return whether points (N, 2) lie in a convex polygon, counter-clockwise, with repeats."""
    along = np.roll(polygon, -1, axis=0) - polygon
    normal = np.column_stack([along[:, 1], -along[:, 0]])
    return np.all(np.sum((points[:, None] - polygon) * normal, axis=2) <= 1e-12, axis=1)


def cut_all(polygons, rows):
    """Clip by several half-planes (h, 3) in turn."""
    alive = np.ones(len(polygons), dtype=bool)
    for row in rows:
        polygons, some = clipped(polygons, row[:2], row[2])
        alive &= some
    return polygons, alive


def test_a_corner_cut_off_a_square_leaves_its_area():
    cut, alive = clipped(SQUARE[None], np.array([1.0, 1.0]), 1.0)
    assert alive.all() and areas(cut)[0] == pytest.approx(4 - 0.5)
    assert {tuple(v) for v in cut[0]} == {(-1, -1), (1, -1), (1, 0), (0, 1), (-1, 1)}


def test_half_planes_that_do_not_cut_change_nothing_and_those_that_miss_leave_nothing():
    whole, alive = clipped(SQUARE[None], np.array([1.0, 0.0]), 5.0)
    assert alive.all() and areas(whole)[0] == 4.0
    _, alive = clipped(SQUARE[None], np.array([1.0, 0.0]), -1.5)
    assert not alive.any()


def test_every_polygon_meets_its_own_half_plane():
    batch = np.tile(SQUARE, (3, 1, 1))
    normals = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    cut, alive = clipped(batch, normals, np.array([0.0, 0.5, -0.5]))
    assert alive.all() and np.allclose(areas(cut), [2.0, 3.0, 1.0])


@pytest.mark.parametrize('seed', range(5))
def test_a_point_is_left_exactly_when_it_satisfies_all_half_planes(seed):
    rng = np.random.default_rng(seed)
    angle = rng.uniform(0, 2 * np.pi, 7)
    rows = np.column_stack([np.cos(angle), np.sin(angle), rng.uniform(0.1, 1.0, 7)])
    polygons, alive = cut_all(SQUARE[None], rows)
    points = rng.uniform(-1.2, 1.2, (2000, 2))
    wanted = (np.all(np.abs(points) <= 1, axis=1)
              & np.all(points @ rows[:, :2].T <= rows[:, 2], axis=1))
    sure = np.abs(points @ rows[:, :2].T - rows[:, 2]).min(axis=1) > 1e-9
    assert alive.all() and wanted.sum() > 50
    assert np.array_equal(inside(polygons[0], points)[sure], wanted[sure])


def test_a_batch_is_each_one_alone():
    rng = np.random.default_rng(3)
    batch = SQUARE + rng.normal(0, 0.3, (20, 1, 2))
    normals, bounds = rng.normal(size=(20, 2)), rng.normal(0, 0.5, 20)
    cut, alive = clipped(batch, normals, bounds)
    for i in range(20):
        one, some = clipped(batch[i:i + 1], normals[i], bounds[i])
        assert some[0] == alive[i]
        if some[0]:
            assert areas(one)[0] == pytest.approx(areas(cut[i:i + 1])[0], abs=1e-12)
