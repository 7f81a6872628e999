"""Ending what consists of parts: each part is ended, whatever becomes of the others. No ROS."""

from contextlib import ExitStack


def stop_each(*parts):
    """
    Call every part, in order, also after one that raises.

    :param parts: callables without arguments.
    :raises Exception: what the last failing part raised, with those before it as its context.
    """
    with ExitStack() as stack:
        for part in reversed(parts):
            stack.callback(part)
