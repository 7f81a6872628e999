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

import numpy as np
from scpo_ros.audit.evidence import Evidence, gather
from scpo_ros.identification.delay import LONGEST
from scpo_ros.identification.record import Record, record_of, Sample
from scpo_ros.interface.joint_layout import layout_of
from scpo_ros.recording.bag import BagError, read_bag
from scpo_ros.recording.robots import robots_of
from scpo_ros.systems.system import System
from scpo_ros.systems.transitions import same_input

_OFTEN = 0.9  # share of the steps that a delay explains
_SELDOM = 0.5  # share that no delay explains then


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
    """
    Return how many steps late the robot applies commands, as it reports itself.

    0 unless another delay explains nearly all applied inputs, and no delay does not.
    """
    shares = [_explained(evidence, system, delay) for delay in range(LONGEST + 1)]
    best = int(np.argmax(shares))
    return best if shares[best] >= _OFTEN and shares[0] < _SELDOM else 0


def _explained(evidence: Evidence, system: System, delay: int) -> float:
    """Return the share of applied inputs that are the answer to the state a delay before."""
    states = [seen.value for seen in evidence.states]
    answers = {seen.stamp: seen.value.u for seen in evidence.commands}
    times = [seen.stamp for seen in evidence.states]
    found = []
    for k in range(delay + 1, len(states)):
        before, answer = states[k - delay - 1], answers.get(times[k - delay - 1])
        steps = (times[k] - times[k - delay - 1]) / system.dt
        if answer is not None and states[k].episode == before.episode and round(
                steps) == delay + 1:
            found.append(bool(same_input(system, states[k].applied, system.saturate(answer))))
    return float(np.mean(found)) if found else 0.0
