"""The phase plane as markers: x is the position [m], y the velocity [m/s]."""

from geometry_msgs.msg import Point
from std_msgs.msg import ColorRGBA
from visualization_msgs.msg import Marker, MarkerArray


_COLOURS = {'safe_set': (0.1, 0.6, 0.1), 'rollouts': (0.2, 0.4, 0.9), 'refused': (0.9, 0.1, 0.1)}


def _line(stamp, namespace, number, points, closed=False):
    red, green, blue = _COLOURS[namespace]
    marker = Marker(ns=namespace, id=number, type=Marker.LINE_STRIP, action=Marker.ADD,
                    color=ColorRGBA(r=red, g=green, b=blue, a=1.0))
    marker.header.stamp, marker.header.frame_id = stamp, 'phase_plane'
    marker.scale.x, marker.pose.orientation.w = 0.005, 1.0
    marker.points = [Point(x=float(p), y=float(v), z=0.0)
                     for p, v in [*points, *(points[:1] if closed else [])]]
    return marker


def phase_plane(stamp, safe_set, rollouts, refused):
    """
    Return the MarkerArray of the safe set, the collected rollouts and the refused policy's.

    :param safe_set: vertices (v, 2). :param rollouts: list of states (T, 2).
    :param refused: states (T, 2) or None.
    """
    lines = [_line(stamp, 'safe_set', 0, safe_set, closed=True)]
    lines += [_line(stamp, 'rollouts', i, x) for i, x in enumerate(rollouts)]
    if refused is not None and len(refused) > 1:
        lines.append(_line(stamp, 'refused', 0, refused))
    return MarkerArray(markers=lines)


def refused_policy(stamp, states, reason):
    """
    Return the MarkerArray of what a refused policy would have done, and why it was refused.

    :param states: (T, 2). :param reason: a sentence.
    """
    line = _line(stamp, 'refused', 0, states)
    text = Marker(ns='reason', type=Marker.TEXT_VIEW_FACING, action=Marker.ADD, text=reason,
                  color=line.color)
    text.header, text.scale.z, text.pose.orientation.w = line.header, 0.04, 1.0
    text.pose.position = Point(x=float(states[-1][0]), y=float(states[-1][1]), z=0.0)
    return MarkerArray(markers=[line, text])
