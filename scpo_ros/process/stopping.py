"""How parts are ended: every part is, also when another one fails. No ROS."""

from collections.abc import Callable
from contextlib import ExitStack


def stop_each(*parts: Callable[[], object]) -> None:
    """
    Call every part, in order, also after one that raises.

    :param parts: callables without arguments.
    :raises Exception: what the last failing part raised, with those before it as its context.
    """
    with ExitStack() as stack:
        for part in reversed(parts):
            stack.callback(part)
