"""
Verification that may claim a bound: fresh independent scenarios for every candidate.

After the fixed sets have passed, theta is frozen, N_j scenarios are drawn by a seed from the
operating system, and all must pass (see :mod:`scpo_ros.scpo.sampled_bound`). What that bounds is
the probability of a violation for scenarios from the same distribution, nothing else.
"""

import numpy as np
from scpo_ros.scpo import SampledBound
from scpo_ros.systems.scenario import random_scenarios
from scpo_ros.verification.evaluation import SafetyEvaluation

DISTRIBUTION = 'x_0 uniform on the safe set and w uniform within its bound'
CHUNK = 4096


class SampledEvaluation(SafetyEvaluation):
    """A safety evaluation whose `verify` ends with a test on fresh scenarios."""

    def __init__(self, task, seed=None, replays=16, bound=None, entropy=None, counter=None):
        """
        Draw the fixed sets.

        :param bound: :class:`SampledBound`, with the tests made before a restart.
        :param entropy: seed of the fresh scenarios, for tests only; None asks the operating
            system before every test, and nothing else carries the claim.
        :param counter: a BoundCounter that keeps the tests across restarts, in place of `bound`.
        """
        super().__init__(task, seed, replays)
        self.bound = SampledBound() if bound is None else bound
        self._counter, self._entropy = counter, entropy
        if counter is not None:
            self.bound = counter.read()
        self._fixed = 0  # metrics over the fixed sets, at the last verification

    @property
    def coverage(self):
        """Return what the verification covers, as a sentence, with the claim."""
        return f'{super().coverage}; {self.bound.statement(DISTRIBUTION)}'

    def verify(self, thetas):
        """Return the plain metrics (m, k_v), the last per_scenario of them over fresh ones."""
        thetas = np.array(thetas, dtype=np.float64)
        fixed = super().verify(thetas)
        self._fixed = fixed.shape[1]
        return np.column_stack([fixed, [self._tested(theta, metrics)
                                        for theta, metrics in zip(thetas, fixed)]])

    def remember(self, theta, failed, present):
        """Add failed scenarios to the design set; fresh ones are never seen by the design."""
        super().remember(theta, [i for i in failed if i < self._fixed], present)

    def explain(self, theta, index):
        """Return a sentence about one verification metric of a policy."""
        if index < self._fixed:
            return super().explain(theta, index)
        return f'one of the fresh scenarios of test {self.bound.tests} fails'

    def _tested(self, theta, fixed):
        """Return the largest metric of each kind over the next test's scenarios."""
        kinds = self.task.metric.per_scenario
        if not np.all(fixed <= 0):  # NaN is not: refused anyway, no test is spent
            return np.full(kinds, np.max(fixed))
        count = self._spent().scenarios
        rng = np.random.default_rng(
            None if self._entropy is None else [self._entropy, self.bound.tests])
        task, worst = self.task, np.full(kinds, -np.inf)
        for start in range(0, count, CHUNK):
            batch = random_scenarios(task.system, task.safe_set, min(CHUNK, count - start),
                                     task.horizon, rng)
            pairs = task.metric(theta[None], batch, np.ones(len(batch)), False)[0]
            worst = np.maximum(
                worst, pairs[-kinds * len(batch):].reshape(-1, kinds).max(axis=0))
        return worst

    def _spent(self):
        """Count a test, on disk first, and return the bound before it."""
        before = self.bound if self._counter is None else self._counter.spend()
        self.bound = before.spent()
        return before
