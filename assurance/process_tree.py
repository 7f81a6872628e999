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

"""Processes and their descendants, as /proc has them."""

from pathlib import Path
import time


def _fields(process):
    """Return (state, parent, time of the start) of a process, None when it is gone."""
    try:
        text = Path(f'/proc/{process}/stat').read_text(errors='replace')
    except OSError:
        return None
    fields = text.rpartition(')')[2].split()
    return fields[0], int(fields[1]), int(fields[19])


def descendants(process):
    """Return {number: (time of the start, command line)} of all children, and theirs."""
    found, parents = {}, {}
    for path in Path('/proc').iterdir():
        if path.name.isdecimal() and (fields := _fields(path.name)) is not None:
            parents.setdefault(fields[1], []).append((int(path.name), fields[2]))
    rest = [process]
    while rest:
        for number, began in parents.get(rest.pop(), ()):
            found[number] = began, _line(number)
            rest.append(number)
    return found


def _line(process):
    try:
        return Path(f'/proc/{process}/cmdline').read_text(errors='replace').replace('\0', ' ')
    except OSError:
        return ''


def left(processes, patience):
    """Return the command lines of those that still run when patience [s] is over."""
    deadline = time.monotonic() + patience
    while True:
        lines = []
        for number, (began, line) in processes.items():
            fields = _fields(number)
            if fields is not None and fields[0] not in 'ZX' and fields[2] == began:
                lines.append(line)
        if not lines or time.monotonic() > deadline:
            return lines
        time.sleep(0.05)
