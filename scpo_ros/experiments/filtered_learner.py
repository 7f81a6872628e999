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

"""SCPO on a described system with a filtered policy: one seed gives one sequence of policies."""

from dataclasses import dataclass

import numpy as np
from scpo_ros.arrays import Array, checked
from scpo_ros.exceptions import CertificationError
from scpo_ros.experiments.imitation_problem import (
    ACCEPT_MARGIN, DAMPING, Law, PLAN_MARGIN, STATES, STATES_SEED)
from scpo_ros.experiments.scpo_methods import RADIUS
from scpo_ros.policy.imitation import ImitationLoss, RawStep
from scpo_ros.scpo import ScpoUpdater
from scpo_ros.verification.filtered_evaluation import FilteredEvaluation
from scpo_ros.verification.system_task import SystemTask


@dataclass(frozen=True)
class FilteredProblem:
    """An expert and a seed on a described system: what every method is given."""

    task: SystemTask
    law: Law  # of the expert, states (N, n) -> inputs (N, m)
    seed: int  # of the scenario sets and the sampled directions
    loss: ImitationLoss

    @classmethod
    def build(cls, task: SystemTask, law: Law, seed: int) -> 'FilteredProblem':
        """
        Return the problem.

        :raises InvalidArrayError: for inputs of a wrong shape or that are not finite.
        """
        return cls(task, law, seed, ImitationLoss(task.policy, *labelled(task, law)))

    @property
    def initial_theta(self) -> Array:
        """Return theta_0 (d,), the backup."""
        return self.task.initial_theta

    def evaluation(self) -> FilteredEvaluation:
        """Return fresh scenario sets of this seed."""
        return FilteredEvaluation(self.task, self.seed)

    def raw_step(self, theta: Array) -> RawStep:
        """Return the damped Gauss-Newton step that every method is given."""
        return self.loss.gauss_newton(theta, DAMPING)


def labelled(task: SystemTask, law: Law) -> tuple[Array, Array]:
    """
    Return states (N, n) of the safe set and the expert's inputs (N, m) there, within the limits.

    :raises InvalidArrayError: for inputs of a wrong shape or that are not finite.
    """
    states = task.safe_set.sample(STATES, np.random.default_rng(STATES_SEED)) * (1 - 1e-9)
    inputs = checked('expert inputs', law(states), (len(states), task.system.m))
    return states, task.system.saturate(inputs)


class FilteredLearner:
    """Imitates an expert by certified updates."""

    def __init__(self, problem: FilteredProblem) -> None:
        """
        Certify theta_0, the backup.

        :raises CertificationError: when that fails: nothing could ever be learned from it.
        """
        task, self._problem = problem.task, problem
        self.evaluation = problem.evaluation()
        self.updater = ScpoUpdater(
            self.evaluation.evaluate, task.initial_theta, self.evaluation.verify,
            rng=np.random.default_rng([problem.seed, 7]), coverage=self.evaluation.coverage,
            kind=task.kind, radius=RADIUS, accept_margin=ACCEPT_MARGIN, plan_margin=PLAN_MARGIN)
        first = self.updater.reverify()
        if first.certificate is None:
            raise CertificationError(
                f'the backup of {task.system.name} is not certified: {first.reason}')

    @property
    def theta(self) -> Array:
        """Return the present policy (d,)."""
        return self.updater.theta

    @property
    def rollouts(self) -> int:
        """Return the closed-loop rollouts so far: policies times scenarios."""
        return self.evaluation.rollouts

    def update(self) -> bool:
        """Make one update; return whether a new policy is in force."""
        before = self.theta
        raw = self._problem.raw_step(before)
        result = self.updater.update(raw.step, metric=raw.metric, loss=self._problem.loss,
                                     directions=[*raw.others, raw.gradient])
        if len(result.counterexamples) and result.candidate is not None:
            self.evaluation.remember(result.candidate, result.counterexamples, self.theta)
            self.updater.reverify()
        return not np.array_equal(self.theta, before)
