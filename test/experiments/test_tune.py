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

"""Tuning: equal effort, grids that are extended, the first unsafe iterate, and the defaults."""

import inspect
import json

import numpy as np
import pytest
from scpo_ros.config import AdapterConfig
from scpo_ros.config.resources import share_file
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.experiments import tune
from scpo_ros.experiments.double_integrator import CERTIFICATES, METHODS
from scpo_ros.experiments.tune import best, GRIDS, Parameter, search, SETTINGS, tuned


def test_a_grid_is_extended_while_its_best_is_at_an_edge():
    grid = (Parameter('x', (1.0, 10.0, 100.0), 10.0),)
    tried = search(lambda s: -abs(np.log10(s['x']) - 4), grid)
    assert [dict(key)['x'] for key in tried] == [1, 10, 100, 1e3, 1e4, 1e5]
    assert best(tried) == {'x': 1e4}
    tried = search(lambda s: -abs(np.log10(s['x']) + 1), grid)
    assert [dict(key)['x'] for key in tried] == [1, 10, 100, 0.1, 0.01]
    assert len(search(lambda s: -s['x'], grid)) == SETTINGS


def test_the_second_parameter_is_searched_at_the_best_first():
    grid = (Parameter('x', (1.0, 2.0, 4.0), 2.0), Parameter('y', (1.0, 3.0, 9.0), 3.0))
    tried = search(lambda s: -(s['x'] - 2)**2 - (s['y'] - 9)**2, grid)
    assert best(tried) == {'x': 2.0, 'y': 9.0} and len(tried) == 6
    assert all(set(dict(key)) == {'x', 'y'} for key in tried)


@pytest.mark.parametrize('method', GRIDS)
def test_every_method_has_the_same_effort_and_knows_its_parameters(method):
    for worst in (lambda s: 0.0, lambda s: sum(s.values()), lambda s: -sum(s.values())):
        assert len(search(worst, GRIDS[method])) <= SETTINGS
    assert len(search(lambda s: sum(s.values()), GRIDS[method])) == SETTINGS
    accepted = inspect.signature(METHODS[method].__init__).parameters
    for parameter in GRIDS[method]:
        assert parameter.name in accepted or 'settings' in accepted


def test_all_methods_are_tuned():
    assert set(GRIDS) == set(METHODS) - set(CERTIFICATES)  # these have the settings of scpo


def test_what_is_closed_after_an_unsafe_iterate_does_not_count(tmp_path):
    gap, unsafe = tune.trial(tmp_path, 'unconstrained', {'trust_radius': 1.0}, 6,
                             ('overspeed', 10))
    assert unsafe and gap < 0.3
    careful = tune.trial(tmp_path, 'scpo', {'centering': 0.01}, 6, ('overspeed', 10))
    assert careful[0] > gap and not careful[1]
    assert len(list(tmp_path.iterdir())) == 2


def test_finished_runs_are_not_repeated(tmp_path, monkeypatch):
    calls = []

    def trained(method, settings, updates, expert, seed):
        calls.append((settings['trust_radius'], expert, seed))
        return {'gap': -abs(np.log(settings['trust_radius'] / 0.3)), 'unsafe': seed == 11}

    monkeypatch.setattr(tune, '_trained', trained)
    first = tuned('line-search', tmp_path)
    assert first['chosen'] == {'trust_radius': 0.3}
    assert len(calls) == 4 * len(first['tried'])
    assert all(one['unsafe_runs'] == 2 for one in first['tried'])
    assert tuned('line-search', tmp_path) == first and len(calls) == 4 * len(first['tried'])


def test_the_default_stays_unless_another_beats_it_by_what_matters():
    tried = {(('rate', 1.0),): 0.900, (('rate', 10.0),): 0.904}
    assert tune.best(tried) == tune.best(tried, {'rate': 100.0}) == {'rate': 10.0}
    assert tune.best(tried, {'rate': 1.0}) == {'rate': 1.0}
    assert tune.best({**tried, (('rate', 0.1),): 0.91}, {'rate': 1.0}) == {'rate': 0.1}


def test_defaults_are_what_was_chosen():
    with open(share_file(tune.TABLE), encoding='utf-8') as file:
        table = json.load(file)
    assert set(table) == set(GRIDS)
    for method, result in table.items():
        assert result['chosen'] in [one['settings'] for one in result['tried']]
        for name, value in result['chosen'].items():
            if method == 'scpo':
                assert getattr(AdapterConfig(), name) == value
            else:
                assert inspect.signature(
                    METHODS[method].__init__).parameters[name].default == value


def test_a_setting_that_is_none_is_refused():
    problem = tune.ImitationProblem.build('benign', 10)
    with pytest.raises((ConfigurationError, TypeError)):
        METHODS['scpo'](problem, centring=1.0)
