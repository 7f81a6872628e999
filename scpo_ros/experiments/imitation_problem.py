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
The imitation problem of the double integrator: what every method is given, and how it is judged.

    minimise L(theta) = mean over N fixed states x of (pi_theta(x) - expert(x))^2
    subject to g(theta) <= -m_acc

The states fill the safe set C evenly and are the same for every seed, expert and method, so that
L(theta_0) and the optimum are too. The seed draws the network's initial weights, the design and
verification scenarios, the sampled directions and the held-out scenarios.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
from scpo_ros.arrays import Array, checked, digest
from scpo_ros.config import EXPERTS, MetricsConfig, PolicyConfig, Spec
from scpo_ros.config.specification import canonical
from scpo_ros.config.validation import build, checked_count
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.experts.catalogue import ExpertCatalogue
from scpo_ros.policy.imitation import ImitationLoss, RawStep
from scpo_ros.sets.admissible_inputs import InputBounds
from scpo_ros.systems.scenario import interior_states
from scpo_ros.verification.evaluation import SafetyEvaluation
from scpo_ros.verification.evaluations import Evaluation
from scpo_ros.verification.task import ControlTask

STATES = 512       # N, states of the imitation loss
STATES_SEED = 9    # they are the same in every run
DAMPING = 0.02     # of the Gauss-Newton step, relative
ACCEPT_MARGIN, PLAN_MARGIN = 0.02, 0.025

Law: TypeAlias = Callable[[Array], npt.ArrayLike]  # states (N, n) -> inputs (N, m)


class Method(Protocol):
    """A method that changes the weights step by step."""

    @property
    def theta(self) -> Array:
        """Return the present policy (d,)."""
        ...

    @property
    def rollouts(self) -> int:
        """Return the number of closed-loop rollouts so far."""
        ...

    def update(self) -> bool:
        """Make one update; return whether a new policy is in force."""
        ...


class MethodEvaluation(Evaluation, Protocol):
    """The safety metrics as a method sees them."""

    rollouts: int  # closed loops so far: policies times scenarios


class MethodProblem(Protocol):
    """What a method is given: the loss and its raw step, the metrics, a seed."""

    @property
    def seed(self) -> int:
        """Return the seed of the sampled directions."""
        ...

    @property
    def loss(self) -> ImitationLoss:
        """Return the imitation loss."""
        ...

    @property
    def initial_theta(self) -> Array:
        """Return theta_0 (d,), the backup."""
        ...

    def evaluation(self) -> MethodEvaluation:
        """Return fresh scenario sets of this seed."""
        ...

    def raw_step(self, theta: Array) -> RawStep:
        """Return the damped Gauss-Newton step that every method is given."""
        ...


class CountedEvaluation(SafetyEvaluation):
    """A safety evaluation that counts closed-loop rollouts: policies times scenarios."""

    rollouts = 0

    def evaluate(self, thetas: Array) -> Array:
        """Return the design metrics (m, k)."""
        self.rollouts += len(thetas) * len(self.design_set)
        return super().evaluate(thetas)

    def verify(self, thetas: Array) -> Array:
        """Return the verification metrics (m, k_v)."""
        self.rollouts += len(thetas) * len(self.verification_set)
        return super().verify(thetas)


def named_law(expert: str | Law, task: ControlTask) -> tuple[str, Law]:
    """
    Return (name, law) of a catalogue name or of a callable, states (N, 2) -> actions (N, 1).

    :raises ConfigurationError: for anything else.
    """
    if callable(expert):
        return getattr(expert, '__name__', type(expert).__name__), expert
    if not isinstance(expert, str):
        raise ConfigurationError('expert', expert, 'must be a catalogue name or a callable')
    return expert, ExpertCatalogue(task.system, task.gain).law(expert)


@dataclass(frozen=True)
class ImitationProblem:
    """One expert, one seed."""

    name: str  # of the expert
    law: Law  # states (N, 2) -> actions (N, 1)
    seed: int
    spec: Spec
    task: ControlTask
    loss: ImitationLoss
    states: Array  # (N, 2)
    actions: Array  # (N, 1), the expert's, within the input limits

    @classmethod
    def build(cls, expert: str | Law, seed: int = 0, baseline_cost: bool = True,
              **metrics: str) -> 'ImitationProblem':
        """
        Return the problem.

        :param expert: a catalogue name, or a callable, states (N, 2) -> actions (N, 1).
        :param baseline_cost: whether the task cost must not exceed the backup's.
        :param metrics: other fields of MetricsConfig.
        :raises ConfigurationError: for an unknown expert or a negative seed.
        :raises InvalidArrayError: for actions of wrong shape or that are not finite.
        """
        seed = checked_count('seed', seed)
        spec = Spec(policy=PolicyConfig(seed=seed), metrics=build(
            MetricsConfig, {'seed': seed, 'baseline_cost': baseline_cost, **metrics}))
        task = ControlTask.build(spec)
        name, law = named_law(expert, task)
        states = interior_states(task.safe_set, STATES, STATES_SEED)
        actions = checked('expert actions', law(states), (len(states), 1))
        actions = task.system.saturate(actions)
        return cls(name, law, seed, spec, task, ImitationLoss(task.policy, states, actions),
                   states, actions)

    @property
    def baseline_cost(self) -> bool:
        """Return whether the baseline-cost constraint is on."""
        return self.spec.metrics.baseline_cost

    @property
    def identity(self) -> str:
        """
        Return the digest of what the optimum depends on, the same on every processor.

        No seed is in it. A law that is not of the catalogue is known by its actions.
        """
        metrics, groups = self.spec.metrics, canonical(self.spec)
        return digest(
            groups['system'], groups['backup'], f'{STATES} {STATES_SEED} {self.name}',
            *(() if self.name in EXPERTS else (self.actions,)),
            str((self.task.metric.tolerance, metrics.stability_ratio, metrics.stability_offset,
                 self.task.horizon, self.spec.policy.hidden, ACCEPT_MARGIN)))

    @property
    def initial_theta(self) -> Array:
        """Return theta_0 (d,), the backup."""
        return self.task.initial_theta

    def evaluation(self) -> CountedEvaluation:
        """Return fresh scenario sets of this seed."""
        return CountedEvaluation(self.task)

    def raw_step(self, theta: Array) -> RawStep:
        """Return the damped Gauss-Newton step that every method is given."""
        return self.loss.gauss_newton(theta, DAMPING)

    def pointwise_bound(self) -> float:
        """
        Return a lower bound of the loss of any policy that is safe with the margin.

        mean over the states of dist(expert(x), [LO(x) + m_acc, UP(x) - m_acc])^2, where a bound
        beyond the saturation does not bind: the invariance metric asks for no less, and no
        network need be able to reach it.
        """
        low, up = InputBounds.of(self.task.system, self.task.safe_set)(self.states)
        limit, action = self.task.system.input_limit[0], self.actions[:, 0]
        low = np.where(low > -limit, low + ACCEPT_MARGIN, -limit)
        up = np.where(up < limit, up - ACCEPT_MARGIN, limit)
        return float(np.mean((np.clip(action, low, np.maximum(low, up)) - action)**2))
