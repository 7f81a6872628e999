"""The phase plane as markers: x is the position [m], y the velocity [m/s]."""

from geometry_msgs.msg import Point
from std_msgs.msg import ColorRGBA
from visualization_msgs.msg import Marker, MarkerArray


FRAME = 'phase_plane'
_LOOK = {  # namespace: colour, width
    'limits': ((0.0, 0.0, 0.0), 0.006), 'safe_set': ((0.1, 0.6, 0.1), 0.006),
    'rollouts': ((0.6, 0.7, 0.9), 0.003), 'present': ((0.0, 0.3, 0.9), 0.008),
    'refused': ((0.9, 0.1, 0.1), 0.008), 'reason': ((0.9, 0.1, 0.1), 0.0)}
_TEXT_HEIGHT = 0.04  # [m]


def _marker(stamp, namespace, kind, number=0):
    (red, green, blue), width = _LOOK[namespace]
    marker = Marker(ns=namespace, id=number, type=kind, action=Marker.ADD,
                    color=ColorRGBA(r=red, g=green, b=blue, a=1.0))
    marker.header.stamp, marker.header.frame_id = stamp, FRAME
    marker.scale.x, marker.pose.orientation.w = width, 1.0
    return marker


def _line(stamp, namespace, points, number=0, closed=False):
    marker = _marker(stamp, namespace, Marker.LINE_STRIP, number)
    marker.points = [Point(x=float(p), y=float(v), z=0.0)
                     for p, v in [*points, *(points[:1] if closed else [])]]
    return marker


def _text(stamp, text, at):
    marker = _marker(stamp, 'reason', Marker.TEXT_VIEW_FACING)
    marker.pose.position.x, marker.pose.position.y = map(float, at)
    marker.scale.z, marker.text = _TEXT_HEIGHT, text
    return marker


def phase_plane(stamp, limits, session):
    """
    Return the MarkerArray of limits, safe set, collected rollouts, present and refused policy.

    Both policies start from the state that the refused one was refused for.

    :param limits: SystemConfig. :param session: Session; of it vertices (v, 2), seen_rollouts,
        present_trajectory, refused_trajectory (T, 2) or None, and refused_reason.
    """
    p, v = limits.position_limit, limits.velocity_limit
    lines = [_line(stamp, 'limits', [(-p, -v), (p, -v), (p, v), (-p, v)], closed=True),
             _line(stamp, 'safe_set', session.vertices, closed=True)]
    lines += [_line(stamp, 'rollouts', x, i) for i, x in enumerate(session.seen_rollouts)]
    for namespace in ('present', 'refused'):
        states = getattr(session, f'{namespace}_trajectory')
        if states is not None and len(states) > 1:
            lines.append(_line(stamp, namespace, states))
    if session.refused_reason:
        lines.append(_text(stamp, f'refused: {session.refused_reason}', (0.0, -1.1 * v)))
    return MarkerArray(markers=lines)


def refused_policy(stamp, states, reason):
    """
    Return the MarkerArray of what a refused policy would have done, and why it was refused.

    :param states: (T, 2). :param reason: a sentence.
    """
    return MarkerArray(markers=[
        _line(stamp, 'refused', states), _text(stamp, reason, states[-1])])
