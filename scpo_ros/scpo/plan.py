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

"""The plan of one update: the sampled subspace and what was measured in it."""

from dataclasses import dataclass

import numpy as np
from scpo_ros.arrays import Array, frozen
from scpo_ros.exceptions import InvalidValueError
from scpo_ros.scpo.central_path import LogBarrier
from scpo_ros.scpo.local_safe_region import LocalSafeRegion, planning_target
from scpo_ros.scpo.outcome import Refusal, UpdateOutcome
from scpo_ros.scpo.projection import ProjectionAnswer, solve_projection
from scpo_ros.scpo.projection_problem import metric_terms, ProjectionProblem, StepMetric
from scpo_ros.scpo.settings import ScpoSettings


@dataclass(frozen=True, eq=False)
class Plan:
    """Subspace and metrics of one update, fixed over its tries; L and R change between them."""

    basis: Array   # (d, n) Q
    gram: Array    # (n, n) Q'MQ, with the barrier's model added
    linear: Array  # (n,) Q'M s, likewise
    g: Array       # (k,) metrics of theta
    slope: Array   # (k, n) of the metrics along Q
    settings: ScpoSettings

    @classmethod
    def made(cls, basis: Array, raw_step: Array, metric: StepMetric, g: Array, slope: Array,
             settings: ScpoSettings, barrier: LogBarrier | None = None) -> 'Plan':
        """
        Return the plan for a raw step.

        :param barrier: a LogBarrier whose model joins the objective, or None.

        :raises Refusal: PROJECTION_FAILED, whatever goes wrong in the metric; EVALUATION_FAILED
            for metrics so large that their differences overflow.
        """
        if not np.all(np.isfinite(slope)):
            raise Refusal(UpdateOutcome.EVALUATION_FAILED, 'Differences of metrics overflow.')
        try:
            gram, linear = metric_terms(basis, raw_step, metric)
        except Exception as error:  # the callable is the caller's
            raise Refusal(UpdateOutcome.PROJECTION_FAILED,
                          f'The metric raised {type(error).__name__}: {error}.') from error
        if barrier is not None:
            added = barrier.model(g, slope)
            gram, linear = gram + added[0], linear + added[1]
        return cls(basis, gram, linear, g, slope, settings)

    def region(self, smoothness: Array, trust_radius: float) -> LocalSafeRegion:
        """Return the local safe region for constants L (k,) and a trust radius R."""
        s = self.settings
        target = planning_target(self.g, s.accept_margin, s.plan_margin)
        return LocalSafeRegion(
            self.g, self.slope, smoothness, s.radius, trust_radius, s.noise, target)

    def projected(self, region: LocalSafeRegion) -> ProjectionAnswer:
        """
        Return the certified answer of the projection.

        :raises Refusal: PROJECTION_FAILED without an answer of violation <= 0 and a gap within
            tolerance; STALLED for a negligible step.
        """
        try:
            answer = solve_projection(ProjectionProblem(self.gram, self.linear, region))
        except InvalidValueError as error:
            raise Refusal(UpdateOutcome.PROJECTION_FAILED,
                          f'The projection is malformed: {error}.') from error
        length = np.linalg.norm(answer.b)
        if length <= self.settings.min_step:
            raise Refusal(
                UpdateOutcome.STALLED, f'The projected step has the length {length:.3g}.')
        if not (answer.violation <= 0.0 and answer.duality_gap <= self.settings.gap_tolerance):
            raise Refusal(
                UpdateOutcome.PROJECTION_FAILED,
                f'violation {answer.violation:.3g}, relative duality gap {answer.duality_gap:.3g}'
                f' with {self.settings.gap_tolerance:.3g} allowed.')
        return answer

    def candidate(self, theta: Array, answer: ProjectionAnswer) -> Array:
        """
        Return theta + Q b (d,), read-only.

        :param theta: the present policy (d,).
        :raises Refusal: STALLED for a step that rounding removes.
        """
        candidate = frozen(theta + self.basis @ answer.b)
        if np.array_equal(candidate, theta):
            raise Refusal(UpdateOutcome.STALLED, 'The projected step is lost in rounding.')
        return candidate
