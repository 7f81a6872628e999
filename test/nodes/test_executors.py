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

"""With which executor each node spins."""

from importlib import import_module

import pytest
from rclpy.executors import SingleThreadedExecutor
from scpo_ros.nodes import run as module


@pytest.fixture
def spun(monkeypatch):
    """Return the function that says with which executor a node's program spins."""
    def executor_of(name):
        asked, node = [], import_module(f'scpo_ros.nodes.{name}')
        monkeypatch.setattr(node, 'run', lambda make, executor=SingleThreadedExecutor, args=None:
                            asked.append(executor) or 0)
        if hasattr(node, 'step_back'):
            monkeypatch.setattr(node, 'step_back', lambda niceness: None)
        assert node.main([]) == 0
        return asked[0]
    return executor_of


@pytest.mark.parametrize('name', ['plant', 'controller', 'adapter', 'expert', 'monitor'])
def test_nodes_that_hear_every_state_take_the_events_executor(spun, name):
    experimental = pytest.importorskip('rclpy.experimental')
    assert spun(name) is module.Events is experimental.EventsExecutor


def test_the_recorder_needs_the_arrival_of_messages_and_takes_the_other_one(spun):
    assert spun('recorder') is SingleThreadedExecutor
