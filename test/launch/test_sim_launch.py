"""
The launch file runs the loop, refuses bad arguments, restarts what died.

Needs `launch_ros`, `launch_pytest` and the built package; where the first two are absent it skips,
unless SCPO_REQUIRE_LAUNCH=1. What is there and does not work is an error.
"""

import collections
from importlib.util import find_spec
import json
import os
from pathlib import Path
import signal
import time

import pytest
from rcl_interfaces.msg import ParameterEvent
from rcl_interfaces.srv import GetParameters
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import parameter_value_to_python
from scpo_ros.arguments import ARGUMENTS
from scpo_ros.config import NODES
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

pytestmark = pytest.mark.skipif(
    bool(MISSING), reason=f'not installed: {", ".join(MISSING)}')

LAUNCH_FILE = Path(__file__).parents[2] / 'launch' / 'sim.launch.py'
NAMESPACE = 'launched'


class Launched:
    """What a launch has started and what has ended."""

    def __init__(self, folder, **arguments):
        """Prepare the launch of the file with results in a new folder."""
        self.results = folder / 'results'
        self.pids, self.codes = collections.defaultdict(list), collections.defaultdict(list)
        arguments = {'namespace': NAMESPACE, 'results': str(self.results), **arguments}
        self.description = LaunchDescription([
            RegisterEventHandler(OnProcessStart(on_start=self._on_start)),
            RegisterEventHandler(OnProcessExit(on_exit=self._on_exit)),
            IncludeLaunchDescription(PythonLaunchDescriptionSource(str(LAUNCH_FILE)),
                                     launch_arguments=list(arguments.items())),
            ReadyToTest()])

    def _on_start(self, event, _):
        self.pids[event.process_name.split('-')[0]].append(event.pid)

    def _on_exit(self, event, _):
        self.codes[event.process_name.split('-')[0]].append(event.returncode)

    def summary(self):
        """Return summary.json."""
        return json.loads((self.results / 'summary.json').read_text())


class Probe:
    """Watches topics from a ROS context of its own."""

    def __init__(self):
        """Subscribe."""
        self.context = rclpy.Context()
        self.context.init()
        self.node = rclpy.create_node('probe', namespace=NAMESPACE, context=self.context)
        self._executor = SingleThreadedExecutor(context=self.context)
        self._executor.add_node(self.node)
        self.states, self.commands, self.active = [], [], []
        for kind, topic, seen, qos in (
                (JointState, 'joint_states', self.states, 100),
                (JointState, 'joint_command', self.commands, 100),
                (ParameterEvent, 'controller/active_policy', self.active, LATCHED)):
            self.node.create_subscription(kind, topic, seen.append, qos)

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
            f'policy {self.version}')

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


@pytest.fixture
def probe():
    """Return a Probe."""
    watching = Probe()
    yield watching
    watching.close()


@launch_fixture
def short_run(tmp_path):
    """Return a launch that ends by itself; its arguments contradict its parameter file."""
    path = tmp_path / 'params.yaml'
    path.write_text('/**/adapter:\n  ros__parameters: {seed: 5, min_demonstrations: 20}\n'
                    '/**:\n  ros__parameters: {backup: {state_weight: [1, 0.5]}}\n')
    launched = Launched(tmp_path, expert='benign', duration='8', seed='3',
                        real_time_factor='2', params_file=str(path))
    return launched.description, launched


@launch_fixture
def respawning_run(tmp_path):
    """Return a launch that restarts its nodes."""
    launched = Launched(tmp_path, expert='sign_flip', use_respawn='true', real_time_factor='2')
    return launched.description, launched


@pytest.mark.launch(fixture=short_run)
def test_updates_arrive_and_are_applied(short_run, probe):
    _, launched = short_run
    assert probe.parameters('adapter', 'seed', 'min_demonstrations') == [3, 20]
    probe.wait(lambda: probe.version >= 1)
    probe.wait(lambda: int(probe.commands[-1].header.frame_id.split('/')[1]) >= 1)
    probe.wait(lambda: len(launched.codes) == len(NODES))
    assert launched.codes == {node: [0] for node in NODES}
    assert probe.outside() == []
    summary = launched.summary()
    assert (summary['limit_violations'], summary['seed'], summary['expert']) == (0, 3, 'benign')
    assert summary['policy_version_controller'] >= 1
    assert summary['duration_s'] == pytest.approx(8, abs=2)
    assert (launched.results / 'run.png').stat().st_size > 0


@pytest.mark.launch(fixture=respawning_run)
def test_an_adapter_that_was_killed_comes_back(respawning_run, probe):
    _, launched = respawning_run
    probe.wait(lambda: probe.version >= 1)
    os.kill(launched.pids['adapter'][0], signal.SIGKILL)
    probe.wait(lambda: launched.codes['adapter'] == [-signal.SIGKILL])
    before, commands = probe.version, len(probe.commands)
    probe.wait(lambda: len(launched.pids['adapter']) == 2)
    probe.wait(lambda: probe.version > before)  # it learns on from what the robot runs
    assert len(probe.commands) > commands
    assert {m.header.frame_id.split('/')[0] for m in probe.commands} == {'policy'}
    assert probe.outside() == []
    assert {node: len(pids) for node, pids in launched.pids.items()} == {
        **dict.fromkeys(NODES, 1), 'adapter': 2}
    os.kill(launched.pids['monitor'][0], signal.SIGINT)  # it writes what there is
    probe.wait(lambda: sum(map(len, launched.codes.values())) == len(NODES) + 1)
    assert {node: codes[-1] for node, codes in launched.codes.items()} == dict.fromkeys(NODES, 0)
    assert launched.summary()['limit_violations'] == 0


@pytest.mark.parametrize('name, text', [
    ('expert', 'nobody'), ('seed', 'one'), ('duration', '-1'), ('dt', 'nan'), ('safety', 'maybe'),
    ('namespace', 'a b'), ('log_level', 'loud'), ('params_file', 'nowhere.yaml')])
def test_a_bad_argument_ends_the_launch_before_any_node_starts(tmp_path, name, text):
    launched = Launched(tmp_path, **{name: text})
    service = LaunchService(noninteractive=True)
    service.include_launch_description(launched.description)
    assert service.run() == 1
    assert not launched.pids
    assert not launched.results.exists()


@pytest.mark.parametrize('text', [
    '/**/adapter: {ros__parameters: {trust_radiu: 0.5}}',  # unknown
    '/**: {ros__parameters: {system: {position_limit: .nan}}}',
    '/**: {ros__parameters: {system: {disturbance: 20.0}}}',  # leaves no safe set
    '/**/controller: {ros__parameters: {system: {dt: 0.05}}}',  # not that of the others
    '/**/robot: {ros__parameters: {}}', '- no sections', '{'])
def test_a_bad_parameter_file_ends_the_launch_before_any_node_starts(tmp_path, text):
    path = tmp_path / 'params.yaml'
    path.write_text(text)
    launched = Launched(tmp_path, params_file=str(path))
    service = LaunchService(noninteractive=True)
    service.include_launch_description(launched.description)
    assert service.run() == 1
    assert not launched.pids
    assert not launched.results.exists()


def test_the_arguments_are_those_of_sim():
    source = PythonLaunchDescriptionSource(str(LAUNCH_FILE))
    description = source.try_get_launch_description_without_context()
    declared = {argument.name: (argument.default_value[0].text, argument.description)
                for argument in description.get_launch_arguments()}
    assert declared == {argument.name: (argument.default, argument.description)
                        for argument in ARGUMENTS}
