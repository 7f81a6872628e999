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

"""The pieces of the backup's law cover the safe set, and the law on them is the table's."""

from control_samples import states_in
import numpy as np
import pytest
from scpo_ros.backup.planar import law_pieces
from scpo_ros.backup.planar.law_pieces import covers, LawPieces
from scpo_ros.backup.planar.polygons import areas
from scpo_ros.exceptions import InfeasibleError


@pytest.fixture(scope='module')
def law(task):
    return task.policy.backup


@pytest.fixture(scope='module')
def pieces(task, law):
    return LawPieces.of(law.table, task.safe_set)


class Holed:
    """The table of a law without some of its regions."""

    def __init__(self, table, missing):
        kept = np.setdiff1d(np.arange(len(table.slopes)), missing)
        self.slopes, self.facets = table.slopes[kept], table.facets[kept]


def test_the_error_is_small(pieces):
    assert np.all(pieces.error > 0) and np.max(pieces.error) < 1e-3


def test_every_state_lies_in_a_piece_and_there_the_law_is_its_own(task, law, pieces, rng):
    states = np.vstack([states_in(task.safe_set, 400, rng), task.safe_set.boundary(100)])
    wanted = law(states * (1 - 1e-12))[:, 0]
    hits = np.zeros(len(states), dtype=int)
    for polygon, slope, error in zip(pieces.polygons, pieces.slopes, pieces.error):
        along = np.roll(polygon, -1, axis=0) - polygon
        normal = np.column_stack([along[:, 1], -along[:, 0]])
        here = np.all(np.sum((states[:, None] - polygon) * normal, axis=2) <= 1e-15, axis=1)
        value = states[here] @ slope[:2] + slope[2]
        assert np.all(np.abs(value - wanted[here]) <= error + 1e-9)
        hits[here] += 1
    assert np.all(hits >= 1)


def test_a_table_with_a_hole_proves_nothing(task, law, pieces):
    """Negative control: any missing region of some size is noticed."""
    sizes = areas(pieces.polygons)
    large = np.flatnonzero(sizes > 1e-4)
    for missing in (large[len(large) // 2], int(np.argmax(sizes))):
        with pytest.raises(InfeasibleError, match='gaps'):
            LawPieces.of(Holed(law.table, [missing]), task.safe_set)


def test_a_table_without_regions_proves_nothing(task, law):
    """Negative control: no polygon, no edge that is not covered."""
    every = np.arange(len(law.table.slopes))
    with pytest.raises(InfeasibleError, match='gaps'):
        LawPieces.of(Holed(law.table, every), task.safe_set)


def test_a_region_that_is_there_twice_does_no_harm(task, law):
    table, doubled = law.table, Holed(law.table, [])
    doubled.slopes = np.vstack([table.slopes, table.slopes[5:9]])
    doubled.facets = np.concatenate([table.facets, table.facets[5:9]])
    assert len(LawPieces.of(doubled, task.safe_set).slopes) >= len(table.slopes)


def square_and(rows):
    """Return facets (R, 8, 3) of boxes [x0, x1] x [y0, y1], padded."""
    facets = np.tile([0.0, 0.0, 1.0], (len(rows), 8, 1))
    for i, (x0, x1, y0, y1) in enumerate(rows):
        facets[i, :4] = [[1, 0, x1], [-1, 0, -x0], [0, 1, y1], [0, -1, -y0]]
    return facets


@pytest.mark.parametrize('gap, covered', [(0.0, True), (1.2e-7, True), (1e-6, False),
                                          (1e-3, False)])
def test_a_gap_is_seen_when_it_is_wider_than_the_enlargement(task, gap, covered):
    delta = 1e-7
    facets = square_and([(-2, 0, -2, 2), (gap, 2, -2, 2)])
    polygons, _ = law_pieces._cut(task.safe_set.vertices, facets, delta)
    assert covers(polygons, facets, delta, task.safe_set) == covered


def test_a_hole_in_the_middle_is_seen(task):
    delta = 1e-7
    ring = [(-2, -0.1, -2, 2), (0.1, 2, -2, 2), (-0.1, 0.1, -2, -0.1), (-0.1, 0.1, 0.1, 2)]
    for extra, covered in (((-0.1, 0.1, -0.1, 0.1), True), ((-0.1, 0.1, -0.1, 0.09), False)):
        facets = square_and([*ring, extra])
        polygons, _ = law_pieces._cut(task.safe_set.vertices, facets, delta)
        assert covers(polygons, facets, delta, task.safe_set) == covered
    facets = square_and(ring)
    polygons, _ = law_pieces._cut(task.safe_set.vertices, facets, delta)
    assert not covers(polygons, facets, delta, task.safe_set)


def test_pieces_that_all_lie_elsewhere_cover_nothing(task):
    facets = square_and([(4, 6, 4, 6)])  # no edge of it lies in C, and so none is uncovered
    polygons = np.array([[[4.0, 4.0], [6.0, 4.0], [6.0, 6.0], [4.0, 6.0]]])
    assert not covers(polygons, facets, 1e-7, task.safe_set)
