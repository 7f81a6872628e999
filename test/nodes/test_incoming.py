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

"""Messages are looked at before they are unpacked, by every node and on every topic."""

import ast
from pathlib import Path

import numpy as np
import pytest
from rcl_interfaces.msg import ParameterEvent
from rclpy.parameter import Parameter
from scpo_ros.config import Spec
from scpo_ros.interface.size_limits import SIZED_TOPICS, SizeLimits
from scpo_ros.nodes import incoming
from scpo_ros.nodes.conversions import event_message
from scpo_ros.nodes.expert import ExpertNode

NODES = Path(incoming.__file__).parent
FIXED_SIZE = {'Float64', 'Bool'}  # what is unpacked of these has one size, whatever arrives


def subscriptions():
    """Yield (file, call) of every direct subscription in the nodes."""
    for path in sorted(NODES.glob('*.py')):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(
                    '.create_subscription'):
                yield path.name, node


def test_no_node_unpacks_a_message_before_its_length_was_looked_at():
    found = list(subscriptions())
    assert {name for name, _ in found} == {'incoming.py', 'plant.py', 'ready.py', 'recorder.py'}
    for name, call in found:
        raw = any(word.arg == 'raw' and ast.unparse(word.value) == 'True'
                  for word in call.keywords)
        assert raw or ast.unparse(call.args[0]) in FIXED_SIZE, f'{name}: {ast.unparse(call)}'


def test_a_message_that_is_too_long_is_never_unpacked(probe, monkeypatch):
    unpacked, unpack = [], incoming.deserialize_message
    monkeypatch.setattr(incoming, 'deserialize_message', lambda raw, kind: (
        unpacked.append(len(raw)), unpack(raw, kind))[1])
    taken, refused = [], []
    incoming.subscribe(probe, ParameterEvent, 'sized', taken.append, 10, 4096, refused.append)
    publisher = probe.create_publisher(ParameterEvent, 'sized', 10)
    probe.wait(publisher.get_subscription_count)
    stamp = probe.get_clock().now().to_msg()
    for size in (10_000, 10):
        publisher.publish(event_message(stamp, 'sender', {'policy.theta': np.zeros(size)}))
    probe.wait(lambda: taken and refused)
    assert len(taken[0].changed_parameters[0].value.double_array_value) == 10
    assert 'at most 4096 are taken' in refused[0] and '80' in refused[0]
    assert len(unpacked) == 1 and unpacked[0] < 4096


def test_bytes_that_are_no_message_are_refused(probe, monkeypatch):
    taken, refused = [], []
    monkeypatch.setattr(probe, 'create_subscription', lambda kind, topic, receive, qos, raw: (
        receive(b''), receive(b'\x00'), receive(bytes(40))))
    incoming.subscribe(probe, ParameterEvent, 'x', taken.append, 1, 4096, refused.append)
    assert len(taken) + len(refused) == 3 and len(refused) >= 2
    assert all('\n' not in why for why in refused)


def test_every_topic_with_a_size_has_a_limit():
    limits = SizeLimits.of(Spec())
    assert all(4096 <= limits.bytes_of(topic) < 2**21 for topic in SIZED_TOPICS)


@pytest.mark.parametrize('item', ['x' * 10**6, ['x'] * 10**5, [1.0] * 10**5, [b'x'] * 10**5],
                         ids=['text', 'texts', 'numbers', 'bytes'])
def test_a_parameter_that_is_too_long_is_refused_with_one_line(made, item):
    node = made(ExpertNode)
    result, = node.set_parameters([Parameter('expert', value=item)])
    assert not result.successful
    assert 'at most 4096 are taken' in result.reason and len(result.reason) < 300
