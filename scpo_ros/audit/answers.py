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
The answers to the states: each command is what the weights in force give at that state.

Every command is computed again from the state that it answers and the version that it names. A
`guarded` certificate rests on the safety filter: its actions are counted. Where policies are
certified to do without it, an action is a finding.
"""

from collections.abc import Iterator

import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.audit.acceptance import Acceptance
from scpo_ros.audit.certified_states import certified_states
from scpo_ros.audit.evidence import Evidence, Finding, Seen
from scpo_ros.audit.known_plans import follows_a_known_plan
from scpo_ros.interface.messages import Command
from scpo_ros.policy.safety_filter import Action, Source
from scpo_ros.systems.signals import listed
from scpo_ros.tolerances import CHANGED, SOLVED
from scpo_ros.verification.safe_task import SafeTask
from scpo_ros.verification.system_task import SystemTask


_ORDER_S = 1.0  # messages of two topics may be recorded in the other order for so long [s]


class Answers:
    """Follows the commands and computes each of them again."""

    def __init__(self, evidence: Evidence, task: SafeTask, acceptance: Acceptance,
                 safety: bool) -> None:
        """
        Prepare the law.

        :param acceptance: after its findings. :param safety: whether the safety filter acted.
        """
        self._evidence, self._task, self._acceptance = evidence, task, acceptance
        self._law = task.law(task.initial_theta, safety)
        self._unfiltered = task.law(task.initial_theta, False)
        self._loaded: Array | None = None  # weights of the laws, None before the first
        self._before: tuple[Array, Array] | None = None  # state and weights of the one before
        self.recomputed = self.stateless = self.unknown = 0  # commands
        self.acted = self.planned = 0  # those of the filter, and those of a plan that was known

    @property
    def counted(self) -> bool:
        """Return whether certificates rest on the filter, so that it may act."""
        return self._task.kind == 'guarded'

    def findings(self) -> Iterator[Finding]:
        """Yield a finding for every command that is not the answer to its state."""
        certified = certified_states(self._evidence, self._task)
        for seen in self._evidence.commands:
            yield from self._answer(seen, certified.get(seen.stamp))

    def _answer(self, seen: Seen[Command], ahead: Array | None) -> Iterator[Finding]:
        """
        Yield the findings on one command; count it among those computed, or those not.

        :param ahead: (n,), the state at which it acts, None where that is not known.
        """
        state = self._evidence.by_time.get(seen.stamp)
        if state is None:
            yield from self._without_state(seen)
            return
        theta = self._weights(seen)
        if theta is None:
            self.unknown += 1
            return
        if self._loaded is not theta:
            self._law.swap(theta)
            self._unfiltered.swap(theta)
            self._loaded = theta
        if ahead is None:
            self.stateless += 1
            return
        self.recomputed += 1
        yield from self._compared(seen, ahead)
        self._before = ahead, theta

    def _compared(self, seen: Seen[Command], x: Array) -> Iterator[Finding]:
        """Yield a finding where the loaded law does not give the command at a state (n,)."""
        command, action = seen.value, self._law.act(x)
        tabulated = action.source in (Source.POLICY, Source.GUARD)
        tolerance = self._task.tolerances.command if tabulated else SOLVED
        close = bool(np.all(np.abs(action.u - command.u) <= tolerance))  # NaN is not
        if not close and self._planned(command, x):
            self.planned += 1
        elif not close or not self._named(command, action, x):
            yield seen.finding(
                f'{command.source} of version {command.version} commands '
                f'{listed(command.u, ".9g")}, but at this state it is {action.source.value} with '
                f'{listed(action.u, ".9g")}')
        elif action.source is Source.GUARD and self.counted:
            self.acted += 1
        elif action.source is Source.GUARD and not self._negligible(command.u, x):
            yield seen.finding(
                f'the safety filter had to act: version {command.version} would not have kept '
                'the next state in the safe set')

    def _planned(self, command: Command, x: Array) -> bool:
        """Return whether a command follows a plan that served since the solver found none."""
        named = self._law_of(command) in (Source.POLICY.value, Source.GUARD.value)
        if not (named and isinstance(self._task, SystemTask) and self._loaded is not None):
            return False
        return follows_a_known_plan(self._task.policy, self._loaded, x, self._before, command.u,
                                    self._task.tolerances.command)

    def _named(self, command: Command, action: Action, x: Array) -> bool:
        """
        Return whether a command names the law that acted.

        Where the filter moves an input by hardly more than counts, another machine may find that
        it does not: then either name is right.
        """
        named, found = self._law_of(command), action.source.value
        if named == found:
            return True
        if {named, found} != {Source.POLICY.value, Source.GUARD.value}:
            return False
        return self._negligible(command.u, x) and (
            named == Source.POLICY.value or self._differs(command.u, x))

    def _negligible(self, u: Array, x: Array) -> bool:
        """Return whether the filter moved an input (m,) by less than machines differ."""
        if not isinstance(self._task, SystemTask):
            return False  # it compares with the bounds of the set, without a solver
        wanted = self._unfiltered.act(x).u
        return bool(np.all(np.abs(u - wanted) <= self._task.tolerances.command))

    def _differs(self, u: Array, x: Array) -> bool:
        """Return whether an input (m,) is another than the policy's, by a tenth of what counts."""
        system = self._task.system
        least = 0.1 * CHANGED * (system.input_upper - system.input_lower)
        return bool(np.any(np.abs(u - self._unfiltered.act(x).u) > least))

    @staticmethod
    def _law_of(command: Command) -> str:
        """Return the law that acted: policy 0 when revoked, or short of cost budget."""
        revoked = command.source == Source.REVOKED.value and command.version == 0
        return Source.POLICY.value if revoked or _short(command) else command.source

    def _without_state(self, seen: Seen[Command]) -> Iterator[Finding]:
        """Count a command at an end of the recording; yield a finding for any other."""
        states = self._evidence.states
        begun = states and states[0].time < seen.time - _ORDER_S and seen.stamp > states[0].stamp
        ended = states and states[-1].time - _ORDER_S < seen.time and seen.stamp > states[-1].stamp
        if begun and not ended:
            yield seen.finding('the state that it answers was not recorded')
        else:
            self.stateless += 1

    def _weights(self, seen: Seen[Command]) -> Array | None:
        """Return the weights of the law that acted, None when the controller never told them."""
        if _short(seen.value):
            return self._task.initial_theta
        found = self._acceptance.ran.get(seen.value.version, ())
        usable = [theta for time, theta in found if time <= seen.time + _ORDER_S] or [
            theta for _, theta in found[:1]]
        usable = [theta for theta in usable if self._well_formed(theta)]
        return usable[-1] if usable else None

    def _well_formed(self, theta: Array) -> bool:
        """Return whether weights fit the network."""
        return theta.shape == self._task.initial_theta.shape and bool(np.all(np.isfinite(theta)))


def _short(command: Command) -> bool:
    """Return whether the cost budget had the backup answer in place of a policy."""
    return command.source == Source.BUDGET.value and command.version > 0
