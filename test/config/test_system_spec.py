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

"""The specification of a described system: its parameters, its digest, its place in the nodes."""

from pathlib import Path

import pytest
from scpo_ros.config import AdapterConfig, ControllerConfig, RUN_NODES, Spec, SystemSpec
from scpo_ros.config.arguments import ADAPT_ARGUMENTS, ARGUMENTS
from scpo_ros.config.configuration import checked_configuration, node_parameters
from scpo_ros.config.node_parameters import build_node, build_spec
from scpo_ros.config.resources import share_file
from scpo_ros.config.specification import (
    canonical_of_system, difference, spec_digest, system_digest)
from scpo_ros.config.validation import build, flatten
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.systems import load
from scpo_ros.systems.loading import file_of
import yaml

FILE = share_file('config/scpo.yaml')
NAME = 'system.description'


def spec_of(**changes):
    return build(SystemSpec, {NAME: 'cart_pole', **changes})


def test_the_parameter_says_which_class_the_specification_has():
    assert build_spec({}) == build_spec({NAME: 'double_integrator'}) == Spec()
    described = build_spec({NAME: 'cart_pole', 'policy.seed': 3})
    assert described.system.description == 'cart_pole' and described.policy.seed == 3


@pytest.mark.parametrize('name', ['system.dt', 'backup.horizon', 'metrics.proof_cells'])
def test_a_parameter_of_the_double_integrator_is_refused_beside_a_description(name):
    with pytest.raises(ConfigurationError, match=f'^{name} is not a parameter of the specificat'
                       'ion of a described system'):
        build_node(ControllerConfig, {NAME: 'cart_pole', name: flatten(Spec())[name][0]})


@pytest.mark.parametrize('kind', ['sampled', 'sworn'])
def test_only_certificates_that_a_description_can_have_are_taken(kind):
    with pytest.raises(ConfigurationError, match='^metrics.certificate must be one of auto, prov'):
        spec_of(**{'metrics.certificate': kind})


def test_auto_is_proved_or_guarded_and_of_the_double_integrator_proved():
    assert spec_of().kinds == ('proved', 'guarded') and Spec().certificate == 'proved'
    assert spec_of(**{'metrics.certificate': 'bounded'}).kinds == ('bounded',)
    assert spec_of().swap_dwell_s == 0.0


def test_an_argument_reaches_every_node_and_the_installed_file_keeps_its_own_system():
    configs, spec = checked_configuration(FILE, {'system': 'cart_pole', 'certificate': 'bounded'})
    assert spec == spec_of(**{'metrics.certificate': 'bounded'})
    given, _ = node_parameters(FILE, {'system': 'cart_pole'})
    assert set(given) == set(RUN_NODES)
    for values in given.values():
        assert values[NAME] == 'cart_pole' and 'system.dt' not in values
        assert values['policy.hidden'] == [32, 32]
    assert configs['plant'].episode_steps == 60
    assert any(argument.name == 'system' for argument in ADAPT_ARGUMENTS)
    assert checked_configuration(FILE, {'system': 'double_integrator'})[1] == Spec()


def test_a_file_of_ones_own_may_name_the_description(tmp_path):
    path = tmp_path / 'own.yaml'
    path.write_text(yaml.safe_dump({'/**': {'ros__parameters': {
        'system': {'description': 'cart_pole'}, 'policy': {'hidden': [8, 8]}}}}))
    _, spec = checked_configuration(path, {'params_file': str(path)})
    assert spec.policy.hidden == (8, 8) and spec.system.description == 'cart_pole'


def test_nodes_of_different_systems_do_not_start(tmp_path):
    path = tmp_path / 'own.yaml'
    path.write_text(yaml.safe_dump({'/**/plant': {'ros__parameters': {
        'system': {'description': 'cart_pole'}}}}))
    with pytest.raises(ConfigurationError, match='controller: system.description must be that of '
                       "every node, as of the plant: 'cart_pole', got 'double_integrator'"):
        checked_configuration(path, {'params_file': str(path)})


def test_the_argument_is_refused_together_with_a_step_of_ones_own():
    with pytest.raises(ConfigurationError, match='^plant: system.dt|^system.dt is not a param'):
        checked_configuration(FILE, {'system': 'cart_pole', 'dt': '0.05'}, ARGUMENTS)


# The digest ---------------------------------------------------------------------------------


def digest_of(text, **changes):
    """Return the digest of a description that is given as the text of a file."""
    spec = spec_of(**changes)
    return system_digest(spec, load(yaml.safe_load(text)).content, spec.kinds[-1])


TEXT = Path(file_of('cart_pole')).read_text(encoding='utf-8')


def test_the_digest_is_of_the_content_and_not_of_the_place(tmp_path):
    copy = tmp_path / 'other.yaml'
    copy.write_text(TEXT)
    named, placed = load('cart_pole'), load(copy)
    assert system_digest(spec_of(), named.content, 'guarded') == system_digest(
        spec_of(**{NAME: str(copy)}), placed.content, 'guarded')


@pytest.mark.parametrize('old, new', [
    ('upper: 1.5,', 'upper: 1.5000000000000002,'), ('pole_mass: 0.1', 'pole_mass: 0.11'),
    ('disturbance: 0.001', 'disturbance: 0.0011'), ('name: force', 'name: push'),
    ('joint: pole, field: velocity', 'joint: bar, field: velocity'),
    ('R: [0.003]', 'R: [0.004]'), ('contraction: 0.999', 'contraction: 0.9985'),
    ('on_silence: feedback', 'on_silence: hold'), ('dt: 0.02', 'dt: 0.021')])
def test_whatever_the_description_says_counts_to_its_last_bit(old, new):
    assert old in TEXT
    sentence = difference(digest_of(TEXT.replace(old, new)), digest_of(TEXT))
    assert 'system.* (' in sentence and ' and ' not in sentence


def test_comments_and_the_order_of_keys_do_not_count():
    data = yaml.safe_load(TEXT)
    turned = yaml.safe_dump(dict(reversed(data.items())), sort_keys=False)
    assert turned != TEXT and digest_of(turned) == digest_of(TEXT)


@pytest.mark.parametrize('name, value', [
    ('policy.hidden', [16, 16]), ('policy.seed', 1), ('metrics.certificate', 'bounded'),
    ('metrics.filter_action', 0.02), ('metrics.seed', 1), ('metrics.return_ratio', 0.6),
    ('metrics.design_states', 25), ('metrics.verification_states', 121),
    ('metrics.baseline_cost_tolerance', 0.06)])
def test_every_parameter_counts(name, value):
    sentence = difference(digest_of(TEXT, **{name: value}), digest_of(TEXT))
    assert f'{name.partition(".")[0]}.* (' in sentence


def test_the_digest_of_a_bounded_residual_says_by_what_it_is_bounded():
    """Certificates with one bound for all states were of the same values."""
    spec = spec_of(**{'metrics.certificate': 'bounded'})
    metrics = canonical_of_system(spec, '', 'bounded')['metrics']
    assert "metrics.invariance = 'bounded by the state'" in metrics.split('\n')  # first name
    assert "metrics.invariance = 'guarded'" in canonical_of_system(spec, '', 'guarded')['metrics']


def test_a_certificate_of_the_double_integrator_is_of_another_form():
    described, plain = digest_of(TEXT), spec_digest(Spec())
    assert 'its system is a description, here it is the double' in difference(described, plain)
    assert 'its system is the double integrator of' in difference(plain, described)


def test_fresh_scenarios_may_be_asked_for_beside_a_description(tmp_path):
    fresh = {'verification': 'sampled-bound', 'bound_file': 'tests.json'}
    assert build_node(AdapterConfig, {NAME: 'cart_pole', **fresh})[1].verification == (
        'sampled-bound')
    path = tmp_path / 'own.yaml'
    path.write_text(yaml.safe_dump({'/**/adapter': {'ros__parameters': fresh}}))
    configs, _ = checked_configuration(path, {'params_file': str(path), 'system': 'cart_pole'})
    assert configs['adapter'].bound_file.endswith('tests.json')
    path.write_text(yaml.safe_dump({'/**/adapter': {'ros__parameters': {
        'verification': 'sampled-bound'}}}))
    with pytest.raises(ConfigurationError, match='bound_file'):
        checked_configuration(path, {'params_file': str(path), 'system': 'cart_pole'})
