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

"""The tables of the README and the shipped layouts hold for the nodes that run."""

import itertools
import json
from pathlib import Path
import re
import time
import xml.etree.ElementTree as ElementTree

import pytest
from rcl_interfaces.srv import DescribeParameters, ListParameters, SetParameters
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from scpo_ros.config import NODES, Spec
from scpo_ros.config.validation import flatten
from sensor_msgs.msg import JointState
import yaml

ROOT = Path(__file__).parents[2]
NAMESPACE = '/scpo_test'
OF_ROS = re.compile(  # what ROS gives every node, and every lifecycle node
    r'/(rosout|parameter_events|transition_event|get_type_description|change_state|get_state'
    r'|get_available_(states|transitions)|get_transition_graph|\w+_parameters(_atomically)?'
    r'|get_parameter_types)$')


def table(*header):
    """Return the rows of the README's table with these first columns, as lists of cells."""
    lines = iter((ROOT / 'README.md').read_text().splitlines())
    for line in lines:
        if cells(line)[:len(header)] == list(header):
            next(lines)
            return [cells(row) for row in itertools.takewhile(lambda row: row[:1] == '|', lines)]
    raise AssertionError(f'no table {header}')


def cells(line):
    return [cell.strip() for cell in line.strip('|').split('|')]


def names(cell):
    """Return the names in `a/{b, c}`, absolute."""
    found = []
    for quoted in re.findall(r'`([^`]+)`', cell):
        head, _, rest = quoted.partition('{')
        inner, _, tail = rest.partition('}')
        found += [head + part.strip() + tail for part in inner.split(',')]
    return [name if name.startswith('/') else f'{NAMESPACE}/{name}' for name in found]


def documented(kind):
    """Return {(node, name): (type, whether latched)} of the README."""
    result = {}
    for node, direction, cell, of_type, text in table('node', '', 'name', 'type'):
        for name, owner in itertools.product(names(cell), NODES if node == 'all' else [node]):
            if direction == kind and name != '/clock':
                result[owner, name] = of_type, text.startswith('latched')
    return result


@pytest.fixture
def nodes(processes, probe):
    """Return the running nodes' names; all of them have been seen."""
    kinds = [kind for kind in NODES if kind not in ('monitor', 'excite')]
    for node in kinds:
        processes.start(node)
    probe.wait(lambda: set(kinds) <= set(probe.get_node_names()))
    probe.wait(lambda: probe.count_publishers('adapter/markers'))
    return kinds


def seen(probe, node, kind):
    """Return {(node, name): type} of what a node has, without what ROS gives every node."""
    ask = {'pub': probe.get_publisher_names_and_types_by_node,
           'sub': probe.get_subscriber_names_and_types_by_node,
           'srv': probe.get_service_names_and_types_by_node}[kind]
    return {(node, name): types[0] for name, types in ask(node, NAMESPACE)
            if not OF_ROS.search(name)}


@pytest.fixture
def call(probe):
    """Return a function that calls a service and returns its answer."""
    def ask(kind, name, **request):
        client = probe.create_client(kind, name)
        probe.wait(client.service_is_ready)
        future = client.call_async(kind.Request(**request))
        return probe.wait(lambda: future.result() if future.done() else None)
    return ask


def while_found(probe, find, expected):
    """Spin until `find()` gives what is expected; fail with the difference."""
    deadline = time.monotonic() + 20
    while find() != expected and time.monotonic() < deadline:
        probe.wait(lambda: True)
    assert find() == expected


def latched(end):
    assert end.qos_profile.reliability == ReliabilityPolicy.RELIABLE
    return end.qos_profile.durability == DurabilityPolicy.TRANSIENT_LOCAL


def publishers(probe, keys):
    """Return how many publishers each (node, topic) has."""
    return {(node, name): sum(end.node_name == node and end.node_namespace == NAMESPACE
                              for end in probe.get_publishers_info_by_topic(name))
            for node, name in keys}


def test_the_tables_hold_for_the_running_nodes(nodes, probe, call):
    for kind in ('pub', 'sub', 'srv'):
        table_says = {key: value for key, value in documented(kind).items() if key[0] in nodes}
        expected = {key: of_type for key, (of_type, _) in table_says.items()}
        while_found(probe, lambda kind=kind: {
            key: of_type for node in nodes for key, of_type in seen(probe, node, kind).items()},
            expected)
        ends = {'pub': probe.get_publishers_info_by_topic,
                'sub': probe.get_subscriptions_info_by_topic}.get(kind, lambda _: [])
        for (node, name), (_, is_latched) in table_says.items():
            assert {latched(end) for end in ends(name) if end.node_name == node} <= {is_latched}
        if kind == 'pub':  # each topic once: a second publisher would stay silent
            while_found(probe, lambda keys=tuple(table_says): publishers(probe, keys),
                        dict.fromkeys(table_says, 1))
    check_parameters(nodes, call)
    check_layouts({name for node in nodes for kind in ('pub', 'srv')
                   for _, name in seen(probe, node, kind)})


def check_parameters(nodes, call):
    may_change = {(node, name.strip('`')) for node, name, _ in table('node', 'parameter')}
    found = set()
    for node in nodes:
        known = {**flatten(Spec()), **flatten(NODES[node]())}
        listed = call(ListParameters, f'{node}/list_parameters').result.names
        assert set(listed) - {'use_sim_time', 'start_type_description_service'} == set(known)
        answer = call(DescribeParameters, f'{node}/describe_parameters', names=list(known))
        for name, descriptor in zip(known, answer.descriptors):
            assert descriptor.name == name and descriptor.description
            default = known[name][0]
            if isinstance(default, float):
                assert descriptor.floating_point_range
                assert '[' in descriptor.description  # the unit
            elif isinstance(default, int) and not isinstance(default, bool):
                assert descriptor.integer_range
            elif isinstance(default, tuple) or known[name][1]['choices']:
                assert descriptor.additional_constraints
            if not descriptor.read_only:
                found.add((node, name))
    assert found == may_change


def check_layouts(offered):
    """Hold the topics and services of the shipped layouts against those of the nodes."""
    offered = {name.replace(NAMESPACE, '/scpo', 1) for name in offered}
    texts = {name: (ROOT / 'config' / name).read_text() for name in (
        'scpo.perspective', 'foxglove.json', 'plotjuggler.xml', 'scpo.rviz')}
    assert json.loads(texts['scpo.perspective']) and json.loads(texts['foxglove.json'])
    assert ElementTree.fromstring(texts['plotjuggler.xml']).findall('.//curve')
    assert yaml.safe_load(texts['scpo.rviz'])['Visualization Manager']
    for name, text in texts.items():
        shown = set(re.findall(r'/scpo/[a-z_]+/[a-z_/]+[a-z]', text))
        shown = {re.sub('/data$', '', topic) for topic in shown}
        assert shown and shown <= offered, name


def change(call, node, **values):
    """Set parameters of a node; return the result of the first."""
    parameters = [Parameter(name, value=value).to_parameter_msg()
                  for name, value in values.items()]
    return call(SetParameters, f'{node}/set_parameters', parameters=parameters).results[0]


BAD_CHANGES = (
    ('expert', 'expert', 'evil', 'benign'), ('expert', 'expert', 3, 'type str'),
    ('expert', 'batch', 0, 'range'), ('expert', 'system.dt', 0.2, 'read-only'),
    ('adapter', 'min_demonstrations', 1000, 'demonstrations = 512'),
    ('adapter', 'accept_margin', 0.0, 'read-only'), ('adapter', 'damping', -1.0, 'range'),
    ('plant', 'real_time_factor', float('nan'), 'range'),
    ('plant', 'use_sim_time', True, 'start'), ('controller', 'use_sim_time', True, 'start'))


def test_a_bad_change_is_refused_with_the_reason(nodes, call):
    for node, name, value, reason in BAD_CHANGES:
        result = change(call, node, **{name: value})
        assert not result.successful and reason in result.reason, (node, name, result.reason)


def test_a_good_change_has_its_effect(processes, probe, call):
    probe.watch(JointState, 'joint_states', QoSProfile(depth=100))
    for node in ('plant', 'controller', 'adapter'):
        processes.start(node)
    states = probe.seen['joint_states']
    probe.wait(lambda: len(states) > 5)

    def pace():
        began, count = time.monotonic(), len(states)
        probe.wait(lambda: len(states) >= count + 20)
        return time.monotonic() - began

    slow = pace()
    assert change(call, 'plant', real_time_factor=4.0).successful
    assert pace() < 0.6 * slow
    assert change(call, 'adapter', enabled=False).successful
    assert change(call, 'adapter', min_demonstrations=100, demonstrations=200).successful
