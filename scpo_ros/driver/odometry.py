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
A state estimator's odometry as the states of three joints `x`, `y` and `z`.

The position is that of the pose. The twist of an Odometry message is given in the frame
`child_frame_id`, that of the body; the velocities of the joints are those of the frame of the
pose, so it is turned by the orientation,

    v = w + 2 q_w (q x w) + 2 q x (q x w).

Where both frames have the same name nothing is turned, and the orientation may be missing.
"""

from collections.abc import Sequence

import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.driver.robot_joints import Reading, RobotJoints
from scpo_ros.exceptions import InvalidArrayError
from scpo_ros.interface.ros_types import OdometryMessage, Vector
from scpo_ros.interface.size_limits import checked_size, LONGEST_NAME

JOINTS = ('x', 'y', 'z')
_UNIT = 1e-3  # largest difference of the length of a quaternion from 1


class OdometrySource:
    """Reads odometry, always of the same two frames."""

    def __init__(self, joints: RobotJoints) -> None:
        """Start before the first message, which says which frames the states are of."""
        self._joints = joints
        self._frames: tuple[str, str] | None = None

    def read(self, message: OdometryMessage) -> Reading:
        """
        Return the :class:`~scpo_ros.driver.robot_joints.Reading` of an Odometry message.

        :raises InvalidArrayError: for an orientation that is none, or other frames than those of
            the first message: the origin may have moved with the frame.
        """
        pose, twist = message.pose.pose, message.twist.twist
        velocity = _numbers(twist.linear)
        frames = (message.header.frame_id, message.child_frame_id)
        for frame in frames:
            checked_size('odometry: frame_id', len(frame), LONGEST_NAME, 'characters')
        if frames[0] != frames[1]:
            turn = pose.orientation
            velocity = turned([turn.x, turn.y, turn.z, turn.w], velocity)
        reading = self._joints.reading(message.header.stamp, JOINTS, {
            'position': _numbers(pose.position).tolist(), 'velocity': velocity.tolist(),
            'effort': []})
        if self._frames is None:
            self._frames = frames
        if frames != self._frames:
            raise InvalidArrayError('odometry: frames', list(frames), 'must be those of the first '
                                    f'message: {list(self._frames)}')
        return reading


def _numbers(vector: Vector) -> Array:
    return np.array([vector.x, vector.y, vector.z])


def turned(quaternion: Sequence[float], vector: Array) -> Array:
    """
    Return a vector (3,) of the body in the frame of the pose.

    :param quaternion: (x, y, z, w), the orientation of the body.
    :raises InvalidArrayError: unless its length is 1.
    """
    q, w = np.array(quaternion[:3]), float(quaternion[3])
    length = float(np.sqrt(q @ q + w * w))
    if not abs(length - 1) <= _UNIT:
        raise InvalidArrayError(
            'odometry: orientation', list(map(float, quaternion)), 'must be a quaternion of '
            'length 1: the velocity is given in the frame of the body')
    q, w = q / length, w / length
    across = np.cross(q, vector)
    result: Array = vector + 2 * (w * across + np.cross(q, across))
    return result
