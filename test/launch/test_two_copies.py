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

"""Two copies under /a and /b do not touch each other, simulated time included."""

import os
import signal

from launched import launch_fixture, Launched, needs_launch, Probe
import pytest
from rcl_interfaces.msg import ParameterEvent
from rclpy.qos import DurabilityPolicy, QoSProfile
from scpo_ros.interface.messages import read_policy

pytestmark = needs_launch
SHARED = {'/clock', '/diagnostics', '/parameter_events', '/rosout'}


class Copy(Probe):
    """Watches one copy and keeps its policies."""

    def __init__(self, namespace):
        """Subscribe."""
        super().__init__(namespace)
        self.digests = {}
        self.node.create_subscription(
            ParameterEvent, 'policy', self._keep,
            QoSProfile(depth=100, durability=DurabilityPolicy.TRANSIENT_LOCAL))

    def _keep(self, message):
        record = read_policy(message)
        self.digests[record.version] = record.digest


@pytest.fixture
def probes():
    """Return a probe of each copy."""
    watching = {name: Copy(name) for name in 'ab'}
    yield watching
    for probe in watching.values():
        probe.close()


@launch_fixture
def copies(tmp_path):
    """Return two launches with one seed, whose clocks wait however slow the machine is."""
    path = tmp_path / 'params.yaml'
    path.write_text('/**/plant: {ros__parameters: {lockstep_timeout_s: 600.0}}')
    launched = Launched(*(
        ('sim.launch.py', {
            'namespace': name, 'results': str(tmp_path / name), 'params_file': str(path),
            'use_sim_time': 'true', 'real_time_factor': '10', 'expert': 'benign',
            'duration': '0'}) for name in 'ab'))
    return launched.description, launched


@pytest.mark.launch(fixture=copies)
def test_two_copies_do_not_touch_each_other(copies, probes):
    _, launched = copies
    one, other = (probe.digests for probe in probes.values())

    def compared():  # either may have been found late, and have missed what the other saw first
        probes['b'].wait(lambda: True)
        return len(set(one) & set(other)) >= 4

    probes['a'].wait(compared, timeout=120.0)
    assert all(one[version] == other[version] for version in set(one) & set(other))
    node = probes['a'].node
    for topic, _ in node.get_topic_names_and_types():
        ends = [*node.get_publishers_info_by_topic(topic),
                *node.get_subscriptions_info_by_topic(topic)]
        spaces = {end.node_namespace for end in ends} & {'/a', '/b'}  # an old one may linger
        if spaces and topic not in SHARED:
            assert len(spaces) == 1 and topic.startswith(f'{spaces.pop()}/'), (topic, ends)
    os.kill(launched.pids['monitor'][0], signal.SIGINT)  # the launch ends with the first
    probes['a'].wait(lambda: sum(map(len, launched.codes.values())) == 10)
    assert all(codes == [0, 0] for codes in launched.codes.values())
