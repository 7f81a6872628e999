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
The controller's own verification of a policy: other scenarios than the adapter's, its own claim.

A proved metric covers every state and is the same on both sides: it must keep the margin that the
controller asks for, `bound <= -(margin - r)`, with r for the rounding of another
processor (:class:`~scpo_ros.tolerances.Tolerances`, *margin*). A sampled metric differs between
two sets of scenarios by more than the margin: on the controller's own scenarios it must be at most
0, the limit itself. The adapter plans the margin for that difference.
"""

import numpy as np
from scpo_ros.arrays import Array, Integers
from scpo_ros.config import Spec
from scpo_ros.interface.claim import Claim
from scpo_ros.scpo.checked_metrics import is_safe
from scpo_ros.verification.counterexample import (
    Counterexample, limit_broken, not_returned, worst_push)
from scpo_ros.verification.evaluation import SafetyEvaluation
from scpo_ros.verification.metric_layout import CONDITIONS, MetricKind
from scpo_ros.verification.safety_metrics import SAMPLING_ALLOWANCE
from scpo_ros.verification.task import ControlTask
from scpo_ros.verification.verdict import SEED_OFFSET, Verdict


_TRIED = 8  # gravest failures that are looked at for one that can be shown
# Which failure explains most: a limit, the safe set one step ahead, the return, the rest.
_GRAVITY = {MetricKind.CONSTRAINT: 0, MetricKind.INVARIANCE: 1, MetricKind.RETURN: 2}


class Verifier:
    """Judges weights by rollouts and proofs of its own."""

    def __init__(self, spec: Spec, margin: float, tolerance: float = 0.0) -> None:
        """
        Draw the scenarios of a specification; its table comes from the cache.

        :param spec: Spec. :param margin: that proved metrics must keep, metric units.
        :param tolerance: by which any metric may exceed its limit. Above 0 only where the verdict
            of another machine is looked at again, see :mod:`scpo_ros.tolerances`.
        """
        task = ControlTask.build(spec)
        self._evaluation = SafetyEvaluation(task, seed=spec.metrics.seed + SEED_OFFSET)
        self._margin, self._tolerance = margin, tolerance
        self._rounding = task.tolerances.margin

    def judge(self, theta: Array) -> Verdict:
        """Return the :class:`Verdict` on weights (d,); a metric that is not finite is unsafe."""
        metrics = self._evaluation.verify(np.asarray(theta)[None])[0]
        limits = self._limits(metrics.size)
        if is_safe(metrics - limits, 0.0):
            worst = float(metrics.max())
            return Verdict(True, '', worst, claim=Claim(
                self._evaluation.kind, self._evaluation.coverage, self._margin, worst,
                metrics.size))
        failed = np.flatnonzero(~(np.isfinite(metrics) & (metrics <= limits)))
        found, index = self._counterexample(np.asarray(theta), metrics, failed)
        reason = found.sentence if found is not None else self._in_words(
            np.asarray(theta), metrics, index)
        return Verdict(False, reason, float(metrics[index]), found)

    def _limits(self, count: int) -> Array:
        """Return the largest admissible value of each of so many metrics; NaN admits nothing."""
        limits = np.full(count, float(self._tolerance))
        limits[self._evaluation.proved_metrics] -= np.maximum(0.0, self._margin - self._rounding)
        return limits

    def _counterexample(self, theta: Array, metrics: Array,
                        failed: Integers) -> tuple[Counterexample | None, int]:
        """Return the rollout behind the gravest failure and its index; None if it has none."""
        evaluation, task = self._evaluation, self._evaluation.task
        for index in sorted(failed.tolist(), key=lambda i: (self._gravity(i), -np.nan_to_num(
                metrics[i], nan=np.inf)))[:_TRIED]:
            label = evaluation.label(index)
            scenario = evaluation.scenario(label)
            if label.kind is MetricKind.INVARIANCE:
                x0, name = evaluation.invariance.worst(theta)[0], 'under the worst disturbance'
                w = worst_push(task, theta, x0, task.horizon)
            elif scenario is not None:
                x0, w = scenario.x0[0], scenario.w[0]
                name = f'verification rollout {label.number}'
            else:
                return None, index
            show = not_returned if label.kind is MetricKind.RETURN else limit_broken
            found = show(task, theta, x0, w, name)
            if found is not None:
                return found, index
        return None, int(failed[0])

    def _gravity(self, index: int) -> int:
        """Return the place of a metric in the order of explanation."""
        return _GRAVITY.get(self._evaluation.label(index).kind, len(_GRAVITY))

    def _in_words(self, theta: Array, metrics: Array, index: int) -> str:
        label = self._evaluation.label(index)
        if metrics[index] <= 0:
            what = ('the input keeps no more from what the safe set allows'
                    if label.kind is MetricKind.INVARIANCE
                    else 'the norm shrinks no faster than that beyond the rate asked for')
            return (f'verification metric {index} is proved with the margin {-metrics[index]:.6g} '
                    f'only, {self._margin:.6g} is asked for: {what}')
        if label.kind is not MetricKind.BASELINE_COST:
            return (f'verification metric {index} = {metrics[index]:.6g} > 0: '
                    f'{self._evaluation.explain(theta, index)}')
        tolerance = 1 + self._evaluation.task.metric.tolerance + SAMPLING_ALLOWANCE
        horizon = self._evaluation.task.spec.metrics.horizon_s
        return (f'task cost = {metrics[index] + tolerance:.4g} > {tolerance:.4g} times that of '
                f'the backup over {horizon:.1f} s, the mean of the verification rollouts '
                f'{CONDITIONS[label.number]}')
