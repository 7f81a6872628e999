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

from ament_index_python.packages import get_package_prefix
from launched import (
    declared_arguments, launch_fixture, Launched, MISSING, needs_launch, Probe)
import pytest
from scpo_ros.config.arguments import ADAPT_ARGUMENTS

if not MISSING:
    from launch.actions import ExecuteProcess

pytestmark = needs_launch
PAGE = (Path(__file__).parents[2] / 'docs' / 'driver.md').read_text()
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


@pytest.mark.parametrize('name, text', [
    ('seed', 'one'), ('dt', 'nan'), ('namespace', 'a b'), ('params_file', 'nowhere.yaml'),
    ('lockstep', 'maybe'), ('log_level', 'loud')])
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
