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

"""The backup's table: exact to 1e-9 everywhere, NaN outside, and no trace of a damaged cache."""

from dataclasses import replace

from control_samples import backup_mpc, states_in
import numpy as np
import pytest
from scpo_ros.backup.planar.critical_regions import area, critical_region, edges
from scpo_ros.backup.planar.explicit_law import ExplicitLaw
from scpo_ros.backup.planar.law_table import LawTable
from scpo_ros.backup.planar.polygons import clipped_with_labels
from scpo_ros.config import Spec
from scpo_ros.config import table_cache
from scpo_ros.config.table_cache import default_cache
from scpo_ros.verification.task import ControlTask

TOLERANCE = 1e-9


def table(law, **parts):
    """Return a law with some arrays of the table of another replaced."""
    return ExplicitLaw(law.mpc, replace(law.table, **parts))


def error(law, states):
    """Return the largest difference (NaN counts as infinite) to the solver's answers."""
    solved = np.array([law.mpc.solve(x)[0] for x in states])
    return np.max(np.nan_to_num(np.abs(law(states)[:, 0] - solved), nan=np.inf))


def border_states(law, count, rng):
    """Return states on borders of critical regions, and close to both sides of them."""
    starts = states_in(law.mpc.safe_set, count, rng)
    normals, bounds = law.table.facets[:, :, :2], law.table.facets[:, :, 2]
    excess = np.einsum('rfn,sn->srf', normals, starts) - bounds
    region = np.argmax(np.all(excess <= 0, axis=2), axis=1)
    direction = rng.normal(size=starts.shape)
    rate = np.einsum('sfn,sn->sf', normals[region], direction)
    slack = -excess[np.arange(len(starts)), region]
    reach = np.where(rate > 1e-9, slack / np.where(rate > 1e-9, rate, 1.0), np.inf).min(axis=1)
    points = [starts + (reach * factor)[:, None] * direction
              for factor in (1.0, 1 - 1e-9, 1 + 1e-9, 1 + 1e-12)]
    points = np.vstack(points)
    return points[law.mpc.safe_set.contains(points, 0.0)]


@pytest.fixture(scope='module')
def law(task):
    """Return the default table."""
    return task.policy.backup


@pytest.fixture(scope='module')
def probes(law):
    """Return random states, vertices, boundary and region borders."""
    rng = np.random.default_rng(3)
    safe_set = law.mpc.safe_set
    return np.vstack([states_in(safe_set, 2000, rng), safe_set.vertices, safe_set.boundary(300),
                      np.zeros((1, 2))])


def test_it_is_the_solvers_law(law, probes):
    assert len(probes) > 2300
    assert error(law, probes) <= TOLERANCE


def test_on_the_borders_of_regions_it_is_as_exact(law, rng):
    states = border_states(law, 250, rng)
    assert len(states) > 800
    assert error(law, states) <= 1e-9


def test_few_states_need_the_solver(law, rng):
    before = law.fallbacks
    law(states_in(law.mpc.safe_set, 20000, rng))
    assert law.fallbacks - before <= 20


def test_a_damaged_slope_is_found_by_the_comparison(law, probes):
    used, counts = np.unique(law.table.codes[law.table.codes >= 0], return_counts=True)
    slopes = law.table.slopes.copy()
    slopes[used[np.argmax(counts)], 2] += 1e-6
    assert 0.9e-6 < error(table(law, slopes=slopes), probes) < 1.1e-6


def test_a_region_that_is_too_large_is_found_by_the_comparison(law, probes):
    used, counts = np.unique(law.table.codes[law.table.codes >= 0], return_counts=True)
    codes = np.where(law.table.codes >= 0, used[np.argmax(counts)], law.table.codes)
    assert error(table(law, codes=codes), probes[:500]) > 1e-3


def test_outside_and_for_nan_it_is_undefined(law, rng):
    outside = law.mpc.safe_set.boundary(500) * rng.uniform(1 + 1e-8, 3, (500, 1))
    assert np.all(np.isnan(law(outside)))
    with np.errstate(invalid='ignore'):
        poisoned = law(np.array([[np.nan, 0.0], [0.0, np.nan], [np.inf, 0.0], [0.0, -np.inf],
                                 [np.nan, np.nan], [1e300, 0.0]]))
    assert np.all(np.isnan(poisoned))


def test_one_bad_state_spoils_no_other(law, probes):
    mixed = probes[:100].copy()
    mixed[::3] = np.nan
    answer = law(mixed)
    assert np.all(np.isnan(answer[::3]))
    good = np.arange(100) % 3 > 0
    assert np.array_equal(answer[good], law(probes[:100])[good])


@pytest.mark.parametrize('gauge', [1.0, 1 + 1e-12, 1 + 5e-10, 1 + 9.9e-10])
def test_within_rounding_of_the_boundary_it_is_defined(law, gauge):
    states = np.vstack([law.mpc.safe_set.vertices, law.mpc.safe_set.boundary(300)]) * gauge
    u = law(states)
    assert np.all(np.isfinite(u)) and np.all(np.abs(u) <= 1 + 1e-8)


def test_any_shape_goes(law, rng):
    states = states_in(law.mpc.safe_set, 24, rng)
    flat = law(states)
    assert flat.shape == (24, 1)
    assert np.array_equal(law(states.reshape(2, 3, 4, 2)), flat.reshape(2, 3, 4, 1))
    assert np.array_equal(law(states[0]), flat[0])
    assert law(np.zeros((0, 2))).shape == (0, 1)


def test_the_law_is_continuous(law, rng):
    states = states_in(law.mpc.safe_set, 3000, rng) * 0.999
    steepest = np.linalg.norm(law.table.slopes[:, :2], axis=1).max()
    for length in (1e-3, 1e-6):
        moved = states + rng.normal(size=states.shape) * length / 2
        inside = law.mpc.safe_set.contains(moved, 0.0)
        change = np.abs(law(moved) - law(states))[inside, 0]
        distance = np.linalg.norm(moved - states, axis=1)[inside]
        assert np.all(change <= 1.01 * steepest * distance + 1e-10)


def test_progress_is_told_up_to_the_end(built):
    told = built[1]
    assert len(told) > 10 and told == sorted(told)
    assert 0 < told[0] and 0.999 < told[-1] <= 1.0


def test_a_critical_region_holds_where_its_active_set_is_optimal(task, rng):
    corners = task.safe_set.vertices
    for x in states_in(task.safe_set, 20, rng):
        active = list(np.flatnonzero(task.mpc.solve_with_multipliers(x)[1] > 1e-9))
        region = critical_region(task.mpc.qp, active, corners, edges(corners))
        if region is None:
            continue
        shares = rng.dirichlet(np.ones(len(region.vertices)), 10)
        for y in shares @ region.vertices:
            assert task.mpc.solve(y)[0] == pytest.approx(region.slope @ y + region.offset,
                                                         abs=1e-8)
            assert np.all(region.facets[:, :2] @ y <= region.facets[:, 2] + 1e-9)


def test_a_polygon_is_cut_where_it_should_be():
    square = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    assert area(square) == 1.0
    cut, labels = clipped_with_labels(square, np.arange(4), np.array([1.0, 1.0]), 0.5, 9)
    assert area(cut) == pytest.approx(0.125) and sorted(labels) == [0, 3, 9]
    whole, labels = clipped_with_labels(square, np.arange(4), np.array([1.0, 0.0]), 2.0, 9)
    assert np.array_equal(whole, square) and labels.tolist() == [0, 1, 2, 3]
    nothing, labels = clipped_with_labels(square, np.arange(4), np.array([1.0, 0.0]), -1.0, 9)
    assert nothing.shape == (0, 2) and len(labels) == 0
    assert np.allclose(edges(square), [[0, -1, 0], [1, 0, 1], [0, 1, 1], [-1, 0, 0]])


class CountedBuild:
    """Stands in for the slow build: hands out a table that is there, and counts."""

    def __init__(self, law):
        self.law, self.count = law, 0

    def __call__(self, mpc, cells=512, rng=None, progress=None):
        self.count += 1
        return ExplicitLaw(mpc, self.law.table)


@pytest.fixture
def build(law, monkeypatch):
    """Return the counter of builds."""
    counted = CountedBuild(law)
    monkeypatch.setattr(ExplicitLaw, 'build', counted)
    return counted


def test_a_table_is_written_once_and_read_back_bit_by_bit(law, build, tmp_path):
    cache = tmp_path / 'not' / 'there' / 'yet'
    ExplicitLaw.load_or_build(law.mpc, cache=cache)
    again = ExplicitLaw.load_or_build(law.mpc, cache=cache)
    assert build.count == 1 and len(list(cache.iterdir())) == 1
    for name in LawTable.names():
        assert np.array_equal(getattr(again.table, name), getattr(law.table, name))


def test_a_second_task_needs_no_build(task, table_cache, build):
    again = ControlTask.build(Spec(), cache=table_cache)
    assert build.count == 0 and again.digest == task.digest


@pytest.mark.parametrize('damage', [
    lambda data: b'', lambda data: b'garbage', lambda data: data[:len(data) // 2],
    lambda data: data[:5000] + bytes(4) + data[5004:], lambda data: b'PK\x03\x04' + bytes(100),
    lambda data: data[:-30]], ids=['empty', 'garbage', 'half', 'bits', 'zip', 'tail'])
def test_a_damaged_file_costs_a_rebuild_only(law, build, tmp_path, damage):
    ExplicitLaw.load_or_build(law.mpc, cache=tmp_path)
    path, = tmp_path.iterdir()
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    again = ExplicitLaw.load_or_build(law.mpc, cache=tmp_path)
    assert build.count == 2 and np.array_equal(again.table.slopes, law.table.slopes)
    ExplicitLaw.load_or_build(law.mpc, cache=tmp_path)
    assert build.count == 2 and len(list(tmp_path.iterdir())) == 1


def test_a_file_without_all_parts_costs_a_rebuild_only(law, build, tmp_path):
    ExplicitLaw.load_or_build(law.mpc, cache=tmp_path)
    path, = tmp_path.iterdir()
    np.savez(path, slopes=law.table.slopes)
    ExplicitLaw.load_or_build(law.mpc, cache=tmp_path)
    assert build.count == 2


def test_a_cache_that_cannot_be_written_costs_a_rebuild_only(law, build, tmp_path):
    (tmp_path / 'file').write_text('in the way')
    for count in (1, 2):
        ExplicitLaw.load_or_build(law.mpc, cache=tmp_path / 'file')
        assert build.count == count


def test_every_parameter_of_the_law_has_a_table_of_its_own(law, build, tmp_path):
    ExplicitLaw.load_or_build(law.mpc, cache=tmp_path)
    changes = [('system.dt', 0.11), ('system.position_limit', 1.01),
               ('system.velocity_limit', 0.61), ('system.input_limit', 1.01),
               ('system.disturbance', 0.031), ('system.contraction_rate', 0.52),
               ('backup.horizon', 14), ('backup.state_weight', [1.0, 0.51]),
               ('backup.input_weight', 0.31), ('backup.planned_position', 0.91),
               ('backup.planned_velocity', 0.21), ('backup.planned_input', 0.31)]
    for count, (name, item) in enumerate(changes, 2):
        ExplicitLaw.load_or_build(backup_mpc(**{name: item})[3], cache=tmp_path)
        assert len(list(tmp_path.iterdir())) == count, f'{name} is not part of the key'
    ExplicitLaw.load_or_build(law.mpc, cells=128, cache=tmp_path)
    assert len(list(tmp_path.iterdir())) == len(changes) + 2
    ExplicitLaw.load_or_build(backup_mpc('qpoases')[3], cache=tmp_path)  # another road to it
    assert len(list(tmp_path.iterdir())) == len(changes) + 2


def test_the_default_cache_follows_the_convention(monkeypatch, tmp_path):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    assert default_cache() == tmp_path / 'scpo_ros'
    monkeypatch.delenv('XDG_CACHE_HOME')
    monkeypatch.setattr(table_cache.Path, 'home', lambda: tmp_path)
    assert default_cache() == tmp_path / '.cache' / 'scpo_ros'
