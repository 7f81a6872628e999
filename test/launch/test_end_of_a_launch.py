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
No node outlives its launch, and no launch starts beside the same nodes.

Skips as test_sim_launch.py does.
"""

import os
from pathlib import Path
import signal
import subprocess
import sys
import time

from assurance.process_tree import descendants, left
from launched import FOLDER, needs_launch
import pytest

pytestmark = needs_launch
SPACE = 'ended_launch'
LAUNCH = """
import sys
from launch import LaunchDescription, LaunchService
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
service = LaunchService(noninteractive=True)
service.include_launch_description(LaunchDescription([IncludeLaunchDescription(
    PythonLaunchDescriptionSource(sys.argv[1]),
    launch_arguments=[tuple(word.split(':=')) for word in sys.argv[2:]])]))
sys.exit(service.run())
"""


def workers(process):
    """Return how many worker processes a launch has."""
    return sum('multiprocessing.spawn' in line for _, line in descendants(process.pid).values())


def launched(**options):
    """Start adapt.launch.py as a program of its own."""
    return subprocess.Popen(
        [sys.executable, '-c', LAUNCH, str(FOLDER / 'adapt.launch.py'), f'namespace:={SPACE}'],
        env={**os.environ, 'PYTHONPATH': os.pathsep.join(
            [str(Path(__file__).parents[2]), os.environ.get('PYTHONPATH', '')])}, **options)


@pytest.fixture
def launch():
    """Return a launch as a program, with both nodes and their workers."""
    process = launched()
    deadline = time.monotonic() + 80
    while workers(process) < 2:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.1)
    yield process
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        process.wait(60)


@pytest.mark.parametrize('number', [signal.SIGKILL, signal.SIGTERM])
def test_no_node_outlives_its_launch(launch, number):
    children = descendants(launch.pid)
    launch.send_signal(number)
    launch.wait(20)
    assert left(children, 20.0) == []


def test_a_launch_is_refused_beside_the_same_nodes(launch):
    beside = launched(stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    said, _ = beside.communicate(timeout=60)
    assert beside.returncode == 1 and 'process started' not in said
    assert f'namespace is in use (node /{SPACE}/controller, node /{SPACE}/adapter)' in said
    assert launch.poll() is None
