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

"""The priority of this process: lowered for learning, raised for control."""

from contextlib import suppress
import os
from pathlib import Path


_AUTOGROUP = Path('/proc/self/autogroup')
_MILDER = 3  # a whole session yields to all of the machine, and would starve beside any load


def step_back(niceness: int, apart: bool = False) -> None:
    """
    Lower the priority of this process and of those it will start.

    Linux may share the processor between sessions first (autogroups); then the niceness of the
    session counts. Only the leader of a session changes that of its session, because another
    session may hold the controller too. It changes it by a third of the niceness, because the
    session yields to everything else on the machine as well.

    :param niceness: added to the present one. :param apart: whether to lead a session of its own.
    """
    if apart:
        try:
            os.setsid()
        except OSError:
            pass  # leads its group already
    present = os.nice(niceness)
    if niceness and os.getsid(0) == os.getpid():
        try:
            _AUTOGROUP.write_text(str(present // _MILDER))
        except OSError:
            pass  # no autogroups here


def step_forward(priority: int) -> str:
    """
    Give every thread of this process a real-time priority (SCHED_FIFO), if the system grants it.

    Threads and processes started afterwards have an ordinary one. Linux grants it to root, and to
    users up to their limit `rtprio`.

    :param priority: 1 to 99, 0 for no change. :returns: the priority reached, in words.
    """
    if not priority:
        return 'ordinary'
    try:
        for thread in Path('/proc/self/task').iterdir():
            with suppress(ProcessLookupError):  # it has ended meanwhile
                os.sched_setscheduler(int(thread.name), os.SCHED_FIFO | os.SCHED_RESET_ON_FORK,
                                      os.sched_param(priority))
    except (OSError, AttributeError) as error:  # the latter where it is not Linux
        return f'ordinary, for real-time priority {priority} is not granted: {error}'
    return f'real-time priority {priority}'
