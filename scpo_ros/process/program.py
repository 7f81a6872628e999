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

"""How every program of the package ends, whatever it was given. No ROS."""

from collections.abc import Callable
from functools import wraps
import signal
import sys
from typing import ParamSpec, TypeVar

from scpo_ros.exceptions import ScpoRosError
from scpo_ros.process.output import keep_going


P = ParamSpec('P')
R = TypeVar('R')

_INTERRUPTED = 130  # what a shell reports of a program that Ctrl-C ended


def program(main: Callable[P, R]) -> Callable[P, R]:
    """
    Return the main function of a program, which no closed pipe ends and which shows no traceback.

    It exits with 130 after Ctrl-C, with 1 when a file cannot be read or written, with 2 after any
    other error of scpo_ros.
    """
    @wraps(main)
    def ending(*args: P.args, **kwargs: P.kwargs) -> R:
        keep_going()
        try:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # see scpo_ros.sim
            return main(*args, **kwargs)
        except KeyboardInterrupt:
            print('\n[scpo_ros] interrupted', file=sys.stderr)
            sys.exit(_INTERRUPTED)
        except (ScpoRosError, OSError) as error:
            print(f'[scpo_ros] error: {error}', file=sys.stderr)
            sys.exit(1 if isinstance(error, OSError) else 2)

    return ending
