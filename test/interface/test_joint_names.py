"""The names of joints: a state is of one joint, and its answer names the same."""

from types import SimpleNamespace

import pytest
from scpo_ros.exceptions import InvalidArrayError
from scpo_ros.interface.messages import read_state


def state(names):
    header = SimpleNamespace(stamp=SimpleNamespace(sec=1, nanosec=0), frame_id='episode/0')
    return SimpleNamespace(header=header, name=names, position=[0.1], velocity=[0.0], effort=[0.0])


@pytest.mark.parametrize('names, joint', [([], ''), (['arm'], 'arm')])
def test_the_name_is_kept(names, joint):
    assert read_state(state(names)).joint == joint


@pytest.mark.parametrize('names, rule', [
    (['arm', 'gripper'], 'must name one joint'), (['arm', 'arm'], 'must name one joint'),
    (['a' * 257], 'must have at most 256 characters')])
def test_more_than_one_joint_or_an_endless_name_is_malformed(names, rule):
    with pytest.raises(InvalidArrayError, match=rule):
        read_state(state(names))
