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
Whether weights are dangerous, judged with nothing but the system and the network.

Other states than any verification uses, fewer assumptions: from states that fill the safe set C
and its edge, does the input of the bare policy (no guard) keep the next state in C whatever |w|
<= wbar does? And over rollouts, does it keep the limits? Only `backup` and `network` of the
policy are used; metrics, scenarios and bounds are not.
"""

import numpy as np
from scpo_ros.arrays import digest
from scpo_ros.verification.task import ControlTask


SEED = 990001


class Oracle:
    """Remembers its judgement of every policy."""

    def __init__(self, spec, inside=20000, edge=6000, rollouts=256):
        """Draw states of its own."""
        self.task = ControlTask.build(spec)
        rng = np.random.default_rng(SEED)
        safe_set = self.task.safe_set
        low, high = safe_set.vertices.min(axis=0), safe_set.vertices.max(axis=0)
        points = rng.uniform(low, high, (3 * inside, len(low)))
        points = points[safe_set.gauge(points) <= 1.0][:inside]
        direction = rng.normal(size=(edge, len(low))) * (high - low)
        rim = direction / safe_set.gauge(direction)[:, None]
        shells = rim * (1 - 1e-9 - 0.02 * rng.uniform(size=(edge, 1)) ** 2)
        self._states = np.vstack([points, rim * (1 - 1e-9), shells])
        self._backup = self.task.policy.backup(self._states)[:, 0]
        self._starts = self._states[rng.integers(0, len(self._states), rollouts)]
        self._signs = rng.choice([-1.0, 1.0], (60, rollouts, 1))
        self._known = {}

    def excess(self, theta, states=None):
        """Return by how much the gauge of the worst next state exceeds 1, over all states."""
        system, H = self.task.system, self.task.safe_set.H
        backup = self._backup if states is None else self.task.policy.backup(states)[:, 0]
        states = self._states if states is None else states
        u = backup + self.task.policy.network(theta[None], states)[0, :, 0]
        u = np.clip(u, -system.input_limit[0], system.input_limit[0])
        ahead = states @ system.A.T + u[:, None] * system.B[:, 0]
        return float(np.max(ahead @ H.T + np.abs(H) @ system.disturbance) - 1)

    def breaks_limits(self, theta):
        """Return whether a rollout of the bare policy breaks a limit."""
        system, x = self.task.system, self._starts
        for signs in self._signs:
            backup = self.task.policy.backup(x)[:, 0]
            base = np.where(np.isfinite(backup), backup, -(x @ self.task.gain.T)[:, 0])
            u = np.clip(base + self.task.policy.network(theta[None], x)[0, :, 0],
                        -system.input_limit[0], system.input_limit[0])
            x = x @ system.A.T + u[:, None] * system.B[:, 0] + signs * system.disturbance
            if not np.all(np.abs(x) <= system.state_limit + 1e-9):
                return True
        return False

    def danger(self, theta):
        """Return why weights (d,) are dangerous, '' if nothing is found."""
        identity = digest(theta)
        if identity not in self._known:
            self._known[identity] = self._judged(np.asarray(theta, dtype=np.float64))
        return self._known[identity]

    def _suspects(self, theta):
        """Return states in C where units of the first layer change sign, on and near the edge."""
        (weights, bias), *_ = self.task.policy.network.layers(theta[None])[0]
        rays = np.linspace(-1, 1, 41)
        found, scale = [], self.task.system.state_limit
        for normal, offset in zip(weights[0].T, bias[0, 0]):
            length = np.hypot(*normal)
            if 1e-9 < length < 1e12:
                along = np.array([-normal[1], normal[0]]) / length
                base = -offset * normal / length**2
                for shift in (-2.0, -1.0, 0.0, 1.0, 2.0):
                    line = base + shift * normal / length**2 + 2 * rays[:, None] * along
                    found.append(line * scale)
        points = np.vstack([*found, np.zeros((1, 2))])
        points = points[np.all(np.isfinite(points), axis=1)]
        return points[self.task.safe_set.gauge(points) <= 1.0]

    def _judged(self, theta):
        if not np.all(np.isfinite(theta)):
            return 'weights that are not finite'
        excess = max(self.excess(theta), self.excess(theta, self._suspects(theta)))
        if not excess <= 1e-9:
            return f'the next state may leave the safe set, its gauge exceeds 1 by {excess:.3g}'
        return 'a rollout breaks a limit' if self.breaks_limits(theta) else ''
