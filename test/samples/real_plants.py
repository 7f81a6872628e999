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
Copies of a real plant under the safety filter, stepped by equations of their own.

Nothing here comes from what is tested but the filter, and the state that it is asked about. The
plant is x' = A x + B u between the ticks, with an error of what is measured, inputs that act late,
and disturbances. All of them lie at their bounds, where they hurt most.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import expm
from scpo_ros.sets.start_set import StartSet
from scpo_ros.systems import load
from scpo_ros.systems.loading import file_of
from system_samples import inputs_at_the_limits
import yaml

BETWEEN = 10  # instants of a step at which limits are looked at, where that is asked for


def described(shipped, errors=None, **changes):
    """Return the mapping of a shipped description with measurement errors and other keys."""
    data = yaml.safe_load(file_of(shipped).read_text(encoding='utf-8'))
    for entry, error in zip(data['states'], errors or []):
        entry['measurement_error'] = error
    return {**data, **changes}


@dataclass
class Outcome:
    """What became of S runs."""

    used: np.ndarray  # (S,): largest F x / f of the true states at the ticks
    used_between: np.ndarray  # (S,): the same between the ticks
    lost: np.ndarray  # (S,): whether the backup had no plan at some step

    @property
    def broken(self):
        """Return the share of runs that broke a limit at a tick, or lost the backup."""
        return float(np.mean((self.used > 1 + 1e-7) | self.lost))


class RealPlants:
    """S copies of the plant that a mapping describes, and what drives them to their limits."""

    def __init__(self, truth, count, seed=0):
        """Take over what is true. :param truth: mapping of a description."""
        self.rng, self.count = np.random.default_rng(seed), count
        self.system = load(truth).plant
        entries = self.system.description.states
        self.w = np.array([entry.disturbance for entry in entries])
        self.e = np.array([entry.measurement_error for entry in entries])
        self.delay = truth.get('delay_steps', 0)
        self.part = truth.get('delay_fraction', 0.0)
        dynamics = self.system.description.dynamics
        n, m = dynamics.B.shape
        self.whole = np.block([[dynamics.A, dynamics.B], [np.zeros((m, n + m))]])

    def over(self, seconds):
        """Return A and B of so many seconds."""
        n = self.system.n
        step = expm(self.whole * seconds)
        return step[:n, :n], step[:n, n:]

    def moved(self, x, old, new, seconds):
        """Return states (S, n) so many seconds after a tick, inputs changing after a part."""
        dt = self.system.dt
        late = min(seconds, self.part * dt)
        for u, length in ((old, late), (new, seconds - late)):
            if length > 0:
                A, B = self.over(length)
                x = x @ A.T + u @ B.T
        return x

    def run(self, task, steps=150, between=False, predict=None, starts=None):
        """
        Return the :class:`Outcome` of S runs under the filter of a task.

        :param predict: (y (S, n), inputs under way, oldest first) -> states (S, n) that the
            filter is asked about; None: y.
        :param starts: true states (S, n); None: where what is measured lies on the boundary.
        """
        x, e = self._starts(task) if starts is None else (starts, 0 * starts)
        under_way = [np.zeros((self.count, self.system.m)) for _ in range(self.delay + 1)]
        wanted = self._extremes(task)
        rows, dt = self.system.state_rows, self.system.dt
        used = np.max(x @ rows.T, axis=1)
        used_between, lost = used.copy(), np.zeros(self.count, dtype=bool)
        for _ in range(steps):
            y = x + e
            z = y if predict is None else predict(y, under_way[1:])
            u, plans = self._answer(task, z, wanted)
            lost |= ~np.all(np.isfinite(u), axis=1)
            under_way.append(np.nan_to_num(u))
            old, new = under_way[0], under_way[1]
            under_way.pop(0)
            if between:
                for share in np.arange(1, BETWEEN) / BETWEEN:
                    at = self.moved(x, old, new, share * dt)
                    used_between = np.maximum(used_between, np.max(at @ rows.T, axis=1))
            following = self.moved(x, old, new, dt)
            worst = self._worst(task, z, u, plans)
            x = np.where(lost[:, None], 0.0, following + self._vertex(self.w, worst))
            e = self._vertex(self.e, worst * self.rng.choice((-1.0, 1.0), (self.count, 1)))
            used = np.maximum(used, np.max(x @ rows.T, axis=1))
            switched = self.rng.random(self.count) < 0.1
            wanted[switched] = self._extremes(task)[switched]
        return Outcome(used, np.maximum(used, used_between), lost)

    def _starts(self, task):
        """
        Return true states and errors (S, n): measured at the boundary, and beyond it in truth.

        Under a delay what is measured first is not what is certified, and a start set says where.
        """
        x = task.safe_set.boundary(self.count) * (1 - 1e-9)
        e = -np.sign(x) * self.e
        if not self.delay:
            return x - e, e
        starts = StartSet(task.system, task.safe_set)
        return x / np.maximum(1, starts.gauge(x))[:, None], e

    def _extremes(self, task):
        """Return inputs (S, m) at their limits."""
        found = np.empty((self.count, self.system.m))
        for part in task.policy.filters:
            block = part.backup.block
            found[:, block.inputs] = inputs_at_the_limits(
                block, self.count, self.rng) * block.input_scale
        return found

    def _answer(self, task, z, extremes):
        """Return filtered inputs and plans: extremes, and residuals of random size, in turn."""
        backup, plans = task.policy.around(z)
        residual = self.rng.uniform(-1, 1, extremes.shape) * self.system.input_scale
        wanted = np.where(np.arange(len(z))[:, None] % 2, extremes, backup + residual)
        wanted = task.system.saturate(np.where(np.isfinite(wanted), wanted, 0.0))
        return task.policy.filtered(z, wanted, plans), plans

    def _vertex(self, width, signs):
        """Return vertices (S, n): where signs say nothing, any; a third is drawn anew."""
        drawn = self.rng.choice((-1.0, 1.0), signs.shape)
        chosen = np.where((signs == 0) | (self.rng.random((len(signs), 1)) < 1 / 3), drawn, signs)
        return np.sign(chosen) * width

    def _worst(self, task, z, u, plans):
        """Return the signs (S, n) that the most used row of the next state suffers most from."""
        signs = np.zeros(z.shape)
        following = task.system.step(z, np.nan_to_num(u))
        for part, plan in zip(task.policy.filters, plans):
            block, found = part.backup.block, part.backup.safe_set
            used = (following[:, block.states] / block.scale @ found.state_rows.T
                    + np.nan_to_num(part.shifted(plan)) @ found.lifted_rows.T)
            signs[:, block.states] = np.sign(found.state_rows[np.argmax(used, axis=1)])
        return signs
