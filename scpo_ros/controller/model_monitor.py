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
Does the plant still behave as the certificates assume? No ROS.

For two states one step of h seconds apart, of one episode, with u the input that the plant says it
applied in between,

    e = x_{k+1} - A(h) x_k - B(h) u,      the model holds while |e_i| <= wbar_i for every i.

x is what was measured; a measurement error of the description is part of wbar
(:mod:`scpo_ros.systems.uncertainty`).

Rules, written down here and nowhere else:

1. One error outside the bound, or one that is not a number, revokes the certificates: the backup
   answers the very state that showed it.
2. A transition across a lost state, a change of episode, a restart, or of another length than
   dt +- system.sample_jitter cannot be judged, nor one whose applied input is not a number or
   whose first state was not answered here (:mod:`scpo_ros.systems.transitions`).
3. What is not judged counts against the model: once a whole window has been seen in which less
   than LEAST_SHARE of the time could be judged, that revokes. No policy begins to run before so
   much is judged.
4. The applied input is compared with the answer (:mod:`scpo_ros.controller.applied_input`). An
   inadmissible one revokes at once. Admissible ones revoke when they are more than MISMATCH_SHARE
   of the transitions judged in MISMATCH_WINDOW_S, and at least MISMATCH_COUNT.
5. A state outside the safe set revokes, where the state before lay in it, in the same episode,
   whether or not the way could be judged: no certified step leads there. So does one that begins
   another episode where a step could have led, |x_{k+1} - A x_k| <= |B| U + wbar: its number does
   not make a step a jump.
6. A *calm period* is a number of judged transitions in a row without a fault of rules 1, 4 and 5;
   an admissible mismatch does not count, a fault begins the count anew.

What follows from a fault, and from calm periods, is in :mod:`scpo_ros.controller.revocation`.
"""

from collections import deque
from typing import Protocol

import numpy as np
from scpo_ros.arrays import Array, Booleans
from scpo_ros.controller.applied_input import AppliedInputs, Match
from scpo_ros.interface.messages import State
from scpo_ros.sets.admissible_inputs import InputCheck
from scpo_ros.systems.model import Model
from scpo_ros.systems.sampling import STAMP_ERROR
from scpo_ros.systems.transitions import Gap, JudgedShare, Transition, TransitionRule


MISMATCH_WINDOW_S = 5.0
MISMATCH_SHARE = 0.2
MISMATCH_COUNT = 5
_TOLERANCE = 1e-9  # rounding, of the limits of the states
_OUTSIDE = 1e-6  # of the gauge of the safe set, rounding
_LATE = 'the plant applies commands'


class MonitoredTask(Protocol):
    """What the monitor needs of a control task."""

    @property
    def system(self) -> Model:
        """Return the model x+ = A x + B u + w."""

    @property
    def bounds(self) -> InputCheck:
        """Return what tells whether an input keeps the next state in C."""

    def contains(self, x: Array, tolerance: float = 1e-9) -> Booleans:
        """Return whether states (..., n) lie in C, up to a part of its size."""


class ModelMonitor:
    """Compares the plant with the model, transition by transition, and names what is wrong."""

    def __init__(self, task: MonitoredTask, calm_steps: int) -> None:
        """
        Start without a state.

        :param calm_steps: judged transitions of a calm period, rule 6; at least 1.
        """
        self._system, self._inside = task.system.observed, task.contains
        self._calm_steps = max(1, calm_steps)
        self._rule, self._share = TransitionRule(task.system), JudgedShare(task.system)
        self._inputs = AppliedInputs(task.system, task.bounds)
        steps = max(2 * MISMATCH_COUNT, round(MISMATCH_WINDOW_S / task.system.dt))
        self._mismatched: deque[bool] = deque(maxlen=steps)  # of the newest judged transitions
        self._previous: tuple[State, bool] | None = None  # and whether it lies in the safe set
        self._faultless = 0  # judged transitions in a row without a fault
        self.judged = 0  # transitions so far
        self.ratio = float('nan')  # of the last judged error to its bound

    @property
    def calm_periods(self) -> int:
        """Return how many calm periods in a row have passed, rule 6."""
        return self._faultless // self._calm_steps

    def calm(self, periods: int) -> bool:
        """Return whether so many calm periods have passed and enough is judged, rules 3 and 6."""
        return self.calm_periods >= periods and self.watched

    @property
    def watched(self) -> bool:
        """Return whether so much is judged that a policy may begin to run, rule 3."""
        return self._share.enough

    @property
    def judged_share(self) -> float:
        """Return which share of the newest seconds was judged, in [0, 1]."""
        return self._share.share

    @property
    def mismatches(self) -> int:
        """Return how many applied inputs were not those answered."""
        return self._inputs.mismatches

    @property
    def mismatch(self) -> str:
        """Return what was applied instead of the answer, the last time."""
        return self._inputs.sentence

    @property
    def delay(self) -> int:
        """Return by how many steps the plant applies commands late; 0 if that is not known."""
        return self._inputs.delay

    def named(self, reason: str) -> str:
        """Return the reason of a revocation, led by the delay that is known to explain it."""
        q = self._inputs.delay
        if not q or reason.startswith(_LATE):
            return reason
        return f'{_LATE} {q} step{"s" * (q > 1)} late: {reason}'

    def answered(self, state: State, u: Array) -> None:
        """Remember the answer to the state observed last."""
        self._inputs.answered(state, u)

    def observe(self, state: State, certified: Array | None = None) -> str:
        """
        Take in the next state that is acted upon; return why the model does not hold, or ''.

        :param certified: (n,), the state that certificates speak of; None: what was measured.
        """
        ahead = state.x if certified is None else certified
        with np.errstate(over='ignore', invalid='ignore'):
            inside = bool(self._inside(ahead, _OUTSIDE))
        previous, self._previous = self._previous, (state, inside)
        if previous is None:
            return ''
        before, was_inside = previous
        transition, match = self._looked_at(before, state)
        self._share.add(transition)
        fault = self._left(before, state, ahead) if was_inside and not inside else ''
        if transition.judged:
            fault = self._judge(transition, match, before, state) or fault
        if fault:
            self._faultless = 0
        return fault or self._share.fault

    def _looked_at(self, before: State, state: State) -> tuple[Transition, Match]:
        """Return the transition, not judged unless its input can be compared, and the match."""
        transition = self._rule.between(before, state)
        if not transition.judged:
            if transition.gap is not Gap.EPISODE:
                self._inputs.forget()
            return transition, Match.UNKNOWN
        match = self._inputs.compare(before, state)
        if match is Match.UNKNOWN:
            return Transition(Gap.ANSWER, transition.step, transition.duration), match
        return transition, match

    @property
    def _rounding(self) -> Array:
        """Return what rounding does to the error (n,)."""
        return _TOLERANCE * self._system.state_scale

    def _judge(self, transition: Transition, match: Match, before: State, state: State) -> str:
        """Return what is wrong with a transition that can be judged, or ''."""
        self.judged += 1
        self._mismatched.append(match is not Match.MATCHED)
        fault = self._input_fault(match) or self._model_error(transition, before, state)
        if not fault and match is Match.MATCHED:
            self._faultless += 1
        return fault

    def _model_error(self, transition: Transition, before: State, state: State) -> str:
        with np.errstate(over='ignore', invalid='ignore'):
            predicted, bound = self._prediction(transition.step, before.x, state.applied)
            error = state.x - predicted
            inside = np.abs(error) <= bound + self._rounding
            self.ratio = float(np.max(np.abs(error) / np.where(bound > 0, bound, self._rounding)))
        if inside.all():
            return ''
        index = int(np.argmin(inside))
        return (f'model error |e[{index}]| = {abs(error[index]):.6g} > '
                f'{bound[index]:.6g} at t = {state.time:.3f} s from '
                f'x = ({", ".join(f"{entry:.3f}" for entry in before.x)})')

    def _prediction(self, step: float, x: Array, u: Array) -> tuple[Array, Array]:
        """Return A(h) x + B(h) u and the bound (n,) of the error, for a step of h seconds."""
        system, sampling = self._system, self._system.sampling
        if sampling is None or sampling.jitter == 0:
            return system.step(x, u), system.step_disturbance
        A, B = sampling.held(step)
        drift = np.abs(sampling.A @ x + sampling.B @ u)  # what an error of the stamps changes
        longer = (sampling.bound(step) - sampling.disturbance
                  + np.abs(A - system.A) @ system.measurement_error)
        return A @ x + B @ u, system.step_disturbance + longer + STAMP_ERROR * drift

    def _input_fault(self, match: Match) -> str:
        if match is Match.INADMISSIBLE:
            return self.named(f'an input was applied that the safe set does not admit: '
                              f'{self._inputs.sentence}')
        count, seen = sum(self._mismatched), len(self._mismatched)
        many = max(MISMATCH_COUNT, MISMATCH_SHARE * (self._mismatched.maxlen or 0))
        if match is Match.ADMISSIBLE and count >= many:
            return self.named(f'{count} of the last {seen} inputs were not applied as commanded, '
                              f'the last: {self._inputs.sentence}')
        return ''

    def _left(self, before: State, state: State, ahead: Array) -> str:
        """Return that the state has left the safe set, rule 5; '' where no step led there."""
        if before.episode != state.episode and not self._a_step_leads(before, state):
            return ''
        return (f'the state left the safe set, at t = {state.time:.3f} s at '
                f'x = ({", ".join(f"{entry:.3f}" for entry in ahead)})')

    def _a_step_leads(self, before: State, state: State) -> bool:
        """Return whether some input, within its limit, leads from a state near to another."""
        system = self._system
        reach = np.abs(system.B) @ system.input_scale + system.disturbance + self._rounding
        away = np.abs(state.x - system.step(before.x, np.zeros(system.m)))
        near = 0 < state.time - before.time < 1.5 * system.dt
        return bool(near and np.all(away <= reach))

    def count_anew(self) -> None:
        """Begin the first calm period anew."""
        self._faultless = 0

    def forget(self) -> None:
        """Forget calm and mismatches: they belong to a revocation that has ended."""
        self.count_anew()
        self._mismatched.clear()
