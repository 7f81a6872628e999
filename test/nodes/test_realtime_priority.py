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
