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
The topics of the stack that a recording is judged by, their types, and remapped names. No ROS.

A name of the stack is relative to the namespace. A robot of one's own may have other topics in
its place.
"""

from collections.abc import Mapping
import json


KEPT_NAMES = 'scpo_ros.names'  # key of the remapped names among a bag's own data
STATE, EVENT = 'sensor_msgs/msg/JointState', 'rcl_interfaces/msg/ParameterEvent'
_PATH, _NUMBER = 'trajectory_msgs/msg/JointTrajectory', 'std_msgs/msg/Float64'
KINDS = {  # {name of the stack: its type}: what report and audit read
    'joint_states': STATE, 'joint_command': STATE, 'demonstrations': _PATH, 'policy': EVENT,
    'controller/active_policy': EVENT, 'adapter/rollouts': _PATH,
    **dict.fromkeys((
        'plant/metrics/deadline_misses', 'plant/metrics/limit_violations',
        'controller/metrics/guard_interventions', 'controller/metrics/period_ms',
        'controller/metrics/policy_version', 'adapter/metrics/policy_version',
        'adapter/metrics/loss', 'adapter/metrics/worst_metric', 'adapter/metrics/accepted_total',
        'adapter/metrics/refused_total'), _NUMBER)}


def names_text(namespace: str, topics: Mapping[str, str]) -> str:
    """
    Return the text that a bag keeps of the names of its robot.

    :param namespace: with slashes around it. :param topics: {name of the stack: topic}.
    """
    return json.dumps({namespace: {name: topic for name, topic in sorted(topics.items())
                                   if topic != namespace + name}})


def names_of(text: str) -> dict[str, dict[str, str]]:
    """
    Return {namespace: {name of the stack: topic}} of a kept text.

    :raises ValueError: when it is none.
    """
    try:
        kept = json.loads(text)
    except RecursionError as error:
        raise ValueError('it is nested without end') from error
    if not isinstance(kept, dict) or not all(
            namespace[:1] == namespace[-1:] == '/' and isinstance(names, dict) and all(
                name in KINDS and isinstance(topic, str) and topic[:1] == '/'
                for name, topic in names.items()) for namespace, names in kept.items()):
        raise ValueError(f'{text[:80]!r} is no list of names')
    return kept
