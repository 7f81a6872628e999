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

"""Signals that ask for the end: the first one is heard, also in the background of a script."""

import os
import signal

import pytest
from scpo_ros.process.stopping import ending_signals, interrupted_once

ALL = [signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP]


@pytest.fixture(autouse=True)
def handlers():
    """Put the handlers back, also after a failure."""
    before = {number: signal.getsignal(number) for number in ALL}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize('number', ALL)
def test_the_first_signal_interrupts_and_the_others_change_nothing(number):
    with pytest.raises(KeyboardInterrupt), interrupted_once():
        try:
            os.kill(os.getpid(), number)
        finally:
            for other in ALL:
                os.kill(os.getpid(), other)


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_background_job_of_a_script_hears_them(number):
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # as the shell leaves it
    with pytest.raises(KeyboardInterrupt), interrupted_once():
        os.kill(os.getpid(), number)
    assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN


def test_nohup_is_respected():
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    assert ending_signals() == ALL[:3]
    with interrupted_once():
        os.kill(os.getpid(), signal.SIGHUP)


def test_afterwards_everything_is_as_before():
    before = [signal.getsignal(number) for number in ALL]
    with interrupted_once() as deaf:
        deaf()
        os.kill(os.getpid(), signal.SIGINT)
    assert [signal.getsignal(number) for number in ALL] == before
