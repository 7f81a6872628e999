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

"""What starts rqt has discovered what the perspective shows, or says what it has not."""

import json
import os
from pathlib import Path
import signal
import subprocess
import sys

import pytest
from scpo_ros.nodes import rqt
from scpo_ros.nodes.rqt import missing, shown, wait
from std_msgs.msg import Float64

ROOT = Path(__file__).parents[2]
NAMESPACE = 'scpo_test'


def perspective(topics, nodes, service=None):
    keys = [{'topics': {'repr': repr([f'{topic}/data' for topic in topics]), 'type': 'repr'}},
            {'topics': {'repr': repr(f'{topics[0]}/data'), 'type': 'repr'}},
            {'selected_nodes': {'repr': repr(nodes), 'type': 'repr'}},
            {'current_service_name': {'repr': repr(service), 'type': 'repr'}}]
    return json.dumps({'groups': {str(i): {'keys': key} for i, key in enumerate(keys)}}, indent=2)


def test_the_shipped_perspective_is_read():
    topics, services = shown((ROOT / 'config' / 'scpo.perspective').read_text())
    assert services == {'/scpo/expert/list_parameters', '/scpo/adapter/rollback',
                        '/scpo/adapter/reset'}
    assert len(topics) == 5
    assert {'/scpo/adapter/metrics/loss', '/scpo/controller/metrics/position_use'} <= topics
    assert shown(perspective(['/a/b'], ['/a/c', '/d'])) == (
        {'/a/b'}, {'/a/c/list_parameters', '/d/list_parameters'})
    assert shown(perspective(['/a/b'], [])) == ({'/a/b'}, set())
    assert shown(perspective(['/a/b'], [], '/a/go')) == ({'/a/b'}, {'/a/go'})


def test_patience_ends_and_what_is_missing_is_named(probe):
    now = iter(range(0, 10**6, 5))
    turns = []
    absent = wait(probe, {'/nowhere'}, {'/nobody'}, lambda *_, **__: turns.append(1),
                  lambda: next(now))
    assert absent == ['/nowhere', '/nobody'] and len(turns) == rqt._PATIENCE_S // 5 - 1


RQT = """
import rclpy

class Main:
    def main(self, argv):
        node = rclpy.create_node('rqt_gui_py_node')  # discovers nothing of its own
        print(argv[:2], node.count_publishers('{0}/late'), flush=True)
        return 7
"""


@pytest.fixture
def stand_in(tmp_path):
    """Return the environment in which rqt_gui is ours."""
    (tmp_path / 'rqt_gui').mkdir()
    (tmp_path / 'rqt_gui' / '__init__.py').write_text('')
    (tmp_path / 'rqt_gui' / 'main.py').write_text(RQT.format(f'/{NAMESPACE}'))
    return {**os.environ, 'PYTHONPATH': f'{tmp_path}:{ROOT}'}


def test_rqt_begins_when_everything_is_discovered(stand_in, probe, processes, tmp_path):
    path = tmp_path / 'a.perspective'
    topic, node = f'/{NAMESPACE}/late', f'/{NAMESPACE}/expert'
    service = f'{node}/list_parameters'
    path.write_text(perspective([topic], [node]))
    assert missing(probe, *shown(path.read_text())) == [topic, service]
    process = subprocess.Popen(
        [sys.executable, '-m', 'scpo_ros.nodes.rqt', '--perspective-file', str(path)],
        cwd=ROOT, env=stand_in, stdout=subprocess.PIPE, text=True)
    try:
        probe.wait(lambda: 'rqt_start' in probe.get_node_names())
        processes.start('expert')
        probe.wait(lambda: not missing(probe, (), {service}))
        assert process.poll() is None  # the topic is not there yet
        probe.create_publisher(Float64, 'late', 1)
        said, _ = process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == 7 and said == "['rqt', '--perspective-file'] 1\n"


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_it_waits_ends_it_without_a_traceback(stand_in, probe, tmp_path, number):
    path = tmp_path / 'a.perspective'
    path.write_text(perspective([f'/{NAMESPACE}/never'], []))
    process = subprocess.Popen(
        [sys.executable, '-m', 'scpo_ros.nodes.rqt', '--perspective-file', str(path)],
        cwd=ROOT, env=stand_in, stderr=subprocess.PIPE, text=True)
    try:
        probe.wait(lambda: 'rqt_start' in probe.get_node_names())
        process.send_signal(number)
        _, said = process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == 0 and 'Traceback' not in said, said


@pytest.mark.parametrize('module, ended', [('rqt', 0), ('namesakes', -signal.SIGTERM)])
def test_a_signal_while_ros_makes_the_node_is_no_traceback(module, ended, tmp_path):
    """A look that a signal ended is no pass: its exit code is not 0."""
    path = tmp_path / 'a.perspective'
    path.write_text(perspective([f'/{NAMESPACE}/never'], []))
    code = (f'import os, signal, sys, rclpy\nfrom scpo_ros.nodes import {module} as looked\n'
            'create = rclpy.create_node\n'
            'def interrupted(*arguments, **keywords):\n'
            '    os.kill(os.getpid(), signal.SIGTERM)\n'
            '    return create(*arguments, **keywords)\n'
            'rclpy.create_node = interrupted\n'
            'sys.exit(looked.main())')
    arguments = [str(path)] if module == 'rqt' else ['--nodes', 'plant']
    done = subprocess.run([sys.executable, '-c', code, *arguments], cwd=ROOT, timeout=60,
                          capture_output=True, text=True)
    assert done.returncode == ended and 'Traceback' not in done.stderr, done.stderr
