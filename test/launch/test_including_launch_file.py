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

"""
A launch file that includes ours: pushed namespaces, parameters set from outside, refused names.

What the nodes would be started with is looked at; none is started. Skips as test_sim_launch.py
does.
"""

from launched import FOLDER, MISSING, needs_launch
import pytest
from scpo_ros.bringup import preparation
from scpo_ros.config.parameter_file import read_parameter_file

if not MISSING:
    from launch import LaunchDescription, LaunchService
    from launch.actions import GroupAction, IncludeLaunchDescription
    from launch.launch_description_sources import PythonLaunchDescriptionSource
    from launch_ros.actions import (
        Node, PushROSNamespace, SetParameter, SetParametersFromFile, SetRemap)

pytestmark = needs_launch
PAIR = ('controller', 'adapter')


def word_of(substitutions, context):
    """Return a word of a command line; names are put in later, when a node is executed."""
    try:
        return ''.join(part.perform(context) for part in substitutions)
    except AttributeError:
        return ''


class Started:
    """Runs launch descriptions and keeps what each node would be started with."""

    def __init__(self, monkeypatch):
        """Have no process started and nothing certified."""
        self.lines = {}  # {full name: command line}

        def keep(node, context):
            node._perform_substitutions(context)
            assert node.node_name not in self.lines
            self.lines[node.node_name] = [word_of(word, context) for word in node.cmd]

        monkeypatch.setattr(Node, 'execute', keep)
        monkeypatch.setattr(preparation, 'require_certified_backup', lambda *_, **__: None)
        monkeypatch.setattr(preparation, 'tabulate', lambda *_: None)

    def run(self, *actions):
        """Run actions; return the exit code."""
        service = LaunchService(noninteractive=True)
        service.include_launch_description(LaunchDescription(list(actions)))
        return service.run()

    def parameters(self, name):
        """Return what the file that a node is given holds for it; it is given nothing else."""
        line = self.lines[name]
        assert line.count('--params-file') == 1 and '-p' not in line
        namespace, _, node = name.rpartition('/')
        return read_parameter_file(line[line.index('--params-file') + 1], namespace or '/')[node]


@pytest.fixture
def started(monkeypatch):
    """Return a Started."""
    return Started(monkeypatch)


def included(name, **arguments):
    """Return the action that includes one of our launch files."""
    return IncludeLaunchDescription(
        PythonLaunchDescriptionSource(str(FOLDER / name)),
        launch_arguments=list(arguments.items()))


def names(*namespaces):
    """Return the full names of controller and adapter in namespaces."""
    return {f'{namespace}/{node}' for namespace in namespaces for node in PAIR}


def test_two_robots_under_pushed_namespaces_are_apart(started):
    assert started.run(*(
        GroupAction([PushROSNamespace(robot), included('adapt.launch.py')])
        for robot in 'ab')) == 0
    assert set(started.lines) == names('/a/scpo', '/b/scpo')
    for name in started.lines:
        assert started.parameters(name)['system.dt'] == 0.1


@pytest.mark.parametrize('text, full', [
    ('scpo', '/fleet/a/scpo'), ('/', '/fleet/a'), ('/own', '/own'), ('x/y', '/fleet/a/x/y')])
def test_nested_groups_add_up(started, text, full):
    assert started.run(GroupAction([PushROSNamespace('fleet'), GroupAction([
        PushROSNamespace('a'), included('adapt.launch.py', namespace=text)])])) == 0
    assert set(started.lines) == names(full)


@pytest.mark.parametrize('text, full', [('/', ''), ('scpo', '/scpo'), ('/a', '/a')])
def test_without_a_group_the_namespace_is_the_argument(started, text, full):
    assert started.run(included('adapt.launch.py', namespace=text)) == 0
    assert set(started.lines) == names(full)
    assert 'accept_margin' in started.parameters(f'{full}/adapter')


@pytest.mark.parametrize('text', ['a//b', 'a/', '1a', 'a b', '~'])
def test_a_malformed_namespace_starts_nothing(started, text):
    assert started.run(included('adapt.launch.py', namespace=text)) == 1
    assert not started.lines


def test_what_is_set_from_outside_reaches_the_nodes_checked(started, tmp_path):
    path = tmp_path / 'all.yaml'
    path.write_text('/**: {ros__parameters: {radius: 0.0002, wheels: 4}}')
    assert started.run(
        SetParameter('use_sim_time', True), SetParameter('robot_description', '<robot/>'),
        SetParameter('system.dt', 0.2), SetParametersFromFile(str(path)),
        included('adapt.launch.py')) == 0
    adapter, controller = (started.parameters(f'/scpo/{node}') for node in PAIR[::-1])
    assert adapter['use_sim_time'] is True and controller['use_sim_time'] is True
    assert (adapter['system.dt'], adapter['radius']) == (0.2, 0.0002)
    assert 'robot_description' not in adapter and 'wheels' not in controller


def test_other_nodes_keep_what_is_set_from_outside(started):
    assert started.run(
        SetParameter('robot_description', 'x'), included('adapt.launch.py'),
        Node(package='scpo_ros', executable='expert', name='other', namespace='/o')) == 0
    assert 'robot_description:=x' in started.lines['/o/other']


@pytest.mark.parametrize('name, item, arguments', [
    ('system.dt', -1.0, {}), ('use_sim_time', 'maybe', {}), ('use_sim_time', 1, {}),
    ('system.dt', 0.2, {'dt': '0.1'}), ('use_sim_time', True, {'use_sim_time': 'false'})])
def test_what_cannot_be_taken_from_outside_starts_nothing(started, name, item, arguments):
    assert started.run(SetParameter(name, item), included('adapt.launch.py', **arguments)) == 1
    assert not started.lines


@pytest.mark.parametrize('name', ['__node', 'controller:__node', '__ns'])
def test_a_node_is_given_no_other_name_from_outside(started, name):
    assert started.run(SetRemap(name, 'other'), included('adapt.launch.py')) == 1
    assert not started.lines


@pytest.mark.parametrize('text', ['1e3', 'on', '010'])
def test_a_text_stays_text(started, tmp_path, monkeypatch, text):
    monkeypatch.chdir(tmp_path)
    assert started.run(GroupAction([
        PushROSNamespace('a'), included('sim.launch.py', results=text)])) == 0
    assert started.parameters('/a/scpo/monitor')['output'] == text
    assert started.parameters('/a/scpo/adapter')['ledger_dir'] == text
    assert len(started.lines) == 5


def test_a_tilde_is_the_home_folder(started, tmp_path, monkeypatch):
    monkeypatch.setenv('HOME', str(tmp_path))
    assert started.run(included('sim.launch.py', results='~/run')) == 0
    assert (tmp_path / 'run' / 'run.parameters.yaml').is_file()
    assert started.parameters('/scpo/monitor')['output'] == f'{tmp_path}/run'


@pytest.mark.parametrize('text', [
    '/**: {ros__parameters: {backup: {state_weight: [1, 0.5]}}}',
    '/**: {ros__parameters: {}}\n/**: {ros__parameters: {}}',
    '/**: &a {ros__parameters: {}}\n/**/adapter: *a', 'adapter: {ros__parameters: {seed: 1}}'])
def test_what_ros_would_change_starts_nothing(started, tmp_path, text):
    path = tmp_path / 'arm.yaml'
    path.write_text(text)
    assert started.run(included('adapt.launch.py', params_file=str(path))) == 1
    assert not started.lines
