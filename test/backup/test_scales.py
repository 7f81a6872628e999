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

"""Systems of any size: set, law and proof scale with the limits, and every loop ends."""

from dataclasses import replace
from types import SimpleNamespace

from control_samples import backup_mpc, states_in
import numpy as np
import pytest
from scpo_ros.backup.mpc import BackupMpc
from scpo_ros.backup.planar.critical_regions import _cut, area, critical_region, edges
from scpo_ros.backup.planar.explicit_law import ExplicitLaw
from scpo_ros.backup.planar.law_pieces import LawPieces
from scpo_ros.proofs.cell_mesh import CellMesh
from scpo_ros.sets.admissible_inputs import InputBounds
from scpo_ros.sets.invariant_set import contractive_set, feedback_set, Polytope
from scpo_ros.sets.units import units_of

EXACT = [(256.0, 256.0, 256.0), (256.0, 1 / 256, 1.0), (2.0**-16, 2.0**-16, 2.0**-16)]
ANY = [(1e4, 1e4, 1e4), (1e-4, 1e-4, 1e-4), (1e4, 1e-4, 1.0), (600.0, 1000.0, 700.0)]


def scaled_system(system, states, inputs):
    """Return a system in other units: a number of it is so many times as large."""
    return replace(
        system, A=system.A * states[:, None] / states, B=system.B * states[:, None] / inputs,
        state_limit=system.state_limit * states, input_limit=system.input_limit * inputs,
        disturbance=system.disturbance * states, sampling=None)


def scaled_mpc(mpc, states, inputs):
    """Return the MPC of the same problem in other units; costs stay what they are."""
    qp = mpc.qp
    return BackupMpc(
        replace(qp, P=qp.P / inputs**2, F=qp.F / states / inputs, q=qp.q / inputs,
                G=qp.G / inputs, S=qp.S / states), Polytope(mpc.safe_set.H / states), mpc.plugin)


def split(scale):
    return np.array(scale[:2]), scale[2]


def test_a_unit_is_a_power_of_256_next_to_the_size():
    sizes = np.array([1e-4, 0.06, 1 / 16, 0.3, 1.0, 15.9, 16.0, 17.0, 1e3, 0.0, np.inf, np.nan])
    assert units_of(sizes).tolist() == [2.0**-16, 2.0**-8, 1, 1, 1, 1, 1, 256, 256, 1, 1, 1]
    assert units_of(-1e4) == 65536


@pytest.mark.parametrize('scale', EXACT + ANY)
def test_the_sets_scale_with_the_limits(task, scale):
    (states, inputs), gain = split(scale), task.gain
    system = scaled_system(task.system, states, inputs)
    pairs = [(contractive_set(task.system, task.contraction_factor),
              contractive_set(system, task.contraction_factor)),
             (feedback_set(task.system, gain, 0.99),
              feedback_set(system, gain / states * inputs, 0.99))]
    for one, other in pairs:
        assert other.H.shape == one.H.shape
        assert np.allclose(other.gauge(one.vertices * states), 1.0, atol=1e-8)
        assert np.allclose(other.vertices / states, one.vertices, rtol=1e-8, atol=1e-9)
        if scale in EXACT:
            assert np.array_equal(other.H * states, one.H)
            assert np.array_equal(other.vertices / states, one.vertices)


@pytest.mark.parametrize('scale', EXACT + ANY)
def test_the_admissible_inputs_scale(task, scale):
    states, inputs = split(scale)
    system = scaled_system(task.system, states, inputs)
    bounds = InputBounds.of(system, Polytope(task.safe_set.H / states))
    assert [len(part) for part in (bounds.up, bounds.low, bounds.table.fixed)] == [
        len(part) for part in (task.bounds.up, task.bounds.low, task.bounds.table.fixed)]
    x = task.safe_set.vertices * 0.7
    assert np.allclose(np.array(bounds(x * states)) / inputs, task.bounds(x), rtol=1e-9)


@pytest.mark.parametrize('scale', EXACT + ANY)
def test_a_critical_region_scales(task, rng, scale):
    states, inputs = split(scale)
    other = scaled_mpc(task.mpc, states, inputs)
    corners, moved = task.safe_set.vertices, task.safe_set.vertices * states
    found = 0
    for x in states_in(task.safe_set, 12, rng):
        active = list(np.flatnonzero(task.mpc.solve_with_multipliers(x)[1] > 1e-9))
        one = critical_region(task.mpc.qp, active, corners, edges(corners))
        same = critical_region(other.qp, active, moved, edges(moved))
        assert (one is None) == (same is None)
        if one is None:
            continue
        found += 1
        assert area(same.vertices / states) == pytest.approx(area(one.vertices), rel=1e-5,
                                                             abs=1e-12)
        assert np.allclose(same.slope * states / inputs, one.slope, rtol=1e-6, atol=1e-8)
        for region, vertices in ((same, one.vertices * states), (one, same.vertices / states)):
            assert np.all(region.facets[:, :2] @ vertices.T <= region.facets[:, 2:] + 1e-8)
        if scale in EXACT:
            assert np.array_equal(same.vertices / states, one.vertices)
    assert found >= 6


@pytest.mark.parametrize('scale', EXACT[1:2])
def test_the_pieces_and_the_cells_of_a_proof_scale(task, scale):
    states, inputs = split(scale)
    wide, table = np.append(states, 1.0), task.policy.backup.table
    one = LawPieces.of(table, task.safe_set)
    safe_set = Polytope(task.safe_set.H / states)
    same = LawPieces.of(SimpleNamespace(
        slopes=table.slopes / wide * inputs, facets=table.facets / wide), safe_set)
    assert len(same.slopes) == len(one.slopes)
    assert np.allclose(same.error / inputs, one.error)
    assert np.array_equal(same.polygons / states, one.polygons)
    meshes = [CellMesh.grid(pieces, part, 8) for pieces, part in (
        (one, task.safe_set), (same, safe_set))]
    assert len(meshes[0]) == len(meshes[1])
    assert np.allclose(meshes[1].centre / states, meshes[0].centre, atol=1e-6)


def test_half_planes_that_rounding_keeps_from_settling_end():
    square = 1e6 * np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
    angle = np.linspace(0, 2 * np.pi, 37)[:-1]
    halfspaces = np.column_stack([np.cos(angle), np.sin(angle), np.full(36, 1e6 / 3)])
    cut = _cut(halfspaces, square)
    assert cut is None or len(cut[0]) == len(cut[1]) >= 3


@pytest.mark.timeout(300)
@pytest.mark.parametrize('limit', [600.0, 1000.0])
def test_large_limits_have_a_law_that_is_exact_and_covers_the_set(limit, rng):
    parts = {'system.position_limit': 1.0, 'system.velocity_limit': 0.6,
             'system.input_limit': 1.0, 'system.disturbance': 0.03,
             'backup.planned_position': 0.9, 'backup.planned_velocity': 0.2,
             'backup.planned_input': 0.3}
    parts = {name: item * limit for name, item in parts.items()}
    mpc = backup_mpc(**parts, **{'backup.horizon': 4})[3]
    law = ExplicitLaw.build(mpc, cells=32)
    states = states_in(mpc.safe_set, 60, rng)
    solved = np.array([mpc.solve(x)[0] for x in states])
    assert np.max(np.abs(law(states)[:, 0] - solved)) <= 1e-9 * limit
    assert law.fallbacks <= 2
    pieces = LawPieces.of(law.table, mpc.safe_set)
    assert np.max(pieces.error) < 1e-2 * limit
