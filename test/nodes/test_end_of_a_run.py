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

"""A run leaves no process behind, disturbs no other one, and says when it was disturbed."""

import json
import re
import signal
import subprocess
import sys
import time

from assurance.process_tree import descendants, left
import pytest
from rclpy.node import Node
from scpo_ros.config import RUN_NODES
from scpo_ros.exceptions import DisturbedRunError
from scpo_ros.nodes import company, namesakes
from scpo_ros.nodes.company import Company
from scpo_ros.nodes.conversions import LATCHED
from scpo_ros.nodes.health import ERROR, Health, OK
from scpo_ros.nodes.monitor import MonitorNode
from sensor_msgs.msg import JointState

SPACE = 'ending_test'


@pytest.fixture
def start(started):
    """Return a function that starts a run as a shell does a background job: signals ignored."""
    def begin(folder, ignored=()):
        def ignore():
            for number in ignored:
                signal.signal(number, signal.SIG_IGN)
        return started(f'namespace:={SPACE}', f'results:={folder}', 'duration:=0',
                       preexec_fn=ignore)
    return begin


def begun(process):
    """Wait until a policy was published; return all processes of the run, workers too."""
    lines = []
    while not lines or not re.search(r'running v\d', lines[-1]):
        lines.append(process.stdout.readline())
        assert lines[-1], ''.join(lines)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:  # a worker has its name a moment after it has begun
        children = descendants(process.pid)
        if sum('multiprocessing.spawn' in line for _, line in children.values()) == 2:
            break
        time.sleep(0.05)
    assert sum('scpo_ros.nodes.' in line for _, line in children.values()) == len(RUN_NODES)
    assert sum('multiprocessing.spawn' in line for _, line in children.values()) == 2
    return children


def test_a_background_job_refuses_a_second_run_and_ends_when_it_is_asked_to(start, tmp_path):
    process = start(tmp_path / 'one', ignored=[signal.SIGINT])
    children = begun(process)
    ledger = (tmp_path / 'one' / 'controller.ledger').read_bytes()
    second = start(tmp_path / 'one')
    output, _ = second.communicate(timeout=30)
    assert second.returncode == 2 and output.count('\n') == 1, output
    assert f'in use (node /{SPACE}/' in output
    assert (tmp_path / 'one' / 'controller.ledger').read_bytes().startswith(ledger)
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    process.send_signal(signal.SIGHUP)  # impatience changes nothing
    output, _ = process.communicate(timeout=40)
    assert process.returncode == 0, output
    assert json.loads((tmp_path / 'one' / 'summary.json').read_text())['disturbed_by'] == []
    assert left(children, 5.0) == []


@pytest.mark.skipif(sys.platform != 'linux', reason='other systems do not tell children')
def test_nothing_outlives_a_run_that_was_killed(start, tmp_path):
    process = start(tmp_path / 'one')
    children = begun(process)
    process.kill()
    process.communicate()
    assert left(children, 20.0) == []
    assert (tmp_path / 'one' / 'summary.json').exists()  # the monitor had time for it


def test_a_node_that_does_not_get_out_of_ros_is_killed():
    """Fast DDS was seen to wait for ever for its own thread, with Python shut out."""
    code = '\n'.join((
        'import ctypes', 'import rclpy', 'from rclpy.node import Node',
        'from scpo_ros.nodes import run',
        'class Stuck(Node):',
        '    def __init__(self):',
        '        super().__init__("stuck")',
        '        self.create_timer(0.05, rclpy.try_shutdown)',
        '    def destroy_node(self):',
        '        print("leaving", flush=True)',
        '        ctypes.PyDLL(None).sleep(60)',
        'run._LEAVE_S = 1',
        'run.run(Stuck)'))
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, timeout=40,
                          check=False)
    assert (done.stdout, done.returncode) == ('leaving\n', -signal.SIGALRM), done.stderr


@pytest.fixture
def publishers(ros):
    """Return two nodes that publish the same topic."""
    nodes = [Node('plant', namespace=SPACE), Node('driver', namespace=SPACE)]
    for node in nodes:
        node.create_publisher(JointState, 'joint_states', LATCHED)
    yield nodes
    for node in nodes:
        node.destroy_node()


def test_two_publishers_are_an_error_that_names_both(publishers, monkeypatch):
    monkeypatch.setattr(company, 'lease_s', lambda: -2.0)
    said = []
    health = Health(publishers[0], 'test', lambda: (OK, 'fine', {}), ('joint_states', 'policy'))
    health._publisher.publish = said.append
    deadline = time.monotonic() + 10
    while (not said or said[-1].status[0].level != ERROR) and time.monotonic() < deadline:
        health.publish()
    message = said[-1].status[0].message
    assert message == (
        f'2 nodes publish /{SPACE}/joint_states, which only one may: /{SPACE}/driver and '
        f'/{SPACE}/plant; end all but one of them; fine')


def test_a_node_that_was_started_again_is_given_time(publishers, monkeypatch):
    watching = Company(publishers[0], ['joint_states'])
    assert [watching.look() for _ in range(3)] == [''] * 3 and watching.seen == []


def test_a_run_that_was_disturbed_says_so(made, tmp_path):
    node = made(MonitorNode, output=str(tmp_path / 'results'), live=False)
    node._health.company.seen.append('2 nodes publish /a')
    with pytest.raises(DisturbedRunError, match='the run was disturbed: 2 nodes publish /a'):
        node.stop()
    found = json.loads((tmp_path / 'results' / 'summary.json').read_text())
    assert found['disturbed_by'] == ['2 nodes publish /a']
    node._health.company.seen.clear()


def test_the_name_of_a_publisher_is_waited_for(monkeypatch):
    unknown = 'publisher _NODE_NAMESPACE_UNKNOWN_/_NODE_NAME_UNKNOWN_ of /a/policy'
    seen = iter([[unknown]] * 5 + [['node /a/adapter']] * 9)
    monkeypatch.setattr(namesakes, 'found', lambda *_: next(seen))
    assert namesakes.look(None, [], []) == ['node /a/adapter']
