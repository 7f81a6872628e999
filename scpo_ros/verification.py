"""The controller's own verification of a policy: other scenarios than the adapter's."""

from dataclasses import dataclass

import numpy as np
from scpo_ros.control.counterexample import exceeded, not_returned, worst_push
from scpo_ros.control.evaluation import SafetyEvaluation
from scpo_ros.control.safety_metrics import REGRETS, SAMPLING_ALLOWANCE
from scpo_ros.control.task import ControlTask
from scpo_ros.scpo import is_safe


SEED_OFFSET = 104729  # the controller's scenario sets are drawn with another seed
_TRIED = 8  # gravest failures that are looked at for one that can be shown


@dataclass(frozen=True)
class Verdict:
    """Safe or not, and why not."""

    safe: bool
    reason: str
    worst: float  # largest metric
    counterexample: object = None  # Counterexample, for whoever would propose better


class Verifier:
    """Judges weights by rollouts of its own."""

    _tolerance = 0.0  # largest metric that passes

    def __init__(self, spec, tolerance=0.0):
        """
        Draw the scenarios of a specification; its table comes from the cache.

        :param tolerance: largest metric that passes. Above 0 only where the verdict of another
            machine is looked at again, see :mod:`scpo_ros.tolerances`.
        """
        self._tolerance = tolerance
        self._evaluation = SafetyEvaluation(
            ControlTask.build(spec), seed=spec.metrics.seed + SEED_OFFSET)

    def judge(self, theta):
        """Return the :class:`Verdict` on weights (d,); a metric that is not finite is unsafe."""
        metrics = self._evaluation.verify(np.asarray(theta)[None])[0]
        if is_safe(metrics, -self._tolerance):
            return Verdict(True, '', float(metrics.max()))
        failed = np.flatnonzero(~(np.isfinite(metrics) & (metrics <= self._tolerance)))
        found, index = self._counterexample(np.asarray(theta), metrics, failed)
        reason = found.sentence if found is not None else self._in_words(
            np.asarray(theta), metrics, index)
        return Verdict(False, reason, float(metrics[index]), found)

    def _counterexample(self, theta, metrics, failed):
        """Return the rollout behind the gravest failure and its index; None if it has none."""
        evaluation, task = self._evaluation, self._evaluation.task
        for index in sorted(failed, key=lambda i: (self._gravity(i), -np.nan_to_num(
                metrics[i], nan=np.inf)))[:_TRIED]:
            row = evaluation.row(index)
            if index == 0:
                x0, name = evaluation.invariance.worst(theta)[0], 'under the worst disturbance'
                w, show = worst_push(task, theta, x0, task.horizon), exceeded
            elif row is not None:
                scenario = evaluation.verification.take([row[0]])
                x0, w, name = scenario.x0[0], scenario.w[0], f'verification rollout {row[0]}'
                show = not_returned if row[1] == 'stability' else exceeded
            else:
                return None, index
            found = show(task, theta, x0, w, name)
            if found is not None:
                return found, index
        return None, failed[0]

    def _gravity(self, index):
        """Return the order of explanation: limits, the safe set one step ahead, return, cost."""
        row = self._evaluation.row(index)
        if row is not None:
            return 2 * (row[1] == 'stability')
        return 1 if index == 0 else 3

    def _in_words(self, theta, metrics, index):
        if not 1 <= index <= REGRETS:
            return (f'verification metric {index} = {metrics[index]:.6g} > 0: '
                    f'{self._evaluation.explain(theta, index)}')
        tolerance = 1 + self._evaluation.task.metric.tolerance + SAMPLING_ALLOWANCE
        when = 'under stress' if index == REGRETS else 'in ordinary operation'
        horizon = self._evaluation.task.spec.metrics.horizon_s
        return (f'task cost = {metrics[index] + tolerance:.4g} > {tolerance:.4g} times that of '
                f'the backup over {horizon:.1f} s, the mean of the verification rollouts {when}')
