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

"""The names of joints: a state is of one joint, and its answer names the same."""

from types import SimpleNamespace

import pytest
from scpo_ros.exceptions import InvalidArrayError
from scpo_ros.interface.messages import read_state


def state(names):
    header = SimpleNamespace(stamp=SimpleNamespace(sec=1, nanosec=0), frame_id='episode/0')
    return SimpleNamespace(header=header, name=names, position=[0.1], velocity=[0.0], effort=[0.0])


@pytest.mark.parametrize('names, joint', [([], ''), (['arm'], 'arm')])
def test_the_name_is_kept(names, joint):
    assert read_state(state(names)).joint == joint


@pytest.mark.parametrize('names, rule', [
    (['arm', 'gripper'], 'must name one joint'), (['arm', 'arm'], 'must name one joint'),
    (['a' * 257], 'must have at most 256 characters')])
def test_more_than_one_joint_or_an_endless_name_is_malformed(names, rule):
    with pytest.raises(InvalidArrayError, match=rule):
        read_state(state(names))
