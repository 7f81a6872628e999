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

"""Cells without a test: one law holds on all of them, and no gap between regions is bridged."""

from control_samples import backup_mpc, states_in
import numpy as np
import pytest
from scpo_ros.backup.planar import merged_laws
from scpo_ros.backup.planar.critical_regions import enumerate_regions
from scpo_ros.backup.planar.explicit_law import ExplicitLaw
from scpo_ros.backup.planar.law_table import build_table, LawTable, MIXED, OUTSIDE
from scpo_ros.backup.planar.merged_laws import merged, open_edges

CELLS = 96


@pytest.fixture(scope='module')
def mpc():
    """Return a backup with a short horizon: few regions, quickly found."""
    return backup_mpc(**{'backup.horizon': 6})[3]


@pytest.fixture(scope='module')
def regions(mpc):
    """Return its critical regions."""
    return enumerate_regions(mpc, np.random.default_rng(0))


@pytest.fixture(scope='module')
def tested(mpc, regions):
    """Return the table in which only cells within one region need no test."""
    return build_table(regions, mpc.safe_set, CELLS)


@pytest.fixture(scope='module')
def table(mpc, regions, tested):
    """Return the merged table."""
    return merged(tested, regions, mpc.safe_set)


def points_in(table, cells, rng, count=20):
    """Return `count` random points (m, count, 2) of each of the cells (m,)."""
    corners = table.corners(cells)
    low, high = corners.min(axis=1), corners.max(axis=1)
    return low[:, None] + rng.uniform(0, 1, (len(cells), count, 2)) * (high - low)[:, None]


def error(law, states):
    """Return the largest difference (NaN counts as infinite) to the solver's answers."""
    solved = np.array([law.mpc.solve(x)[0] for x in states])
    return np.max(np.nan_to_num(np.abs(law(states)[:, 0] - solved), nan=np.inf))


def test_most_cells_need_no_test(tested, table):
    touched = np.sum(table.codes != OUTSIDE)
    plain, bent = np.sum(table.codes >= 0), np.sum(table.bends != 0)
    assert touched == np.sum(tested.codes != OUTSIDE)
    assert plain > 1.2 * np.sum(tested.codes >= 0) and bent > 100
    assert (plain + bent) / touched > 0.8 > np.sum(tested.codes >= 0) / touched


@pytest.mark.parametrize('bend', [1, -1])
def test_bent_cells_have_the_law_of_the_regions(mpc, tested, table, bend, rng):
    cells = np.flatnonzero(table.codes <= MIXED)
    cells = cells[table.bends[MIXED - table.codes.ravel()[cells]] == bend]
    assert len(cells) > 20
    points = points_in(table, cells, rng).reshape(-1, 2)
    expected = ExplicitLaw(mpc, tested)(points)
    assert np.allclose(ExplicitLaw(mpc, table)(points), expected, rtol=0, atol=1e-9)


def test_plain_cells_have_the_law_of_the_regions(mpc, tested, table, rng):
    cells = np.flatnonzero((table.codes >= 0) & (tested.codes < 0))
    points = points_in(table, cells, rng).reshape(-1, 2)
    assert len(points) > 1000
    expected = ExplicitLaw(mpc, tested)(points)
    assert np.allclose(ExplicitLaw(mpc, table)(points), expected, rtol=0, atol=1e-9)


def test_the_law_is_the_solvers(mpc, table, rng):
    law = ExplicitLaw(mpc, table)
    assert error(law, states_in(mpc.safe_set, 1500, rng)) <= 1e-9
    assert law.fallbacks <= 3


def thinned(regions, share, rng):
    """Return the regions without a random share of them."""
    return [regions[i] for i in rng.permutation(len(regions))[int(share * len(regions)):]]


@pytest.mark.parametrize('share', [0.02, 0.3])
def test_states_of_missing_regions_go_to_the_solver_and_stay_exact(mpc, regions, share, rng):
    kept = thinned(regions, share, rng)
    law = ExplicitLaw(mpc, merged(build_table(kept, mpc.safe_set, CELLS), kept, mpc.safe_set))
    states = states_in(mpc.safe_set, 800, rng)
    assert error(law, states) <= 1e-9
    assert law.fallbacks >= 1


def test_without_the_search_for_gaps_missing_regions_would_be_bridged(
        mpc, regions, rng, monkeypatch):
    kept = thinned(regions, 0.3, rng)
    tested = build_table(kept, mpc.safe_set, CELLS)
    monkeypatch.setattr(merged_laws, 'open_edges', lambda *_: np.zeros((0, 2, 2)))
    law = ExplicitLaw(mpc, merged(tested, kept, mpc.safe_set))
    assert error(law, states_in(mpc.safe_set, 800, rng)) > 1e-4


def test_the_open_edges_are_those_around_a_missing_region(mpc, regions):
    tiled = build_table(regions, mpc.safe_set, CELLS)
    before = open_edges(tiled, regions, mpc.safe_set)
    middle = np.argmin([np.linalg.norm(region.vertices.mean(axis=0)) for region in regions])
    gone = regions[middle]
    kept = regions[:middle] + regions[middle + 1:]
    pieces = open_edges(build_table(kept, mpc.safe_set, CELLS), kept, mpc.safe_set)
    around = np.sum(np.linalg.norm(np.diff(gone.vertices, axis=0, append=gone.vertices[:1]),
                                   axis=1))
    lengths = np.linalg.norm(pieces[:, 1] - pieces[:, 0], axis=1)
    assert lengths.sum() - sum(np.linalg.norm(b - a) for a, b in before) == pytest.approx(around)
    excess = gone.facets[:, :2] @ pieces.mean(axis=1).T - gone.facets[:, 2:]
    assert np.sum(np.abs(excess.max(axis=0)) < 1e-9) >= len(gone.vertices)


def test_cells_cut_by_the_border_stay_tested(mpc, table):
    cells = np.flatnonzero(table.codes != OUTSIDE)
    cut = cells[~np.all(mpc.safe_set.contains(table.corners(cells), 0.0), axis=1)]
    codes = table.codes.ravel()[cut]
    assert len(cut) > 100 and np.all(codes <= MIXED)
    assert not np.any(table.bends[MIXED - codes])


def test_every_row_belongs_to_one_cell(table):
    rows = MIXED - table.codes[table.codes <= MIXED]
    assert np.array_equal(np.sort(rows), np.arange(len(table.candidates)))
    assert len(table.bends) == len(table.candidates)
    assert np.all(table.candidates[:, 0] >= 0)
    assert LawTable.names()[0] == 'slopes'


def test_off_the_grid_is_the_rim(table):
    inf, nan = np.inf, np.nan
    cells = table.cell(np.array([nan, 0.0, inf, 1e300, -1e300, 0.0]),
                       np.array([0.0, nan, 0.0, 0.0, 0.0, -inf]))
    assert np.all(table.codes.ravel()[cells] == OUTSIDE)
