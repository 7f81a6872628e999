"""
Does the plant still behave as the certificates assume? No ROS.

For two states one step apart, of one episode, with u the input really applied in between,

    e = x_{k+1} - A x_k - B u,        the model holds while |e_i| <= wbar_i for every i.

Rules, written down here and nowhere else:

1. One error outside the bound, or one that is not a number, revokes the certificates: the backup
   answers the very state that showed it.
2. Transitions across a lost state, another episode or another time line are not judged.
3. While revoked nothing new is certified. The model counts as *calm* again after `calm_steps`
   judged errors in a row within the bound; an error outside begins the count anew.
4. Each revocation doubles the number of calm steps that the next return takes, up to 16 times;
   after 10 calm periods without a revocation it is what it was.
5. A policy comes back only when it has been verified anew after the calm.
"""

import numpy as np


_TOLERANCE = 1e-9  # rounding [units of x]
_LONGEST = 16
_FORGET = 10


class ModelMonitor:
    """Watches the one-step prediction error."""

    def __init__(self, system, calm_steps, revoked=''):
        """
        Start trusting the model, or not.

        :param system: LinearSystem. :param calm_steps: judged errors in a row, see rule 3.
        :param revoked: why the model was distrusted when the process ended before, or empty.
        """
        self._system, self._base = system, max(1, calm_steps)
        self._previous, self._factor, self._good = None, 1, 0
        self.reason, self.revocations, self.judged = revoked, 0, 0
        self.ratio = 0.0  # of the last judged error to its bound

    @property
    def holds(self):
        """Return whether nothing is revoked, or what was may come back."""
        return not self.reason

    @property
    def needed(self):
        """Return how many errors in a row within the bound end a revocation."""
        return self._base * self._factor

    @property
    def calm(self):
        """Return whether a revocation may end, rule 3."""
        return self._good >= self.needed

    def observe(self, state):
        """
        Take in the next state that is acted upon; return why the model does not hold, or ''.

        :param state: with time, episode, x (n,) and applied.
        """
        previous, self._previous = self._previous, state
        if previous is None or not self._follows(previous, state):
            return ''
        with np.errstate(over='ignore', invalid='ignore'):
            error = state.x - self._system.step(previous.x, np.array([state.applied]))
            inside = np.abs(error) <= self._system.disturbance + _TOLERANCE
            scale = np.where(self._system.disturbance > 0, self._system.disturbance, _TOLERANCE)
            self.ratio = float(np.max(np.abs(error) / scale))
        self.judged += 1
        if np.all(inside):
            self._good += 1
            if self.holds and self._good >= _FORGET * self._base:
                self._factor = 1
            return ''
        self._good = 0
        index = int(np.argmin(inside))
        return (f'model error |e[{index}]| = {abs(error[index]):.6g} > '
                f'{self._system.disturbance[index]:.6g} at t = {state.time:.3f} s from '
                f'x = ({", ".join(f"{entry:.3f}" for entry in previous.x)})')

    def _follows(self, previous, state):
        dt = self._system.dt
        return (state.episode == previous.episode
                and abs(state.time - previous.time - dt) <= 1e-6 + 1e-3 * dt)

    def revoke(self, reason):
        """Note a revocation, rule 4."""
        if self.revocations:
            self._factor = min(_LONGEST, 2 * self._factor)
        self.reason, self._good = reason, 0
        self.revocations += 1

    def reinstate(self):
        """Note that the calm was long enough."""
        self.reason, self._good = '', 0
