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
Verification of a described system that claims a bound: fresh rollouts for every candidate.

After the fixed sets have passed, theta is frozen, N_j scenarios are drawn by a seed from the
operating system, and all their rollouts must pass (see :mod:`scpo_ros.scpo.sampled_bound`). A
rollout passes where it returns towards the origin within the limits and, for a `guarded`
certificate, the filter moves the inputs by at most a level in the mean over its steps:
10 metrics.filter_action, of their range. So the share of rollouts above the level is bounded, with
the doubt spent over all tests together. It is the share in the stated distribution.

*The distribution.* Scenarios are independent. In every decoupled part, with even chances, x_0 lies
on the boundary of the safe set or inside; w is uniform within its bound.
"""

import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.systems.system_scenarios import random_disturbances
from scpo_ros.verification.filtered_evaluation import FilteredEvaluation
from scpo_ros.verification.fresh_tests import FreshTests
from scpo_ros.verification.system_task import SystemTask

DISTRIBUTION = ('x_0 of the safe set, in every part with even chances on its boundary, and w '
                'uniform within its bound')
CHUNK = 2048  # rollouts at once
LEVEL = 10.0  # times what the filter action may be in the mean over all rollouts


class FreshRollouts(FilteredEvaluation):
    """A filtered evaluation whose `verify` ends with a test on fresh rollouts."""

    def __init__(self, task: SystemTask, fresh: FreshTests, seed: int | None = None,
                 replays: int = 16, remembered: int = 0) -> None:
        """Draw the fixed sets, see :class:`FilteredEvaluation`. :param fresh: counts the tests."""
        super().__init__(task, seed, replays, remembered)
        self._fresh = fresh

    @property
    def tests(self) -> int:
        """Return how many tests with fresh scenarios were made."""
        return self._fresh.bound.tests

    @property
    def coverage(self) -> str:
        """Return what is covered, as a sentence, with the claim."""
        moved = f'the filter moves the inputs by more than {self._level:.2%} of their range in '
        violates = f'{moved}the mean, or ' if self.task.kind == 'guarded' else ''
        return (f'{super().coverage}; {self._fresh.bound.statement(DISTRIBUTION)}: {violates}'
                'the state does not return')

    def verify(self, thetas: Array) -> Array:
        """Return the verification metrics (m, k_v): those of the sets, then the fresh ones."""
        thetas = np.array(thetas, dtype=np.float64)  # frozen before anything is drawn
        fixed = super().verify(thetas)
        return np.column_stack([fixed, [self._tested(theta, metrics)
                                        for theta, metrics in zip(thetas, fixed)]])

    def explain(self, theta: Array, index: int) -> str:
        """Return a sentence about one verification metric."""
        if index < self.fixed:
            return super().explain(theta, index)
        return f'one of the fresh rollouts of test {self.tests} fails'

    @property
    def _level(self) -> float:
        """Return the filter action that a rollout may have, of the input range."""
        return LEVEL * self.task.spec.metrics.filter_action

    def _tested(self, theta: Array, fixed: Array) -> Array:
        """Return the largest metric of each kind over the rollouts of the next test."""
        kinds = 2 if self.task.kind == 'guarded' else 1
        if not np.all(fixed <= 0):  # NaN is not: refused anyway, no test is spent
            return np.full(kinds, np.max(fixed))
        count, rng = self._fresh.begin()
        worst = np.full(kinds, -np.inf)
        for start in range(0, count, CHUNK):
            worst = np.maximum(worst, self._largest(theta, min(CHUNK, count - start), rng))
        return worst

    def _largest(self, theta: Array, count: int, rng: np.random.Generator) -> Array:
        """Return the largest metric of each kind over so many fresh rollouts; NaN stays."""
        task = self.task
        states = task.safe_set.independent(count, rng) * (1 - 1e-9)
        scenarios = random_disturbances(task.system, states, task.horizon, rng)
        summary = self._counted(theta[None], scenarios)
        found = [np.max(summary.action[0]) / self._level - 1] if task.kind == 'guarded' else []
        return np.array([*found, np.max(self.returned(summary, scenarios))])
