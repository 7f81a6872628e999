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

"""Stepping back: the niceness counts in the process and, alone in its session, for the session."""

import os
from pathlib import Path
import subprocess
import sys

import pytest

CODE = """
import os
from scpo_ros.process.priority import step_back
step_back({niceness}, {apart})
path = '/proc/self/autogroup'
group = open(path).read().split() if os.path.exists(path) else []
print(os.nice(0), os.getsid(0) == os.getpid(), *group[-1:])
"""


def stepped_back(niceness, apart, **options):
    """Return (niceness, whether it leads a session, that of the session) of a process."""
    done = subprocess.run([sys.executable, '-c', CODE.format(niceness=niceness, apart=apart)],
                          capture_output=True, text=True, check=True, **options)
    nice, leads, *group = done.stdout.split()
    return int(nice), leads == 'True', int(group[0]) if group else None


def group_niceness():
    """Return the niceness of our session; None without autogroups, or in none."""
    ours = Path('/proc/self/autogroup')
    words = ours.read_text().split() if ours.exists() else []
    return int(words[-1]) if words else None


def expected(niceness):
    """Return the niceness a process of ours has after adding some."""
    return min(19, os.nice(0) + niceness)


def test_apart_it_leads_a_session_that_is_nice_itself():
    nice, leads, group = stepped_back(7, True)
    assert nice == expected(7) and leads
    if group is not None:
        assert group == expected(7) // 3


def test_the_session_of_others_is_left_alone():
    before = group_niceness()
    nice, leads, group = stepped_back(7, False)
    assert nice == expected(7) and not leads
    assert group == before


@pytest.mark.parametrize('apart', [True, False])
def test_a_leader_lowers_its_own_session(apart):
    nice, leads, group = stepped_back(3, apart, start_new_session=True)
    assert nice == expected(3) and leads
    if group is not None:
        assert group == expected(3) // 3


FORWARD = """
import os, subprocess, sys, threading, time
from scpo_ros.process.priority import step_forward
before = threading.Thread(target=time.sleep, args=(1,), daemon=True)
before.start()
print(step_forward(int(sys.argv[1])))
seen = []
later = threading.Thread(target=lambda: seen.append(os.sched_getscheduler(0)))
later.start(), later.join()
first = [os.sched_getscheduler(thread.native_id) for thread in (threading.main_thread(), before)]
child = [sys.executable, '-c', 'import os; print(os.sched_getscheduler(0))']
print(*first, *seen, subprocess.run(child, capture_output=True, text=True).stdout)
"""


def stepped_forward(priority):
    """Return (what it says, policies of main thread, earlier thread, later thread, child)."""
    done = subprocess.run([sys.executable, '-c', FORWARD, str(priority)], capture_output=True,
                          text=True, check=True)
    said, policies = done.stdout.splitlines()[:2]
    return said, [int(number) for number in policies.split()]


def test_threads_there_are_come_first_and_what_starts_later_does_not():
    said, policies = stepped_forward(10)
    if said.startswith('real-time'):
        assert policies == [os.SCHED_FIFO | os.SCHED_RESET_ON_FORK] * 2 + [os.SCHED_OTHER] * 2
    else:  # not granted here
        assert 'not granted' in said and set(policies) == {os.SCHED_OTHER}


def test_priority_zero_changes_nothing():
    said, policies = stepped_forward(0)
    assert said == 'ordinary' and set(policies) == {os.SCHED_OTHER}
