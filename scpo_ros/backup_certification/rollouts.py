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
The backup's rollouts without its table, for searches over specifications. No ROS.

A table takes many seconds; the law solved state by state is slow but needs none, and the gravest
rollouts are few.
"""

from collections.abc import Callable
import math
from typing import TypeAlias

import numpy as np
from scpo_ros.arrays import Array, Integers
from scpo_ros.backup.law import SolvedLaw
from scpo_ros.backup.mpc import BackupMpc, build_qp
from scpo_ros.backup.planning import Planning
from scpo_ros.backup_certification.demands import ControllerDemand, Demand
from scpo_ros.config import Spec
from scpo_ros.sets.invariant_set import contractive_set
from scpo_ros.systems.linear_system import double_integrator
from scpo_ros.systems.scenario import design_scenarios, Scenarios, verification_scenarios
from scpo_ros.verification.task import contraction_factor, ControlTask
from scpo_ros.verification.verdict import SEED_OFFSET


_STEPS = 9  # of a bisection: to 0.2 % of the interval
_GRAVEST = 10  # rollouts that a bisection looks at

Rollouts: TypeAlias = list[tuple[int, int]]  # number of a demand, index of its rollout


def solved_task(spec: Spec) -> ControlTask:
    """Return the ControlTask whose law is solved state by state."""
    system, factor = double_integrator(spec.system), contraction_factor(spec.system)
    safe_set = contractive_set(system, factor)
    mpc = BackupMpc(build_qp(system, safe_set, factor, Planning.of(spec.backup)), safe_set,
                    spec.backup.solver, system.m)
    return ControlTask.assemble(spec, system, safe_set, factor, mpc, SolvedLaw(mpc))


def judged(task: ControlTask, demand: Demand) -> tuple[Scenarios, float]:
    """Return the rollouts that a demand is judged by, and the largest admissible metric."""
    metrics, make = task.spec.metrics, (task.system, task.safe_set)
    if isinstance(demand, ControllerDemand):
        return verification_scenarios(*make, metrics.verification_states, task.horizon,
                                      metrics.seed + SEED_OFFSET), 0.0
    return (design_scenarios(*make, metrics.design_states, task.horizon, metrics.seed)
            + verification_scenarios(*make, metrics.verification_states, task.horizon,
                                     metrics.seed)), -demand.accept_margin


def grave(task: ControlTask, theta: Array, scenarios: Scenarios) -> Array:
    """Return the largest metric (S,) of every scenario, -1 where rollouts have none."""
    if not task.metric.kinds:
        return np.full(len(scenarios), -1.0)
    largest: Array = task.metric.of_scenarios(theta, scenarios)[0].max(axis=1)
    return largest


def gravest(task: ControlTask, demands: tuple[Demand, ...]) -> Rollouts:
    """Return the gravest rollouts of theta_0 that are judged."""
    theta, graded = task.initial_theta[None], []
    for number, demand in enumerate(demands):
        scenarios, bound = judged(task, demand)
        graded += [(value - bound, number, index)
                   for index, value in enumerate(grave(task, theta, scenarios))]
    return [(number, index) for _, number, index in sorted(graded, reverse=True)[:_GRAVEST]]


def returns(task: ControlTask, demands: tuple[Demand, ...], critical: Rollouts) -> bool:
    """
    Return whether the gravest rollouts of theta_0 hold.

    :param critical: of :func:`gravest`; empty for those that start nearest to the origin: what has
        not returned is worst where little distance is allowed.
    """
    chosen = {number: [index for demand, index in critical if demand == number]
              for number in range(len(demands))} if critical else {}
    return all(_returns(task, demand, chosen.get(number))
               for number, demand in enumerate(demands))


def _returns(task: ControlTask, demand: Demand,
             chosen: list[int] | Integers | None) -> bool:
    scenarios, bound = judged(task, demand)
    if chosen is None:
        stress = np.flatnonzero(~scenarios.nominal)
        chosen = stress[np.argsort(task.metric.norm(scenarios.x0[stress]))[:_GRAVEST // 2]]
    if not len(chosen):
        return True
    worst = grave(task, task.initial_theta[None], scenarios.take(np.array(chosen))).max()
    return bool(worst <= bound)


def down(number: float, digits: int = 2) -> float:
    """Return a positive number rounded down to so many significant digits."""
    if not number > 0:
        return 0.0
    unit = 10.0 ** (math.floor(math.log10(number)) + 1 - digits)
    return float(f'{math.floor(number / unit + 1e-9) * unit:.{digits}g}')


def up(number: float, digits: int = 2) -> float:
    """Return a positive number rounded up to so many significant digits."""
    unit = 10.0 ** (math.floor(math.log10(number)) + 1 - digits)
    return float(f'{math.ceil(number / unit - 1e-9) * unit:.{digits}g}')


def bisected(holds: Callable[[float], bool], spent: Callable[[], bool]) -> float:
    """Return the largest s in [0, 1) found with holds(s); 0 is one. :param spent: time is up."""
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        if spent():
            break
        middle = 0.5 * (low + high)
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low
