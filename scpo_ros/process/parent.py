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
A process that does not outlive the one that started it, however that one ended. No ROS.

The starting process puts its number into the environment of its child (:func:`bound`). The child
calls :func:`end_with_parent` before anything else. From then on Linux sends it a signal when its
parent ends, by SIGKILL too. A process that nobody has bound (`ros2 run`, systemd, a terminal)
stays on its own.

The signal (PR_SET_PDEATHSIG) comes when the *thread* ends that started the child: start children
from a thread that lives as long as they are wanted. Other systems than Linux have no such signal;
there nothing is bound, and children are ended by a parent that ends in order.
"""

from collections.abc import Mapping, MutableMapping
import ctypes
import os
from pathlib import Path
import sys


VARIABLE = 'SCPO_ROS_PARENT'  # number of the process that must not be outlived
_PR_SET_PDEATHSIG = 1  # of linux/prctl.h


def bound(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the environment of a child that must not outlive this process."""
    return {**environment, VARIABLE: str(os.getpid())}


def end_with_parent(number: int, environment: MutableMapping[str, str] = os.environ) -> None:
    """
    Get a signal when the parent ends, if it has bound this process.

    The binding is taken out of the environment: it says nothing to children of this process.

    :param number: of the signal.
    """
    text = environment.pop(VARIABLE, '')
    if text.isdecimal():
        follow(int(text), number)


def follow(parent: int, number: int) -> None:
    """
    Get a signal when a parent ends; at once when it has ended already.

    Where another program stands between the two (gdb, xterm or a shell of a launch prefix), the
    parent of this process is that program, which may end on purpose. Then no signal is asked for.

    :param parent: number of the process that was the parent at the start.
    """
    if sys.platform != 'linux':
        return
    if os.getppid() == parent:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
    if os.getppid() != parent and not _runs(parent):
        os.kill(os.getpid(), number)


def _runs(process: int) -> bool:
    """Return whether a process runs; one that has ended may still have its number."""
    try:
        stat = Path(f'/proc/{process}/stat').read_text(encoding='utf-8', errors='replace')
    except OSError:
        return False
    return stat.rpartition(')')[2].split()[0] not in ('Z', 'X')
