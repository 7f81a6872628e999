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
Is the input that the plant reports as applied the one that was answered? No ROS.

A plant that drops or delays commands may keep the model x+ = A x + B applied + w exactly, and
still leave the safe set: what was certified is the answer, and something else was applied. The
limits hold as long as every *applied* input is admissible at its state, whatever chose it
(:mod:`scpo_ros.sets.admissible_inputs`); with one input,

    LO(x_k) <= applied_{k+1} <= UP(x_k)   implies   x_{k+1} in C.

So each transition that can be judged is compared:

* *matched*: applied is the answer to x_k, each entry up to INPUT_ERROR of its limit.
* *admissible*: another input, but one that is admissible at x_k. A missed deadline looks like this
  (the plant holds the last input), and so does a lost command. It is counted.
* *inadmissible*: another input that is not. Whatever happens next is not what was certified.

Under a delay of the description it is the answer to the state that many steps before. x_k is then
the state at which it acted: the model, from what was measured there, through the inputs that were
applied since (:mod:`scpo_ros.systems.lookahead`). After another input than the answer, and at the
beginning, the answers that follow were given to a state that may have been predicted wrongly: each
must be admissible where it acted.

Where the same number q of steps lies between answer and application at DELAY_EVIDENCE transitions
in a row, and the answers differed enough to tell, the plant applies commands q steps late: later
than the description says.
"""

from collections import deque
from enum import Enum

import numpy as np
from scpo_ros.arrays import Array, Booleans, frozen
from scpo_ros.interface.messages import State
from scpo_ros.sets.admissible_inputs import InputCheck
from scpo_ros.systems.model import Model
from scpo_ros.systems.signals import listed
from scpo_ros.systems.transitions import INPUT_ERROR, same_input


DELAY_EVIDENCE = 5  # transitions in a row
LONGEST_DELAY = 10  # steps
_SOLVED = 1e-6  # of the safe set, by which an answer of the filter may be inadmissible
_TOLD_APART = 3  # of them, at which the delayed answer differs from the present one


class Match(Enum):
    """What became of an answer."""

    MATCHED = 'matched'
    ADMISSIBLE = 'admissible'
    INADMISSIBLE = 'inadmissible'
    UNKNOWN = 'unknown'  # the state before was not answered here


class AppliedInputs:
    """Compares the inputs that the plant says it applied with the answers of the controller."""

    def __init__(self, system: Model, bounds: InputCheck) -> None:
        """
        Start without an answer.

        :param bounds: the admissible inputs.
        """
        self._system, self._bounds = system, bounds
        self._tolerance = INPUT_ERROR * system.input_scale
        self._delay, self._doubtful = system.delay_steps, system.delay_steps
        self._answers: deque[tuple[State, Array]] = deque(
            maxlen=LONGEST_DELAY + 1 + self._delay)
        # Of the newest transitions: {delay that explains it: whether it can be told from none}.
        self._late: deque[dict[int, bool]] = deque(maxlen=DELAY_EVIDENCE)
        self.mismatches, self.sentence = 0, ''  # how many there were; the last one in words

    def answered(self, state: State, u: Array) -> None:
        """Remember the answer (m,) to a state."""
        self._answers.append((state, frozen(u)))

    def forget(self) -> None:
        """Start anew: what was answered before is of no meaning for what is applied next."""
        self._answers.clear()
        self._late.clear()

    def compare(self, before: State, state: State) -> Match:
        """Return what became of the answer to `before`, by what `state` says was applied."""
        if not self._answers or self._answers[-1][0] is not before or not self._answered:
            self._doubtful = self._delay
            return Match.UNKNOWN
        applied, answer = state.applied, self._answers[-1 - self._delay][1]
        self._note_delays(applied)
        same = self._same(applied, answer)
        if same and not self._doubtful:
            return Match.MATCHED
        admissible = self._admissible(applied, 0.0 if not same else _SOLVED)
        self._doubtful = max(0, self._doubtful - 1) if same else self._delay
        if not (same and admissible):
            self.mismatches += not same
            why = (f'{listed(answer, ".6g")} was commanded' if not same else
                   'as commanded, but at a state that was predicted from other inputs')
            self.sentence = (f'{listed(applied, ".6g")} was applied over the step to '
                             f't = {state.time:.3f} s, {why}')
        return Match.INADMISSIBLE if not admissible else (
            Match.MATCHED if same else Match.ADMISSIBLE)

    @property
    def _answered(self) -> bool:
        """Return whether the state is known, of this episode, whose answer acted over the step."""
        if len(self._answers) <= self._delay:
            return False
        first, last = self._answers[-1 - self._delay][0], self._answers[-1][0]
        return first is last or first.episode == last.episode

    def _admissible(self, applied: Array, tolerance: float) -> bool:
        """Return whether an applied input (m,) is admissible at the state at which it acted."""
        seen = [state for state, _ in self._answers][-1 - self._delay:]
        x = seen[0].x
        for later in seen[1:]:
            x = self._system.step(x, later.applied)
        violation = self._bounds.violation(x, applied)
        beyond = np.abs(applied - self._system.saturate(applied))
        saturated = np.all(beyond <= self._tolerance)
        slack = self._bounds.slack(self._tolerance) + tolerance
        return bool(saturated and violation <= slack)  # NaN is not

    def _same(self, applied: Array, answer: Array) -> Booleans:
        return same_input(self._system, applied, answer)

    def _note_delays(self, applied: Array) -> None:
        """Note which delays explain what was applied, and whether each can be told from none."""
        answers = np.array([u for _, u in reversed(self._answers)][self._delay:])
        explains, untold = (self._same(answers, u) for u in (applied, answers[0]))
        self._late.append({q: not untold[q] for q in range(1, len(answers)) if explains[q]})

    @property
    def delay(self) -> int:
        """Return by how many steps the plant applies commands late; 0 if that is not known."""
        if len(self._late) < DELAY_EVIDENCE:
            return 0
        for q in range(1, LONGEST_DELAY + 1):
            told = [explained[q] for explained in self._late if q in explained]
            if len(told) == DELAY_EVIDENCE and sum(told) >= _TOLD_APART:
                return q
        return 0
