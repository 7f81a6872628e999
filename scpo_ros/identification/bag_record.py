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
Reads a recording from a bag: the states of one robot, and the inputs really applied.

A robot with a delay may report it: the input that it applied over a step is then the answer to an
earlier state. The states alone do not show that; the commands do.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from scpo_ros.audit.evidence import Evidence, gather
from scpo_ros.identification.record import Record, record_of, Sample
from scpo_ros.interface.joint_layout import layout_of
from scpo_ros.recording.bag import BagError, read_bag
from scpo_ros.recording.robots import robots_of
from scpo_ros.systems.lateness import Answered, LONGEST, steps_late
from scpo_ros.systems.system import System


def read_states(path: Path, system: System, namespaces: Sequence[str] = (),
                remappings: Sequence[str] = ()) -> Record:
    """
    Return the record of the states of a bag.

    :param system: of the draft, whose joints and fields the messages have.
    :param namespaces: at most one. :param remappings: as
        :func:`~scpo_ros.recording.robots.robots_of` takes them.
    :raises BagError: when it cannot be read, or holds the states of no robot or of several.
    """
    bag = read_bag(path)
    robots = robots_of(bag, namespaces, remappings)
    if len(robots) > 1:
        raise BagError(f'{path} holds {len(robots)} robots: choose one with --namespace, of '
                       f'{", ".join(robot.namespace for robot in robots)}')
    evidence = gather(bag, robots[0], layout_of(system.description))
    topic = robots[0].topic('joint_states')
    malformed = [found.sentence for found in evidence.findings if found.topic == topic]
    if not evidence.states:
        why = f'the first: {malformed[0]}' if malformed else 'nothing was recorded there'
        raise BagError(f'{path} holds no state of the draft on {topic}: {why}')
    notes = [f'{topic}: {len(malformed)} messages are left out, the first: {malformed[0]}'
             ] if malformed else []
    record = record_of(str(path), _samples(evidence), system, [*bag.notes, *notes])
    return replace(record, answered_late=answered_late(evidence, system))


def _samples(evidence: Evidence) -> Iterator[Sample]:
    for seen in evidence.states:
        state = seen.value
        yield Sample(state.time, state.episode, state.x, state.applied,
                     f't = {seen.time:.3f} s')


def answered_late(evidence: Evidence, system: System) -> int:
    """Return how many steps late the robot applies commands, as it reports itself."""
    answers = {seen.stamp: seen.value.u for seen in evidence.commands}
    return steps_late([Answered(seen.stamp, seen.value.episode, seen.value.applied,
                                answers.get(seen.stamp)) for seen in evidence.states],
                      system, LONGEST)
