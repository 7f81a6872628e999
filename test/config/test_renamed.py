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

"""A parameter under its old name is refused, and stays readable where it was recorded."""

import pytest
from scpo_ros.config import AdapterConfig, build_node, NODES, Spec
from scpo_ros.config.arguments import overrides
from scpo_ros.config.configuration import checked_configuration, configuration_of
from scpo_ros.config.renamed import first_names, present_names, RENAMED
from scpo_ros.config.specification import canonical, spec_digest
from scpo_ros.config.validation import build, flatten
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.sim import main
import yaml

EMPTY = {node: {} for node in NODES}
KNOWN = {*flatten(Spec()), *(name for kind in NODES.values() for name in flatten(kind()))}
# Digest of the defaults since semantics 2, written while metrics.baseline_cost was
# metrics.no_regret. Certificates, ledgers and policy files hold it.
DEFAULTS = (
    'scpo-2:backup=db2d881184f2d2421d8c7ec323ce3524,metrics=9f956b2dba7f596cc4003f8eeaf7dc54,'
    'policy=49ba805d044440247636ce3317b5ad5e,system=b7bd77c2ba5b492894978c1804853461')


def refused(old, call):
    """Return the sentence with which a call refuses an old name, with the present one."""
    with pytest.raises(ConfigurationError) as caught:
        call()
    assert caught.value.name == old and str(caught.value).count('\n') == 0
    assert f'its present name, {RENAMED[old]}' in str(caught.value)
    return str(caught.value)


def test_the_table_leads_from_names_that_are_gone_to_names_that_exist():
    assert not set(RENAMED) & KNOWN and set(RENAMED.values()) <= KNOWN
    assert len(set(RENAMED.values())) == len(RENAMED) == len(first_names())


@pytest.mark.parametrize('old', RENAMED)
def test_a_parameter_file_with_an_old_name_is_refused(tmp_path, old):
    for section in ('/**', '/**/adapter', '/scpo/adapter'):
        path = tmp_path / 'old.yaml'
        path.write_text(yaml.safe_dump({section: {'ros__parameters': {old: 1}}}))
        refused(old, lambda: checked_configuration(path, {}))


def test_the_command_says_it_in_one_line(tmp_path, capsys):
    path = tmp_path / 'old.yaml'
    path.write_text('/**: {ros__parameters: {metrics: {no_regret_tolerance: 0.05}}}')
    assert main([f'params_file:={path}', f'results:={tmp_path / "run"}']) == 2
    assert capsys.readouterr().err == (
        '[scpo_ros] error: metrics.no_regret_tolerance must be given under its present name, '
        'metrics.baseline_cost_tolerance, got 0.05\n')


@pytest.mark.parametrize('old', set(RENAMED) - {'certificate'})  # which says another thing
def test_a_launch_argument_with_an_old_name_is_refused(old):
    assert 'in the parameter file' in refused(old, lambda: overrides({old: '1'}))


def test_a_renamed_launch_argument_is_told_without_the_file(monkeypatch):
    monkeypatch.setitem(RENAMED, 'teacher', 'expert')
    assert 'file' not in refused('teacher', lambda: overrides({'teacher': 'benign'}))


@pytest.mark.parametrize('old', RENAMED)
def test_the_parameters_of_a_node_with_an_old_name_are_refused(old):
    refused(old, lambda: build_node(AdapterConfig, {old: 1}))


def test_a_name_that_never_existed_is_told_with_the_nearest():
    with pytest.raises(ConfigurationError, match="did you mean 'metrics.baseline_cost'"):
        build(Spec, {'metrics.baseline_costs': True})


def test_a_recorded_run_is_read_under_the_present_names():
    recorded = {**EMPTY, 'adapter': {'teacher_wait_s': 3.0}}
    for node in recorded:
        recorded[node] = present_names({**recorded[node], 'metrics.no_regret_tolerance': 0.04})
    configs, spec = configuration_of(recorded)
    assert configs['adapter'].expert_wait_s == 3.0
    assert spec.metrics.baseline_cost_tolerance == 0.04


def test_digests_are_those_of_before_the_names_changed():
    assert spec_digest(Spec()) == DEFAULTS
    assert 'metrics.no_regret = True' in canonical(Spec())['metrics'].splitlines()
    assert 'baseline_cost' not in ''.join(canonical(Spec()).values())
