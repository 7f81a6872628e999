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
SCPO and the alternatives on one described system, with the safety filter in the loop.

Every method starts from the backup and imitates the same expert. SCPO makes a number of updates;
the others stop when they have used as many rollouts, or after three times as many updates. The
filter keeps the limits for every theta. What tells the methods apart is the gap that they close,
the rollouts that it takes, and whether every iterate keeps the sampled metrics of
:mod:`scpo_ros.verification.filtered_evaluation`.

With J_b, J_e and J the mean stage costs of backup, expert and policy, through the filter and on
held-out scenarios, the gap closed is (J_b - J) / (J_b - J_e).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
import time
from typing import TypeAlias, TypedDict

import numpy as np
from scpo_ros.arrays import Array, frozen
from scpo_ros.config.system_spec import (
    DescribedMetricsConfig, DescribedPolicyConfig, SystemSpec)
from scpo_ros.experiments.baselines import LogBarrier, SzoQq, Unconstrained
from scpo_ros.experiments.filtered_learner import FilteredLearner, FilteredProblem
from scpo_ros.experiments.imitation_case import FilteredCase
from scpo_ros.experiments.imitation_judgement import closed_loops, STEPS
from scpo_ros.experiments.imitation_problem import Method
from scpo_ros.experiments.scpo_methods import ScpoPaper
from scpo_ros.experts.system_experts import SystemExperts
from scpo_ros.systems.loading import load
from scpo_ros.systems.scenario import Scenarios
from scpo_ros.systems.system import System
from scpo_ros.systems.system_scenarios import random_disturbances
from scpo_ros.verification.system_task import SystemTask

EXPERT = 'benign'
MORE_UPDATES = 3  # times those of SCPO, for a method that uses few rollouts
_STREAM = 7921  # keeps the held-out scenarios apart from those of the learner
_SCENARIOS = 120
_EDGE = 1 - 1e-9  # rounding must not put a state of the boundary outside

Settings: TypeAlias = Mapping[str, float]


class Record(TypedDict):
    """One run of one method; lists have an entry for the backup and for every update."""

    system: str
    method: str
    seed: int
    settings: dict[str, float]
    gaps: list[float]  # closed
    rollouts: list[int]  # used so far
    unsafe: list[bool]  # whether a verification metric is above 0 or not finite
    filter_share: float  # of the steps at which the filter changed an input, last policy
    seconds: float  # of the updates


METHODS: Mapping[str, Callable[..., Method]] = {
    'scpo': FilteredLearner, 'scpo-paper': ScpoPaper, 'lb-sgd': LogBarrier, 'szo-qq': SzoQq,
    'unconstrained': Unconstrained}


def grid(method: str, system: System) -> tuple[Settings, ...]:
    """
    Return the settings that are tried for a method: three for each but SCPO, which has none.

    The gradient of the loss has the unit of the inputs squared. A step size is divided by it.
    """
    unit = float(np.mean(system.input_scale**2))
    return {
        'scpo': ({},),
        'scpo-paper': tuple({'step_size': size / unit} for size in (10.0, 100.0, 1000.0)),
        'lb-sgd': tuple({'barrier': eta} for eta in (1e-4, 1e-3, 1e-2)),
        'szo-qq': tuple({'constant': constant} for constant in (1.0, 10.0, 100.0)),
        'unconstrained': tuple({'trust_radius': radius} for radius in (0.03, 0.1, 0.3)),
    }[method]


@dataclass(frozen=True)
class Comparison:
    """A system with an expert and held-out scenarios, for any method and seed."""

    system: System
    task: SystemTask
    problem: FilteredProblem
    scenarios: Scenarios  # held out

    @classmethod
    def build(cls, name: str, seed: int) -> 'Comparison':
        """
        Return the comparison on a shipped system.

        :param name: of the system. :param seed: of network, scenario sets and directions.
        :raises ConfigurationError: for an unknown system. :raises NoSafeSetError: see
            :meth:`SystemTask.build`.
        """
        system = load(name)
        task = SystemTask.build(system, SystemSpec(
            policy=DescribedPolicyConfig(seed=seed),
            metrics=DescribedMetricsConfig(certificate='guarded')))
        law = SystemExperts(system).law(EXPERT)
        rng = np.random.default_rng((_STREAM, seed))
        states = task.safe_set.sample(_SCENARIOS, rng) * _EDGE
        return cls(system, task, FilteredProblem.build(task, law, seed),
                   random_disturbances(system, states, STEPS, rng))

    def run(self, method: str, settings: Settings, updates: int, rollouts: int | None = None,
            clock: Callable[[], float] = time.perf_counter) -> Record:
        """
        Return the record of a method.

        :param updates: at most so many. :param rollouts: no update begins once they are used.
        """
        started = clock()
        learner = METHODS[method](self.problem, **settings)
        thetas, used = [frozen(learner.theta)], [learner.rollouts]
        for _ in range(updates):
            if rollouts is not None and used[-1] >= rollouts:
                break
            learner.update()
            thetas.append(frozen(learner.theta))
            used.append(learner.rollouts)
        seconds = clock() - started
        gaps, share = self._gaps(learner, thetas)
        return {'system': self.system.name, 'method': method, 'seed': self.problem.seed,
                'settings': dict(settings), 'gaps': gaps, 'rollouts': used,
                'unsafe': self._unsafe(thetas), 'filter_share': share, 'seconds': seconds}

    def _gaps(self, learner: Method, thetas: Sequence[Array]) -> tuple[list[float], float]:
        """Return what every policy closes of the gap, and the share of the last one's filter."""
        case = FilteredCase(self.problem, learner)
        expert = closed_loops(case, self.system, self.problem.law, self.scenarios).cost
        costs: list[float] = []
        share = 0.0
        for number, theta in enumerate(thetas):
            if number and np.array_equal(theta, thetas[number - 1]):
                costs.append(costs[-1])
                continue
            closed = closed_loops(
                case, self.system, lambda x: case.residual_policy(theta, x), self.scenarios)
            costs.append(closed.cost)
            share = float(closed.acted.mean())
        return [(costs[0] - cost) / (costs[0] - expert) for cost in costs], share

    def _unsafe(self, thetas: Sequence[Array]) -> list[bool]:
        """Return which policies have a verification metric above 0, or one not finite."""
        evaluation, unsafe = self.problem.evaluation(), list[bool]()
        for number, theta in enumerate(thetas):
            if number and np.array_equal(theta, thetas[number - 1]):
                unsafe.append(unsafe[-1])
                continue
            metrics = evaluation.verify(theta[None])
            unsafe.append(not bool(np.all(np.isfinite(metrics) & (metrics <= 0))))
        return unsafe


def safe_gap(record: Record) -> float:
    """Return what was closed of the gap before the first unsafe policy."""
    first = record['unsafe'].index(True) if any(record['unsafe']) else len(record['unsafe'])
    return record['gaps'][max(first - 1, 0)]


def until(record: Record, level: float) -> int | None:
    """Return after how many updates so much of the gap was closed, safely; None: never."""
    for number, (gap, unsafe) in enumerate(zip(record['gaps'], record['unsafe'])):
        if unsafe:
            return None
        if gap >= level:
            return number
    return None


def chosen(records: Sequence[Record]) -> Settings:
    """Return the settings of the record that closed most of the gap safely."""
    return max(records, key=safe_gap)['settings']
