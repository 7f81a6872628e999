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

"""Launch arguments and parameter file: everything bad is named before anything moves."""

from contextlib import nullcontext, redirect_stderr
import io
from pathlib import Path
import subprocess
import sys
from types import SimpleNamespace
from unittest.mock import patch

import pytest
from scpo_ros.backup_certification import certification
from scpo_ros.bringup import preparation
from scpo_ros.bringup.namesakes import Look
from scpo_ros.bringup.preparation import set_up
from scpo_ros.bringup.results_folder import prepare
from scpo_ros.config import ControllerConfig, ExciteConfig, NODES, Spec, SystemSpec
from scpo_ros.config.arguments import (
    ADAPT_ARGUMENTS, ARGUMENTS, below, EXCITE_ARGUMENTS, full_name, namespace_of, overrides,
    settled)
from scpo_ros.config.configuration import checked_configuration, node_parameters
from scpo_ros.config.parameter_file import read_parameter_file
from scpo_ros.config.validation import flatten
from scpo_ros.exceptions import ConfigurationError, InfeasibleError, ScpoRosError
from scpo_ros.sim import main, parse
from scpo_ros.verification.task import ControlTask
import yaml

FILE = Path(__file__).parents[2] / 'config' / 'scpo.yaml'


@pytest.fixture
def file(tmp_path):
    """Return a maker of parameter files."""
    def make(content):
        path = tmp_path / 'parameters.yaml'
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
        return path
    return make


def section(**parameters):
    """Return the body of a section."""
    return {'ros__parameters': parameters}


def test_every_argument_sets_parameters_that_exist():
    for argument in ARGUMENTS:
        assert argument.description
        for node, parameter in argument.sets:
            known = {**flatten(Spec()), **flatten(SystemSpec()), 'use_sim_time': None}
            if node:
                known.update(flatten(NODES[node]()))
            assert parameter in known, argument.name


def test_every_argument_of_excite_sets_a_parameter_that_exists():
    known = {**flatten(SystemSpec()), **flatten(ExciteConfig())}
    for argument in EXCITE_ARGUMENTS:
        assert argument.description and all(
            name in known and node in ('', 'excite') for node, name in argument.sets)


def excite_given(**texts):
    """Return the parameters of excite that arguments and the installed file give."""
    return node_parameters(
        FILE, {'system': 'rail_slider', **texts}, EXCITE_ARGUMENTS, ('excite',))[0]['excite']


def test_an_argument_reaches_the_excite_node():
    given = excite_given(seed='7', duration='12.5', recording='a.csv', largest_amplitude='0.5')
    assert {name: given[name] for name in (
        'seed', 'duration_s', 'recording', 'largest_amplitude', 'system.description')} == {
        'seed': 7, 'duration_s': 12.5, 'recording': 'a.csv', 'largest_amplitude': 0.5,
        'system.description': 'rail_slider'}
    assert excite_given()['rest_s'] == ExciteConfig().rest_s


@pytest.mark.parametrize('name, text, part', [
    ('duration', '-1', 'duration_s'), ('recording', 'a.bag', 'must end in .csv'),
    ('largest_amplitude', '1.5', 'must lie in'), ('expert', 'benign', 'must be one of'),
    ('seed', 'one', 'int')])
def test_a_bad_argument_of_excite_is_named(name, text, part):
    with pytest.raises(ConfigurationError, match=part):
        excite_given(**{name: text})


def test_defaults_are_admissible():
    configs, spec = checked_configuration(FILE, parse([]))
    assert spec == Spec() and configs['monitor'].duration_s == 60.0
    assert configs['controller'] == ControllerConfig(ledger_dir='results/latest')
    assert configs['expert'].expert == 'outward_edge'


def test_an_argument_reaches_every_node_that_needs_it():
    configs, spec = checked_configuration(FILE, {
        'expert': 'sign_flip', 'seed': '7', 'safety': 'off', 'dt': '0.2', 'duration': '3.5',
        'autostart': 'False', 'real_time_factor': '2'})
    assert spec.system.dt == 0.2 and configs['plant'].real_time_factor == 2.0
    assert configs['expert'].expert == 'sign_flip'
    assert [configs[n].seed for n in ('plant', 'adapter', 'monitor')] == [7, 7, 7]
    assert not configs['controller'].safety and not configs['adapter'].safety
    assert not configs['adapter'].autostart and configs['monitor'].duration_s == 3.5


def test_an_empty_argument_leaves_it_to_the_file(file):
    path = file({'/**/plant': section(real_time_factor=3.0), '/**': section(system={'dt': 0.05})})
    configs, spec = checked_configuration(path, {'dt': '', 'real_time_factor': '', 'expert': ''})
    assert configs['plant'].real_time_factor == 3.0 and spec.system.dt == 0.05
    assert not any(overrides({a.name: '' for a in ARGUMENTS}).values())


def test_the_later_section_wins_as_in_ros(file):
    bodies = {'/**': section(seed=1), '/**/plant': section(seed=2)}
    for names, seed in ((('/**', '/**/plant'), 2), (('/**/plant', '/**'), 1)):
        text = ''.join(yaml.safe_dump({name: bodies[name]}) for name in names)
        read = read_parameter_file(file(text))
        assert read['plant'] == {'seed': seed} and read['adapter'] == {'seed': 1}


@pytest.mark.parametrize('name, text, parts', [
    ('dt', 'nan', ['system.dt', 'nan']), ('dt', '0', ['system.dt', '0.005']),
    ('dt', 'fast', ['dt', "'fast'", 'double']), ('seed', '-1', ['seed', '-1']),
    ('seed', '1.5', ['seed', "'1.5'", 'int']), ('expert', 'evil', ['expert', 'evil', 'benign']),
    ('duration', '-1', ['duration_s', '-1']), ('duration', 'inf', ['duration_s', 'inf']),
    ('safety', 'maybe', ['safety', 'maybe', 'bool']), ('autostart', '2', ['autostart', "'2'"]),
    ('real_time_factor', '0', ['real_time_factor', '0.0']), ('rate', '1', ['rate', 'expert']),
    ('log_level', 'shout', ['log_level', 'shout']), ('namespace', 'a b', ['namespace', 'a b']),
    ('dt', '5', ['system.dt', '5.0']),
])
def test_a_bad_argument_is_named_with_its_rule(name, text, parts):
    with pytest.raises(ConfigurationError) as caught:
        checked_configuration(FILE, {name: text})
    assert all(part in str(caught.value) for part in parts), str(caught.value)


@pytest.mark.parametrize('text', ['expert=benign', 'benign', '', '--duration', 'a:b', 'expert:'])
def test_what_does_not_read_name_value_is_refused(text):
    with pytest.raises(ConfigurationError, match='must read name:=value') as caught:
        parse([text])
    assert caught.value.value == text


def test_values_may_hold_the_separator_and_the_last_one_wins():
    assert parse(['results:=a:=b'])['results'] == 'a:=b'
    assert parse(['seed:=1', 'seed:=2'])['seed'] == '2'


@pytest.mark.parametrize('text', [
    '[1, 2]', 'abc', '3', '1: 2', 'x: [', '\x00', 'plant: 3', 'plant: {seed: 1}', 'robot: {}',
    '/**: {ros__parameters: {}, more: 1}', '/**: {ros__parameters: [1]}',
    '/**: {ros__parameters: hi}'])
def test_a_malformed_file_is_refused(file, text):
    with pytest.raises(ConfigurationError):
        checked_configuration(file(text), {})


@pytest.mark.parametrize('content, parts', [
    ({'/**': section(system={'dtt': 0.1})}, ['system.dtt', 'system.dt']),
    ({'/**': section(sytem={'dt': 0.1})}, ['sytem.dt']),
    ({'/**/plant': section(sed=1)}, ['sed', 'seed']),
    ({'/**/plant': section(episode_steps='many')}, ['episode_steps', 'many', 'int']),
    ({'/**': section(system={'dt': None})}, ['system.dt', 'null']),
    ({'/**': section(backup={'planned_position': 2.0})}, ['planned_position', '2.0', '1.0']),
    ({'/**': section(policy={'hidden': [16, -1]})}, ['policy.hidden', '-1']),
    ({'/**/adapter': section(plan_margin=0.02)}, ['plan_margin', 'accept_margin']),
    ({'/**': {'ros__parameters': {1: 2}}}, ['1', 'not a parameter']),
])
def test_a_bad_parameter_is_named_with_its_rule(file, content, parts):
    with pytest.raises(ConfigurationError) as caught:
        checked_configuration(file(content), {})
    assert all(part in str(caught.value) for part in parts), str(caught.value)


def test_nodes_that_would_not_agree_are_refused(file):
    path = file({'/**': section(system={'dt': 0.1}), '/**/plant': section(system={'dt': 0.2})})
    with pytest.raises(ConfigurationError, match='system.dt'):
        checked_configuration(path, {})
    assert checked_configuration(path, {'dt': '0.3'})[1].system.dt == 0.3


@pytest.mark.parametrize('where', ['missing.yaml', '.'])
def test_a_file_that_cannot_be_read_is_named(tmp_path, where):
    with pytest.raises(ConfigurationError, match='params_file cannot be read'):
        read_parameter_file(tmp_path / where)
    (tmp_path / 'binary').write_bytes(b'\xff\xfe\x80')
    with pytest.raises(ConfigurationError, match='binary, line 1: the text must be UTF-8'):
        read_parameter_file(tmp_path / 'binary')


def test_an_empty_file_is_all_defaults(file):
    assert checked_configuration(file(''), {}) == ({n: k() for n, k in NODES.items()}, Spec())


def test_nodes_are_given_every_parameter():
    parameters, spec = node_parameters(
        FILE, parse(['use_sim_time:=true', 'seed:=3']), nodes=NODES)
    assert spec == Spec()
    for node, kind in NODES.items():
        names = {'use_sim_time', *flatten(Spec()), *flatten(kind())}
        assert set(parameters[node]) == names and parameters[node]['use_sim_time'] is True
    assert parameters['plant']['seed'] == 3 and parameters['plant']['policy.hidden'] == [16, 16]


def test_arguments_are_read_like_parameters():
    read = overrides({'seed': '010', 'dt': '1e-1', 'duration': '3', 'safety': 'no'})
    assert read['plant']['seed'] == 8 and read['plant']['system.dt'] == 0.1
    assert type(read['monitor']['duration_s']) is float and read['adapter']['safety'] is False
    for name, text in (('seed', '1_0'), ('dt', '1:30'), ('duration', '1e-310'), ('seed', '1e3'),
                       ('seed', str(2**63)), ('safety', '2'), ('safety', 'oFF'), ('dt', 'true')):
        with pytest.raises(ConfigurationError, match=name):
            overrides({name: text})


@pytest.mark.parametrize('text', ['1e3', 'on', '010', './~x', 'a: b', '# c', ' x', "it's"])
def test_a_text_stays_text_in_the_file_that_the_nodes_read(tmp_path, monkeypatch, text):
    monkeypatch.setattr(preparation, 'make_ready', lambda *_: None)
    nobody = SimpleNamespace(refuse=lambda: None)
    monkeypatch.setattr(preparation, 'Look', lambda *_: nullcontext(nobody))
    monkeypatch.chdir(tmp_path)
    path, _ = set_up({**parse(['record:=true']), 'results': text})
    read = read_parameter_file(path)
    assert read['monitor']['output'] == read['adapter']['ledger_dir'] == text
    assert set(read['plant']) == {'use_sim_time', *flatten(Spec()), *flatten(NODES['plant']())}


def test_a_run_may_begin_with_the_description_in_the_results_that_it_replaces(
        tmp_path, monkeypatch):
    monkeypatch.setattr(preparation, 'make_ready', lambda *_: None)
    nobody = SimpleNamespace(refuse=lambda: None)
    monkeypatch.setattr(preparation, 'Look', lambda *_: nullcontext(nobody))
    own, results = tmp_path / 'run' / 'system.yaml', f'results:={tmp_path}/run'
    set_up(parse([results, 'system:=cart_pole']))
    text = own.read_text()
    set_up(parse([results, f'system:={own}']))
    assert own.read_text() == text and 'name: cart_pole' in text


@pytest.mark.parametrize('system, start, rule', [
    ('double_integrator', [0.9, 0.5], 'must lie in the safe set'),
    ('double_integrator_2', [0.5, 0.0], r'must have the shape \(4\)'),
    ('double_integrator_2', [5.0, 0.0, 0.0, 0.0], 'must lie in the safe set')])
def test_a_start_outside_the_safe_set_is_refused_before_anything_starts(
        tmp_path, monkeypatch, system, start, rule):
    monkeypatch.setattr(preparation, 'require_certified_backup', lambda *_, **__: None)
    monkeypatch.setattr(preparation, 'tabulate', lambda _: None)
    file = tmp_path / 'own.yaml'
    file.write_text(yaml.safe_dump({'/**': section(system={'description': system}),
                                    '/**/plant': section(random_start=False,
                                                         initial_state=start)}))
    parameters, spec = node_parameters(file, {'params_file': str(file)})
    with pytest.raises(ScpoRosError, match=f'^initial_state.*{rule}'):
        preparation.make_ready(spec, parameters)


@pytest.mark.parametrize('content, parts', [
    ({'/**': section(use_sim_time='true')}, ['use_sim_time', "'true'", 'bool']),
    ({'/**': section(use_sim_time=1)}, ['use_sim_time', '1', 'bool']),
    ({'/**/adapter': section(use_sim_time=True)}, ['adapter', 'use_sim_time', 'True', 'plant']),
    ({'/**': section(start_type_description_service='no')}, ['start_type', "'no'", 'bool']),
    ({'/**': section(qos_overrides={'x': 1})}, ['qos_overrides.x', 'not a parameter'])])
def test_the_clock_is_one_truth_value_for_all_nodes(file, content, parts):
    with pytest.raises(ConfigurationError) as caught:
        node_parameters(file(content), parse([]))
    assert all(part in str(caught.value) for part in parts), str(caught.value)


def test_what_ros_2_param_dump_prints_is_taken(file):
    parameters, _ = node_parameters(FILE, parse([]))
    dumped = {**parameters['adapter'], 'start_type_description_service': True, 'seed': 9}
    path = file({'/scpo/adapter': {'ros__parameters': dumped}})
    again, _ = node_parameters(path, parse(['results:=results/latest']))
    assert again['adapter'] == dumped
    assert again['plant'] == {**parameters['plant']}


def test_only_nodes_that_run_must_agree(file):
    both = {f'/scpo/{node}': section(system={'dt': 0.2}, use_sim_time=True)
            for node in ('controller', 'adapter')}
    with pytest.raises(ConfigurationError, match='that of every node'):
        node_parameters(file(both), parse([]))
    parameters, spec = node_parameters(
        file(both), {'namespace': 'scpo'}, ADAPT_ARGUMENTS, ('controller', 'adapter'))
    assert spec.system.dt == 0.2 and set(parameters) == {'controller', 'adapter'}
    assert parameters['adapter']['use_sim_time'] is True


def test_what_is_set_from_outside_may_not_contradict_what_was_chosen(file):
    outside = {node: {'use_sim_time': True, 'system.dt': 0.2} for node in NODES}
    parameters, spec = node_parameters(FILE, parse([]), outside=outside)
    assert spec.system.dt == 0.2 and parameters['expert']['use_sim_time'] is True
    path = file({'/**': section(system={'dt': 0.1})})
    for given in ([f'params_file:={path}'], ['dt:=0.1'], ['use_sim_time:=off']):
        with pytest.raises(ConfigurationError, match='set by an including launch file, must be'):
            node_parameters(path, parse(given), outside=outside)
    node_parameters(path, parse([f'params_file:={path}', 'dt:=0.2']), outside=outside)


# Names -------------------------------------------------------------------------------------------


@pytest.mark.parametrize('text, full', [
    ('scpo', '/scpo'), ('/scpo', '/scpo'), ('/', '/'), ('', '/'), ('a/b', '/a/b'),
    ('/a/b', '/a/b'), ('_a1', '/_a1')])
def test_a_namespace_is_a_full_name(text, full):
    assert namespace_of({'namespace': text}) == full
    assert full_name('adapter', {'namespace': text}) == full.rstrip('/') + '/adapter'


@pytest.mark.parametrize('text', [
    'a b', 'a//b', '//', '//a', 'a/', '/a/', '1a', 'a/1', 'a-b', '~', '~/a', 'a.b', '\xe9', 'a\n',
    '*', 'a' * 151])
def test_a_malformed_namespace_is_refused_in_one_line(tmp_path, capsys, text):
    folder = tmp_path / 'results'
    assert main([f'namespace:={text}', f'results:={folder}']) == 2
    printed = capsys.readouterr().err
    assert printed.count('\n') == 1 and 'namespace must' in printed and not folder.exists()


@pytest.mark.parametrize('parent, text, full', [
    ('', 'scpo', '/scpo'), ('/a', 'scpo', '/a/scpo'), ('/a/b', 'c/d', '/a/b/c/d'),
    ('/a', '/scpo', '/scpo'), ('/a', '/', '/a'), ('/a', '', '/a'), ('', '/', '/'),
    ('/', 'x', '/x')])
def test_a_relative_namespace_stands_below_the_one_of_the_launch_file(parent, text, full):
    assert below(parent, {'namespace': text, 'seed': '1'}) == {'namespace': full, 'seed': '1'}


def test_a_namespace_below_another_has_a_sensible_length():
    with pytest.raises(ConfigurationError, match='at most 150'):
        below('/' + 'a' * 100, {'namespace': 'b' * 100})


@pytest.mark.parametrize('name', ['joint_states', 'joint_command', 'demonstrations'])
@pytest.mark.parametrize('text', ['a b', '~/states', '/a//b', 'a/', ''])
def test_a_malformed_topic_is_refused(name, text):
    known = {argument.name: argument for argument in ADAPT_ARGUMENTS}[name]
    assert known.parse('/arm/states') == '/arm/states'
    with pytest.raises(ConfigurationError, match='joined by single slashes'):
        known.parse(text)


# Paths -------------------------------------------------------------------------------------------


def test_a_tilde_is_the_home_folder_in_every_path(tmp_path, monkeypatch, file):
    monkeypatch.setenv('HOME', str(tmp_path))
    paths = [argument.name for argument in ARGUMENTS if argument.path]
    assert paths == ['params_file', 'system', 'mujoco_model', 'results', 'bag_path']
    given = parse([f'{name}:=~/x/{name}' for name in paths])
    assert [given[name] for name in paths] == [f'{tmp_path}/x/{name}' for name in paths]
    assert [argument.path for argument in ADAPT_ARGUMENTS if argument.name in paths] == [True] * 3
    path = file({'/**/adapter': section(ledger_dir='~/ledger', policy_file='~', bound_file='~/b',
                                        results_dir='a/~')})
    adapter = checked_configuration(path, {})[0]['adapter']
    assert (adapter.ledger_dir, adapter.policy_file, adapter.bound_file, adapter.results_dir) == (
        f'{tmp_path}/ledger', str(tmp_path), f'{tmp_path}/b', 'a/~')


@pytest.mark.parametrize('name', ['results', 'params_file', 'bag_path'])
def test_a_home_folder_that_is_not_known_is_refused(monkeypatch, capsys, name):
    assert main([f'{name}:=~nobody-has-this-name/x']) == 2
    assert capsys.readouterr().err.count('\n') == 1
    monkeypatch.setenv('HOME', '')
    with pytest.raises(ConfigurationError, match='must name a home folder'):
        settled({name: '~/x'})


# The folder of results ---------------------------------------------------------------------------


def test_old_results_are_replaced(tmp_path):
    folder = tmp_path / 'deep' / 'results'
    prepare(folder)
    for name in ('summary.json', 'run.png', 'run.parameters.yaml'):
        (folder / name).write_text('old')
    (folder / 'bag').mkdir()
    (folder / 'bag' / 'old.mcap').write_text('old')
    prepare(folder)
    assert folder.is_dir() and not list(folder.iterdir())


@pytest.mark.parametrize('name', ['thesis.tex', '.git', 'notes', 'data.csv'])
def test_a_folder_with_anything_else_is_not_touched(tmp_path, name):
    (tmp_path / 'summary.json').write_text('old')
    (tmp_path / name).mkdir() if name == '.git' else (tmp_path / name).write_text('mine')
    with pytest.raises(ConfigurationError, match='which no run wrote') as caught:
        prepare(tmp_path)
    assert name in str(caught.value)
    assert {path.name for path in tmp_path.iterdir()} == {'summary.json', name}


def test_a_folder_with_names_like_results_is_not_touched_either(tmp_path):
    (tmp_path / 'running_notes.txt').write_text('mine')
    with pytest.raises(ConfigurationError):
        prepare(tmp_path)


@pytest.mark.parametrize('name', ['', 'adapter.ledger'])
def test_a_folder_that_another_run_uses_is_not_touched(tmp_path, name):
    (tmp_path / 'summary.json').write_text('its own')
    (tmp_path / 'adapter.ledger').write_text('its own')
    line = ('import fcntl, os, sys; fcntl.flock(os.open(sys.argv[1], os.O_RDONLY), fcntl.LOCK_EX);'
            'print("locked", flush=True); sys.stdin.read()')
    with subprocess.Popen([sys.executable, '-c', line, tmp_path / name], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True) as other:
        other.stdout.readline()
        with pytest.raises(ConfigurationError, match='is used by another run, which holds'):
            prepare(tmp_path)
        assert len(list(tmp_path.iterdir())) == 2
        other.stdin.close()
    prepare(tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_folder_of_this_process_is_locked_against_others(tmp_path):
    prepare(tmp_path / 'results')
    line = ('import fcntl, os, sys; fcntl.flock(os.open(sys.argv[1], os.O_RDONLY),'
            'fcntl.LOCK_EX | fcntl.LOCK_NB)')
    done = subprocess.run([sys.executable, '-c', line, tmp_path / 'results'], capture_output=True,
                          text=True, timeout=20)
    assert done.returncode == 1 and 'BlockingIOError' in done.stderr


@pytest.mark.parametrize('kind', ['file', 'link'])
def test_results_that_are_no_folder_are_refused(tmp_path, kind):
    path = tmp_path / 'results'
    if kind == 'file':
        path.write_text('mine')
    else:
        (tmp_path / 'elsewhere').mkdir()
        path.symlink_to(tmp_path / 'elsewhere')
    with pytest.raises(ConfigurationError):
        prepare(path)


@pytest.mark.parametrize('argument, parts', [
    ('dt:=nan', ['system.dt', 'nan']), ('expert:=evil', ['evil', 'benign']),
    ('nonsense', ['nonsense', 'name:=value']), ('params_file:=/nowhere.yaml', ['/nowhere.yaml']),
    ('colour:=red', ['colour']),
])
def test_the_program_ends_with_one_line_before_anything_moves(tmp_path, capsys, argument, parts):
    folder = tmp_path / 'results'
    assert main([argument, f'results:={folder}']) == 2
    printed = capsys.readouterr()
    assert printed.out == '' and printed.err.count('\n') == 1
    assert all(part in printed.err for part in parts), printed.err
    assert not folder.exists()


@pytest.fixture(scope='module')
def impossible(tmp_path_factory):
    """
    Return (exit code, what was printed, old results) of a start whose limits leave no set.

    What would help is not searched for; `test_backup_certification.py` has that.
    """
    base = tmp_path_factory.mktemp('impossible')
    (base / 'results').mkdir()
    (base / 'results' / 'summary.json').write_text('old')
    path = base / 'parameters.yaml'
    path.write_text(yaml.safe_dump({'/**': section(system={'disturbance': 3.0, 'dt': 0.5})}))
    printed = io.StringIO()
    with redirect_stderr(printed), patch.object(certification, 'for_no_safe_set', lambda _: ()):
        code = main([f'params_file:={path}', f'results:={base / "results"}'])
    return code, printed.getvalue(), base / 'results'


def test_impossible_limits_end_the_program_with_one_line(impossible):
    code, printed, _ = impossible
    errors = [line for line in printed.splitlines() if 'error' in line]
    assert code == 2
    assert len(errors) == 1 and 'disturbance must be small enough' in errors[0]


def test_impossible_limits_leave_the_old_results_alone(impossible):
    code, _, folder = impossible
    assert code == 2 and (folder / 'summary.json').read_text() == 'old'


def test_help_lists_every_argument(capsys):
    assert main(['--help']) == 0
    printed = capsys.readouterr().out
    assert all(f'{argument.name}:=' in printed for argument in ARGUMENTS)


def test_all_tables_are_made_before_anything_starts(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(
        ControlTask, 'build_proofs', lambda task: asked.append(task.kind))
    monkeypatch.setattr(Look, 'refuse', lambda _: None)
    set_up(parse([f'results:={tmp_path}/run']))
    assert set(asked) == {'proved'}  # twice where the backup is certified anew


def test_what_cannot_be_proved_ends_the_start_with_its_reason(tmp_path, monkeypatch, capsys):
    def refuse(task):
        raise InfeasibleError('the table of the backup leaves gaps')

    monkeypatch.setattr(ControlTask, 'build_proofs', refuse)
    assert main([f'results:={tmp_path}/run']) == 2
    assert 'leaves gaps' in capsys.readouterr().err
    assert not (tmp_path / 'run').exists()
