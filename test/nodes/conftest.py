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

"""Real processes over real DDS: starting nodes, watching topics, waiting with a time limit."""

import json
import os
import signal
import subprocess
import sys
import time

import ahead
from node_command import NAMESPACE, node_command, ROOT
import pytest
import rclpy
from rclpy.node import Node
from rclpy.parameter import Parameter


class Processes:
    """Nodes as processes; whatever is left is killed at the end of the test."""

    def __init__(self, folder):
        self._folder, self._running = folder, {}

    def start(self, node, *words, **parameters):
        """Start a node with arguments and parameters; keys use __ for the dot."""
        path = self._folder / f'{node}-{len(self._running)}.yaml'
        line = node_command(path, node, *words, **parameters)
        process = subprocess.Popen(line, cwd=ROOT, stderr=subprocess.PIPE, text=True)
        self._running.setdefault(node, []).append(process)
        return process

    def interrupt(self, process):
        """Interrupt a process as Ctrl-C does and return its exit code."""
        process.send_signal(signal.SIGINT)
        return process.wait(20)

    def stop(self):
        """Kill what is left."""
        for process in [p for group in self._running.values() for p in group]:
            if process.poll() is None:
                process.kill()
            process.communicate()
        self._running.clear()


class Probe(Node):
    """Watches topics from the test's own process."""

    def __init__(self):
        super().__init__('probe', namespace=NAMESPACE)
        self.seen = {}

    def watch(self, kind, topic, qos):
        """Keep all messages of a topic in seen[topic]."""
        self.seen[topic] = []
        self.create_subscription(kind, topic, self.seen[topic].append, qos)

    def wait(self, condition, timeout=40.0):
        """Spin until the condition holds and return its value; fail after the time limit."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            rclpy.spin_once(self, timeout_sec=0.05)
            value = condition()
            if value:
                return value
        summary = json.dumps({topic: len(found) for topic, found in self.seen.items()})
        raise AssertionError(f'not within {timeout} s; messages seen: {summary}')


@pytest.fixture
def started():
    """Return a function that starts a run of `scpo_ros.sim`; what is left of it is killed."""
    runs = []

    def start(*arguments, **options):
        runs.append(subprocess.Popen(
            [sys.executable, '-m', 'scpo_ros.sim', *arguments], stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, **options))
        return runs[-1]
    yield start
    for run in runs:
        if run.poll() is None:
            run.kill()  # its processes end with it
        run.wait()
        run.stdout.close()


@pytest.fixture(scope='session')
def ros():
    """Initialise rclpy once for the test process, when nothing else uses the processors."""
    ahead.await_quiet(60)
    rclpy.init()
    yield
    rclpy.try_shutdown()


@pytest.fixture
def made(ros, monkeypatch):
    """Return a function that makes a node that nobody spins: (class, **parameters) -> node."""
    make, nodes = Node.__init__, []

    def made(kind, **parameters):
        given = [Parameter(name, value=value) for name, value in parameters.items()]
        with monkeypatch.context() as patched:
            patched.setattr(Node, '__init__', lambda node, name, **options: make(
                node, name, parameter_overrides=given, **options))
            nodes.append(kind())
        return nodes[-1]

    yield made
    for node in nodes:
        getattr(node, 'stop', lambda: None)()
        node.destroy_node()


@pytest.fixture
def probe(ros):
    """Return a Probe."""
    node = Probe()
    yield node
    node.destroy_node()


@pytest.fixture
def processes(tmp_path, monkeypatch):
    """Return the Processes of one test, in a ROS domain of its own."""
    assert os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] == 'LOCALHOST'
    running = Processes(tmp_path)
    yield running
    running.stop()
