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

"""What ROS 2 itself cannot follow is one line and the exit code 2, as a bad parameter is."""

import os
from pathlib import Path
import re
import sys

import ahead
import pytest

ROOT = Path(__file__).parents[2]


def ended(environment, arguments):
    """Return the finished process of a node that cannot start."""
    line = [sys.executable, '-m', 'scpo_ros.nodes.expert', '--ros-args', *arguments]
    return ahead.finished(line, cwd=ROOT, env={**os.environ, **environment})


def begin_ahead(items):
    for item in items:
        if item.function is test_ros_that_cannot_start_is_one_line_that_names_the_cause:
            given = item.callspec.params
            ahead.once(ended, given['environment'], given['arguments'])


@pytest.mark.parametrize('environment, arguments, part', [
    ({'ROS_DOMAIN_ID': '9999'}, [], 'ROS_DOMAIN_ID must be a whole number from 0 to 232'),
    ({'ROS_DOMAIN_ID': 'robot'}, [], "got 'robot'"),
    ({'ROS_SECURITY_ENABLE': 'true', 'ROS_SECURITY_STRATEGY': 'Enforce',
      'ROS_SECURITY_KEYSTORE': '/none'}, [], "directory '/none/enclaves' does not exist"),
    ({}, ['--params-file', '/none.yaml'], '/none.yaml'),
    ({}, ['-r', '__ns:=/a//b'], '__ns:=/a//b'),
    ({}, ['--bogus'], '--bogus'),
    ({}, ['--log-level', 'loud'], '--log-level loud'),
    ({}, ['-p', 'a:=\udcfc'], "can't encode character"),  # a byte that is not UTF-8
])
def test_ros_that_cannot_start_is_one_line_that_names_the_cause(environment, arguments, part):
    process = ahead.once(ended, environment, arguments).result()
    assert process.returncode == 2
    lines = [said for said in process.stderr.splitlines() if said.startswith('[scpo_ros] error:')]
    assert len(lines) == 1 and part in lines[0], process.stderr
    assert 'Traceback' not in process.stderr
    assert not re.search(r' at /\S+:\d', lines[0])  # no line of a library's source


def test_the_throttle_goes_on_where_the_wall_clock_is_set_back(ros, monkeypatch):
    from rclpy.clock import Clock
    from rclpy.impl.rcutils_logger import RcutilsLogger
    from scpo_ros.nodes.health import SELDOM
    from rclpy.time import Time
    now = {'steady': 100.0, 'wall': 1e9}
    monkeypatch.setattr(Clock, 'now', lambda clock: Time(
        seconds=now['steady' if clock is SELDOM['throttle_time_source_type'] else 'wall']))
    logger = RcutilsLogger('test')
    told = []
    for steady, wall in ((100.0, 1e9), (101.0, 1e9 + 1), (106.0, 1e9 - 3600)):
        now.update(steady=steady, wall=wall)
        told.append(logger.info('again', **SELDOM))
    assert told == [True, False, True]
