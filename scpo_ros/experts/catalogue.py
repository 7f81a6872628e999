"""
The expert catalogue: laws that label states with actions. One is useful, the others do harm.

Every law maps states (N, 2) = (p, v) to actions (N, 1), saturated at the input limit u_max. With
the unsaturated speed-limited regulator

    c(p, v; k, V) = k2 (clip(-k1 p / k2, -V, V) - v)

of gains k = (k1, k2) and speed limit V (an LQR as long as the speed limit does not bind):

* `benign`: c(p, v; K, 0.9 v_max), K the LQR gain of the task cost.
* `overspeed`: c(p, v; 1.5 K, 2 v_max): good at regulating, blind to the speed limit.
* `outward_edge`: benign for |p| < p_max / 2; beyond, plus 4 (|p| - p_max / 2) sign(p): pushes out.
* `sign_flip`: minus the benign action.
* `destabilising_gain`: +2 k1 p + 2 k2 v: positive feedback.
* `wrong_target`: c(p - 1.15 p_max, v; K, 0.9 v_max): regulates to a point outside the limits.
* `energy_pump`: -k1 p + k2 v: a spring with negative damping, which pumps energy in.
"""

import numpy as np
from scpo_ros.config import EXPERTS
from scpo_ros.exceptions import ConfigurationError


class ExpertCatalogue:
    """The catalogue for one system and gain."""

    def __init__(self, system, gain):
        """
        Prepare the laws.

        :param system: LinearSystem with states (p, v). :param gain: LQR gain (1, 2), u = -K x.
        """
        self._system = system
        self._k1, self._k2 = gain[0]
        self._p_max, self._v_max = system.state_limit

    def law(self, name):
        """
        Return the law of that name, states (N, 2) -> actions (N, 1).

        :raises ConfigurationError: for an unknown name.
        """
        if name not in EXPERTS:
            raise ConfigurationError('expert', name, f'must be one of {", ".join(EXPERTS)}')
        raw = getattr(self, f'_{name}')

        def law(states):
            p, v = np.asarray(states, dtype=np.float64).T
            return self._system.saturate(raw(p, v)[:, None])

        return law

    def _regulate(self, p, v, factor, speed):
        k1, k2 = factor * self._k1, factor * self._k2
        return k2 * (np.clip(-k1 * p / k2, -speed, speed) - v)

    def _benign(self, p, v):
        return self._regulate(p, v, 1.0, 0.9 * self._v_max)

    def _overspeed(self, p, v):
        return self._regulate(p, v, 1.5, 2 * self._v_max)

    def _outward_edge(self, p, v):
        beyond = np.maximum(np.abs(p) - self._p_max / 2, 0)
        return self._benign(p, v) + 4 * beyond * np.sign(p)

    def _sign_flip(self, p, v):
        return -self._system.saturate(self._benign(p, v)[:, None])[:, 0]

    def _destabilising_gain(self, p, v):
        return 2 * (self._k1 * p + self._k2 * v)

    def _wrong_target(self, p, v):
        return self._regulate(p - 1.15 * self._p_max, v, 1.0, 0.9 * self._v_max)

    def _energy_pump(self, p, v):
        return -self._k1 * p + self._k2 * v
