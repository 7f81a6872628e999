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

"""The SROS 2 policy file: well-formed as SROS 2 reads it, and true of the nodes that run."""

from contextlib import suppress
from pathlib import Path
import xml.etree.ElementTree as ElementTree

import pytest
from rclpy.node import NodeNameNonExistentError
from scpo_ros.config import NODES
from test_interface import nodes  # noqa: F401 - a fixture


ROOT = Path(__file__).parents[2]
OF_PYTHON = {'/rosout', '/parameter_events', '/clock'}
GROUPS = {('topics', 'topic'): ('publish', 'subscribe'),
          ('services', 'service'): ('reply', 'request')}


@pytest.fixture(scope='module')
def policy():
    """Return the root element."""
    return ElementTree.parse(ROOT / 'config' / 'sros2_policy.xml').getroot()


def allowed(policy, node):
    """Return {('topics', 'publish'): {names}} of a node, absolute."""
    profile = policy.find(f".//profile[@node='{node}']")
    result = {}
    for group in profile:
        (permission, value), = group.attrib.items()
        assert value == 'ALLOW'
        result[group.tag, permission] = {
            entry.text if entry.text.startswith('/') else f'/scpo/{entry.text}' for entry in group}
    return result


def test_the_schema_of_sros2_holds(policy):
    """What policy.xsd 0.2.0 asks for, element by element."""
    assert (policy.tag, policy.get('version')) == ('policy', '0.2.0')
    enclaves = policy.find('enclaves')
    assert [child.tag for child in policy] == ['enclaves']
    assert {enclave.get('path') for enclave in enclaves} == {
        f'/scpo/{node}' for node in NODES}
    for enclave in enclaves:
        assert [child.tag for child in enclave] == ['profiles']
        for profile in enclave.find('profiles'):
            assert profile.tag == 'profile' and set(profile.attrib) == {'ns', 'node'}
            assert profile.get('ns') == '/scpo'
            for group in profile:
                item = group.tag.removesuffix('s')
                assert set(group.attrib) <= set(GROUPS[group.tag, item])
                assert len(group) and {entry.tag for entry in group} == {item}
                assert all(entry.text.strip() == entry.text != '' for entry in group)


def test_what_matters_has_one_author(policy):
    authors = {}
    assert '/scpo/joint_command' in allowed(policy, 'excite')['topics', 'publish']
    for node in [node for node in NODES if node != 'excite']:  # that takes the controller's place
        for topic in allowed(policy, node).get(('topics', 'publish'), ()):
            authors.setdefault(topic, set()).add(node)
    for topic, author in (('policy', 'adapter'), ('joint_command', 'controller'),
                          ('controller/active_policy', 'controller'),
                          ('demonstrations', 'expert'), ('robot_commands', 'ros2_control_driver')):
        assert authors[f'/scpo/{topic}'] == {author}
    assert authors['/scpo/joint_states'] == {'plant', 'ros2_control_driver'}  # one of them runs
    assert '/scpo/proposals' not in authors
    asked = {(node, service) for node in NODES
             for service in allowed(policy, node).get(('services', 'request'), ())}
    assert asked == {('monitor', '/scpo/adapter/set_enabled')}


def offered(probe, node):
    """Return {('topics', 'publish'): {names}} of a running node, as far as it was discovered."""
    asked = {('topics', 'publish'): probe.get_publisher_names_and_types_by_node,
             ('topics', 'subscribe'): probe.get_subscriber_names_and_types_by_node,
             ('services', 'reply'): probe.get_service_names_and_types_by_node}
    try:
        return {group: {name.replace(probe.get_namespace(), '/scpo', 1)
                        for name, _ in ask(node, probe.get_namespace())}
                for group, ask in asked.items()}
    except NodeNameNonExistentError:
        return dict.fromkeys(asked, set())


def test_it_is_true_of_the_running_nodes(nodes, probe, policy):  # noqa: F811
    for node in nodes:
        may = allowed(policy, node)
        with suppress(AssertionError):  # the comparison below says what is missing
            probe.wait(lambda node=node, may=may: all(
                may[group] - has <= OF_PYTHON for group, has in offered(probe, node).items()),
                timeout=10.0)
        for group, has in offered(probe, node).items():
            assert has <= may[group], (node, group)
            assert may[group] - has <= OF_PYTHON, (node, group)  # nothing is allowed for nothing
