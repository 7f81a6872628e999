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

"""States and inputs of any system in the messages of a robot: found by joint and field."""

from types import SimpleNamespace

import numpy as np
import pytest
from scpo_ros.exceptions import InvalidArrayError
from scpo_ros.interface.joint_layout import layout_of, SLIDER
from scpo_ros.interface.messages import (
    read_command, read_demonstration, read_inputs, read_state, read_trajectory)
from scpo_ros.systems import load, shipped_names

STAMP = SimpleNamespace(sec=3, nanosec=500_000_000)


def message(names, position=(), velocity=(), effort=(), frame='episode/2'):
    """Return what is read of a JointState."""
    return SimpleNamespace(header=SimpleNamespace(stamp=STAMP, frame_id=frame), name=list(names),
                           position=list(position), velocity=list(velocity), effort=list(effort))


def filled(layout, x, u, joints=None, frame='episode/2'):
    """Return a message with states and inputs, its joints in any order."""
    fields = layout.fields_of(joints or layout.joints, x, u)
    return message(joints or layout.joints, frame=frame, **fields)


def refusal(read, *arguments):
    with pytest.raises(InvalidArrayError) as caught:
        read(*arguments)
    return str(caught.value)


@pytest.fixture(params=['cart_pole', 'quadcopter_osqp', 'vehicle_lateral'])
def system(request):
    return load(request.param)


@pytest.fixture
def layout(system):
    return layout_of(system.description)


@pytest.mark.parametrize('name', shipped_names())
def test_every_shipped_system_has_a_place_of_its_own_for_each_state_and_input(name):
    system = load(name)
    layout = layout_of(system.description)
    places = (*layout.states, *layout.inputs)
    assert len(set(places)) == len(places) == system.n + system.m


def test_what_is_written_is_read(system, layout):
    x, u = np.arange(system.n) + 0.25, -np.arange(system.m) - 0.5
    state = read_state(filled(layout, x, u), layout)
    assert np.array_equal(state.x, x) and np.array_equal(state.applied, u)
    assert state.episode == 2 and state.time == 3.5 and state.joint == ''
    command = message(layout.command_joints, frame='policy/7',
                      **layout.fields_of(layout.command_joints, None, u))
    assert np.array_equal(read_command(command, layout).u, u)


def test_a_joint_without_a_field_carries_nan_and_a_field_of_no_joint_is_empty():
    layout = layout_of(load('cart_pole').description)
    fields = layout.fields_of(layout.joints, np.array([1.0, 2.0, 3.0, 4.0]), np.array([5.0]))
    assert fields['position'] == [1.0, 2.0] and fields['velocity'] == [3.0, 4.0]
    assert fields['effort'][0] == 5.0 and np.isnan(fields['effort'][1])
    steered = layout_of(load('vehicle_lateral').description)
    assert steered.fields_of(steered.joints, np.zeros(4), np.zeros(1))['effort'] == []


def test_the_order_of_joints_and_other_joints_do_not_matter(system, layout):
    x, u = np.arange(system.n) + 0.25, np.arange(system.m) + 0.5
    joints = ['gripper', *reversed(layout.joints), 'camera']
    state = read_state(filled(layout, x, u, joints), layout)
    assert np.array_equal(state.x, x) and np.array_equal(state.applied, u)


def test_the_usual_order_is_read_as_any_other(system, layout):
    x, u = np.arange(system.n) + 0.25, np.arange(system.m) + 0.5
    usual = read_state(filled(layout, x, u), layout)
    turned = read_state(filled(layout, x, u, list(reversed(layout.joints))), layout)
    assert np.array_equal(usual.x, turned.x) and np.array_equal(usual.applied, turned.applied)


def test_the_usual_order_does_not_excuse_a_field_of_another_length(layout):
    usual = filled(layout, np.zeros(len(layout.states)), np.zeros(len(layout.inputs)))
    usual.position.append(0.0)
    assert 'must be one number for each of' in refusal(read_state, usual, layout)


def test_reading_by_the_order_alone_would_mix_up_the_joints(system, layout):
    """Control of the test above: the numbers do stand elsewhere."""
    x, u = np.arange(system.n) + 0.25, np.arange(system.m) + 0.5
    turned = filled(layout, x, u, list(reversed(layout.joints)))
    turned.name = list(layout.joints)
    assert not np.array_equal(read_state(turned, layout).x, x)


def test_each_fault_of_a_message_is_one_line_that_names_it():
    layout = layout_of(load('cart_pole').description)
    good = filled(layout, np.zeros(4), np.zeros(1))
    for change, wanted in (
            ({'name': ['cart', 'bar']}, "must hold the joint 'pole' of the description"),
            ({'name': ['cart', 'cart']}, 'must be there once'),
            ({'name': []}, "must hold the joint 'cart'"),
            ({'position': [0.0]}, 'position must be one number for each of 2 joints'),
            ({'velocity': []}, 'velocity must be one number'),
            ({'effort': [0.0, 0.0, 0.0]}, 'effort must be one number'),
            ({'name': ['x' * 300, 'pole']}, 'at most 256 characters'),
            ({'name': [f'joint{i}' for i in range(300)]}, 'at most 256 joints')):
        bad = SimpleNamespace(**{**vars(good), **change})
        sentence = refusal(read_state, bad, layout)
        assert wanted in sentence and '\n' not in sentence, change


def test_a_command_needs_the_joints_with_an_input_alone():
    layout = layout_of(load('cart_pole').description)
    assert read_inputs(message(['cart'], effort=[2.0]), layout) == [2.0]
    assert "the joint 'cart'" in refusal(read_inputs, message(['pole'], effort=[2.0]), layout)


def test_a_trajectory_is_read_by_its_joint_names(system, layout):
    rng = np.random.default_rng(0)
    x, u = rng.normal(size=(5, system.n)), rng.normal(size=(5, system.m))
    joints = list(reversed(layout.joints))
    points = []
    for state, action in zip(x, u):
        fields = layout.fields_of(joints, state, action)
        points.append(SimpleNamespace(
            positions=fields['position'], velocities=fields['velocity'], effort=fields['effort'],
            time_from_start=SimpleNamespace(sec=1, nanosec=0)))
    shown = SimpleNamespace(header=SimpleNamespace(stamp=STAMP, frame_id='benign'),
                            joint_names=joints, points=points)
    end, states, actions = read_trajectory(shown, layout)
    assert end == 4.5 and np.array_equal(states, x) and np.array_equal(actions, u)
    assert read_demonstration(shown, layout)[0] == 'benign'
    shown.joint_names = joints[1:]
    assert 'must hold the joint' in refusal(read_trajectory, shown, layout)


def test_one_joint_of_any_name_is_that_of_the_double_integrator():
    for names in ([], ['arm']):
        state = read_state(message(names, [0.1], [0.2], [0.3]))
        assert np.array_equal(state.x, [0.1, 0.2]) and state.applied == [0.3]
        assert state.joint == ''.join(names)
    assert 'must name one joint' in refusal(
        read_state, message(['a', 'b'], [0.1, 0.0], [0.2, 0.0], [0.3, 0.0]))
    assert SLIDER.joints == ('slider',)
