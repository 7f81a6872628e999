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

"""A bad configuration is one line and the exit code 2, before anything moves."""

from pathlib import Path
import signal
from tempfile import TemporaryDirectory

import ahead
from diagnostic_msgs.msg import DiagnosticArray
from node_command import node_command, ROOT
import pytest
from sensor_msgs.msg import JointState


def ended(node, words, parameters):
    """Return the finished process of a node that ends by itself."""
    with TemporaryDirectory() as folder:
        return ahead.finished(
            node_command(Path(folder) / 'a.yaml', node, *words, **parameters), cwd=ROOT)


RENAMED = ['-r', '__node:=other']


def begin_ahead(items):
    for item in items:
        node, parameters = (item.callspec.params.get(name) for name in ('node', 'parameters'))
        if item.function is test_a_bad_parameter_is_named_with_its_rule:
            ahead.once(ended, node, [], parameters)
        elif item.function is test_a_node_whose_topics_others_use_keeps_its_name:
            ahead.once(ended, node, RENAMED, {})


@pytest.mark.parametrize('node, parameters, parts', [
    ('plant', {'system__dt': -1.0}, ['system.dt', '-1.0']),
    ('plant', {'system__position_limt': 1.0}, ['system.position_limt', 'did you mean']),
    ('plant', {'system__disturbance': 5.0}, ['disturbance', 'small enough']),
    ('plant', {'random_start': False, 'initial_state': [0.9, 0.5]},
     ['initial_state', '[0.9, 0.5]', 'safe set']),
    ('plant', {'random_start': False, 'initial_state': [0.9]}, ['initial_state', 'shape']),
    ('expert', {'expert': 'nobody'}, ['nobody', 'benign']),
    ('controller', {'backup__planned_velocity': 0.9}, ['backup.planned_velocity', '0.6']),
    ('adapter', {'plan_margin': 0.01}, ['plan_margin', 'accept_margin']),
    ('monitor', {'seed': 1.5}, ['seed', '1.5', 'int']),
    ('controller', {'use_sim_time': 'true'}, ['use_sim_time', "'true'", 'bool']),
    ('expert', {'qos_overrides__x': 1}, ['qos_overrides.x', 'not a parameter']),
    ('adapter', {'ledger_dir': '~nobody-has-this-name/x'}, ['ledger_dir', 'home folder']),
])
def test_a_bad_parameter_is_named_with_its_rule(node, parameters, parts):
    process = ahead.once(ended, node, [], parameters).result()
    errors = process.stderr
    assert process.returncode == 2
    lines = [line for line in errors.splitlines() if line.startswith('[scpo_ros] error:')]
    assert len(lines) == 1
    assert all(part in lines[0] for part in parts), lines[0]
    assert 'Traceback' not in errors


@pytest.mark.parametrize('node', ['plant', 'controller', 'adapter'])
def test_a_node_whose_topics_others_use_keeps_its_name(node):
    process = ahead.once(ended, node, RENAMED, {}).result()
    errors = process.stderr
    assert process.returncode == 2 and 'Traceback' not in errors
    assert f'error: __node must stay {node}: ' in errors and "got 'other'" in errors


@pytest.mark.parametrize('node, parameters, parts', [
    ('adapter', {'metrics__baseline_cost_tolerance': 0.015},
     ['the backup is not certified', 'task cost', 'accept_margin', 'baseline_cost_tolerance']),
    ('controller', {'metrics__horizon_s': 1.0, 'backup__horizon': 4},
     ['the backup is not certified', 'return to the origin', 'system.disturbance = ']),
    ('controller', {'system__disturbance': 1.0, 'system__dt': 0.25, 'backup__horizon': 4},
     ['the backup is not certified', 'safe set exists up to system.disturbance = '])])
def test_a_backup_that_is_not_certified_ends_a_node_before_it_answers(
        processes, probe, node, parameters, parts):
    probe.watch(JointState, 'joint_command', 10)
    process = processes.start(node, **parameters)
    _, errors = process.communicate(timeout=110)
    assert process.returncode == 2
    lines = [line for line in errors.splitlines() if line.startswith('[scpo_ros] error:')]
    assert len(lines) == 1 and 'Traceback' not in errors
    assert all(part in lines[0] for part in parts), lines[0]
    assert probe.seen['joint_command'] == []


@pytest.mark.parametrize('node', ['adapter', 'controller'])
def test_without_safety_the_same_starts_and_says_that_nothing_is_certified(
        processes, probe, node):
    probe.watch(DiagnosticArray, '/diagnostics', 10)
    process = processes.start(
        node, safety=False, metrics__stability_offset=0.0, backup__horizon=4)
    probe.wait(lambda: probe.seen['/diagnostics'])
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert 'nothing is certified, the backup neither' in ' '.join(errors.split())
