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

"""Recorder and viewers: their command lines, and how a run starts and outlives them."""

import os
from pathlib import Path
import re
import time

import pytest
from scpo_ros.bringup import observers
from scpo_ros.bringup.processes import Processes
from scpo_ros.config.arguments import ARGUMENTS
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.interface.stack_topics import KEPT_NAMES, names_of
from scpo_ros.sim import command

DEFAULTS = {argument.name: argument.default for argument in ARGUMENTS}


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Put programs that do nothing where the viewers are looked for."""
    for name in ('rqt', 'rviz2'):
        (tmp_path / name).write_text('#!/bin/sh\n')
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv('PATH', str(tmp_path))


def test_nothing_is_started_unasked():
    assert observers.viewers(DEFAULTS) == {}


def test_viewers_are_given_the_shipped_files(installed):
    lines = observers.viewers({**DEFAULTS, 'rqt': 'true', 'rviz': 'true'})
    rqt, rviz = lines['rqt'], lines['rviz2']
    bound = ['-m', 'scpo_ros.process.bound', 'SIGKILL']  # they do not outlive the run
    assert rqt[1:-1] == [*bound, rqt[0], '-m', 'scpo_ros.nodes.rqt', '--perspective-file']
    assert rviz[1:-1] == [*bound, 'rviz2', '-d']
    assert Path(rqt[-1]).name == 'scpo.perspective' and Path(rviz[-1]).name == 'scpo.rviz'


@pytest.mark.parametrize('namespace, prefix', [
    ('a', '/a/'), ('/q/w', '/q/w/'), ('/', '/'), ('/a/scpo_2', '/a/scpo_2/')])
def test_viewers_of_another_namespace_show_its_topics(installed, namespace, prefix):
    for line in observers.viewers(
            {**DEFAULTS, 'rqt': 'true', 'rviz': 'true', 'namespace': namespace}).values():
        text = Path(line[-1]).read_text()
        assert f'{prefix}adapter/m' in text and '/scpo/' not in text


def test_viewers_of_a_described_system_plot_its_states(installed):
    line = observers.viewers({**DEFAULTS, 'rqt': 'true'}, ('lane_offset', 'slip'))['rqt']
    text = Path(line[-1]).read_text()
    assert 'lane_offset_use' in text and 'slip_use' in text and 'position_use' not in text


@pytest.mark.parametrize('namespace, full', [('/', '/'), ('a', '/a'), ('/a/scpo', '/a/scpo')])
def test_every_process_is_given_the_full_namespace(namespace, full):
    values = {**DEFAULTS, 'namespace': namespace}
    for line in (observers.readiness(values), command('plant', values, Path('run.yaml'))):
        assert line[line.index('-r') + 1] == f'__ns:={full}'


@pytest.mark.parametrize('name, program', [('rqt', 'rqt'), ('rviz', 'rviz2')])
def test_a_viewer_that_is_not_installed_is_named(monkeypatch, tmp_path, name, program):
    monkeypatch.setenv('PATH', str(tmp_path))
    with pytest.raises(ConfigurationError, match=f'{name} needs .*{program}'):
        observers.viewers({**DEFAULTS, name: 'true'})


@pytest.mark.parametrize('namespace, own, foreign', [
    ('a', ['/a/policy', '/a/controller/metrics/residual'], ['/b/policy', '/ab/policy', '/policy']),
    ('/', ['/policy', '/controller/metrics/residual'], [])])
def test_a_bag_holds_one_copy_and_what_all_share(monkeypatch, namespace, own, foreign):
    monkeypatch.setattr(observers, 'find_spec', lambda name: name)
    line = observers.ros2_bag_record({**DEFAULTS, 'namespace': namespace}, 'the/bag')
    assert line[2:9] == [
        'scpo_ros.process.bound', 'SIGINT', 'ros2', 'bag', 'record', '--storage', 'mcap']
    assert line[-2:] == ['--output', 'the/bag']
    wanted = re.compile(line[line.index('--regex') + 1])
    assert all(wanted.fullmatch(topic) for topic in [*own, '/clock', '/diagnostics'])
    assert not any(wanted.fullmatch(topic) for topic in foreign)


@pytest.mark.parametrize('namespace, states, command', [
    ('scpo', '/arm/states', '/scpo/command'), ('/', '/arm/states', '/command')])
def test_topics_with_other_names_are_recorded_and_their_names_kept(
        monkeypatch, namespace, states, command):
    monkeypatch.setattr(observers, 'find_spec', lambda _: True)
    line = observers.ros2_bag_record({
        **DEFAULTS, 'namespace': namespace, 'joint_states': '/arm/states',
        'joint_command': 'command', 'demonstrations': 'demonstrations'})
    wanted = re.compile(line[line.index('--regex') + 1])
    assert wanted.fullmatch(states) and wanted.fullmatch(command)
    assert namespace == '/' or not wanted.fullmatch('/arm/statesx')
    key, _, text = line[line.index('--custom-data') + 1].partition('=')
    prefix = '/' if namespace == '/' else f'/{namespace}/'
    assert key == KEPT_NAMES and names_of(text) == {prefix: {
        'joint_states': states, 'joint_command': command}}
    assert '=' not in text  # ros2 bag divides there


def test_without_ros2_bag_the_launch_says_so(monkeypatch):
    monkeypatch.setattr(observers, 'find_spec', lambda _: None)
    with pytest.raises(ConfigurationError, match='ros2 bag'):
        observers.ros2_bag_record(DEFAULTS)


def test_viewers_start_once_there_is_something_to_see_and_may_be_closed(tmp_path, monkeypatch):
    (tmp_path / 'rqt').write_text(f'#!/bin/sh\necho shown >> {tmp_path}/seen; exit 3\n')
    (tmp_path / 'rqt').chmod(0o755)
    monkeypatch.setenv('PATH', f'{tmp_path}:{os.environ["PATH"]}')
    running = Processes({'monitor': ['sleep', '60'], 'ready': ['true']}, shown={'rqt': ['rqt']})
    running.start()
    deadline = time.monotonic() + 20
    while 'rqt' not in running._lines and time.monotonic() < deadline:
        assert running.ended() is None
    while 'rqt' in running._running and time.monotonic() < deadline:
        assert running.ended() is None  # it has ended with code 3, and the run goes on
    assert (tmp_path / 'seen').read_text() == 'shown\n'
    assert running.stop() == {'monitor': -2}
