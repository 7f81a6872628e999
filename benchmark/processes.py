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

"""Processes of a measurement, and how long the machine itself stood still meanwhile."""

import math
import os
from pathlib import Path
import signal
import subprocess
import threading
import time

ROOT = Path(__file__).parents[1]


class Processes:
    """Processes that are started and interrupted together; a context manager."""

    def __init__(self, lines):
        """Prepare. :param lines: {name: command line}."""
        self.lines, self.processes = lines, {}

    def __enter__(self):
        """Start the processes."""
        environment = {**os.environ, 'PYTHONPATH': os.pathsep.join(
            [str(ROOT), *filter(None, [os.environ.get('PYTHONPATH')])])}
        try:
            for name, line in self.lines.items():
                self.processes[name] = subprocess.Popen(line, env=environment)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        """Interrupt the processes and wait for them."""
        for process in self.processes.values():
            process.send_signal(signal.SIGINT)
        for process in self.processes.values():
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def check(self):
        """
        Raise when a process has ended.

        :raises RuntimeError: naming it.
        """
        for name, process in self.processes.items():
            if process.poll() is not None:
                raise RuntimeError(f'the {name} ended with code {process.returncode}')


class Stillness:
    """
    Notes when a thread that only sleeps, above all others, was kept from waking.

    A virtual machine whose host gives it less than its processors stands still for tens of
    milliseconds, and whatever runs on it is late. A context manager; `total_s` is NaN where the
    system does not grant the priority, for then others may have kept it.
    """

    _NAP_S, _LONG_S, _PRIORITY = 0.002, 0.005, 50

    def __init__(self):
        """Start with nothing noted."""
        self.total_s, self._end = math.nan, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self):
        try:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(self._PRIORITY))
        except (OSError, AttributeError):  # the latter where it is not Linux
            return
        self.total_s, before = 0.0, time.monotonic()
        while not self._end.is_set():
            time.sleep(self._NAP_S)
            now = time.monotonic()
            if now - before > self._NAP_S + self._LONG_S:
                self.total_s += now - before - self._NAP_S
            before = now

    def __enter__(self):
        """Start watching."""
        self._thread.start()
        return self

    def __exit__(self, *_):
        """Stop watching."""
        self._end.set()
        self._thread.join()
