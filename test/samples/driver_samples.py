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

"""A driver without ROS: messages of a robot under ros2_control, and a session that hears them."""

from types import SimpleNamespace
from unittest import mock

import numpy as np
from scpo_ros.config import DriverConfig, Spec, SystemSpec
from scpo_ros.config.node_parameters import build_spec
from scpo_ros.driver import assembly
from scpo_ros.driver.session import DriverSession

RAIL = {'system.description': 'rail_slider'}  # dt = 0.1 s, joint slider, on_silence: feedback
NAN = float('nan')


def stamp_of(time):
    nanoseconds = round(time * 1e9)
    return SimpleNamespace(sec=nanoseconds // 10**9, nanosec=nanoseconds % 10**9)


def robot_state(time, x=(0.1, 0.0), effort=(NAN, NAN, NAN), names=('gripper', 'slider', 'lift'),
                **fields):
    """Return a JointState as joint_state_broadcaster publishes it: NaN where nothing is known."""
    other = [0.7, x[0], 0.2], [NAN, x[1], 0.0]
    return SimpleNamespace(**{
        'header': SimpleNamespace(stamp=stamp_of(time), frame_id='base_link'),
        'name': list(names), 'position': other[0], 'velocity': other[1],
        'effort': list(effort), **fields})


def session_of(values=RAIL, kind=DriverSession, **parameters):
    """Return a session. :param kind: its class. :param parameters: of the driver."""
    spec = build_spec(values)
    assert isinstance(spec, Spec if not values else SystemSpec)
    with mock.patch.object(assembly, 'DriverSession', kind):
        return assembly.build_session(
            spec, DriverConfig(**{'state_age_limit_s': 0.0, **parameters}))


def see(session, time, x=(0.1, 0.0), now=None, **fields):
    """Let a session see a message; return the state to publish, or None."""
    return session.see(session.joints.read(robot_state(time, x, **fields)), now)


def answer(session, state, u):
    """Answer a state; note what is sent, as the node does, and return it."""
    return sent(session, session.answer(np.array(u, ndmin=1), state.stamp))


def sent(session, u):
    if u is not None:
        session.applied.sent(u)
    return u
