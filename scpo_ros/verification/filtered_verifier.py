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
The controller's own verification of a policy of a described system, with scenarios of its own.

Whatever the weights are, the controller's own safety filter keeps the safe set, or its own bound
of the residual does; nothing of that comes from a message. Where certificates are `proved` it
makes the proof of these weights itself, which must keep the margin that the controller asks for,
as in :mod:`scpo_ros.verification.verifier`. What is sampled is looked at on other scenarios than
the adapter's: every metric must be at most 0.
"""

import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.interface.claim import Claim
from scpo_ros.scpo.checked_metrics import is_safe
from scpo_ros.verification.counterexample import Counterexample
from scpo_ros.verification.filtered_evaluation import FilteredEvaluation
from scpo_ros.verification.system_task import SystemTask
from scpo_ros.verification.verdict import SEED_OFFSET, Verdict


class FilteredVerifier:
    """Judges weights by rollouts and proofs of its own."""

    def __init__(self, task: SystemTask, tolerance: float = 0.0, margin: float = 0.0) -> None:
        """
        Draw the scenarios.

        :param tolerance: by which any metric may exceed its limit. Above 0 only where the verdict
            of another machine is looked at again, see :mod:`scpo_ros.tolerances`.
        :param margin: that proved metrics must keep, metric units.
        """
        self._evaluation = FilteredEvaluation(
            task, task.spec.metrics.seed + SEED_OFFSET, replays=0)
        self._margin = margin if task.proof is not None else 0.0
        self._tolerance = tolerance

    def judge(self, theta: Array) -> Verdict:
        """Return the :class:`Verdict` on weights (d,); a metric that is not finite is unsafe."""
        theta, evaluation = np.asarray(theta), self._evaluation
        metrics = evaluation.verify(theta[None])[0]
        excess = metrics - self._limits(metrics.size)
        if is_safe(excess, 0.0):
            worst = float(metrics.max())
            return Verdict(True, '', worst, claim=Claim(
                evaluation.kind, evaluation.coverage, self._margin, worst, metrics.size))
        index = int(np.argmax(np.nan_to_num(excess, nan=np.inf)))
        found = self._counterexample(theta, index)
        return Verdict(False, self._in_words(theta, index, float(metrics[index])),
                       float(metrics[index]), found)

    def _in_words(self, theta: Array, index: int, metric: float) -> str:
        """Return which metric of a policy (d,) fails, and why."""
        if metric <= 0:
            return (f'verification metric {index} is proved with the margin {-metric:.6g} only, '
                    f'{self._margin:.6g} is asked for: the input keeps no more from what the '
                    'safe set allows')
        return (f'verification metric {index} = {metric:.6g} > 0: '
                f'{self._evaluation.explain(theta, index)}')

    def _limits(self, count: int) -> Array:
        """Return the largest admissible value of each of so many metrics; NaN admits nothing."""
        evaluation, limits = self._evaluation, np.full(count, float(self._tolerance))
        rounding = evaluation.task.tolerances.margin
        limits[evaluation.proved_metrics] -= np.maximum(0.0, self._margin - rounding)
        return limits

    def _counterexample(self, theta: Array, index: int) -> Counterexample | None:
        """Return the rollout of a metric, None for a mean over all of them."""
        evaluation, task = self._evaluation, self._evaluation.task
        scenario = evaluation.scenario(index)
        if scenario is None:
            return None
        states, _ = task.simulator.trajectory(theta, scenario.x0, scenario.w)
        defined = states[0][np.all(np.isfinite(states[0]), axis=1)]
        return Counterexample(
            f'verification rollout {index - evaluation.means}', '|x|_P',
            float(task.norm(defined[-1])), float(evaluation.allowed(scenario.x0)[0]),
            (len(defined) - 1) * task.system.dt, scenario.x0[0], scenario.w[0], defined)
