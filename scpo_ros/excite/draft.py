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
The robot as the draft has it: the safety filter that moves it, and whether it follows.

What the filter keeps safe is the *command*: from every state of the safe set it leads to the safe
set again under every disturbance of the draft. So the model monitor compares each step with the
command, and not with the input that the robot reports as applied. A delay that the draft does not
know, a command that was lost and a gain that is wrong are all a model error then.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.controller.model_monitor import ModelMonitor
from scpo_ros.exceptions import in_words
from scpo_ros.interface.messages import State
from scpo_ros.policy.filtered_law import FilteredLaw
from scpo_ros.policy.safety_filter import Action, Source
from scpo_ros.systems.lookahead import Lookahead
from scpo_ros.systems.transitions import Gap, TransitionRule
from scpo_ros.verification.system_task import SystemTask

_LOST = (Gap.LOST, Gap.PERIOD, Gap.RESTART)
_OUTSIDE = 'the state lies outside the safe set of the draft'


class Draft:
    """Follows the robot, state by state; answers with the input nearest to a wanted one."""

    def __init__(self, task: SystemTask, law: FilteredLaw, calm: int) -> None:
        """Start before the first state. :param calm: steps of a calm period of the monitor."""
        self.task, self._law = task, law
        self._monitor = ModelMonitor(task, calm)
        self._lookahead = Lookahead(task.system, task.silent_law)
        self._rule = TransitionRule(task.system)
        self._seen: State | None = None
        self._sent: deque[Array] = deque(maxlen=task.system.delay_steps + 1)
        self.judged = False  # whether the newest step could be compared with the draft
        self.broken, self._was_inside = '', False  # which limit the robot has left
        self.failure = ''  # why the newest answer is none of the filter

    @property
    def ratio(self) -> float:
        """Return the newest model error over the disturbance of the draft."""
        return self._monitor.ratio

    @property
    def ahead(self) -> Array:
        """Return the state (n,) at which the next answer will act."""
        return self._lookahead.ahead

    def see(self, state: State) -> str:
        """Take in the next state; return why the draft does not cover what was seen, or ''."""
        before = self._seen
        gap = Gap.NONE if before is None else self._rule.between(
            before, replace(state, applied=np.zeros(self.task.system.m))).gap
        if gap is not Gap.NONE:
            self._sent.clear()
        known = len(self._sent) == self._sent.maxlen
        reported = np.where(np.isfinite(state.applied), state.applied, 0.0)
        self._seen = replace(state, applied=self._sent[0] if known else reported)
        ahead, count = self._lookahead.see(self._seen), self._monitor.judged
        fault = self._monitor.observe(self._seen, ahead)
        self.judged = self._monitor.judged > count
        limit = self._limit_of(state.x)
        self.broken = limit if self._was_inside else ''
        self._was_inside = self._was_inside or not limit
        if not fault and gap in _LOST:
            fault = f'{gap.value}, at t = {state.time:.3f} s'
        return fault

    def _limit_of(self, x: Array) -> str:
        """Return which limit or constraint a state (n,) breaks, '' for none; NaN breaks all."""
        used = self.task.system.plant.state_rows @ x
        if np.all(used <= 1 + 1e-9):
            return ''
        system = self.task.system
        return ('a limit is broken: ' + ', '.join(
            f'{name} {value:.4g} {unit}' for name, value, unit in zip(
                system.states.names, x, system.states.units)))

    def within(self, part: float) -> bool:
        """
        Return whether the state ahead lies in so large a part of the safe set.

        A plan of the backup shows that it does. Without one it counts as outside: a gauge would
        take too long, and then the backup brings the robot back, which is always safe.
        """
        with np.errstate(over='ignore', invalid='ignore'):
            backup, _ = self.task.policy.around(self.ahead[None] / part)
        return bool(np.all(np.isfinite(backup)))

    def toward(self, wanted: Array) -> Action:
        """Return the answer nearest to a wanted input (m,) that keeps the safe set."""
        return self._answered(lambda: self._law.toward(self.ahead, wanted))

    def back(self, part: float) -> Action:
        """
        Return the answer of the backup, gently: it takes a part of the input limits at most.

        The safety filter takes more where that is needed.
        """
        def law() -> Action:
            action = self._law.without_policy(self.ahead)
            if action.source is Source.LAST_RESORT:
                return action
            system = self.task.system
            return self._law.toward(self.ahead, np.clip(
                action.u, part * system.input_lower, part * system.input_upper))
        return self._answered(law)

    def _answered(self, law: Callable[[], Action]) -> Action:
        """Return the answer of a law, or that of the linear feedback where it fails."""
        self.failure = ''
        try:
            with np.errstate(over='ignore', invalid='ignore', divide='ignore'):
                action = law()
        except Exception as error:  # noqa: B902 - whatever fails, the feedback answers
            self.failure = f'the safety filter failed: {in_words(error)}'
            action = Action(-(self.task.feedback @ self.ahead), Source.LAST_RESORT)
        u = self.task.system.saturate(action.u)
        if not np.all(np.isfinite(u)):
            self.failure = self.failure or 'the safety filter gave no number'
            action = Action(np.zeros(len(u)), Source.LAST_RESORT)
        elif action.source is Source.LAST_RESORT and not self.failure:
            self.failure = _OUTSIDE
        self._note(action.u)
        return action

    def _note(self, u: Array) -> None:
        """Remember the answer (m,) to the newest state."""
        if self._seen is not None:
            self._monitor.answered(self._seen, u)
        self._lookahead.answered(u)
        self._sent.append(u)
