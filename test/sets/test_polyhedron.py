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

"""A polyhedron tells which rows it implies, as a solver with all of its rows does."""

import numpy as np
import pytest
from scipy.optimize import linprog
from scpo_ros.sets.polyhedron import Polyhedron, REDUNDANT


def maximum(rows, row):
    answer = linprog(-row, rows, np.ones(len(rows)), bounds=(None, None))
    return -answer.fun if answer.status == 0 else np.inf


@pytest.mark.parametrize('dimensions', [2, 4, 12])
def test_what_is_implied_is_what_an_independent_solver_says(dimensions, rng):
    """In steps, so that rows wait outside the program; each is asked alone and with others."""
    box = np.vstack([np.eye(dimensions), -np.eye(dimensions)])
    found, rows, seen = Polyhedron(box), box, set()
    for _ in range(25):
        new = rng.standard_normal((6, dimensions))
        new *= rng.uniform(0.2, 1.2, (6, 1)) / np.linalg.norm(new, axis=1, keepdims=True)
        expected = [maximum(rows, row) <= 1 + REDUNDANT for row in new]
        assert [found.implies(row[None]) for row in new] == expected
        assert found.implies(new) == all(expected)
        assert found.implies(new[expected])
        seen |= set(expected)
        found.add(new)
        rows = np.vstack([rows, new])
    assert seen == {True, False}


def test_a_row_that_is_cut_off_by_little_is_told_from_one_that_is_not():
    square = np.vstack([np.eye(2), -np.eye(2)])
    found = Polyhedron(0.1 * square)
    found.add(square)
    corner = np.array([[0.5, 0.5]])
    assert found.implies(corner) and found.implies(corner * (1 + 1e-8))
    assert not found.implies(corner * (1 + 1e-6))


def test_in_an_unbounded_polyhedron_a_row_that_nothing_bounds_is_not_implied():
    strip = Polyhedron(np.array([[1.0, 0.0], [-1.0, 0.0]]))
    assert not strip.implies(np.array([[0.0, 1e-3]]))
    assert strip.implies(np.array([[0.9, 0.0]]))
    strip.add(np.array([[0.0, 0.001], [0.0, -0.001]]))  # waits until it is needed
    assert strip.implies(np.array([[0.0, 0.001]])) and not strip.implies(np.array([[0.0, 0.01]]))
