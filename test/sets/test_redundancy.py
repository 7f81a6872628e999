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

"""Redundant rows are removed, and nothing else."""

import numpy as np
import pytest
from scipy.spatial import ConvexHull
from scpo_ros.sets.linear_program import LinearProgram
from scpo_ros.sets.redundancy import essential


@pytest.mark.parametrize('dimensions', [2, 3, 5])
def test_the_facets_are_those_of_the_polar(dimensions, rng):
    """A row is a facet when it is a vertex of the convex hull of all rows."""
    rows = rng.standard_normal((60, dimensions)) * rng.uniform(0.3, 1.0, (60, 1))
    expected = np.sort(ConvexHull(rows).vertices)
    assert essential(rows).tolist() == expected.tolist()


def test_a_box_keeps_its_sides_and_loses_what_is_wider():
    box = np.vstack([np.eye(3), -np.eye(3)])
    wider = 0.9 * box
    corner = np.full((1, 3), 1 / 3.1)
    assert essential(np.vstack([wider, box, corner])).tolist() == [6, 7, 8, 9, 10, 11]


def test_of_two_rows_that_are_equal_one_stays():
    box = np.vstack([np.eye(2), -np.eye(2)])
    kept = essential(np.vstack([box, box[:1]]))
    assert len(kept) == 4 and len(np.unique(np.vstack([box, box[:1]])[kept], axis=0)) == 4


def test_a_program_without_an_optimum_has_no_finite_maximum():
    unbounded = LinearProgram(np.array([[1.0, 0.0]]), np.ones(1))
    assert unbounded.maximum(np.array([0.0, 1.0])) == np.inf
    empty = LinearProgram(np.array([[1.0], [-1.0]]), np.array([-1.0, -1.0]))
    assert empty.maximum(np.array([1.0])) == np.inf


def test_a_program_goes_on_after_its_bounds_changed():
    program = LinearProgram(np.vstack([np.eye(2), -np.eye(2)]), np.ones(4))
    assert program.maximum(np.array([1.0, 1.0])) == pytest.approx(2.0)
    program.bound(np.array([0.0]), np.array([5.0]))
    assert program.maximum(np.array([1.0, 1.0])) == pytest.approx(6.0)
    assert np.allclose(program.solution(), [5.0, 1.0])


@pytest.mark.parametrize('dimensions', [2, 3, 5])
def test_of_a_symmetric_polyhedron_rows_and_their_opposites_are_facets(dimensions, rng):
    half = rng.standard_normal((30, dimensions)) * rng.uniform(0.3, 1.0, (30, 1))
    rows = rng.permutation(np.vstack([half, -half]))
    expected = np.sort(ConvexHull(rows).vertices)
    assert essential(rows).tolist() == expected.tolist()


def test_opposite_rows_are_judged_alone_where_the_others_are_not_symmetric():
    """Of the pair (0, 1) and (0, -1) a wider row of one side leaves the other side a facet."""
    rows = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 0.5], [0.0, -0.5], [0.0, 1.0]])
    assert essential(rows).tolist() == [0, 1, 3, 4]


def test_rows_that_are_there_twice_are_no_symmetry():
    """An opposite that stands for two would take the facet away with its double."""
    box = np.vstack([np.eye(2), -np.eye(2)])
    rows = np.vstack([box, box[:2]])
    assert len(essential(rows)) == 4
    assert set(map(tuple, rows[essential(rows)])) == set(map(tuple, box))
