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

"""Plant and controller ask for a real-time priority unless the clock waits for the adapter."""

import pytest
from scpo_ros.nodes.controller import ControllerNode
from scpo_ros.nodes.plant import PlantNode


@pytest.mark.parametrize('kind, parameters, expected', [
    (PlantNode, {}, 10),
    (PlantNode, {'use_sim_time': True}, 0),
    (ControllerNode, {}, 10),
    (ControllerNode, {'use_sim_time': True}, 0),
    (ControllerNode, {'use_sim_time': True, 'lockstep': False}, 10)])  # the clock goes on
def test_where_the_clock_waits_no_priority_is_asked_for(made, kind, parameters, expected):
    assert made(kind, **parameters).realtime_priority == expected
