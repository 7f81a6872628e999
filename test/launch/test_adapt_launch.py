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
adapt.launch.py drives a robot of one's own, the one of docs/driver.md, and survives restarts.

Skips as test_sim_launch.py does.
"""

import os
from pathlib import Path
import re
import signal
import sys

from ament_index_python.packages import get_package_prefix
from launched import (
    declared_arguments, launch_fixture, Launched, MISSING, needs_launch, Probe)
import pytest
from scpo_ros.config.arguments import ADAPT_ARGUMENTS

if not MISSING:
    from launch.actions import ExecuteProcess

pytestmark = needs_launch
ROOT = Path(__file__).parents[2]
PAGE = (ROOT / 'docs' / 'driver.md').read_text()
TOPICS = {'joint_states': '/arm/states', 'joint_command': '/arm/command'}


def on_the_page(language):
    """Return the first code block of a language on the page."""
    return re.search(rf'```{language}\n(.*?)```', PAGE, re.DOTALL).group(1)


def executable(package, name):
    """Return what `ros2 run` starts: interrupted in its place, it would leave its child behind."""
    return str(Path(get_package_prefix(package), 'lib', package, name))


@pytest.fixture
def probe():
    """Return a Probe of the robot's topics."""
    watching = Probe('scpo', *TOPICS.values())
    yield watching
    watching.close()


@launch_fixture
def robot(tmp_path):
    """Return the launch of driver, controller, adapter and teacher, as on the page."""
    (tmp_path / 'driver.py').write_text(on_the_page('python'))
    (tmp_path / 'arm.yaml').write_text(on_the_page('yaml'))
    commands = [line.split() for line in re.search(
        r'```\npython3 driver.py\n(.*?)```', PAGE, re.DOTALL).group(0).splitlines()[1:-1]]
    commands[2] = [executable(*commands[2][2:4]), *commands[2][4:]]
    given = dict(word.split(':=') for word in commands[1] if ':=' in word)
    assert {name: given[name] for name in TOPICS} == TOPICS
    given['params_file'] = str(tmp_path / given['params_file'])
    launched = Launched(
        *(ExecuteProcess(cmd=command, name=name, cwd=str(tmp_path), output='screen')
          for name, command in (('driver', commands[0]), ('teacher', commands[2]))),
        ('adapt.launch.py', {**given, 'use_respawn': 'true'}))
    return launched.description, launched


@pytest.mark.launch(fixture=robot)
def test_the_robot_of_the_page_learns_and_survives_its_controller(robot, probe):
    _, launched = robot
    probe.wait(lambda: probe.version >= 1)
    assert set(launched.pids) == {'driver', 'teacher', 'controller', 'adapter'}
    os.kill(launched.pids['controller'][0], signal.SIGKILL)
    probe.wait(lambda: len(launched.pids['controller']) == 2)
    count = len(probe.commands)
    probe.wait(lambda: len(probe.commands) > count + 20)  # the new one flies
    assert probe.outside() == []
    assert len(probe.states) > 20
    yield  # until all was shut down
    assert launched.codes['adapter'] == [0]
    assert launched.codes['controller'] == [-signal.SIGKILL, 0]


OF_THE_ROBOT = {'driver': 'ros2_control', 'robot_states': '/robot/joint_states',
                'robot_commands': '/robot/forward_command_controller/commands'}


@launch_fixture
def robot_of_ros2_control(tmp_path):
    """Return the launch of a robot under ros2_control, its driver, controller and adapter."""
    text = (ROOT / 'config' / 'systems' / 'rail_slider.yaml').read_text()
    path = tmp_path / 'rail.yaml'
    path.write_text(text + 'sample_jitter: 0.0002\ndelay_fraction: 0.05\n')
    parameters = tmp_path / 'own.yaml'
    parameters.write_text('/**: {ros__parameters: {policy: {hidden: [8, 8]}, metrics: '
                          '{design_states: 6, verification_states: 12, certificate: guarded}}}')
    stub = [sys.executable, str(ROOT / 'test' / 'samples' / 'ros2_control_stub.py'), '--ros-args',
            '-r', '__ns:=/robot']
    launched = Launched(
        ExecuteProcess(cmd=stub, name='robot', output='screen'),
        ('adapt.launch.py', {
            **OF_THE_ROBOT, 'system': str(path), 'params_file': str(parameters)}))
    return launched.description, launched


@pytest.fixture
def standard_probe():
    """Return a Probe of the stack's own topics."""
    watching = Probe('scpo')
    yield watching
    watching.close()


@pytest.mark.launch(fixture=robot_of_ros2_control)
def test_a_robot_under_ros2_control_is_driven(robot_of_ros2_control, standard_probe):
    _, launched = robot_of_ros2_control
    standard_probe.wait(lambda: standard_probe.said.get(
        '/scpo/ros2_control_driver: robot') == 'running')
    assert set(launched.pids) == {'robot', 'ros2_control_driver', 'controller', 'adapter'}
    count = len(standard_probe.commands)
    standard_probe.wait(lambda: len(standard_probe.commands) > count + 20)
    assert all(abs(state.position[0]) <= 1 and abs(state.velocity[0]) <= 0.6
               for state in standard_probe.states)
    yield  # until all was shut down
    for node in ('ros2_control_driver', 'controller', 'adapter'):
        assert launched.codes[node] == [0]


def test_joints_that_are_not_those_of_the_system_end_the_launch_before_any_node_starts(tmp_path):
    path = tmp_path / 'arm.yaml'
    path.write_text('/**/ros2_control_driver: {ros__parameters: {command_joints: [a, b]}}')
    launched = Launched(('adapt.launch.py', {**OF_THE_ROBOT, 'params_file': str(path)}))
    assert launched.run() == 1
    assert not launched.pids


@pytest.mark.parametrize('name, text', [
    ('seed', 'one'), ('dt', 'nan'), ('namespace', 'a b'), ('params_file', 'nowhere.yaml'),
    ('lockstep', 'maybe'), ('log_level', 'loud'), ('driver', 'ros1'), ('robot_states', 'a b')])
def test_a_bad_argument_ends_the_launch_before_any_node_starts(name, text):
    launched = Launched(('adapt.launch.py', {name: text}))
    assert launched.run() == 1
    assert not launched.pids


def test_a_backup_that_is_not_certified_ends_the_launch_before_any_node_starts(tmp_path):
    path = tmp_path / 'arm.yaml'
    path.write_text('/**: {ros__parameters: {metrics: {baseline_cost_tolerance: 0.015}}}')
    launched = Launched(('adapt.launch.py', {'params_file': str(path)}))
    assert launched.run() == 1
    assert not launched.pids


def test_the_arguments_are_those_of_adapt():
    assert declared_arguments('adapt.launch.py') == {
        argument.name: (argument.default, argument.description) for argument in ADAPT_ARGUMENTS}
