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

"""The comparison of methods on described systems: its runs, its measures, its table."""

import numpy as np
import pytest
from scpo_ros.experiments.compare_systems import HEAD, row, Runs, section
from scpo_ros.experiments.system_comparison import (
    chosen, Comparison, grid, METHODS, safe_gap, until)
from scpo_ros.systems import load


def record(gaps, unsafe=None, **changed):
    """Return the record of a run."""
    return {'system': 'cart', 'method': 'lb-sgd', 'seed': 0, 'settings': {'barrier': 0.001},
            'gaps': gaps, 'rollouts': [100 * number for number in range(len(gaps))],
            'unsafe': unsafe or [False] * len(gaps), 'filter_share': 0.0, 'seconds': 1.0,
            **changed}


@pytest.fixture(scope='module')
def comparison():
    """Return the comparison on the system whose updates cost least."""
    return Comparison.build('vehicle_lateral', 0)


@pytest.fixture(scope='module')
def scpo(comparison):
    """Return two updates of SCPO."""
    return comparison.run('scpo', {}, 2)


def test_what_follows_an_unsafe_iterate_counts_for_nothing():
    broken = record([0.0, 0.5, 0.95, 0.99], [False, False, True, False])
    assert safe_gap(broken) == 0.5 and until(broken, 0.9) is None
    whole = record([0.0, 0.5, 0.95, 0.99])
    assert safe_gap(whole) == 0.99 and until(whole, 0.9) == 2
    assert safe_gap(record([0.0, 0.9], [True, True])) == 0.0


def test_the_settings_are_those_that_close_most_safely():
    bold = record([0.0, 0.99], [False, True], settings={'barrier': 1.0})
    meek = record([0.0, 0.3])
    assert chosen([bold, meek]) == meek['settings']
    assert chosen([bold, {**meek, 'gaps': [0.0, -0.1]}]) == bold['settings']


def test_scpo_closes_a_part_of_the_gap_without_an_unsafe_iterate(scpo):
    assert len(scpo['gaps']) == len(scpo['unsafe']) == len(scpo['rollouts']) == 3
    assert scpo['gaps'][0] == 0.0 and scpo['gaps'][-1] > 0.2
    assert not any(scpo['unsafe']) and scpo['rollouts'][-1] > scpo['rollouts'][0] > 0


def test_a_step_that_nobody_checks_is_found_unsafe(comparison):
    """Control: with a trust radius this long the raw step breaks a metric."""
    reckless = comparison.run('unconstrained', {'trust_radius': 3.0}, 2)
    assert any(reckless['unsafe'])
    assert reckless['rollouts'] == [0, 0, 0]


@pytest.mark.parametrize('method', METHODS)
def test_every_method_runs_with_the_last_of_its_settings(comparison, method):
    settings = grid(method, load('vehicle_lateral'))[-1]
    assert np.all(np.isfinite(comparison.run(method, settings, 1)['gaps']))


def test_no_update_begins_once_the_rollouts_are_used(comparison):
    used = comparison.run('lb-sgd', {}, 9, rollouts=1)['rollouts']
    assert len(used) == 2 and used[0] == 0 and used[1] > 1


def test_a_finished_run_is_not_made_again(tmp_path, scpo, monkeypatch):
    told, made = [], []

    def run(self, method, settings, updates, rollouts):
        made.append((method, rollouts))
        return {**scpo, 'method': method, 'settings': dict(settings)}

    monkeypatch.setattr(Comparison, 'run', run)
    monkeypatch.setattr(Comparison, 'build', classmethod(lambda cls, name, seed: cls(*[None] * 4)))
    records = Runs(tmp_path, 2, told.append).of_system('vehicle_lateral', 1)
    assert [r['method'] for r in records] == list(METHODS)
    assert len(told) == len(made) == 1 + 4 * 3 + 1 + 4  # tuning, then the seed that is reported
    assert {rollouts for method, rollouts in made if method != 'scpo'} == {scpo['rollouts'][-1]}
    again = Runs(tmp_path, 2, told.append).of_system('vehicle_lateral', 1)
    assert [{**found, 'source': ''} for found in again] == [
        {**found, 'source': ''} for found in records]
    assert len(told) == len(made) == 18


def test_a_row_tells_how_many_seeds_reached_the_level():
    cells = dict(zip(HEAD, row([record([0.0, 0.95]), record([0.0, 0.5])])))
    assert cells['updates to 0.9'] == '1 (1 of 2 seeds)' and cells['seeds'] == '2'
    assert cells['rollouts to 0.9'] == '100 (1 of 2 seeds)'
    assert cells['unsafe iterates'] == '0 of 4' and cells['settings'] == 'barrier 0.001'
    assert dict(zip(HEAD, row([record([0.0])])))['updates to 0.9'] == 'never'


def test_the_table_has_a_row_for_each_system_and_method():
    text = section([record([0.0, 1.0]), record([0.0, 1.0], seed=1),
                    record([0.0, 1.0], method='scpo', settings={})], 8, 2)
    assert len([line for line in text.splitlines() if line.startswith('| cart')]) == 2
