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
The phase plane as markers: two states, the first along x, the second along y, in their units.

They are a position and its velocity, where the system has both.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from builtin_interfaces.msg import Time
from geometry_msgs.msg import Point
import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.systems.model import Model
from std_msgs.msg import ColorRGBA
from visualization_msgs.msg import Marker, MarkerArray


FRAME = 'phase_plane'
_LOOK = {  # namespace: colour, width
    'limits': ((0.0, 0.0, 0.0), 0.006), 'safe_set': ((0.1, 0.6, 0.1), 0.006),
    'rollouts': ((0.6, 0.7, 0.9), 0.003), 'present': ((0.0, 0.3, 0.9), 0.008),
    'refused': ((0.9, 0.1, 0.1), 0.008), 'reason': ((0.9, 0.1, 0.1), 0.0)}
_TEXT_HEIGHT = 0.04  # [m]


@dataclass(frozen=True, eq=False)
class PhasePlane:
    """What the adapter draws; the two trajectories start at the same state."""

    vertices: Array  # (v, 2), of the safe set
    rollouts: Sequence[Array]  # (T + 1, n) each, collected
    present: Array | None  # (T, n), what the present policy does
    refused: Array | None  # (T, n), what the refused policy would have done
    refused_reason: str  # '' where none was refused


def _marker(stamp: Time, namespace: str, kind: int, number: int = 0) -> Marker:
    (red, green, blue), width = _LOOK[namespace]
    marker = Marker(ns=namespace, id=number, type=kind, action=Marker.ADD,
                    color=ColorRGBA(r=red, g=green, b=blue, a=1.0))
    marker.header.stamp, marker.header.frame_id = stamp, FRAME
    marker.scale.x, marker.pose.orientation.w = width, 1.0
    return marker


def _line(stamp: Time, namespace: str, points: Array, number: int = 0,
          closed: bool = False) -> Marker:
    marker = _marker(stamp, namespace, Marker.LINE_STRIP, number)
    shown = np.vstack([points, points[:1]]) if closed else points
    marker.points = [Point(x=float(p), y=float(v), z=0.0) for p, v in shown]
    return marker


def _text(stamp: Time, text: str, at: Array) -> Marker:
    marker = _marker(stamp, 'reason', Marker.TEXT_VIEW_FACING)
    marker.pose.position.x, marker.pose.position.y = map(float, at)
    marker.scale.z, marker.text = _TEXT_HEIGHT, text
    return marker


def phase_plane(stamp: Time, system: Model, drawn: PhasePlane) -> MarkerArray:
    """Return the markers of limits, safe set, collected rollouts, present and refused policy."""
    plane = list(system.plane)
    (left, low), (right, high) = (_limits(system)[:, plane])
    box = np.array([(left, low), (right, low), (right, high), (left, high)])
    lines = [_line(stamp, 'limits', box, closed=True),
             _line(stamp, 'safe_set', drawn.vertices, closed=True)]
    lines += [_line(stamp, 'rollouts', x[:, plane], i) for i, x in enumerate(drawn.rollouts)]
    for namespace, states in (('present', drawn.present), ('refused', drawn.refused)):
        if states is not None and len(states) > 1:
            lines.append(_line(stamp, namespace, states[:, plane]))
    if drawn.refused_reason:
        lines.append(_text(
            stamp, f'refused: {drawn.refused_reason}', np.array([0.0, 1.1 * low])))
    return MarkerArray(markers=lines)


def _limits(system: Model) -> Array:
    """Return lower and upper limits (2, n); where there is none, what constraints admit."""
    lower, upper = system.plant.state_lower, system.plant.state_upper
    return np.array([np.where(np.isfinite(lower), lower, -system.state_scale),
                     np.where(np.isfinite(upper), upper, system.state_scale)])


def refused_policy(stamp: Time, states: Array, reason: str) -> MarkerArray:
    """
    Return the MarkerArray of what a refused policy would have done, and why it was refused.

    :param states: (T, 2). :param reason: a sentence.
    """
    return MarkerArray(markers=[
        _line(stamp, 'refused', states), _text(stamp, reason, states[-1])])
