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

"""What the contraction of the safe set pays for, against the definition."""

import itertools

import numpy as np
import pytest
from scpo_ros.sets.residual_room import residual_bound
from system_samples import EDGE, SYSTEMS, task_of


@pytest.fixture(scope='module', params=SYSTEMS)
def part(request):
    """Return (block, safe set, bound in units of the part) of the first part of a system."""
    block, found = task_of(request.param).safe_set.parts[0]
    return block, found, residual_bound(block, found) / block.input_scale


def test_the_bound_is_the_largest_that_the_contraction_pays_for(part):
    block, found, bound = part
    signs = np.array(list(itertools.product((-1.0, 1.0), repeat=block.m)))
    largest = np.max(found.gauge((signs * bound) @ block.B.T))
    assert abs(largest - (1 - found.contraction)) <= 2e-6
    assert np.all(bound > 0) and np.allclose(bound, bound[0])


def test_a_backup_with_any_such_residual_stays_in_the_set(part):
    """The next state, without what the disturbance needs, lies in what is left of the set."""
    block, found, bound = part
    backup = next(task_of(name).policy.filters[0].backup for name in SYSTEMS
                  if task_of(name).safe_set.parts[0][1] is found)
    z = EDGE * found.boundary(40)
    v = backup.inputs(z, backup.plans(z))
    vertices = block.disturbance * np.random.default_rng(0).choice((-1.0, 1.0), (40, block.n))
    for sign in (-1.0, 1.0):
        following = z @ block.A.T + (v + sign * bound) @ block.B.T + vertices
        assert np.max(found.gauge(following)) <= 1 + 1e-6
    beyond = [np.max(found.gauge(z @ block.A.T + (v + sign * 3 * bound) @ block.B.T + vertices))
              for sign in (-1.0, 1.0)]
    assert max(beyond) > 1 + 1e-4 or not np.all(np.abs(v) + 3 * bound <= 1)
