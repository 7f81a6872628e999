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

"""A launch under test, what it started and what ended, and a probe of its topics."""

import collections
from importlib.util import find_spec
import json
import os
from pathlib import Path
import time

from diagnostic_msgs.msg import DiagnosticArray
import pytest
from rcl_interfaces.msg import ParameterEvent
from rcl_interfaces.srv import GetParameters
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import parameter_value_to_python
from scpo_ros.nodes.conversions import LATCHED, read_active
from sensor_msgs.msg import JointState

REQUIRED = os.environ.get('SCPO_REQUIRE_LAUNCH', '0') not in ('', '0')
# `launch` itself cannot be asked for: the folder of this file can be imported by that name.
MISSING = [name for name in ('launch_ros', 'launch_pytest') if find_spec(name) is None]
if REQUIRED and MISSING:
    raise ImportError(f'SCPO_REQUIRE_LAUNCH is set, but not installed: {", ".join(MISSING)}')
if not MISSING:
    from launch import LaunchDescription, LaunchService
    from launch.actions import IncludeLaunchDescription, RegisterEventHandler
    from launch.event_handlers import OnProcessExit, OnProcessStart
    from launch.launch_description_sources import PythonLaunchDescriptionSource
    from launch_pytest import fixture as launch_fixture
    from launch_pytest.actions import ReadyToTest
else:
    launch_fixture = pytest.fixture

needs_launch = pytest.mark.skipif(bool(MISSING), reason=f'not installed: {", ".join(MISSING)}')
FOLDER = Path(__file__).parents[2] / 'launch'


class Launched:
    """What launch files have started and what has ended."""

    def __init__(self, *files):
        """
        Prepare the launch of (file, {argument: value}) pairs.

        :param files: names of launch files with their arguments; or actions.
        """
        self.pids, self.codes = collections.defaultdict(list), collections.defaultdict(list)
        self.description = LaunchDescription([
            RegisterEventHandler(OnProcessStart(on_start=self._on_start)),
            RegisterEventHandler(OnProcessExit(on_exit=self._on_exit)),
            *(_included(*item) if isinstance(item, tuple) else item for item in files),
            ReadyToTest()])

    def _on_start(self, event, _):
        self.pids[event.process_name.split('-')[0]].append(event.pid)

    def _on_exit(self, event, _):
        self.codes[event.process_name.split('-')[0]].append(event.returncode)

    def run(self):
        """Run to the end and return the exit code."""
        service = LaunchService(noninteractive=True)
        service.include_launch_description(self.description)
        return service.run()


def _included(name, arguments):
    return IncludeLaunchDescription(
        PythonLaunchDescriptionSource(str(FOLDER / name)),
        launch_arguments=list(arguments.items()))


def declared_arguments(name):
    """Return {argument: (default, description)} of a launch file."""
    source = PythonLaunchDescriptionSource(str(FOLDER / name))
    description = source.try_get_launch_description_without_context()
    return {argument.name: (argument.default_value[0].text, argument.description)
            for argument in description.get_launch_arguments()}


def summary(folder):
    """Return summary.json of a results folder."""
    return json.loads((folder / 'summary.json').read_text())


class Probe:
    """Watches topics from a ROS context of its own."""

    def __init__(self, namespace, joint_states='joint_states', joint_command='joint_command'):
        """Subscribe."""
        self.context = rclpy.Context()
        self.context.init()
        self.node = rclpy.create_node('probe', namespace=namespace, context=self.context)
        self._executor = SingleThreadedExecutor(context=self.context)
        self._executor.add_node(self.node)
        self.states, self.commands, self.active, self.said = [], [], [], {}
        for kind, topic, seen, qos in (
                (JointState, joint_states, self.states, 100),
                (JointState, joint_command, self.commands, 100),
                (ParameterEvent, 'controller/active_policy', self.active, LATCHED)):
            self.node.create_subscription(kind, topic, seen.append, qos)
        self.node.create_subscription(DiagnosticArray, '/diagnostics', self._hear, 100)

    def _hear(self, message):
        for status in message.status:
            if status.name.startswith(self.node.get_namespace()):
                self.said[status.name] = status.message

    @property
    def version(self):
        """Return the version that the controller runs, -1 before it says so."""
        return read_active(self.active[-1]).version if self.active else -1

    def wait(self, condition, timeout=60.0):
        """Spin until the condition holds and return its value; fail after the time limit."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            self._executor.spin_once(timeout_sec=0.05)
            value = condition()
            if value:
                return value
        raise AssertionError(
            f'not within {timeout} s: {len(self.states)} states, {len(self.commands)} commands, '
            f'policy {self.version}; {self.said}')

    def parameters(self, node, *names):
        """Return the values of parameters of a node."""
        client = self.node.create_client(GetParameters, f'{node}/get_parameters')
        self.wait(client.service_is_ready)
        future = client.call_async(GetParameters.Request(names=names))
        self.wait(future.done)
        return [parameter_value_to_python(value) for value in future.result().values]

    def outside(self):
        """Return the states outside the limits."""
        return [m for m in self.states if not (
            abs(m.position[0]) <= 1 + 1e-9 and abs(m.velocity[0]) <= 0.6 + 1e-9
            and abs(m.effort[0]) <= 1 + 1e-9)]

    def close(self):
        """Leave ROS."""
        self._executor.shutdown()
        self.node.destroy_node()
        self.context.try_shutdown()
