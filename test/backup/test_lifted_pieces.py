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

"""The pieces of a lifted backup's law: what they say is what the solver finds, everywhere."""

import numpy as np
import pytest
from scpo_ros.backup.planar import lifted_pieces as module
from scpo_ros.backup.planar.lifted_pieces import lifted_pieces
from scpo_ros.exceptions import ConfigurationError, InfeasibleError
from scpo_ros.sets.planar_projection import planar_projection
from system_samples import EDGE, task_of

SYSTEMS = ('double_integrator_2', 'uneven')


@pytest.fixture(scope='module', params=SYSTEMS)
def backup(request):
    return task_of(request.param, 'proved').policy.filters[0].backup


def states_of(backup, count=800):
    rng = np.random.default_rng(0)
    edge = backup.safe_set.boundary(count // 10) * EDGE
    polygon = planar_projection(backup.block, backup.safe_set).inside
    corners, low = polygon.vertices, rng.uniform(0, 1, (count, 1))
    inside = corners[rng.integers(len(corners), size=count)] * low + (
        1 - low) * corners[rng.integers(len(corners), size=count)]
    return np.vstack([edge, corners, inside * rng.uniform(0, 1, (count, 1))])


def containing(pieces, z):
    """Return (N, R) whether a state lies in a polygon, counter-clockwise with repeated corners."""
    start, stop = pieces.polygons, np.roll(pieces.polygons, -1, axis=1)
    along = stop - start
    offset = z[:, None, None] - start
    cross = along[..., 0] * offset[..., 1] - along[..., 1] * offset[..., 0]
    return np.all(cross >= -1e-15, axis=2)


def test_every_state_lies_in_a_piece_and_all_its_pieces_tell_the_law(backup):
    polygon = planar_projection(backup.block, backup.safe_set).inside
    pieces, z = lifted_pieces(backup, polygon), states_of(backup)
    law = backup.inputs(z, backup.plans(z))[:, 0]
    inside = containing(pieces, z)
    assert np.all(np.any(inside, axis=1)) and np.all(np.isfinite(law))
    said = z @ pieces.slopes[:, :2].T + pieces.slopes[:, 2]
    off = np.where(inside, np.abs(said - law[:, None]) - pieces.error, -np.inf)
    assert np.max(off) <= 0
    assert np.max(pieces.error) < 0.01


def test_another_gain_is_another_law(backup):
    """Negative control: without -K z the pieces do not tell the law."""
    polygon = planar_projection(backup.block, backup.safe_set).inside
    pieces, z = lifted_pieces(backup, polygon), states_of(backup, 300)
    law = backup.plans(z)[:, 0]
    said = z @ pieces.slopes[:, :2].T + pieces.slopes[:, 2]
    inside = containing(pieces, z)
    assert np.max(np.where(inside, np.abs(said - law[:, None]) - pieces.error, -np.inf)) > 0.1


def test_regions_that_leave_a_gap_are_refused(backup, monkeypatch, tmp_path):
    found = module.enumerate_regions
    polygon = planar_projection(backup.block, backup.safe_set).inside
    monkeypatch.setattr(module, 'enumerate_regions', lambda *asked: found(*asked)[:-1])
    with pytest.raises(InfeasibleError, match='gaps'):
        lifted_pieces(backup, polygon, tmp_path)
    monkeypatch.setattr(module, 'enumerate_regions', lambda *asked: [])
    with pytest.raises(InfeasibleError, match='no critical region'):
        lifted_pieces(backup, polygon, tmp_path)


def test_what_is_not_planar_says_so():
    backup = task_of('ball_and_beam').policy.filters[0].backup
    with pytest.raises(ConfigurationError, match='two states and one input'):
        lifted_pieces(backup, None)
