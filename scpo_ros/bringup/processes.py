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

"""The processes of a run that `python -m scpo_ros.sim` starts, watches and stops."""

from collections.abc import Callable, Mapping
import os
from pathlib import Path
import signal
import subprocess
import sys
import time
from typing import TypeAlias

from scpo_ros.process.parent import bound


MAY_DIE = ('adapter', 'expert', 'recorder')  # the robot must not notice
_VIEWERS = ('ready', 'rqt', 'rviz2')
_ONCE = ('monitor', 'recorder')  # not started again: they would begin a new summary or bag
_RECORDER_S = 10.0  # longest wait for the recorder, which is to miss nothing [s]
_STOP_S = 15.0  # longest wait for the monitor, then for all others, before they are killed [s]

Process: TypeAlias = subprocess.Popen[bytes]
CommandLines: TypeAlias = Mapping[str, list[str]]  # name of the process: command line


class Processes:
    """The processes of one run: started in order, watched, respawned on request, stopped."""

    def __init__(self, lines: CommandLines, respawn: bool = False,
                 shown: CommandLines | None = None, bag: Path | None = None) -> None:
        """
        Prepare the given {name: command line}; :meth:`start` starts them.

        :param respawn: whether to start again what ended.
        :param shown: {name: command line} of viewers, to be started once 'ready' has ended.
        :param bag: the folder that the recorder makes.
        """
        self._lines, self._respawn = dict(lines), respawn
        self._shown, self._bag = dict(shown or {}), bag
        self._running: dict[str, Process] = {}
        self._lost: list[str] = []

    def start(self) -> None:
        """Start them in their order; what follows the recorder waits for its bag."""
        for name in list(self._lines):
            self._running[name] = self._start(name)
            if name == 'recorder' and self._bag is not None:
                _wait(self._bag.exists, self._running[name])

    def _start(self, name: str) -> Process:
        """Start a process. A node that is still loading answers SIGINT once it can, in order."""
        node = name not in _VIEWERS and any(
            word.startswith('scpo_ros.nodes.') for word in self._lines[name])
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT} if node else set())
        try:
            return subprocess.Popen(self._lines[name], start_new_session=True, env=bound())
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def ended(self) -> tuple[str, int] | None:
        """Return (name, exit code) of a process that ended and is not started again, or None."""
        for name, process in list(self._running.items()):
            code = process.poll()
            if code is None:
                continue
            if name in _VIEWERS:
                self._viewer_ended(name, code)
            elif name not in _ONCE and self._respawn:
                self._running[name] = self._start(name)
            elif name not in MAY_DIE:
                return name, code
            elif name not in self._lost:
                self._lost.append(name)
                print(f'\nthe {name} ended with code {code}; control goes on', file=sys.stderr)
        return None

    def _viewer_ended(self, name: str, code: int) -> None:
        """Go on without a viewer that ended; start those that waited for 'ready'."""
        del self._running[name]
        if name == 'ready':
            self._lines.update(self._shown)
            self._running.update((name, self._start(name)) for name in self._shown)
        elif code != 0:
            print(f'\n{name} ended with code {code}; the run goes on', file=sys.stderr)

    def stop(self) -> dict[str, int]:
        """Interrupt the monitor, then the others; kill what does not end; return exit codes."""
        names = sorted(self._running, key=lambda name: name != 'monitor')
        first = sum(name == 'monitor' for name in names)
        for group in (names[:first], names[first:]):
            for name in group:
                if self._running[name].poll() is None:
                    self._running[name].send_signal(signal.SIGINT)
            deadline = time.monotonic() + _STOP_S
            for name in group:
                _end(self._running[name], deadline)
        return {name: process.returncode for name, process in self._running.items()}


def _end(process: Process, deadline: float) -> None:
    """Wait for a process that was asked to end; kill its session when it does not."""
    try:
        process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait(condition: Callable[[], bool], process: Process) -> None:
    """Wait until the condition holds, the process has ended, or it takes too long."""
    deadline = time.monotonic() + _RECORDER_S
    while not condition() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
