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

"""The states that certificates speak of: what was measured, and under a delay what was ahead."""

import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.audit.evidence import Evidence
from scpo_ros.systems.lookahead import Lookahead
from scpo_ros.systems.model import Model
from scpo_ros.systems.transitions import Gap, TransitionRule
from scpo_ros.verification.safe_task import SafeTask


def certified_states(evidence: Evidence, task: SafeTask) -> dict[float, Array]:
    """
    Return {stamp of a state: the state (n,) at which the answer to it acts}.

    A state is left out where the commands under way are not known: at the beginning of a
    recording, and after a state that was not recorded.
    """
    lookahead = Lookahead(task.system, task.silent_law)
    commands = {seen.stamp: seen.value.u for seen in evidence.commands}
    found = {}
    for seen in evidence.states:
        ahead = lookahead.see(seen.value)
        if lookahead.known:
            found[seen.stamp] = ahead
        if seen.stamp in commands:
            lookahead.answered(commands[seen.stamp])
    return found


def answered_states(evidence: Evidence, system: Model) -> dict[float, float]:
    """
    Return {stamp of a state: stamp of the state whose answer acts over the step from it}.

    NaN where the plant applies 0, over the first steps of an episode. Left out where it is not
    known, as at the beginning of a recording.
    """
    rule, began = TransitionRule(system), system.delay_steps == 0
    line: list[float] = []
    found = {}
    for before, seen in zip([None, *evidence.states], evidence.states):
        gap = Gap.RESTART if before is None else rule.between(before.value, seen.value).gap
        if gap not in (Gap.NONE, Gap.INPUT):
            line, began = [], gap is Gap.EPISODE
        line.append(seen.stamp)
        if len(line) > system.delay_steps:
            found[seen.stamp] = line[-1 - system.delay_steps]
        elif began:
            found[seen.stamp] = np.nan
    return found
