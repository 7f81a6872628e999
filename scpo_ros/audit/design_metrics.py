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

"""The metrics of a certificate on the fixed design scenarios, computed again."""

from abc import ABC, abstractmethod

import numpy as np
from scpo_ros.arrays import Array, Booleans
from scpo_ros.scpo.certificate import Certificate
from scpo_ros.verification.evaluation import SafetyEvaluation
from scpo_ros.verification.filtered_evaluation import FilteredEvaluation
from scpo_ros.verification.metric_layout import CONDITIONS
from scpo_ros.verification.safe_task import SafeTask
from scpo_ros.verification.system_task import SystemTask
from scpo_ros.verification.task import ControlTask


class Remeasured(ABC):
    """Computes metrics of a certificate again."""

    def __init__(self, task: SafeTask) -> None:
        """Take over what is certified."""
        self.kind, self._tolerance = task.kind, task.tolerances.metric
        self._shape = task.initial_theta.shape

    def defects(self, theta: Array, certificate: Certificate) -> tuple[str, ...]:
        """Return the statements of a certificate that are not true of weights (d,), in words."""
        if certificate.kind != self.kind:
            return (f'its certificate is of the kind {certificate.kind!r}, the specification asks '
                    f'for {self.kind!r}',)
        if theta.shape != self._shape or not np.all(np.isfinite(theta)):
            return ()  # found elsewhere
        wrong = self.differing(theta, certificate.g)
        if not wrong:
            return ()
        return (f'{wrong} of the metrics in its certificate are not those of its weights',)

    @abstractmethod
    def differing(self, theta: Array, g: Array) -> int:
        """Return how many of the metrics (k,) of a certificate are not those of weights (d,)."""

    def _close(self, found: Array, true: Array) -> Booleans:
        """Return where numbers agree; NaN does not."""
        close: Booleans = np.abs(found - true) <= self._tolerance
        return close


class DesignMetrics(Remeasured):
    """Computes the metrics that every certificate holds: proved ones, and fixed scenarios."""

    def __init__(self, task: ControlTask) -> None:
        """Draw the scenarios as the adapter does."""
        super().__init__(task)
        self._evaluation, self._task = SafetyEvaluation(task), task
        self._scenarios = self._evaluation.design_set
        self._cost = task.simulator.summarise(
            task.initial_theta[None], self._scenarios).cost[0]

    def differing(self, theta: Array, g: Array) -> int:
        """
        Return how many of the metrics (k,) of a certificate are wrong.

        Their order is invariance, cost, fixed scenarios, other scenarios, contraction. The
        sampled metrics of invariance and the cost depend on the rollouts of the adapter, and so
        does the number of the former. The fixed scenarios are compared at the place where they
        fit best.
        """
        first, last = self._proved(theta[None])
        true = self._task.metric(
            theta[None], self._scenarios, self._cost, True)[0, len(CONDITIONS):]
        least = len(first) + len(CONDITIONS) + len(true) + len(last)
        if len(g) < least:
            return least
        wrong = np.sum(~self._close(g[:len(first)], first))
        wrong += np.sum(~self._close(g[len(g) - len(last):], last))
        if len(true):
            between = g[len(first):len(g) - len(last)]
            windows = np.lib.stride_tricks.sliding_window_view(between, len(true))
            wrong += np.min(np.sum(~self._close(windows, true), axis=1))
        return int(wrong)

    def _proved(self, thetas: Array) -> tuple[Array, Array]:
        """Return the proved metrics with which a certificate begins and ends, if it does."""
        invariance, stability = self._evaluation.invariance, self._evaluation.stability
        first = invariance.smooth_maxima(thetas)[0] if invariance.kind == 'proved' else np.zeros(0)
        return first, np.zeros(0) if stability is None else stability.smooth_maxima(thetas)[0]


class FilteredDesignMetrics(Remeasured):
    """
    Computes the metrics of the fixed design scenarios of a described system.

    A certificate begins with the means, which rest on the rollouts of the adapter, too: they are
    not compared. The return from each fixed scenario follows, then from those of the adapter, and
    last what is proved.
    """

    def __init__(self, task: SystemTask) -> None:
        """Draw the scenarios as the adapter does."""
        super().__init__(task)
        self._evaluation = FilteredEvaluation(task)

    def differing(self, theta: Array, g: Array) -> int:
        """Return how many of the metrics (k,) of a certificate are not those of weights (d,)."""
        true = self._evaluation.evaluate(theta[None])[0]
        if len(g) < len(true):
            return len(true)
        last = self._evaluation.means + len(self._evaluation.design_set)
        fixed = slice(self._evaluation.means, last)
        proved = slice(len(g) - (len(true) - last), len(g))
        return int(np.sum(~self._close(g[fixed], true[fixed]))
                   + np.sum(~self._close(g[proved], true[last:])))


def design_metrics_of(task: SafeTask) -> Remeasured:
    """Return what computes the metrics of certificates of a task again."""
    if isinstance(task, ControlTask):
        return DesignMetrics(task)
    if isinstance(task, SystemTask):
        return FilteredDesignMetrics(task)
    raise TypeError(f'nothing is known of a task of the class {type(task).__name__}')
