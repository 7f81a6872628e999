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

"""The real nodes as processes: started, killed, stopped, starved, and started again."""

import os
from pathlib import Path
import signal
import subprocess
import sys
import time

import rclpy
from rclpy.signals import SignalHandlerOptions
import yaml


ROOT = Path(__file__).parents[1]
NAMESPACE = 'assure'
NODES = ('plant', 'controller', 'adapter', 'expert')


def begin_ros():
    """
    Initialise rclpy on the loopback interface alone, for the fleet too.

    A signal is an exception here, after which the fleet is ended.
    """
    os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'SYSTEM_DEFAULT'  # that of the profile
    os.environ['FASTRTPS_DEFAULT_PROFILES_FILE'] = str(Path(__file__).with_name('loopback.xml'))
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))


class Fleet:
    """One process a node; who ends without having been killed is reported."""

    def __init__(self, folder, parameters, remap=None):
        """
        Prepare; nothing runs yet.

        :param folder: of logs and parameter files. :param parameters: {node: {name: value}}.
        :param remap: {node: [(from, to)]}.
        """
        self.folder, self._parameters, self._remap = Path(folder), parameters, remap or {}
        self.running, self.started, self.deaths = {}, {}, []
        self.folder.mkdir(parents=True, exist_ok=True)

    def start(self, node):
        """Start a node."""
        path = self.folder / f'{node}.yaml'
        path.write_text(yaml.safe_dump(
            {f'/{NAMESPACE}/{node}': {'ros__parameters': self._parameters.get(node, {})}}))
        line = [sys.executable, '-m', f'scpo_ros.nodes.{node}', '--ros-args', '-r',
                f'__ns:=/{NAMESPACE}', '--log-level', 'error', '--params-file', str(path)]
        for source, target in self._remap.get(node, ()):
            line += ['-r', f'{source}:={target}']
        with open(self.folder / f'{node}.log', 'ab') as log:
            self.running[node] = subprocess.Popen(
                line, cwd=ROOT, stdout=log, stderr=log, start_new_session=True)
        self.started[node] = time.monotonic()

    def kill(self, node):
        """Kill a node and its worker processes, as a power failure of its computer would."""
        process = self.running[node]
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()
        del self.running[node]

    def kill_alone(self, node):
        """Kill the node's own process only; its workers must end by themselves."""
        process = self.running.pop(node)
        process.kill()
        process.wait()
        return process.pid

    def signal(self, node, number):
        """Send a signal to a node and its workers."""
        os.killpg(self.running[node].pid, number)

    def deaths_of_their_own(self):
        """Return [(node, exit code)] of nodes that ended without having been killed, once each."""
        found = [(node, process.returncode) for node, process in self.running.items()
                 if process.poll() is not None]
        for node, _ in found:
            del self.running[node]
        return found

    def log(self, node, size=500):
        """Return the end of a node's output."""
        path = self.folder / f'{node}.log'
        return path.read_text(errors='replace')[-size:] if path.exists() else ''

    def interrupt(self, patience=30.0):
        """
        End all, politely; return {node: exit code}, None where a node had to be killed.

        :param patience: [s], longer than a node that hangs in ROS needs to end itself.
        """
        for process in self.running.values():
            process.send_signal(signal.SIGCONT)
            process.send_signal(signal.SIGINT)
        codes, deadline = {}, time.monotonic() + patience
        for node, process in list(self.running.items()):
            try:
                codes[node] = process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                codes[node] = None
            self.kill(node)
        return codes
