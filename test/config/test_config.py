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

"""The configuration: every bad value is named with its rule; the file equals the defaults."""

from dataclasses import FrozenInstanceError
import math
from pathlib import Path
import re

from hypothesis import given, strategies as st
import pytest
from scpo_ros.config import (
    AdapterConfig, BackupConfig, build_node, ControllerConfig, MetricsConfig, NODES, PlantConfig,
    PolicyConfig, Spec, SystemConfig)
from scpo_ros.config.configuration import checked_configuration
from scpo_ros.config.parameter_file import read_parameter_file
from scpo_ros.config.validation import build, flatten
from scpo_ros.exceptions import ConfigurationError

FILE = Path(__file__).parents[2] / 'config' / 'scpo.yaml'
KINDS = {'spec': Spec, **NODES}
PARAMETERS = [(kind, name) for kind in KINDS for name in flatten(KINDS[kind]())]


def scalar(kind, name):
    """Return (the default of a parameter or of its first entry, metadata, wrapper)."""
    default, meta = flatten(KINDS[kind]())[name]
    if isinstance(default, tuple):
        return default[0], meta, lambda item: [item, *default[1:]]
    return default, meta, lambda item: item


def refused(kind, name, item):
    """Return the error that a value gives; it names parameter and value."""
    with pytest.raises(ConfigurationError) as caught:
        build(KINDS[kind], {name: item})
    assert caught.value.name == name
    assert name in str(caught.value) and 'must' in str(caught.value)
    return caught.value


@pytest.mark.parametrize('kind, name', PARAMETERS)
def test_every_parameter_is_described_and_its_default_admissible(kind, name):
    default, meta, _ = scalar(kind, name)
    assert meta['description']
    if isinstance(default, (int, float)) and not isinstance(default, bool):
        assert meta['low'] <= default <= meta['high']
    if isinstance(default, float):
        assert re.search(r'\[\S.*\]', meta['description']), 'no unit; [1] is that of a ratio'
    if meta['choices']:
        assert default in meta['choices']


@pytest.mark.parametrize('kind, name', PARAMETERS)
def test_every_bad_value_is_refused_with_name_and_rule(kind, name):
    default, meta, wrapped = scalar(kind, name)
    wrong = {bool: ['true', 1, 0.0, None], str: [1, 2.0, True, None],
             int: ['1', 1.0, True, None, math.nan], float: ['1.0', True, None, [1.0]]}
    for item in wrong[type(default)]:
        assert 'type' in refused(kind, name, wrapped(item)).rule
    if type(default) is float:
        for item in (math.nan, math.inf, -math.inf):
            assert 'must lie in' in refused(kind, name, wrapped(item)).rule
    if meta['low'] is not None:
        refused(kind, name, wrapped(meta['low'] - 1))
    if meta['high'] is not None:
        refused(kind, name, wrapped(type(default)(meta['high'] + 1)))
    if meta['choices']:
        assert default in refused(kind, name, 'evil').rule


@pytest.mark.parametrize('name', ['backup.state_weight', 'policy.hidden'])
@pytest.mark.parametrize('item', [[], (), 'ab', 3, None, {}])
def test_a_sequence_must_be_a_list_with_entries(name, item):
    refused('spec', name, item)


@pytest.mark.parametrize('kind', KINDS)
def test_defaults_survive_flatten_and_build(kind):
    config = KINDS[kind]()
    assert build(KINDS[kind], {n: item for n, (item, _) in flatten(config).items()}) == config
    assert build(KINDS[kind], {}) == config


@given(st.floats(0.02, 0.4), st.integers(1, 60), st.lists(st.integers(1, 9), min_size=1),
       st.booleans(), st.sampled_from(['daqp', 'osqp', 'qpoases']))
def test_changed_values_survive_flatten_and_build(dt, horizon, hidden, baseline_cost, solver):
    changes = {'system.dt': dt, 'backup.horizon': horizon, 'policy.hidden': hidden,
               'metrics.baseline_cost': baseline_cost, 'backup.solver': solver}
    spec = build(Spec, changes)
    assert spec == Spec(SystemConfig(dt=dt), BackupConfig(horizon=horizon, solver=solver),
                        PolicyConfig(hidden=tuple(hidden)),
                        MetricsConfig(baseline_cost=baseline_cost))
    assert build(Spec, {n: item for n, (item, _) in flatten(spec).items()}) == spec


def test_numbers_take_the_type_of_their_default():
    assert type(build(Spec, {'system.input_limit': 2}).system.input_limit) is float
    assert build(Spec, {'backup.state_weight': [1, 2]}).backup.state_weight == (1.0, 2.0)


@pytest.mark.parametrize('name, nearest', [
    ('system.dtt', 'system.dt'), ('backup.horizn', 'backup.horizon'), ('dt', None),
    ('system', 'system.dt'), ('', None), ('metrics.baseline_costs', 'metrics.baseline_cost')])
def test_an_unknown_name_is_refused_with_the_nearest(name, nearest):
    with pytest.raises(ConfigurationError, match='not a parameter of the specification') as caught:
        build(Spec, {name: 1})
    assert caught.value.name == name and caught.value.value == 1
    assert nearest is None or nearest in caught.value.rule


@pytest.mark.parametrize('node, kind', NODES.items())
def test_an_unknown_name_is_refused_in_the_name_of_the_node(node, kind):
    with pytest.raises(ConfigurationError, match=f'is not a parameter of the {node}') as caught:
        build_node(kind, {'learning_rate': 1})
    assert 'Config' not in str(caught.value)


@pytest.mark.parametrize('changes, name, rule', [
    ({'backup.planned_position': 1.1}, 'backup.planned_position', 'position_limit = 1.0'),
    ({'backup.planned_velocity': 0.7}, 'backup.planned_velocity', 'velocity_limit = 0.6'),
    ({'system.velocity_limit': 0.1}, 'backup.planned_velocity', 'velocity_limit = 0.1'),
    ({'backup.planned_input': 1.01}, 'backup.planned_input', 'input_limit = 1.0'),
    ({'backup.state_weight': [1.0]}, 'backup.state_weight', '2 entries'),
    ({'backup.state_weight': [1.0, 1.0, 1.0]}, 'backup.state_weight', '2 entries'),
    ({'metrics.horizon_s': 0.1, 'system.dt': 0.2}, 'metrics.horizon_s', 'at least dt = 0.2'),
])
def test_values_that_do_not_go_together_are_refused(changes, name, rule):
    with pytest.raises(ConfigurationError) as caught:
        build(Spec, changes)
    assert caught.value.name == name and rule in caught.value.rule


@pytest.mark.parametrize('plan, accept', [(0.02, 0.02), (0.01, 0.02), (0.025, 0.3)])
def test_the_plan_must_leave_more_margin_than_acceptance_asks_for(plan, accept):
    with pytest.raises(ConfigurationError, match='must exceed accept_margin') as caught:
        build(AdapterConfig, {'plan_margin': plan, 'accept_margin': accept})
    assert caught.value.name == 'plan_margin' and caught.value.value == plan


def test_planned_limits_may_equal_the_limits():
    build(Spec, {'backup.planned_position': 1.0, 'backup.planned_velocity': 0.6,
                 'backup.planned_input': 1.0})


def test_configurations_cannot_be_changed():
    for config in (Spec(), *(kind() for kind in NODES.values())):
        with pytest.raises(FrozenInstanceError):
            config.seed = 1


@pytest.mark.parametrize('kind, name', [(Spec, 'system.dt'), (PlantConfig, 'episode_steps')])
def test_a_number_beyond_all_floats_is_out_of_range(kind, name):
    with pytest.raises(ConfigurationError):
        build(kind, {name: 10**400})


@pytest.mark.parametrize('changes', [
    {'radius': 1.0, 'trust_radius': 0.1}, {'demonstrations': 20, 'min_demonstrations': 21}])
def test_an_adapter_that_could_never_learn_is_refused(changes):
    with pytest.raises(ConfigurationError):
        build(AdapterConfig, changes)


def test_the_parameter_file_names_every_parameter_at_its_default():
    shared = {name: item for name, (item, _) in flatten(Spec()).items()}
    for node, given_values in read_parameter_file(FILE).items():
        own = {name: item for name, (item, _) in flatten(NODES[node]()).items()}
        plain = {name: tuple(item) if isinstance(item, list) else item
                 for name, item in given_values.items()}
        assert plain == {**shared, **own}
        assert all(type(plain[name]) is type(item) for name, item in own.items())
    assert checked_configuration(FILE, {}) == ({n: kind() for n, kind in NODES.items()}, Spec())


def test_what_a_certificate_rests_on_may_not_change_while_nodes_run():
    dynamic = {name for kind, name in PARAMETERS if scalar(kind, name)[1]['dynamic']}
    assert dynamic == {
        'expert', 'batch', 'real_time_factor', 'enabled', 'update_period_s', 'demonstrations',
        'min_demonstrations', 'damping', 'results_dir', 'diag_error_count_threshold',
        'disturbance_scale', 'rollback_version', 'policy_file'}
    assert not dynamic & set(flatten(Spec()))


def test_policies_may_be_swapped_at_any_tick_where_invariance_is_proved():
    sampled = Spec(metrics=MetricsConfig(certificate='sampled', horizon_s=4.0))
    for spec, dwell in ((Spec(), 0.0), (sampled, 4.0)):
        assert ControllerConfig().dwell(spec) == dwell
        assert ControllerConfig(swap_dwell_s=2.5).dwell(spec) == 2.5
        assert ControllerConfig(safety=False).dwell(spec) == 0.0
