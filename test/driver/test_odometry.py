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

"""Odometry of a state estimator as states: frames, orientation, what is refused."""

from types import SimpleNamespace

from driver_samples import NAN, stamp_of
import numpy as np
import pytest
from scpo_ros.config import DriverConfig
from scpo_ros.config.node_parameters import build_spec
from scpo_ros.driver.assembly import joints_of
from scpo_ros.driver.odometry import OdometrySource, turned
from scpo_ros.exceptions import InvalidArrayError

HALF = np.sqrt(0.5)
YAW = (0.0, 0.0, HALF, HALF)  # a quarter turn about z


def vector(numbers):
    return SimpleNamespace(**dict(zip('xyzw', numbers)))


def odometry(position=(0.1, 0.2, 0.3), velocity=(1.0, 0.0, 0.5), orientation=YAW,
             frames=('odom', 'base_link')):
    return SimpleNamespace(
        header=SimpleNamespace(stamp=stamp_of(3.0), frame_id=frames[0]), child_frame_id=frames[1],
        pose=SimpleNamespace(pose=SimpleNamespace(
            position=vector(position), orientation=vector(orientation))),
        twist=SimpleNamespace(twist=SimpleNamespace(linear=vector(velocity))))


def source(system='quadrotor_3d'):
    return OdometrySource(joints_of(build_spec({'system.description': system}), DriverConfig()))


def test_the_velocity_of_the_body_is_turned_into_the_frame_of_the_pose():
    reading = source().read(odometry())
    assert reading.x == pytest.approx([0.1, 0.0, 0.2, 1.0, 0.3, 0.5])
    assert reading.time == 3.0 and np.isnan(reading.effort).all()


def test_a_velocity_of_the_same_frame_is_taken_as_it_is():
    reading = source().read(odometry(orientation=(0, 0, 0, 0), frames=('odom', 'odom')))
    assert reading.x == pytest.approx([0.1, 1.0, 0.2, 0.0, 0.3, 0.5])


@pytest.mark.parametrize('orientation', [
    (0, 0, 0, 0), (0, 0, 0, 1.1), (NAN, 0, 0, 1), (0, 0, 0, float('inf'))])
def test_an_orientation_that_is_none_is_refused(orientation):
    with pytest.raises(InvalidArrayError, match='must be a quaternion of length 1'):
        source().read(odometry(orientation=orientation))


def test_another_frame_than_the_first_one_is_refused():
    heard = source()
    heard.read(odometry())
    with pytest.raises(InvalidArrayError, match='must be those of the first message'):
        heard.read(odometry(frames=('map', 'base_link')))
    assert heard.read(odometry()).x[0] == 0.1


def test_a_description_with_other_joints_is_refused():
    with pytest.raises(InvalidArrayError, match="must hold the joint 'slider'"):
        source('rail_slider').read(odometry())


def test_a_number_that_is_none_stays_none():
    assert np.isnan(source().read(odometry(position=(NAN, 0, 0))).x[0])
    assert np.isnan(source().read(odometry(velocity=(0, NAN, 0))).x[[1, 3]]).any()


def test_turning_keeps_lengths_and_follows_the_rotation_matrix():
    rng = np.random.default_rng(0)
    for _ in range(50):
        q, v = rng.normal(size=4), rng.normal(size=3)
        q /= np.linalg.norm(q)
        x, y, z, w = q
        matrix = np.array([
            [1 - 2 * (y*y + z*z), 2 * (x*y - z*w), 2 * (x*z + y*w)],
            [2 * (x*y + z*w), 1 - 2 * (x*x + z*z), 2 * (y*z - x*w)],
            [2 * (x*z - y*w), 2 * (y*z + x*w), 1 - 2 * (x*x + y*y)]])
        assert turned(q, v) == pytest.approx(matrix @ v)
