"""Launch arguments and parameter file: everything bad is named before anything moves."""

from pathlib import Path

import pytest
from scpo_ros.bringup.preparation import set_up
from scpo_ros.bringup.results_folder import prepare
from scpo_ros.config import ControllerConfig, NODES, Spec
from scpo_ros.config.arguments import ARGUMENTS, overrides
from scpo_ros.config.configuration import checked_configuration, node_parameters
from scpo_ros.config.parameter_file import read_parameter_file
from scpo_ros.config.validation import flatten
from scpo_ros.exceptions import ConfigurationError, InfeasibleError
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
            known = {**flatten(Spec()), 'use_sim_time': None}
            if node:
                known.update(flatten(NODES[node]()))
            assert parameter in known, argument.name


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


def test_a_section_of_a_node_wins_over_that_of_all_in_any_order(file):
    for names in (('/**', '/**/plant'), ('/**/plant', '/**')):
        bodies = {'/**': section(seed=1), '/**/plant': section(seed=2)}
        read = read_parameter_file(file({name: bodies[name] for name in names}))
        assert read['plant'] == {'seed': 2} and read['adapter'] == {'seed': 1}
    for name in ('plant', '/plant', '/**/plant'):
        assert read_parameter_file(file({name: section(seed=2)}))['plant'] == {'seed': 2}


@pytest.mark.parametrize('name, text, parts', [
    ('dt', 'nan', ['system.dt', 'nan']), ('dt', '0', ['system.dt', '0.005']),
    ('dt', 'fast', ['dt', "'fast'", 'float']), ('seed', '-1', ['seed', '-1']),
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
    '/**: {ros__parameters: hi}', '/ns/plant: {ros__parameters: {}}'])
def test_a_malformed_file_is_refused(file, text):
    with pytest.raises(ConfigurationError):
        checked_configuration(file(text), {})


@pytest.mark.parametrize('content, parts', [
    ({'/**': section(system={'dtt': 0.1})}, ['system.dtt', 'system.dt']),
    ({'/**': section(sytem={'dt': 0.1})}, ['sytem.dt']),
    ({'/**/plant': section(sed=1)}, ['sed', 'seed']),
    ({'/**/plant': section(episode_steps='many')}, ['episode_steps', 'many', 'int']),
    ({'/**': section(system={'dt': None})}, ['system.dt', 'None']),
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
    with pytest.raises(ConfigurationError, match='params_file cannot be read'):
        read_parameter_file(tmp_path / 'binary')


def test_an_empty_file_is_all_defaults(file):
    assert checked_configuration(file(''), {}) == ({n: k() for n, k in NODES.items()}, Spec())


def test_nodes_are_given_every_parameter():
    parameters, spec = node_parameters(FILE, parse(['use_sim_time:=true', 'seed:=3']))
    assert spec == Spec()
    for node, kind in NODES.items():
        names = {'use_sim_time', *flatten(Spec()), *flatten(kind())}
        assert set(parameters[node]) == names and parameters[node]['use_sim_time'] is True
    assert parameters['plant']['seed'] == 3 and parameters['plant']['policy.hidden'] == [16, 16]


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


def impossible(file, folder):
    """Run with limits that leave no safe set; return the exit code."""
    path = file({'/**': section(system={'disturbance': 3.0})})
    return main([f'params_file:={path}', f'results:={folder}'])


def test_impossible_limits_end_the_program_with_one_line(tmp_path, file, capsys):
    assert impossible(file, tmp_path / 'results') == 2
    errors = [line for line in capsys.readouterr().err.splitlines() if 'error' in line]
    assert len(errors) == 1 and 'disturbance must be small enough' in errors[0]


def test_impossible_limits_leave_the_old_results_alone(tmp_path, file):
    folder = tmp_path / 'results'
    folder.mkdir()
    (folder / 'summary.json').write_text('old')
    impossible(file, folder)
    assert (folder / 'summary.json').exists()


def test_help_lists_every_argument(capsys):
    assert main(['--help']) == 0
    printed = capsys.readouterr().out
    assert all(f'{argument.name}:=' in printed for argument in ARGUMENTS)


def test_all_tables_are_made_before_anything_starts(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(
        ControlTask, 'build_proofs', lambda task: asked.append(task.spec.metrics.invariance))
    set_up(parse([f'results:={tmp_path}/run']))
    assert asked == ['proved']


def test_what_cannot_be_proved_ends_the_start_with_its_reason(tmp_path, monkeypatch, capsys):
    def refuse(task):
        raise InfeasibleError('the table of the backup leaves gaps')

    monkeypatch.setattr(ControlTask, 'build_proofs', refuse)
    assert main([f'results:={tmp_path}/run']) == 2
    assert 'leaves gaps' in capsys.readouterr().err
    assert not (tmp_path / 'run').exists()
