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

"""The ellipsoid lies within the rows, touches one of them, and is about as large as can be."""

import numpy as np
import pytest
from scpo_ros.sets.inner_ellipsoid import inner_ellipsoid, within
from system_samples import task_of


def drawn(seed, n, count):
    """Return rows (count, n) that bound every direction, some of them far away."""
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((count, n)) * rng.uniform(0.1, 3, (count, 1))
    return np.vstack([rows, np.eye(n), -np.eye(n), np.zeros((1, n))])


def edge(shape, count=500):
    """Return states (count, n) with z'M z = 1, the ends of the axes among them."""
    rng, n = np.random.default_rng(0), len(shape)
    directions = np.vstack([rng.standard_normal((count, n)), np.eye(n)])
    return directions / np.sqrt(np.einsum('kn,nj,kj->k', directions, shape, directions))[:, None]


@pytest.mark.parametrize('n, count', [(1, 3), (2, 7), (4, 368), (12, 900)])
@pytest.mark.parametrize('seed', range(3))
def test_a_state_in_the_ellipsoid_keeps_every_row(seed, n, count):
    rows = drawn(seed, n, count)
    shape = inner_ellipsoid(rows)
    assert np.allclose(shape, shape.T) and np.all(np.linalg.eigvalsh(shape) > 0)
    assert np.max(edge(shape) @ rows.T) <= 1
    reach = np.sqrt(np.einsum('jn,nj->j', rows, np.linalg.solve(shape, rows.T)))
    assert 1 - 1e-8 <= np.max(reach) <= 1  # touched, and kept for every direction


def test_the_largest_ellipsoid_in_a_box_has_its_axes():
    shape = inner_ellipsoid(np.vstack([np.diag([1.0, 0.5, 4.0]), -np.diag([1.0, 0.5, 4.0])]))
    assert np.allclose(shape, np.diag([1.0, 0.25, 16.0]), atol=1e-6)


def test_what_is_no_number_lies_outside():
    shape = inner_ellipsoid(np.vstack([np.eye(2), -np.eye(2)]))
    z = np.array([[0.1, 0.1], [np.nan, 0.0], [np.inf, 0.0], [-np.inf, np.nan], [0.9, 0.9]])
    with np.errstate(invalid='ignore'):
        assert within(shape, z).tolist() == [True, False, False, False, False]


@pytest.mark.parametrize('name', ['uneven', 'axis', 'vehicle_lateral', 'ball_and_beam'])
def test_backup_and_filter_answer_as_their_rows_say(name):
    """Where the ellipsoids speak, the rows say the same."""
    task, rng = task_of(name), np.random.default_rng(0)
    part, = task.policy.filters
    block, backup = part.backup.block, part.backup
    z = np.vstack([scale * backup.safe_set.boundary(60) for scale in (0.1, 0.5, 0.9, 1.0)])
    rows = [backup.safe_set] + ([] if backup.planned is None else [backup.planned])
    linear = np.all([np.all(z @ part.state_rows.T <= 1, axis=1) for part in rows], axis=0)
    assert np.array_equal(backup._linear(z), linear)
    v = rng.uniform(-0.3, 0.3, (len(z), block.m))
    sure = part._surely_kept(z, v)
    none = np.zeros((len(z), backup.safe_set.lifted_rows.shape[1]))
    assert 0.1 < np.mean(sure) < 1 and np.all(part._kept(z, v, none)[sure])
