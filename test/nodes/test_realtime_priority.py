"""Plant and controller ask for a real-time priority unless the clock waits for the adapter."""

import pytest
import rclpy
from scpo_ros.nodes.controller import ControllerNode
from scpo_ros.nodes.plant import PlantNode


@pytest.mark.parametrize('kind, parameters, expected', [
    (PlantNode, {}, 10),
    (PlantNode, {'use_sim_time': 'true'}, 0),
    (ControllerNode, {}, 10),
    (ControllerNode, {'use_sim_time': 'true'}, 0),
    (ControllerNode, {'use_sim_time': 'true', 'lockstep': 'false'}, 10)])  # the clock goes on
def test_where_the_clock_waits_no_priority_is_asked_for(kind, parameters, expected):
    words = [word for item in parameters.items() for word in ('-p', ':='.join(item))]
    rclpy.init(args=['--ros-args', *words])
    node = kind()
    try:
        assert node.realtime_priority == expected
    finally:
        getattr(node, 'stop', lambda: None)()
        node.destroy_node()
        rclpy.try_shutdown()
