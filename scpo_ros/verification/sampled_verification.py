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
Verification that may claim a bound: fresh independent scenarios for every candidate.

After the fixed sets have passed, theta is frozen, N_j scenarios are drawn by a seed from the
operating system, and all must pass (see :mod:`scpo_ros.scpo.sampled_bound`). What that bounds is
the probability of a violation for scenarios from the same distribution, nothing else.
"""

import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.scpo.sampled_bound import SampledBound
from scpo_ros.systems.scenario import random_scenarios
from scpo_ros.verification.bound_counter import BoundCounter
from scpo_ros.verification.evaluation import SafetyEvaluation
from scpo_ros.verification.fresh_tests import FreshTests
from scpo_ros.verification.metric_layout import block, MetricKind, MetricLayout
from scpo_ros.verification.task import ControlTask

DISTRIBUTION = 'x_0 uniform on the safe set and w uniform within its bound'
CHUNK = 4096
_FRESH = {MetricKind.CONSTRAINT: MetricKind.FRESH_CONSTRAINT,
          MetricKind.RETURN: MetricKind.FRESH_RETURN}


class SampledEvaluation(SafetyEvaluation):
    """A safety evaluation whose `verify` ends with a test on fresh scenarios."""

    def __init__(self, task: ControlTask, seed: int | None = None, replays: int = 16,
                 bound: SampledBound | None = None, entropy: int | None = None,
                 counter: BoundCounter | None = None) -> None:
        """Draw the fixed sets. :param bound: and the others as for `FreshTests`."""
        super().__init__(task, seed, replays)
        self._fresh = FreshTests(bound, entropy, counter)

    @property
    def bound(self) -> SampledBound:
        """Return the :class:`SampledBound` as it stands."""
        return self._fresh.bound

    @property
    def coverage(self) -> str:
        """Return what the verification covers, as a sentence, with the claim."""
        return f'{super().coverage}; {self.bound.statement(DISTRIBUTION)}'

    @property
    def tests(self) -> int:
        """Return how many tests with fresh scenarios were made."""
        return self.bound.tests

    @property
    def verification_layout(self) -> MetricLayout:
        """Return which column of `verify` is which metric; the fresh ones come last."""
        fresh = [_FRESH[kind] for kind in self.task.metric.kinds]
        return super().verification_layout + block(1, *fresh)

    def verify(self, thetas: Array) -> Array:
        """Return the plain metrics (m, k_v), see :attr:`verification_layout`."""
        thetas = np.array(thetas, dtype=np.float64)
        fixed = super().verify(thetas)
        return np.column_stack([fixed, [self._tested(theta, metrics)
                                        for theta, metrics in zip(thetas, fixed)]])

    def explain(self, theta: Array, index: int) -> str:
        """Return a sentence about one verification metric of a policy."""
        if self.label(index).kind not in _FRESH.values():
            return super().explain(theta, index)
        return f'one of the fresh scenarios of test {self.bound.tests} fails'

    def _tested(self, theta: Array, fixed: Array) -> Array:
        """Return the largest metric of each kind over the next test's scenarios."""
        kinds = len(self.task.metric.kinds)
        if not np.all(fixed <= 0):  # NaN is not: refused anyway, no test is spent
            return np.full(kinds, np.max(fixed))
        count, rng = self._fresh.begin()
        task, worst = self.task, np.full(kinds, -np.inf)
        for start in range(0, count, CHUNK):
            batch = random_scenarios(task.system, task.safe_set, min(CHUNK, count - start),
                                     task.horizon, rng)
            worst = np.maximum(worst, task.metric.of_scenarios(theta[None], batch)[0].max(axis=0))
        return worst
