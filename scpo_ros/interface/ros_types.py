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
What is read of the ROS messages of the stack, as types without an import of ROS.

rclpy delivers such messages, a bag holds them, and a test can make them.
"""

from collections.abc import Sequence
from typing import Protocol


class Stamp(Protocol):
    """Of builtin_interfaces/Time and Duration."""

    sec: int
    nanosec: int


class Header(Protocol):
    """Of std_msgs/Header."""

    stamp: Stamp
    frame_id: str


class JointStateMessage(Protocol):
    """Of sensor_msgs/JointState."""

    header: Header
    name: Sequence[str]
    position: Sequence[float]
    velocity: Sequence[float]
    effort: Sequence[float]


class Vector(Protocol):
    """Of geometry_msgs/Point and Vector3."""

    x: float
    y: float
    z: float


class Quaternion(Protocol):
    """Of geometry_msgs/Quaternion."""

    x: float
    y: float
    z: float
    w: float


class Pose(Protocol):
    """Of geometry_msgs/Pose."""

    position: Vector
    orientation: Quaternion


class PoseWithCovariance(Protocol):
    """Of geometry_msgs/PoseWithCovariance."""

    pose: Pose


class Twist(Protocol):
    """Of geometry_msgs/Twist."""

    linear: Vector


class TwistWithCovariance(Protocol):
    """Of geometry_msgs/TwistWithCovariance."""

    twist: Twist


class OdometryMessage(Protocol):
    """Of nav_msgs/Odometry."""

    header: Header
    child_frame_id: str
    pose: PoseWithCovariance
    twist: TwistWithCovariance


class TrajectoryPoint(Protocol):
    """Of trajectory_msgs/JointTrajectoryPoint."""

    positions: Sequence[float]
    velocities: Sequence[float]
    effort: Sequence[float]
    time_from_start: Stamp


class TrajectoryMessage(Protocol):
    """Of trajectory_msgs/JointTrajectory."""

    header: Header
    joint_names: Sequence[str]
    points: Sequence[TrajectoryPoint]


class ParameterValue(Protocol):
    """Of rcl_interfaces/ParameterValue: one value is set, `type` says which."""

    type: int  # noqa: A003 - its name in the message
    integer_value: int
    double_value: float
    string_value: str
    double_array_value: Sequence[float]


class Parameter(Protocol):
    """Of rcl_interfaces/Parameter."""

    name: str
    value: ParameterValue


class EventMessage(Protocol):
    """Of rcl_interfaces/ParameterEvent."""

    changed_parameters: Sequence[Parameter]
