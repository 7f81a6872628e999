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

"""Messages of a robot under ros2_control: joints by name, NaN where nothing is known, offsets."""

from driver_samples import NAN, RAIL, robot_state
import numpy as np
import pytest
from scpo_ros.config import DriverConfig
from scpo_ros.config.node_parameters import build_spec
from scpo_ros.driver.assembly import joints_of
from scpo_ros.exceptions import ConfigurationError, InvalidArrayError

QUADROTOR = {'system.description': 'quadrotor_3d'}


def joints(values=RAIL, **parameters):
    return joints_of(build_spec(values), DriverConfig(**parameters))


@pytest.mark.parametrize('names', [
    ('gripper', 'slider', 'lift'), ('lift', 'slider', 'gripper')])
def test_joints_are_found_by_their_names_among_others(names):
    reading = joints().read(robot_state(2.5, (0.3, -0.1), names=names))
    assert reading.x.tolist() == [0.3, -0.1] and reading.time == 2.5
    assert np.isnan(reading.effort).all()


def test_an_effort_that_the_robot_reports_is_read():
    assert joints().read(robot_state(0, effort=(NAN, 0.25, 1.0))).effort.tolist() == [0.25]
    assert np.isnan(joints().read(robot_state(0, effort=())).effort).all()


@pytest.mark.parametrize('fields, rule', [
    ({'name': ['gripper', 'lift', 'arm']}, "must hold the joint 'slider'"),
    ({'name': ['slider', 'slider', 'lift']}, "must be there once, got 'slider'"),
    ({'name': []}, "must hold the joint 'slider'"),
    ({'position': [0.1]}, 'position must be one number for each of 3 joints, got 1'),
    ({'velocity': []}, 'velocity must be one number for each of 3 joints, got 0'),
    ({'effort': [0.1]}, 'effort must be one number for each of 3 joints, got 1'),
    ({'name': ['a' * 257, 'slider', 'lift']}, 'at most 256 characters'),
    ({'name': ['slider', *map(str, range(256))]}, 'at most 256 joints')])
def test_a_malformed_state_is_one_sentence(fields, rule):
    with pytest.raises(InvalidArrayError, match=rule) as caught:
        joints().read(robot_state(0, **fields))
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize('x, joint', [((NAN, 0.0), 'position'), ((0.0, NAN), 'velocity')])
def test_a_number_that_is_none_is_named(x, joint):
    reading = joints().read(robot_state(0, x))
    assert joints().unknown(reading.x).startswith(f"the {joint} of the joint 'slider' is nan, mu")
    assert joints().unknown(np.zeros(2)) == ''


def test_commands_have_the_order_of_the_robot():
    u = np.array([1.0, 2.0, 3.0])
    assert joints(QUADROTOR).command(u) == [1.0, 2.0, 3.0]
    assert joints(QUADROTOR, command_joints=('z', 'x', 'y')).command(u) == [3.0, 1.0, 2.0]


def test_offsets_lie_between_the_robot_and_the_description():
    there = joints(state_offset=(1.0, 0.0), input_offset=(9.81,))
    reading = there.read(robot_state(0, (1.3, 0.1), effort=(NAN, 10.0, NAN)))
    assert reading.x == pytest.approx([0.3, 0.1]) and reading.effort == pytest.approx([0.19])
    assert there.command(np.array([0.5])) == pytest.approx([10.31])


@pytest.mark.parametrize('values, parameters, name, rule', [
    (QUADROTOR, {'command_joints': ('x', 'y')}, 'command_joints', r"\['x', 'y', 'z'\]"),
    (QUADROTOR, {'command_joints': ('x', 'y', 'y')}, 'command_joints', 'each once'),
    (QUADROTOR, {'command_joints': ('x', 'y', 'w')}, 'command_joints', 'each once'),
    (RAIL, {'state_offset': (0.1,)}, 'state_offset', 'must have 2 entries'),
    (RAIL, {'input_offset': (0.1, 0.2)}, 'input_offset', 'must have 1 entries'),
    ({}, {'command_joints': ('a', 'b')}, 'command_joints', 'must name the one joint')])
def test_what_does_not_fit_the_description_is_refused(values, parameters, name, rule):
    with pytest.raises(ConfigurationError, match=rule) as caught:
        joints(values, **parameters)
    assert caught.value.name == name


def test_a_joint_with_two_inputs_cannot_be_commanded(tmp_path):
    path = tmp_path / 'two.yaml'
    path.write_text("""
name: two
dt: 0.1
states:
  - {name: p, lower: -1, upper: 1, joint: rail, field: position}
inputs:
  - {name: u, lower: -1, upper: 1, joint: rail, field: effort}
  - {name: v, lower: -1, upper: 1, joint: rail, field: velocity}
dynamics: {continuous: {A: [[0]], B: [[1, 1]]}}
cost: {Q: [1], R: [1, 1]}
""")
    with pytest.raises(ConfigurationError, match='must have one input for each joint'):
        joints({'system.description': str(path)})


def test_the_double_integrator_has_the_only_joint_or_the_one_that_is_named():
    alone = {'name': ['rail'], 'position': [0.2], 'velocity': [0.1], 'effort': []}
    assert joints({}).read(robot_state(0, **alone)).x.tolist() == [0.2, 0.1]
    with pytest.raises(InvalidArrayError, match='or command_joints must say which'):
        joints({}).read(robot_state(0))
    named = joints({}, command_joints=('slider',))
    assert named.read(robot_state(0, (0.4, 0.0))).x.tolist() == [0.4, 0.0]
