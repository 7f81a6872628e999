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

"""Starting and stopping a node's process."""

from collections.abc import Callable
from functools import partial
import gc
import os
import re
import signal
import sys
from types import FrameType
from typing import Protocol, runtime_checkable

import rclpy
from rclpy.executors import Executor, ExternalShutdownException, SingleThreadedExecutor
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from scpo_ros.exceptions import MiddlewareError, ScpoRosError
from scpo_ros.nodes.health import SELDOM
from scpo_ros.process.discovery import require_domain, shorten_discovery
from scpo_ros.process.output import keep_going
from scpo_ros.process.parent import end_with_parent
from scpo_ros.process.priority import step_forward
from scpo_ros.process.stopping import ending_signals, stop_each
from scpo_ros.process.user_folders import ensure_user_folders

try:
    from rclpy.experimental import EventsExecutor
except ImportError:
    EventsExecutor = SingleThreadedExecutor


@runtime_checkable
class Punctual(Protocol):
    """A node that asks for a real-time priority and is told what came of it."""

    realtime_priority: int
    scheduling: str


@runtime_checkable
class Stopped(Protocol):
    """A node with parts that must be ended before it is destroyed."""

    def stop(self) -> None:
        """End the parts."""


# Takes half the processor time of the other one, which looks through all topics, timers and
# services at every message; but not for callbacks that ask when a message arrived (recorder).
Events: Callable[[], Executor] = EventsExecutor

_WAKE_S = 0.5  # longest sleep without an event [s]
_ORPHAN_S = 60  # longest end of a node whose parent has ended: nobody else would kill it [s]
_LEAVE_S = 10  # then a node that has ended all its parts and does not get out of ROS is killed [s]


def run(make: Callable[[], Node], executor: Callable[[], Executor] = SingleThreadedExecutor,
        args: list[str] | None = None) -> int:
    """
    Spin one node until a signal or its own end; return the exit code, with which to end.

    A bad configuration is one line on standard error and the code 2, before anything moves.

    A node that sim or launch has started ends with it, in order (SIGTERM). A signal ends the loop
    between two callbacks and nothing else: however often it is repeated (launch repeats it where
    there is no terminal), no callback and no `stop()` is cut short.

    :param make: () -> node, which may have `stop()`, and a `realtime_priority`; then it is told in
        `scheduling` what came of it.
    :param executor: () -> the executor that spins it, see :data:`Events`.
    """
    keep_going()
    end_with_parent(signal.SIGTERM)
    asked = _signals()
    node, spinner, code = None, None, 0
    try:
        _join(args)
        node = make()
        spinner = executor()
        spinner.add_node(node)
        _turn(spinner, node, 0.0)  # with the first one an executor starts its threads
        if isinstance(node, Punctual):
            node.scheduling = step_forward(node.realtime_priority)
        gc.collect()
        gc.freeze()  # else each collection looks through all that stays, for 8 ms
        # EventsExecutor.spin() of rclpy 7.1 burns a core; spin_once does not
        while rclpy.ok() and not asked:
            _turn(spinner, node, _WAKE_S)
    except ExternalShutdownException:
        pass
    except ScpoRosError as error:
        print(f'[scpo_ros] error: {error}', file=sys.stderr, flush=True)
        code = 0 if asked else 2  # a node that is asked to stop may leave its start unfinished
    finally:
        code = max(code, _end(spinner, node))
    return code


def _join(args: list[str] | None) -> None:
    """
    Start rclpy, as the command line and the environment variables of ROS 2 ask for.

    :raises ScpoRosError: naming what they get wrong: domain, enclave, log folder, remapping.
    """
    require_domain()
    shorten_discovery()
    ensure_user_folders()
    try:
        rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
    except (rclpy_implementation.RCLError, rclpy_implementation.UnknownROSArgsError,
            UnicodeEncodeError) as error:
        said = ' '.join(re.sub(r', at /\S+:\d+', '', str(error)).split())
        raise MiddlewareError(f'ROS 2 cannot start: {said}') from error


def _signals() -> list[int]:
    """Return the list to which every signal that asks for the end is added from now on."""
    asked: list[int] = []
    parent = os.getppid()

    def note(number: int, _: FrameType | None) -> None:
        asked.append(number)
        if os.getppid() != parent:
            signal.alarm(_ORPHAN_S)  # ends the process, whatever it is doing then
    for number in ending_signals():
        signal.signal(number, note)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # sim starts nodes with it blocked
    return asked


def _end(spinner: Executor | None, node: Node | None) -> int:
    """
    End every part, also after one that fails; return the exit code.

    Leaving ROS may never return: Fast DDS can wait for ever for one of its own threads when
    several nodes leave at once. No Python code runs then, so an alarm ends the process.
    """
    parts: list[Callable[[], object]] = [partial(signal.alarm, _LEAVE_S), rclpy.try_shutdown]
    if node is not None:
        parts.insert(1, node.destroy_node)
        if isinstance(node, Stopped):
            parts.insert(0, node.stop)
    if spinner is not None:
        parts = [spinner.shutdown, *parts]  # before the context, or its guard condition complains
    try:
        stop_each(*parts)
    except ScpoRosError as error:
        print(f'[scpo_ros] error: {error}', file=sys.stderr, flush=True)
        return 2
    return 0


def _turn(spinner: Executor, node: Node, timeout: float) -> None:
    """Spin once; a request that rclpy cannot answer must not end the node."""
    try:
        spinner.spin_once(timeout_sec=timeout)
    except rclpy_implementation.RCLError as error:
        node.get_logger().error(f'{error}', **SELDOM)
