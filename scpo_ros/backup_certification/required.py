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
The check before the start: nothing runs on a backup that is not certified. No ROS.

A positive result comes from the cache within milliseconds, so that a controller which was killed
answers again at once. Everything else is computed by
:mod:`scpo_ros.backup_certification.certification`: a node leaves that to a process of its own,
whose imports the node does not pay for.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
import json
from pathlib import Path
import signal
import subprocess
import sys
import threading
from types import FrameType
from typing import TypeAlias

from scpo_ros.backup_certification.cached_result import is_certified
from scpo_ros.backup_certification.demands import Demand
from scpo_ros.config import Specification
from scpo_ros.config.validation import flatten
from scpo_ros.exceptions import CertificationError, in_words


_TIMEOUT_S = 600.0  # longest certification by a process of its own [s]
_UNASKED = 'safety is off: nothing is certified, the backup neither'

# Says why the backup is not certified, '' for certified.
Judge: TypeAlias = Callable[[Specification, tuple[Demand, ...]], str | None]


def text_of(spec: Specification, demands: tuple[Demand, ...]) -> str:
    """Return the JSON text of a question, for :mod:`.certification`."""
    return json.dumps({
        'spec': {name: item for name, (item, _) in flatten(spec).items()},
        'demands': [[type(demand).__name__, vars(demand)] for demand in demands]})


def require_certified_backup(spec: Specification, demands: tuple[Demand, ...],
                             cache: Path | str | None = None, judge: Judge | None = None,
                             say: Callable[[str], None] | None = None) -> None:
    """
    Return when the backup of a specification is certified.

    :param demands: of
        :func:`~scpo_ros.backup_certification.demands.demands_of`; none: safety is off, and
        nothing is certified.
    :param cache: folder of tables, None for the default.
    :param judge: (spec, demands) -> why it is not certified or '', for what is not in the cache;
        None asks a process of its own.
    :param say: is told in a sentence that nothing is certified, where that is so.
    :raises CertificationError: when it is not certified, or cannot be.
    """
    if not demands:
        (say or _ignore)(_UNASKED)
        return
    if all(is_certified(spec, demand, cache) for demand in demands):
        return
    why_not = (judge or judged_apart)(spec, demands)
    if why_not != '':
        raise CertificationError(why_not or 'the backup could not be certified')


def _ignore(_: str) -> None:
    """Drop a sentence."""


class _Stopped(BaseException):
    """A signal asks this process to stop."""


@contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """
    Have SIGINT and SIGTERM end the block, then pass them to the handlers from before.

    Only the main thread is told of signals; in another one nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, _: FrameType | None) -> None:
        raise _Stopped(number)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    number = None
    try:
        yield
    except _Stopped as asked:
        number = asked.args[0]
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
    if number is not None:
        signal.raise_signal(number)
        raise CertificationError('asked to stop while the backup was being certified')


def judged_apart(spec: Specification, demands: tuple[Demand, ...]) -> str:
    """
    Return why the backup is not certified, or '', as a process of its own found out.

    :raises CertificationError: when a signal asks to stop meanwhile; the process is ended.
    """
    with _stopped_by_signals():
        return _judged_apart(spec, demands)


def _judged_apart(spec: Specification, demands: tuple[Demand, ...]) -> str:
    line = [sys.executable, '-m', 'scpo_ros.backup_certification.certification']
    try:
        done = subprocess.run(  # a session of its own: Ctrl-C is for the node, which waits
            line, input=text_of(spec, demands), stdout=subprocess.PIPE, text=True,
            timeout=_TIMEOUT_S, start_new_session=True, check=True)
        answer = json.loads(done.stdout)
        if answer['certified'] is True:
            return ''
        return str(answer['sentence']) or 'the backup could not be certified'
    except Exception as error:  # noqa: B902 - no answer is no certificate
        return f'the backup could not be certified: {in_words(error)}'
