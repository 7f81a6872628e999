"""Stepping back: the niceness counts in the process and, alone in its session, for the session."""

import os
from pathlib import Path
import subprocess
import sys

import pytest

CODE = """
import os
from scpo_ros.priority import step_back
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
