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

"""Which topics of a bag are a robot's: by namespace, remapped name and type."""

from foreign_bags import ARM, mistyped, node_renamed, panda, renamed, text
import pytest
from recorded_run import genuine, in_memory, parameters
from scpo_ros.audit import audit
from scpo_ros.audit.evidence import _TAKERS
from scpo_ros.interface.stack_topics import KEPT_NAMES, KINDS, names_of, names_text
from scpo_ros.recording.bag import BagError, PARAMETERS
from scpo_ros.recording.recorded_parameters import recorded_parameters
from scpo_ros.recording.robots import remarks, Robot, robots_of
from scpo_ros.recording.run_record import _TAKEN, NUMBERS
from scpo_ros.report import record_of


ARM_RULES = ('joint_states:=/arm/states', 'joint_command:=/arm/command')
KEPT = {PARAMETERS: parameters(), KEPT_NAMES: names_text('/scpo/', {
    'joint_states': '/arm/states', 'joint_command': '/arm/command', 'policy': '/scpo/policy'})}


def states_of(bag, robot):
    return [m.topic for m in bag.messages if robot.reads(m) == 'joint_states']


def test_everything_that_is_read_has_its_type():
    assert set(_TAKERS) | set(_TAKEN) | set(NUMBERS) <= set(KINDS)


def test_the_names_that_the_recorder_kept_are_used_without_options():
    bag = in_memory(renamed(genuine(), ARM), KEPT)
    (robot,) = robots_of(bag)
    assert robot.namespace == '/scpo/' and len(states_of(bag, robot)) == 75
    assert robot.topic('joint_command') == '/arm/command'
    assert remarks(bag, [robot]) == []


def test_names_are_kept_where_they_differ_only():
    kept = names_of(KEPT[KEPT_NAMES])
    assert kept == {'/scpo/': {'joint_states': '/arm/states', 'joint_command': '/arm/command'}}


@pytest.mark.parametrize('rules', [
    ARM_RULES, tuple(f'/scpo/{rule}' for rule in ARM_RULES)])
def test_names_may_be_given(rules):
    bag = in_memory(renamed(genuine(), ARM))
    (robot,) = robots_of(bag, remappings=rules)
    assert len(states_of(bag, robot)) == 75


def test_a_given_name_replaces_a_kept_one():
    bag = in_memory(renamed(panda(genuine()), ARM), KEPT)
    (robot,) = robots_of(bag, remappings=['joint_states:=/panda/joint_states'])
    assert set(states_of(bag, robot)) == {'/panda/joint_states'}
    assert robot.name_of('/arm/states') is None


def test_a_node_may_have_had_another_name():
    bag = in_memory(node_renamed(genuine(), 'controller', 'ctl'))
    (robot,) = robots_of(bag, remappings=['controller:__node:=ctl'])
    assert robot.topic('controller/active_policy') == '/scpo/ctl/active_policy'
    assert robot.name_of('/scpo/ctl/metrics/input_margin') == 'controller/metrics/input_margin'
    (other,) = robots_of(bag)  # the adapter is enough to find the robot
    assert other.name_of('/scpo/ctl/active_policy') == 'ctl/active_policy'


def test_without_a_hint_the_states_are_missed_and_the_candidates_named():
    bag = in_memory(renamed(genuine(), ARM))
    (robot,) = robots_of(bag)
    (said,) = remarks(bag, [robot])
    assert '/arm/command, /arm/states' in said and '--remap' in said
    record, _ = record_of(bag, robot, recorded_parameters(bag, '/scpo/').spec)
    assert record.known_violations is None


def test_states_of_others_are_left_alone_with_a_note():
    bag = in_memory(panda(genuine()))
    robots = robots_of(bag)
    assert [robot.namespace for robot in robots] == ['/scpo/']
    (note,) = remarks(bag, robots)
    assert note.startswith('/panda/joint_states is left alone')


def test_two_robots_share_a_bag():
    both = (*genuine(), *(e for e in renamed(genuine(), {
        e.topic: e.topic.replace('/scpo/', '/b/c/') for e in genuine()})))
    bag = in_memory(both)
    robots = robots_of(bag)
    assert [robot.namespace for robot in robots] == ['/b/c/', '/scpo/']
    assert [len(states_of(bag, robot)) for robot in robots] == [75, 75]
    assert [r.namespace for r in robots_of(bag, ['b/c'])] == ['/b/c/']
    assert [r.namespace for r in robots_of(bag, ['/scpo/', '/b/c'])] == ['/scpo/', '/b/c/']


def test_a_robot_without_a_namespace_is_found_and_does_not_take_the_others():
    both = (*renamed(genuine(), {e.topic: e.topic.replace('/scpo/', '/') for e in genuine()}),
            *genuine())
    bag = in_memory(both)
    robots = robots_of(bag)
    assert [robot.namespace for robot in robots] == ['/', '/scpo/']
    assert [set(states_of(bag, robot)) for robot in robots] == [
        {'/joint_states'}, {'/scpo/joint_states'}]


@pytest.mark.parametrize('topic', [
    '/scpo/joint_states', '/scpo/joint_command', '/scpo/policy', '/scpo/adapter/rollouts',
    '/scpo/controller/active_policy', '/scpo/plant/metrics/deadline_misses'])
def test_a_topic_of_another_type_is_named_and_never_passes(topic):
    bag = in_memory(mistyped(genuine(), topic))
    (robot,) = robots_of(bag)
    assert any(note.startswith(f'{topic} is of the type std_msgs/msg/String, not ')
               for note in remarks(bag, [robot]))
    record_of(bag, robot, recorded_parameters(bag, '/scpo/').spec)
    found = audit(bag, robot, recorded_parameters(bag, '/scpo/')).findings
    assert any(f.topic == topic and 'not looked at' in f.sentence for f in found)


@pytest.mark.parametrize('topic', ['/clock', '/diagnostics', '/scpo/extra', '/rosout'])
def test_shared_and_foreign_topics_of_any_type_change_nothing(topic):
    bag = in_memory((*genuine(), text(1000.0, topic)))
    (robot,) = robots_of(bag)
    assert audit(bag, robot, recorded_parameters(bag, '/scpo/')).findings == ()


@pytest.mark.parametrize('given, part', [
    ({'namespaces': ['/nowhere']}, 'holds no topic in it'),
    ({'namespaces': ['a b']}, 'must be a namespace'),
    ({'remappings': ['joint_states']}, 'must read NAME:=TOPIC'),
    ({'remappings': ['states:=/arm/states']}, 'must read NAME:=TOPIC'),
    ({'remappings': ['joint_states:=a b']}, 'must read NAME:=TOPIC'),
    ({'remappings': ['judge:__node:=x']}, 'must read NAME:=TOPIC'),
    ({'remappings': ['controller:__node:=/x']}, 'must read NAME:=TOPIC'),
    ({'remappings': ['joint_states:=/nowhere']}, 'holds no such topic'),
    ({'remappings': ['controller:__node:=other']}, 'holds no such topic'),
    ({'remappings': ['/b/joint_states:=/scpo/joint_states']}, 'holds no such topic')])
def test_what_does_not_fit_the_bag_is_one_line(given, part):
    with pytest.raises(BagError, match=part) as error:
        robots_of(in_memory(genuine()), **given)
    assert '\n' not in str(error.value)


def test_a_bag_of_something_else_says_what_it_holds():
    bag = in_memory([e for e in panda(genuine()) if e.topic.startswith('/panda/')])
    with pytest.raises(BagError, match='holds no run of scpo_ros.*on /panda/joint_states'):
        robots_of(bag)
    with pytest.raises(BagError, match='no sensor_msgs/msg/JointState at all'):
        robots_of(in_memory([text(1000.0, '/chatter')]))


@pytest.mark.parametrize('kept', [
    'x', '[]', '7', '{"/a/": 3}', '{"a": {}}', '{"/a/": {"joint_states": 1}}',
    '{"/a/": {"joint_states": ""}}', '{"/a/": {"nothing": "/x"}}', '{"": {}}', 'null'])
def test_damaged_names_are_one_line(kept):
    with pytest.raises(BagError, match='names that .* keeps'):
        robots_of(in_memory(genuine(), {KEPT_NAMES: kept}))


def test_a_robot_of_which_nothing_is_renamed_has_plain_topics():
    robot = Robot('/a/')
    assert robot.topic('controller/active_policy') == '/a/controller/active_policy'
    assert robot.name_of('/a/joint_states') == 'joint_states'
    assert robot.name_of('/ab/joint_states') is None
