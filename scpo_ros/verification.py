"""The controller's own verification of a policy: other scenarios than the adapter's."""

from dataclasses import dataclass

import numpy as np
from scpo_ros.control.evaluation import SafetyEvaluation
from scpo_ros.control.task import ControlTask
from scpo_ros.scpo import is_safe


SEED_OFFSET = 104729  # the controller's scenario sets are drawn with another seed


@dataclass(frozen=True)
class Verdict:
    """Safe or not, and why not."""

    safe: bool
    reason: str
    worst: float  # largest metric


class Verifier:
    """Judges weights by rollouts of its own."""

    def __init__(self, spec):
        """Draw the scenarios of a specification; its table comes from the cache."""
        self._evaluation = SafetyEvaluation(
            ControlTask.build(spec), seed=spec.metrics.seed + SEED_OFFSET)

    def judge(self, theta):
        """Return the :class:`Verdict` on weights (d,); a metric that is not finite is unsafe."""
        metrics = self._evaluation.verify(np.asarray(theta)[None])[0]
        if is_safe(metrics, 0.0):
            return Verdict(True, '', float(metrics.max()))
        index = int(np.flatnonzero(~(np.isfinite(metrics) & (metrics <= 0)))[0])
        return Verdict(False, self._evaluation.explain(theta, index), float(metrics[index]))
