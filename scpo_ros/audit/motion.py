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
The motion of the plant: states obey model and limits, applied inputs are the commanded ones.

The plant applies the command that answers a state until the next one; under a delay of q steps,
that of q states before, and 0 at the first q states of an episode. When none came in time it goes
by the `silent_law` of the system. The double integrator holds the last command of the same
episode first; later, or without one, it brakes. A described system goes by its `on_silence` at
once. The plant counts each missed deadline, and the count must say so. A new episode takes a
step of its own.
"""

from collections.abc import Iterator

import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.audit.certified_states import answered_states, certified_states
from scpo_ros.audit.evidence import Evidence, Finding, Seen
from scpo_ros.interface.messages import State
from scpo_ros.systems.scenario import realised_disturbance
from scpo_ros.systems.signals import listed
from scpo_ros.tolerances import GAUGE, STATE
from scpo_ros.verification.safe_task import SafeTask
from scpo_ros.verification.system_task import SystemTask

_GRID = 0.1  # share of a step by which stamps may leave the grid


class Motion:
    """Follows the states of the plant from one to the next."""

    def __init__(self, evidence: Evidence, task: SafeTask) -> None:
        """Start before the first state."""
        self._evidence, self._system, self._task = evidence, task.system.observed, task
        self._commands = {seen.stamp: seen for seen in evidence.commands}
        self._ahead = certified_states(evidence, task)
        self._due = answered_states(evidence, self._system)
        # Inputs of which the last applied command is one, None while that is not known.
        self._held: list[Array] | None = None
        self.missed: list[Seen[State]] = []  # states whose command was not applied
        self.transitions = self.unanswered = self.restarts = self.outside = 0

    @property
    def _holds_first(self) -> bool:
        """Return whether the plant holds the last command before its silent law acts."""
        return not isinstance(self._task, SystemTask)

    @property
    def silence(self) -> str:
        """Return what the plant does without a command, in words."""
        return ('the plant held the last or braked' if self._holds_first
                else 'the plant went by its on_silence')

    def findings(self) -> Iterator[Finding]:
        """Yield a finding for every state, input, count or rollout that does not hold."""
        states = self._evidence.states
        for seen in states:
            yield from self._limits(seen)
        for before, after in zip(states, states[1:]):
            yield from self._pair(before, after)
        yield from self._misses()
        yield from self._rollouts()

    def _limits(self, seen: Seen[State]) -> Iterator[Finding]:
        """Yield a finding for a state, or an input, outside the limits."""
        state, system = seen.value, self._system
        known = np.where(np.isnan(state.applied), 0.0, state.applied)
        if not system.within_limits(state.x, known):
            yield seen.finding(
                f'outside the limits: {system.states.values(state.x, ".6g")}, '
                f'{system.inputs.values(state.applied, ".6g")}')

    def _pair(self, before: Seen[State], after: Seen[State]) -> Iterator[Finding]:
        """Yield the findings on two states that were recorded one after the other."""
        steps = (after.stamp - before.stamp) / self._system.dt
        lost = round(steps) - 1
        if after.value.episode < before.value.episode or steps < 0:
            self.restarts, self._held = self.restarts + 1, None
            if after.value.episode != 0:
                yield after.finding('it is older than the state recorded before it')
        elif abs(steps - round(steps)) > _GRID or lost < 0:
            yield after.finding(f'it comes {steps:.3g} steps after the state before it')
        elif lost:
            self._held = None
            yield after.finding(
                f'{lost} state{"s" * (lost > 1)} before it not recorded: '
                'nothing can be said about what happened there')
        elif after.value.episode != before.value.episode:
            self._held = []  # no command of one episode is applied in the next
        elif np.any(np.isnan(after.value.applied)):
            self._held = None
            yield after.finding('the robot does not say which input it applied (effort is not a '
                                'number): nothing can be said about this step')
        else:
            self.transitions += 1
            yield from self._model(before, after)
            yield from self._input(before, after)

    def _model(self, before: Seen[State], after: Seen[State]) -> Iterator[Finding]:
        """Yield a finding where the model does not explain a step, or the safe set is left."""
        x, following = before.value.x, after.value.x
        w = realised_disturbance(self._system, x, after.value.applied, following)
        rounding = STATE * self._system.state_scale
        if not np.all(np.abs(w) <= self._system.disturbance + rounding):
            yield after.finding(
                f'the model does not hold: the disturbance would be {w}, at most '
                f'{self._system.disturbance} is admitted')
        behind, ahead = self._ahead.get(before.stamp), self._ahead.get(after.stamp)
        if ahead is None or self._task.contains(ahead, GAUGE):
            return
        if behind is not None and self._task.contains(behind):
            yield after.finding('it has left the safe set, at '
                                f'{self._system.states.values(ahead, ".6g")}')
        self.outside += 1

    def _input(self, before: Seen[State], after: Seen[State]) -> Iterator[Finding]:
        """Yield a finding where the applied input is not the commanded one; count the misses."""
        applied, due = after.value.applied, self._due.get(before.stamp)
        if due is None:
            self.unanswered, self._held = self.unanswered + 1, None
            return
        if np.isnan(due):
            yield from self._at_rest(after)
            return
        command, asked = self._commands.get(due), self._evidence.by_time[due]
        first = self._evidence.commands[0].time if self._evidence.commands else np.inf
        if command is not None and self._is(applied, command.value.u):
            self._held = [command.value.u]
        elif command is None and asked.time <= first:
            self.unanswered += 1
        elif self._held is None or self._held_or_silent(self._held, applied, before.value.x):
            self.missed.append(after)
        elif command is not None:
            yield after.finding(
                f'the input {listed(applied, ".9g")} was applied, but '
                f'{listed(command.value.u, ".9g")} was commanded')
        else:
            yield after.finding(
                f'the input {listed(applied, ".9g")} was applied, but no command was '
                'recorded that answers the state before it')

    def _at_rest(self, after: Seen[State]) -> Iterator[Finding]:
        """Yield a finding where an input acted before any command of the episode could."""
        self._held = []
        if not self._is(after.value.applied, np.zeros(self._system.m)):
            yield after.finding(f'the input {listed(after.value.applied, ".9g")} was applied, '
                                'before any command of the episode could act')

    def _is(self, applied: Array, u: Array, tolerance: float = STATE) -> bool:
        """Return whether an applied input (m,) is u (m,), saturated."""
        return bool(np.all(np.abs(applied - self._system.saturate(u)) <= tolerance))

    def _held_or_silent(self, held: list[Array], applied: Array, x: Array) -> bool:
        """Return whether the plant applied an input that it held, or that of its silent law."""
        silent = [self._task.silent_law(x, last)
                  for last in held or [np.zeros(self._system.m)]]
        tolerance = max(STATE, self._task.tolerances.command)  # it is computed here once more
        kept = self._holds_first and any(self._is(applied, u) for u in held)
        return kept or any(self._is(applied, u, tolerance) for u in silent)

    def _misses(self) -> Iterator[Finding]:
        """Yield a finding for every missed command that the plant did not count."""
        counted = self._evidence.misses
        if self.missed and not counted:
            yield from (seen.finding(
                'the command was not applied, and nothing says that '
                'its deadline was missed') for seen in self.missed)
            return
        base: float | None = None
        last, excused = 0.0, 0
        for count in counted:
            before = [seen for seen in self.missed if seen.time <= count.time]
            if base is None:
                base = count.value - len(before) if self._evidence.late else 0.0
            if count.value < last:
                base = -len(before) + count.value  # the plant was started again
            last = count.value
            for seen in before[max(excused, int(count.value - base)):]:
                yield seen.finding(
                    'the command was not applied, but the plant counted '
                    'no missed deadline')
            excused = max(excused, len(before))

    def _rollouts(self) -> Iterator[Finding]:
        """Yield a finding for every collected rollout that differs from the plant's motion."""
        times = np.array([seen.stamp for seen in self._evidence.states])
        for seen in self._evidence.rollouts:
            states, inputs = seen.value
            at = seen.stamp
            for k, (x, u) in enumerate(zip(states, inputs)):
                here, following = self._near(times, at), self._near(times, at + self._system.dt)
                if not self._told(here, following, x, u):
                    yield seen.finding(f'step {k} of the rollout is not what the plant did')
                    break
                at = at + self._system.dt if following is None else following.stamp

    def _told(self, here: Seen[State] | None, following: Seen[State] | None, x: Array,
              u: Array) -> bool:
        """Return whether a step of a rollout from x (n,) by u (m,) agrees with the recording."""
        ahead = None if here is None else self._ahead.get(here.stamp)
        acted = None if following is None else following.value.applied
        if self._system.delay_steps:
            command = None if here is None else self._commands.get(here.stamp)
            acted = None if command is None else command.value.u
        return ((ahead is None or np.array_equal(ahead, x))
                and (acted is None or np.array_equal(acted, u)))

    def _near(self, times: Array, stamp: float) -> Seen[State] | None:
        """Return the recorded state (Seen) less than half a step from a stamp, or None."""
        if not len(times):
            return None
        index = int(np.argmin(np.abs(times - stamp)))
        near = abs(times[index] - stamp) < self._system.dt / 2
        return self._evidence.states[index] if near else None
