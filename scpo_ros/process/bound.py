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
Becomes a program that is not of this package, and does not outlive the process that started it.

    python -m scpo_ros.process.bound SIGINT ros2 bag record ...

The program gets the signal when that process ends.
"""

import os
import signal
import sys

from scpo_ros.process.parent import end_with_parent


def following(line: list[str], number: signal.Signals) -> list[str]:
    """
    Return the command line of a program that gets a signal when its starter ends.

    :param line: its own command line. :param number: SIGINT lets it end in order.
    """
    return [sys.executable, '-m', 'scpo_ros.process.bound', number.name, *line]


def main(arguments: list[str] | None = None) -> int:
    """Bind this process, then replace it by the program."""
    name, *line = sys.argv[1:] if arguments is None else arguments
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Python's would end in a traceback
    end_with_parent(signal.Signals[name])
    try:
        os.execvp(line[0], line)
    except OSError as error:
        print(f'[scpo_ros] error: {line[0]} cannot be started: {error}', file=sys.stderr)
        return 127


if __name__ == '__main__':
    sys.exit(main())
