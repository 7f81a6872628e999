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

"""The polygons of a lifted set with two states, against linear programs of another solver."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import linprog
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.sets import planar_projection as projection
from scpo_ros.sets.planar_projection import planar_projection, REACH
from system_samples import all_vertices, task_of

SYSTEMS = ('double_integrator_2', 'uneven')


@pytest.fixture(params=SYSTEMS)
def part(request):
    return task_of(request.param).safe_set.parts[0]


def farthest(rows, bounds, direction):
    """Return the support of the projection in a direction, by scipy."""
    cost = np.zeros(rows.shape[1])
    cost[:2] = -direction
    found = linprog(cost, rows, bounds, bounds=(None, None), method='highs')
    assert found.status == 0
    return -found.fun


def test_both_polygons_are_the_projections_in_every_direction(part):
    block, lifted = part
    found = planar_projection(block, lifted)
    used = np.abs(lifted.state_rows) @ block.disturbance
    for angle in np.linspace(0, 2 * np.pi, 24, endpoint=False) + 0.1:
        direction = np.array([np.cos(angle), np.sin(angle)])
        for polygon, bounds in ((found.inside, np.ones(len(used))), (found.served, 1 - used)):
            most = farthest(lifted.rows, bounds, direction)
            own = np.max(polygon.vertices @ direction)
            assert own <= most + 1e-9 and most <= (1 + 1e-5) * own


def test_the_corners_lie_on_the_boundary_and_no_edge_is_there_twice(part):
    block, lifted = part
    found = planar_projection(block, lifted)
    assert np.allclose(lifted.gauge(found.inside.vertices), 1, atol=REACH)
    assert len(found.inside.vertices) == len(found.inside.H)


def test_from_what_is_served_every_disturbance_leads_into_the_set(part):
    block, lifted = part
    found = planar_projection(block, lifted)
    for w in all_vertices(block):
        assert np.all(found.inside.gauge(found.served.vertices + w) <= 1 + REACH)


def test_corners_that_lie_outside_are_refused(part, monkeypatch):
    corners = projection._corners
    monkeypatch.setattr(projection, '_corners', lambda *asked: 1.001 * corners(*asked))
    with pytest.raises(ConfigurationError, match='must lie inside the lifted set'):
        planar_projection(*part)


def test_a_polygon_that_leaves_a_part_of_the_set_is_refused(part, monkeypatch):
    corners = projection._corners
    monkeypatch.setattr(projection, '_corners', lambda *asked: np.delete(
        corners(*asked), 3, axis=0))
    with pytest.raises(ConfigurationError, match='must reach at most'):
        planar_projection(*part)


def test_more_states_have_no_polygon():
    block, lifted = task_of('ball_and_beam').safe_set.parts[0]
    with pytest.raises(ConfigurationError, match='must be two'):
        planar_projection(block, lifted)


def test_a_disturbance_that_uses_up_a_row_is_refused(part):
    block, lifted = part
    with pytest.raises(ConfigurationError):
        planar_projection(replace(block, disturbance=np.full(2, 0.9)), lifted)
