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

"""Bags of the stack are identified from: states, and the inputs that were really applied."""

from copy import deepcopy
from dataclasses import replace
from pathlib import Path

from described_run import bag_of, data_of, described
import numpy as np
import pytest
from recorded_run import in_memory, write
from scpo_ros.identification.bag_record import read_states
from scpo_ros.identification.record import Gap
from scpo_ros.identify import main
from scpo_ros.recording.bag import BagError, TYPES
from scpo_ros.systems import load

SYSTEM = load('double_integrator_2')
EPISODE = 30  # steps of an episode of the sample


@pytest.fixture(scope='module')
def bag(tmp_path_factory):
    """Return the path of the bag of a short genuine run."""
    return write(tmp_path_factory.mktemp('bags') / 'bag', described(), data_of())


def test_the_input_that_led_to_a_state_acts_before_it(bag):
    record = read_states(bag, SYSTEM)
    assert record.steps == sum(run.steps for run in record.runs) > EPISODE
    for run in record.runs:
        left = run.x[1:] - SYSTEM.step(run.x[:-1], run.u)
        assert np.all(np.abs(left) <= SYSTEM.step_disturbance + 1e-9)


def test_a_shifted_input_does_not_explain_the_states(bag):
    run = max(read_states(bag, SYSTEM).runs, key=lambda run: run.steps)
    left = run.x[2:] - SYSTEM.step(run.x[1:-1], run.u[:-1])
    assert np.any(np.abs(left) > SYSTEM.step_disturbance + 1e-9)


def test_the_end_of_an_episode_is_counted(bag):
    record = read_states(bag, SYSTEM)
    assert record.gaps[Gap.EPISODE] == len(record.runs) - 1 >= 1


def test_joints_that_the_draft_does_not_find_are_one_line(bag):
    with pytest.raises(BagError, match='must hold the joint') as caught:
        read_states(bag, load('cart_pole'))
    assert '\n' not in str(caught.value)


def test_a_namespace_without_a_robot_is_refused(bag):
    with pytest.raises(BagError, match='holds no topic'):
        read_states(bag, SYSTEM, ['/nobody'])


def test_several_robots_are_one_line_that_names_them(bag, monkeypatch):
    entries = described()
    both = [*entries, *(replace(entry, topic=entry.topic.replace('/scpo/', '/left/'))
                        for entry in entries)]
    monkeypatch.setattr('scpo_ros.identification.bag_record.read_bag',
                        lambda path: in_memory(both, {}))
    with pytest.raises(BagError, match='2 robots: choose one .* /left/, /scpo/'):
        read_states(bag, SYSTEM)
    assert read_states(bag, SYSTEM, ['/left']).steps == read_states(bag, SYSTEM, ['/scpo']).steps


def test_a_malformed_state_is_left_out_and_said(monkeypatch, bag):
    broken = bag_of(described())
    place = [k for k, item in enumerate(broken.messages)
             if item.topic == '/scpo/joint_states'][10]
    items = list(broken.messages)
    message = items[place].message
    message.header.frame_id = 'nowhere'
    items[place] = replace(items[place], raw=bytes(
        TYPES.serialize_cdr(message, items[place].kind)))
    monkeypatch.setattr('scpo_ros.identification.bag_record.read_bag',
                        lambda path: replace(broken, messages=tuple(items)))
    record = read_states(bag, SYSTEM)
    assert any('1 messages are left out' in note and 'episode/N' in note for note in record.notes)
    assert record.gaps[Gap.LOST] == 1


@pytest.mark.parametrize('steps', [0, 2])
def test_commands_that_a_robot_applies_late_are_a_delay(monkeypatch, steps):
    """The commands carry the stamps of earlier states: each is applied that many steps late."""
    entries, ahead = [], round(steps * SYSTEM.dt * 1e9)
    for entry in described():
        if entry.topic == '/scpo/joint_command':
            message = deepcopy(entry.message)
            stamp = message.header.stamp
            stamp.sec, stamp.nanosec = divmod(stamp.sec * 10**9 + stamp.nanosec - ahead, 10**9)
            entry = replace(entry, message=message)
        entries.append(entry)
    monkeypatch.setattr('scpo_ros.identification.bag_record.read_bag',
                        lambda path: in_memory(entries, data_of()))
    assert read_states(Path('memory'), SYSTEM).answered_late == steps


def test_the_command_reads_a_bag(bag, tmp_path, capsys):
    output = tmp_path / 'axes.yaml'
    assert main([str(bag), '--system', 'double_integrator_2', '--output', str(output)]) == 4
    assert f'{read_states(bag, SYSTEM).steps} transitions can be used' in capsys.readouterr().err
    assert not output.exists()
