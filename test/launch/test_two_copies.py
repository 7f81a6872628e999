"""Two copies under /a and /b do not touch each other, simulated time included."""

import os
import signal

from launched import launch_fixture, Launched, needs_launch, Probe
import pytest
from rcl_interfaces.msg import ParameterEvent
from rclpy.qos import DurabilityPolicy, QoSProfile
from scpo_ros.messages import read_policy

pytestmark = needs_launch
SHARED = {'/clock', '/diagnostics', '/parameter_events', '/rosout'}


@pytest.fixture
def probes():
    """Return a Probe of each copy that keeps all policies."""
    watching = {name: Probe(name) for name in 'ab'}
    for probe in watching.values():
        probe.policies = []
        probe.node.create_subscription(
            ParameterEvent, 'policy', lambda m, seen=probe.policies: seen.append(read_policy(m)),
            QoSProfile(depth=100, durability=DurabilityPolicy.TRANSIENT_LOCAL))
    yield watching
    for probe in watching.values():
        probe.close()


@launch_fixture
def copies(tmp_path):
    """Return two launches with one seed."""
    launched = Launched(*(
        ('sim.launch.py', {
            'namespace': name, 'results': str(tmp_path / name), 'use_sim_time': 'true',
            'real_time_factor': '10', 'expert': 'benign', 'duration': '0'}) for name in 'ab'))
    return launched.description, launched


@pytest.mark.launch(fixture=copies)
def test_two_copies_do_not_touch_each_other(copies, probes):
    _, launched = copies
    for probe in probes.values():
        probe.wait(lambda probe=probe: probe.version >= 2, timeout=90.0)
    node = probes['a'].node
    for topic, _ in node.get_topic_names_and_types():
        ends = [*node.get_publishers_info_by_topic(topic),
                *node.get_subscriptions_info_by_topic(topic)]
        spaces = {end.node_namespace for end in ends} & {'/a', '/b'}  # an old one may linger
        if spaces and topic not in SHARED:
            assert len(spaces) == 1 and topic.startswith(f'{spaces.pop()}/'), (topic, ends)
    digests = [{p.version: p.digest for p in probe.policies} for probe in probes.values()]
    common = set(digests[0]) & set(digests[1])
    assert len(common) >= 3
    assert all(digests[0][version] == digests[1][version] for version in common)
    for pid in launched.pids['monitor']:
        os.kill(pid, signal.SIGINT)
    probes['a'].wait(lambda: sum(map(len, launched.codes.values())) == 10)
    assert all(codes == [0, 0] for codes in launched.codes.values())
