"""
Does the plant still behave as the certificates assume? No ROS.

For two states one step of h seconds apart, of one episode, with u the input that the plant says it
applied in between,

    e = x_{k+1} - A(h) x_k - B(h) u,      the model holds while |e_i| <= wbar_i for every i.

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
inadmissible
   one revokes at once. Admissible ones revoke when they are more than MISMATCH_SHARE of the
   transitions judged in MISMATCH_WINDOW_S, and at least MISMATCH_COUNT.
5. A state outside the safe set revokes, where the state before lay in it, in the same episode,
   whether or not the way could be judged: no certified step leads there. So does one that begins
   another episode where a step could have led, |x_{k+1} - A x_k| <= |B| U + wbar: its number does
   not make a step a jump.
6. While revoked nothing new is certified. The model counts as *calm* again after `calm_steps`
   judged transitions without a fault, of rules 1, 4 and 5, in a row; an admissible mismatch does
   not count, a fault begins the count anew. And enough must be judged, rule 3.
7. Each revocation doubles the number of calm steps that the next return takes, up to 16 times;
   after 10 calm periods without a revocation it is what it was.
8. A policy comes back only when it has been verified anew after the calm.
"""

from collections import deque

import numpy as np
from scpo_ros.controller.applied_input import AppliedInputs, Match
from scpo_ros.systems.sampling import STAMP_ERROR
from scpo_ros.systems.transitions import Gap, JudgedShare, Transition, TransitionRule


MISMATCH_WINDOW_S = 5.0
MISMATCH_SHARE = 0.2
MISMATCH_COUNT = 5
_TOLERANCE = 1e-9  # rounding [units of x]
_OUTSIDE = 1e-6  # of the gauge of the safe set, rounding
_LATE = 'the plant applies commands'
_LONGEST = 16
_FORGET = 10


class ModelMonitor:
    """Watches the plant, transition by transition."""

    def __init__(self, task, calm_steps: int, revoked: str = '') -> None:
        """
        Start trusting the model, or not.

        :param task: with `system` (LinearSystem), `safe_set` (Polytope), `bounds` (InputBounds).
        :param calm_steps: judged transitions in a row, see rule 6.
        :param revoked: why the model was distrusted when the process ended before, or empty.
        """
        self._system, self._safe_set = task.system, task.safe_set
        self._base = max(1, calm_steps)
        self._rule, self._share = TransitionRule(task.system), JudgedShare(task.system)
        self._inputs = AppliedInputs(task.system, task.bounds)
        steps = max(2 * MISMATCH_COUNT, round(MISMATCH_WINDOW_S / task.system.dt))
        self._mismatched = deque(maxlen=steps)
        self._previous, self._factor, self._good = None, 1, 0
        self.reason, self.revocations, self.judged = revoked, 0, 0
        self.ratio = float('nan')  # of the last judged error to its bound

    @property
    def holds(self) -> bool:
        """Return whether nothing is revoked, or what was may come back."""
        return not self.reason

    @property
    def needed(self) -> int:
        """Return how many judged transitions in a row without a fault end a revocation."""
        return self._base * self._factor

    @property
    def calm(self) -> bool:
        """Return whether a revocation may end, rule 6."""
        return self._good >= self.needed and self.watched

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

    @property
    def named(self) -> str:
        """Return the cause of a revocation where more is known of it by now, or ''."""
        told = self.holds or not self._inputs.delay or self.reason.startswith(_LATE)
        return '' if told else self._named(self.reason)

    def answered(self, state, u: float) -> None:
        """Remember the answer to the state observed last."""
        self._inputs.answered(state, u)

    def observe(self, state) -> str:
        """
        Take in the next state that is acted upon; return why the model does not hold, or ''.

        :param state: with time, episode, x (n,) and applied.
        """
        before, self._previous = self._previous, state
        if before is None:
            return ''
        transition, match = self._looked_at(before, state)
        self._share.add(transition)
        fault = self._left(before, state)
        if transition.judged:
            fault = self._judge(transition, match, before, state) or fault
        if fault:
            self._good = 0
        return fault or self._share.fault

    def _looked_at(self, before, state):
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

    def _judge(self, transition, match, before, state):
        """Return what is wrong with a transition that can be judged, or ''."""
        self.judged += 1
        self._mismatched.append(match is not Match.MATCHED)
        fault = self._input_fault(match) or self._model_error(transition, before, state)
        if not fault and match is Match.MATCHED:
            self._good += 1
            if self.holds and self._good >= _FORGET * self._base:
                self._factor = 1
        return fault

    def _model_error(self, transition, before, state):
        u = np.array([state.applied])
        with np.errstate(over='ignore', invalid='ignore'):
            predicted, bound = self._prediction(transition.step, before.x, u)
            error = state.x - predicted
            inside = np.abs(error) <= bound + _TOLERANCE
            self.ratio = float(np.max(np.abs(error) / np.where(bound > 0, bound, _TOLERANCE)))
        if np.all(inside):
            return ''
        index = int(np.argmin(inside))
        return (f'model error |e[{index}]| = {abs(error[index]):.6g} > '
                f'{bound[index]:.6g} at t = {state.time:.3f} s from '
                f'x = ({", ".join(f"{entry:.3f}" for entry in before.x)})')

    def _prediction(self, step, x, u):
        """Return A(h) x + B(h) u and the bound (n,) of the error, for a step of h seconds."""
        system, sampling = self._system, self._system.sampling
        if sampling is None or sampling.jitter == 0:
            return system.step(x, u), system.step_disturbance
        A, B = sampling.held(step)
        drift = np.abs(sampling.A @ x + sampling.B @ u)  # what an error of the stamps changes
        return A @ x + B @ u, sampling.bound(step) + STAMP_ERROR * drift

    def _input_fault(self, match):
        if match is Match.INADMISSIBLE:
            return self._named(f'an input was applied that the safe set does not admit: '
                               f'{self._inputs.sentence}')
        count, seen = sum(self._mismatched), len(self._mismatched)
        many = max(MISMATCH_COUNT, MISMATCH_SHARE * self._mismatched.maxlen)
        if match is Match.ADMISSIBLE and count >= many:
            return self._named(f'{count} of the last {seen} inputs were not applied as commanded, '
                               f'the last: {self._inputs.sentence}')
        return ''

    def _named(self, sentence):
        """Return the sentence, with the delay that explains it in front, where that is known."""
        q = self._inputs.delay
        return f'{_LATE} {q} step{"s" * (q > 1)} late: {sentence}' if q else sentence

    def _left(self, before, state):
        """Return that the state has left the safe set, rule 5, or ''."""
        if not self._safe_set.contains(before.x, _OUTSIDE):
            return ''
        if self._safe_set.contains(state.x, _OUTSIDE):
            return ''
        if before.episode != state.episode and not self._a_step_leads(before, state):
            return ''
        return (f'the state left the safe set, at t = {state.time:.3f} s at '
                f'x = ({", ".join(f"{entry:.3f}" for entry in state.x)})')

    def _a_step_leads(self, before, state):
        """Return whether some input, within its limit, leads from a state near to another."""
        system = self._system
        reach = np.abs(system.B) @ system.input_limit + system.disturbance + _TOLERANCE
        away = np.abs(state.x - system.step(before.x, np.zeros(system.m)))
        near = 0 < state.time - before.time < 1.5 * system.dt
        return bool(near and np.all(away <= reach))

    def revoke(self, reason: str) -> None:
        """Note a revocation, rule 7."""
        if self.revocations:
            self._factor = min(_LONGEST, 2 * self._factor)
        self.reason, self._good = reason, 0
        self.revocations += 1

    def reinstate(self) -> None:
        """End the revocation."""
        self.reason, self._good = '', 0
        self._mismatched.clear()
