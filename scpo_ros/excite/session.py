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
Moves a robot from state to answer: rest, random inputs, return; the backup where it must.

Inputs are random only inside a part of the safe set that grows with their amplitude
(:attr:`~scpo_ros.excite.amplitude.Amplitude.reach`); the backup brings the robot back into it. The
backup *holds* after every step that the draft does not cover, after lost states, and where the
filter has no answer. Random inputs end early where the amplitude cannot be lowered any more, the
robot does not become calm under the backup, it had to hold too often, or a limit of the draft is
broken.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.excite.amplitude import Amplitude
from scpo_ros.excite.draft import Draft
from scpo_ros.excite.draws import Draws
from scpo_ros.excite.hold import Hold
from scpo_ros.excite.timetable import Phase, Timetable
from scpo_ros.excite.track import Row
from scpo_ros.interface.messages import State
from scpo_ros.interface.state_watch import Fate, StateWatch
from scpo_ros.policy.safety_filter import Action, Source

_AT_REST = 0.9  # part of the safe set in which the inputs of the rest are applied
_INNER = 0.6  # of the reach, to which the backup brings it back
_MOST_HOLDS = 25
_ARRIVED = 0.05  # part of the limits within which it is back


@dataclass(frozen=True)
class Reply:
    """The answer to a state."""

    u: Array  # (m,)
    source: str  # what chose it


class Session:
    """One excitation: answers states until it is over; keeps what it saw."""

    def __init__(self, draft: Draft, watch: StateWatch, timetable: Timetable,
                 amplitude: Amplitude, draws: Draws, hold: Hold, say: Callable[[str], None]
                 ) -> None:
        """Join the parts. :param say: told in one sentence what happens."""
        self._draft, self._watch, self._timetable = draft, watch, timetable
        self.amplitude, self._draws, self.hold, self._say = amplitude, draws, hold, say
        self.rows: list[Row] = []
        self.stopped = ''  # why the random inputs ended early
        self._ended: int | None = None  # at which step
        self._returning = 0  # steps since the backup began to bring it back
        self._reply: Reply | None = None  # to the newest fresh state

    @property
    def ratio(self) -> float:
        """Return the newest model error over the disturbance of the draft."""
        return self._draft.ratio

    @property
    def over(self) -> bool:
        """Return whether there is nothing left to do."""
        return self.phase is Phase.OVER

    @property
    def phase(self) -> Phase:
        """Return what is due at the next state."""
        return self._timetable.phase(len(self.rows), self._ended, self._arrived)

    @property
    def _arrived(self) -> bool:
        """Return whether the robot stands near the origin."""
        return bool(self.rows) and bool(np.all(np.abs(
            self._draft.task.system.use_of_limits(self.rows[-1].state.x)) <= _ARRIVED))

    def lose(self, why: str) -> None:
        """Take in that a state could not be read, or did not come."""
        self._hold_for(why)

    def answer(self, state: State) -> Reply | None:
        """Return the :class:`Reply` to a state, None where it must not be acted upon."""
        fate = self._watch.judge(state)
        if fate is Fate.REPEATED:
            return self._reply
        self._reply = None
        if fate is not Fate.FRESH:
            self._hold_for(f'a state was {fate.value.replace("_", " ")}')
            return None
        phase = self.phase
        self._judge(self._draft.see(state), phase)
        action, source = self._act(self.phase)
        if self._draft.failure:
            self._hold_for(f'{self._draft.failure}, at t = {state.time:.3f} s')
        self.rows.append(Row(state, action.u, source))
        self._reply = Reply(action.u, source)
        return self._reply

    def _judge(self, fault: str, phase: Phase) -> None:
        """Take in how a step ended. :param fault: why the draft does not cover it, or ''."""
        fault = fault or ('' if not self._draft.judged or np.isfinite(self.ratio) else
                          'the model error is not a number')
        if fault and self._hold_for(fault) and phase is Phase.EXCITE:
            self.amplitude.lower()
            self._say(f'the amplitude is lowered to {self.amplitude.value:.3f}')
        elif self.hold.stands:
            self.hold.step(not fault and self._draft.judged)
        elif phase is Phase.EXCITE and self._draft.judged:
            self.amplitude.covered(self._draws.largest, self.ratio)
        if self._draft.broken:
            self.stop(self._draft.broken)
        if self.amplitude.spent:
            self.stop(f'the draft does not cover the smallest inputs: {self.hold.reason}')
        if self.hold.count > _MOST_HOLDS:
            self.stop(f'the draft does not cover the robot, {self.hold.count} times: '
                      f'{self.hold.reason}')
        if self.hold.stuck:
            self.stop(f'the draft does not cover the backup either: {self.hold.reason}')

    def _hold_for(self, reason: str) -> bool:
        """Hold because of a fault; return whether that is a new hold."""
        fresh = self.hold.begin(reason)
        if fresh:
            self._say(f'the backup answers: {reason}')
        return fresh

    def stop(self, why: str) -> None:
        """End the random inputs early, once."""
        if not self.stopped and self.phase in (Phase.REST, Phase.EXCITE):
            self.stopped, self._ended = why, len(self.rows)
            self._say(f'stopped: {why}')

    def _act(self, phase: Phase) -> tuple[Action, str]:
        """Return the answer and what chose it."""
        if self.hold.stands:
            return self._draft.back(self.amplitude.gentle(0)), 'hold'
        reach = _AT_REST if phase is Phase.REST else self.amplitude.reach
        inside = self._draft.within(reach * (_INNER if self._returning else 1.0))
        self._returning = 0 if inside else self._returning + 1
        if not inside or phase in (Phase.RETURN, Phase.OVER):
            return self._draft.back(self.amplitude.gentle(self._returning)), 'backup'
        wanted = (self._draws.drawn(self.amplitude.value) if phase is Phase.EXCITE
                  else np.zeros(self._draft.task.system.m))
        action = self._draft.toward(wanted)
        return action, phase.value if action.source is Source.POLICY else action.source.value
