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

"""The audit of one robot: its checks in their order, their findings and their extent."""

from collections.abc import Iterator
from dataclasses import dataclass

from scpo_ros.audit.acceptance import Acceptance, Progress
from scpo_ros.audit.answers import Answers
from scpo_ros.audit.evidence import Evidence, Finding, gather
from scpo_ros.audit.lineage import Lineage
from scpo_ros.audit.motion import Motion
from scpo_ros.audit.swaps import Swaps
from scpo_ros.recording.bag import Bag
from scpo_ros.recording.recorded_parameters import RecordedParameters
from scpo_ros.recording.robots import Robot
from scpo_ros.verification.specified import task_of

_NEEDED = ('joint_states', 'joint_command', 'controller/active_policy')


@dataclass(frozen=True)
class Report:
    """The outcome of the audit of one robot."""

    robot: Robot
    findings: tuple[Finding, ...]  # in the order of time
    checked: dict[str, int]  # {what: how many}
    notes: tuple[str, ...]  # sentences: what was taken on trust, or could not be looked at


def audit(bag: Bag, robot: Robot, parameters: RecordedParameters,
          progress: Progress = iter) -> Report:
    """
    Return the :class:`Report` of one robot of a bag.

    :param progress: wraps the iterables that take long.
    """
    task = task_of(parameters.spec)
    evidence = gather(bag, robot, task.layout)
    controller, adapter = parameters.nodes['controller'], parameters.nodes['adapter']
    lineage = Lineage(evidence, task, controller, adapter)
    acceptance = Acceptance(evidence, task, lineage)
    found = [*evidence.findings, *_absent(evidence), *lineage.findings(),
             *acceptance.findings(), *acceptance.remeasured(progress),
             *acceptance.verified(parameters.spec, controller.certified_margin, progress)]
    swaps = Swaps(evidence, task, acceptance, controller, parameters.spec)
    motion = Motion(evidence, task)
    answers = Answers(evidence, task, acceptance, controller.safety)
    found += [*swaps.findings(), *answers.findings(), *motion.findings()]
    checked = {
        'policies': sum(map(len, lineage.published.values())),
        'policies verified again': len(acceptance.accepted), 'swaps': swaps.swaps,
        'states': len(evidence.states), 'transitions': motion.transitions,
        'commands computed again': answers.recomputed}
    return Report(robot, tuple(sorted(found, key=lambda f: f.time)), checked,
                  tuple(_notes(evidence, acceptance, answers, motion)))


def _absent(evidence: Evidence) -> Iterator[Finding]:
    """Yield a finding for every needed topic without a message, and for the plant's violations."""
    have = {'joint_states': evidence.states, 'joint_command': evidence.commands,
            'controller/active_policy': evidence.actives}
    for name in _NEEDED:
        if not have[name]:
            yield Finding(0.0, evidence.topic(name), 'no message was recorded')
    ran = any(seen.value.version for seen in evidence.commands)
    if not evidence.policies and (ran or evidence.versions):
        yield Finding(0.0, evidence.topic('policy'), 'no message was recorded')
    violated = next((seen for seen in evidence.violations if seen.value > 0), None)
    if violated is not None:
        yield violated.finding(f'the plant counted {violated.value:.0f} states outside the limits')


def _notes(evidence: Evidence, acceptance: Acceptance, answers: Answers,
           motion: Motion) -> Iterator[str]:
    """Yield sentences on what was taken on trust, or could not be looked at."""
    first = evidence.policies[0].value.version if evidence.policies else 0
    if evidence.late or first:
        yield (f'the first policy is version {first}, from before the recording: what came before '
               'it is taken on trust')
    if answers.counted and answers.recomputed:
        yield f'the safety filter acted at {answers.acted} of {answers.recomputed} states'
    for count, sentence in (
            (motion.unanswered, 'states before the first recorded command, so that what answered '
             'them is not known'),
            (answers.stateless, 'commands at the beginning or the end, of which the state is not '
             'known'),
            (answers.unknown, 'commands of a version whose weights were not recorded'),
            (answers.planned, 'commands by a plan that was known, since the solver found none'),
            (acceptance.returns, 'returns to the backup'),
            (motion.restarts, 'new beginnings of the plant'),
            (motion.outside, 'states outside the safe set'),
            (len(motion.missed), f'commands too late, so that {motion.silence}')):
        if count:
            yield f'{sentence}: {count}'
