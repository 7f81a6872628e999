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
One expert on one system: what is learned, by which learner, and the law that runs.

A case hides of which kind the certificate is. :class:`FilteredCase` is of any kind, with the
filter in the loop; :class:`ProvedCase` is `proved`: the double integrator, with its tables and no
filter.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scpo_ros.arrays import Array, Booleans
from scpo_ros.config.system_spec import (
    DescribedMetricsConfig, DescribedPolicyConfig, SystemSpec)
from scpo_ros.experiments.filtered_learner import FilteredLearner, FilteredProblem
from scpo_ros.experiments.imitation_problem import ImitationProblem, Law
from scpo_ros.experiments.scpo_methods import Scpo
from scpo_ros.policy.imitation import ImitationLoss
from scpo_ros.systems.scenario import interior_states
from scpo_ros.systems.system import System
from scpo_ros.tolerances import CHANGED
from scpo_ros.verification.system_task import SystemTask


class Learner(Protocol):
    """A method that changes the weights by certified updates."""

    @property
    def theta(self) -> Array:
        """Return the present policy (d,)."""

    @property
    def rollouts(self) -> int:
        """Return the closed-loop rollouts so far."""

    def update(self) -> bool:
        """Make one update; return whether a new policy is in force."""


class ImitationCase(Protocol):
    """What an experiment needs of a system, an expert and a kind of certificate."""

    @property
    def kind(self) -> str:
        """Return the kind of the certificate."""

    @property
    def learner(self) -> Learner:
        """Return the learner; it has certified the backup."""

    @property
    def law(self) -> Law:
        """Return the expert, states (N, n) -> inputs (N, m)."""

    @property
    def loss(self) -> ImitationLoss:
        """Return the imitation loss."""

    @property
    def normals(self) -> Array:
        """Return rows (r, n) that bound the safe set."""

    def policy(self, theta: Array, x: Array) -> Array:
        """Return the inputs (N, m) of the law that runs; NaN where undefined."""

    def residual_policy(self, theta: Array, x: Array) -> Array:
        """Return the inputs (N, m) without the filter; NaN where undefined."""

    def applied(self, x: Array, wanted: Array) -> Array:
        """Return what runs at x (N, n) where a law asks for inputs (N, m)."""

    def contains(self, x: Array) -> Booleans:
        """Return (N,) whether states (N, n) lie in the safe set."""

    def sample(self, count: int, rng: np.random.Generator) -> Array:
        """Return `count` states (count, n) of the safe set, at least half on its boundary."""


@dataclass(frozen=True)
class FilteredCase:
    """A case with the safety filter in the loop."""

    problem: FilteredProblem
    learner: Learner

    @classmethod
    def build(cls, system: System, law: Law, seed: int, certificate: str) -> 'FilteredCase':
        """
        Return the case.

        :param certificate: 'auto', 'proved', 'guarded' or 'bounded'.
        :raises ConfigurationError: when a proof is asked for and there is none.
        :raises InvalidArrayError: for inputs of the expert of a wrong shape or not finite.
        """
        spec = SystemSpec(policy=DescribedPolicyConfig(seed=seed),
                          metrics=DescribedMetricsConfig(certificate=certificate))
        problem = FilteredProblem.build(SystemTask.build(system, spec), law, seed)
        return cls(problem, FilteredLearner(problem))

    @property
    def task(self) -> SystemTask:
        """Return the system with its safe set, backup, policy and filter."""
        return self.problem.task

    @property
    def law(self) -> Law:
        """Return the expert, states (N, n) -> inputs (N, m)."""
        return self.problem.law

    @property
    def kind(self) -> str:
        """Return the kind of the certificate."""
        return self.task.kind

    @property
    def loss(self) -> ImitationLoss:
        """Return the imitation loss."""
        return self.problem.loss

    @property
    def normals(self) -> Array:
        """Return rows (r, n) that bound the safe set."""
        return self.task.safe_set.normals

    def policy(self, theta: Array, x: Array) -> Array:
        """Return the inputs (N, m) with the filter at states (N, n)."""
        return self.task.policy(theta, x)

    def residual_policy(self, theta: Array, x: Array) -> Array:
        """Return the inputs (N, m) without the filter at states (N, n)."""
        return self.task.policy.without_filter(theta, x)

    def applied(self, x: Array, wanted: Array) -> Array:
        """Return what the filter makes of inputs (N, m) at states (N, n)."""
        _, plans = self.task.policy.around(x)
        return self.task.policy.filtered(x, self.task.system.saturate(wanted), plans)

    def contains(self, x: Array) -> Booleans:
        """Return (N,) whether states (N, n) lie in the safe set."""
        return self.task.safe_set.contains(x)

    def sample(self, count: int, rng: np.random.Generator) -> Array:
        """Return `count` states (count, n) of the safe set."""
        return self.task.safe_set.sample(count, rng)


@dataclass(frozen=True)
class ProvedCase:
    """The double integrator: proved to keep the safe set without a filter."""

    problem: ImitationProblem
    learner: Scpo

    @classmethod
    def build(cls, law: str | Law, seed: int) -> 'ProvedCase':
        """Return the case. :param law: of the expert, by name or as a callable."""
        problem = ImitationProblem.build(law, seed)
        return cls(problem, Scpo(problem))

    @property
    def kind(self) -> str:
        """Return the kind of the certificate."""
        return self.learner.kind

    @property
    def law(self) -> Law:
        """Return the expert: of a name, the law of the double integrator's own catalogue."""
        return self.problem.law

    @property
    def loss(self) -> ImitationLoss:
        """Return the imitation loss."""
        return self.problem.loss

    @property
    def normals(self) -> Array:
        """Return the rows (q, 2) of the safe set."""
        return self.problem.task.safe_set.H

    def policy(self, theta: Array, x: Array) -> Array:
        """Return the inputs (N, 1) at states (N, 2): the certificate needs no filter."""
        return self.problem.task.policy(theta, x)

    residual_policy = policy

    def applied(self, x: Array, wanted: Array) -> Array:
        """Return the nearest admissible inputs (N, 1), states (N, 2)."""
        task = self.problem.task
        wanted = task.system.saturate(wanted)
        inside = task.bounds.violation(x, wanted) <= CHANGED
        moved = np.array([u if kept else task.bounds.nearest(state, u)
                          for state, u, kept in zip(x, wanted, inside)])
        return task.system.saturate(moved.reshape(wanted.shape))

    def contains(self, x: Array) -> Booleans:
        """Return (N,) whether states (N, 2) lie in the safe set."""
        return np.asarray(self.problem.task.safe_set.contains(x))

    def sample(self, count: int, rng: np.random.Generator) -> Array:
        """Return `count` states (count, 2) of the safe set, at least half on its boundary."""
        safe_set = self.problem.task.safe_set
        edge = safe_set.boundary(count // 2, float(rng.uniform()))
        seeds = rng.integers(2**32, size=4).tolist()
        return np.vstack([edge, interior_states(safe_set, count - count // 2, seeds)])
