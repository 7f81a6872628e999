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

"""How parts and programs are ended: completely, and whichever signal asks for it. No ROS."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, ExitStack
import signal
from types import FrameType


_ASKING = (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP)


def stop_each(*parts: Callable[[], object]) -> None:
    """
    Call every part, in order, also after one that raises.

    :param parts: callables without arguments.
    :raises Exception: what the last failing part raised, with those before it as its context.
    """
    with ExitStack() as stack:
        for part in reversed(parts):
            stack.callback(part)


def ending_signals() -> list[signal.Signals]:
    """
    Return the signals that ask this process to end.

    A shell starts background jobs of a script with SIGINT ignored, so it may be ignored and is in
    the list all the same. SIGHUP is not where it is ignored: `nohup` asks for that.
    """
    return [number for number in _ASKING
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN]


def deaf(numbers: list[signal.Signals]) -> None:
    """Ignore signals from now on."""
    for number in numbers:
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def interrupted_once() -> Iterator[Callable[[], None]]:
    """
    Raise KeyboardInterrupt at the first signal that asks for the end, and ignore all later ones.

    Yields a function; once it is called the first one is ignored too. Afterwards signals mean what
    they meant before.
    """
    numbers = ending_signals()

    def interrupt(_: int, __: FrameType | None) -> None:
        deaf(numbers)
        raise KeyboardInterrupt
    before = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield lambda: deaf(numbers)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
