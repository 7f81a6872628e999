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
Judging the policies of an imitation run on scenarios that no learner has seen: for reports only.

The disturbance is held at a vertex, switches between two, or is random, a third of the states
each, over 100 steps. At least half of the states lie on the boundary of the safe set.

*Bound of the mean filter action.* With Z_i in [0, 1] the mean action of one of N independent
scenarios, its expectation is, with confidence 1 - beta, at most

    mean Z + sqrt(2 var Z log(2 / beta) / N) + 7 log(2 / beta) / (3 (N - 1))

(empirical Bernstein bound; Maurer, Pontil 2009, theorem 4). It speaks of the final policy and of
this distribution of scenarios.
"""

from dataclasses import dataclass
import math

import numpy as np
import numpy.typing as npt
from scpo_ros.arrays import Array, Booleans
from scpo_ros.experiments.imitation_case import ImitationCase
from scpo_ros.experiments.imitation_problem import Law
from scpo_ros.systems.scenario import Scenarios
from scpo_ros.systems.system import System
from scpo_ros.systems.system_scenarios import (
    random_disturbances, switching_scenarios, vertex_scenarios)
from scpo_ros.tolerances import CHANGED

STEPS = 100  # of a held-out rollout
BETA = 1e-3  # doubt of the bound
_STREAM = 7919  # keeps these draws apart from those of the learner
_COST_SCENARIOS = 500
_ITERATE_STATES = 60  # for every accepted policy
_EDGE = 1 - 1e-9  # rounding must not put a state of the boundary outside


@dataclass(frozen=True)
class _Sampled:
    """The safe set of a case, as scenarios need it."""

    case: ImitationCase

    @property
    def normals(self) -> Array:
        return self.case.normals

    def sample(self, count: int, rng: np.random.Generator) -> Array:
        return self.case.sample(count, rng)


@dataclass(frozen=True)
class Closed:
    """Closed loops of one law from S scenarios."""

    broken: Booleans  # (S,): whether a limit was broken, the law undefined, or a claim untrue
    acted: Array  # (S,): share of steps at which the filter changed an input
    action: Array  # (S,): mean of |u - u_pi| over the input range
    cost: float  # mean stage cost


@dataclass(frozen=True, eq=False)
class Judgement:
    """What is measured on held-out scenarios; costs are mean stage costs."""

    gap_closed: float | None  # (J_b - J) / (J_b - J_e), costs as below; None: J_e not below J_b
    held_out_states: int
    held_out_violations: int  # of the final policy: initial states from which it breaks a limit
    held_out_unsafe_iterates: int  # iterates that break one from other held-out states
    filter_share: float       # of held-out steps at which the filter changed an input by > 1e-9
    filter_action: float      # mean of |u - u_pi| over the input range, held out
    filter_action_bound: float  # its upper bound, see the module
    task_cost_backup: float   # J_b: mean stage cost in ordinary operation, held out
    task_cost_final: float    # J, the filter in the loop
    task_cost_expert: float | None  # J_e: of the expert through the filter; None: not defined


def held_out_scenarios(case: ImitationCase, system: System, count: int, seed: tuple[int, ...]
                       ) -> Scenarios:
    """Return `count` scenarios of 100 steps: vertex, switching and random disturbances."""
    rng = np.random.default_rng((_STREAM, *seed))
    safe_set, states = _Sampled(case), case.sample(count, rng) * _EDGE
    states, third = rng.permutation(states), count // 3
    return (vertex_scenarios(system, safe_set, states[:third], STEPS, rng)
            + switching_scenarios(system, safe_set, states[third:2 * third], STEPS, rng)
            + random_disturbances(system, states[2 * third:], STEPS, rng))


def closed_loops(case: ImitationCase, system: System, law: Law, scenarios: Scenarios,
                 certified: bool = False) -> Closed:
    """
    Run a law with what the certificate puts around it.

    :param law: states (N, n) -> inputs (N, m), before the filter.
    :param certified: whether the law is a certified policy. Then an action of the filter counts as
        broken where the certificate says that the filter never acts: it must not hide a fault.
    """
    x, count = scenarios.x0, len(scenarios)
    broken, acted, action = np.zeros(count, dtype=bool), np.zeros(count), np.zeros(count)
    cost = 0.0
    for k in range(scenarios.horizon):
        wanted = system.saturate(np.asarray(law(x), dtype=np.float64))
        u = case.applied(x, wanted)
        broken |= ~system.within_limits(x, u) | ~np.all(np.isfinite(wanted), axis=1)
        u, wanted = np.nan_to_num(u), np.nan_to_num(wanted)
        change = np.abs(u - wanted) / (system.input_upper - system.input_lower)
        acted += np.any(change > CHANGED, axis=1)
        action += change.mean(axis=1)
        cost += float(np.mean(system.stage_cost(x, u)))
        x = np.where(broken[:, None], x, system.step(x, u, scenarios.w[:, k]))
    broken |= ~system.within_limits(x, np.zeros((count, system.m)))
    if certified and case.kind != 'guarded':
        broken |= acted > 0
    steps = scenarios.horizon
    return Closed(broken, acted / steps, action / steps, cost / steps)


def bernstein_bound(values: Array, beta: float = BETA) -> float:
    """
    Return the upper bound of the expectation of values in [0, 1], with confidence 1 - beta.

    :param values: (N,), independent. 1 where N < 2.
    """
    count = len(values)
    if count < 2:
        return 1.0
    doubt = math.log(2 / beta)
    spread = math.sqrt(2 * float(np.var(values, ddof=1)) * doubt / count)
    return min(1.0, float(np.mean(values)) + spread + 7 * doubt / (3 * (count - 1)))


def judged(case: ImitationCase, system: System, law: Law, thetas: list[Array], seed: int,
           count: int) -> Judgement:
    """Return what is measured on held-out scenarios."""
    def policy(theta: Array) -> Law:
        return lambda x: case.residual_policy(theta, x)

    final = closed_loops(case, system, policy(thetas[-1]),
                         held_out_scenarios(case, system, count, (seed, 1)), certified=True)
    few = held_out_scenarios(case, system, _ITERATE_STATES, (seed, 2))
    unsafe = sum(bool(np.any(closed_loops(case, system, policy(theta), few, True).broken))
                 for theta in thetas)
    rng = np.random.default_rng((_STREAM, seed, 3))
    drives = random_disturbances(
        system, case.sample(_COST_SCENARIOS, rng) * _EDGE, STEPS, rng)
    backup, learned = (closed_loops(case, system, policy(theta), drives).cost
                       for theta in (thetas[0], thetas[-1]))
    expert = _expert_cost(case, system, law, drives)
    gap = None if expert is None or not expert < backup else (
        (backup - learned) / (backup - expert))
    return Judgement(
        gap_closed=gap,
        held_out_states=count, held_out_violations=int(final.broken.sum()),
        held_out_unsafe_iterates=unsafe, filter_share=float(final.acted.mean()),
        filter_action=float(final.action.mean()),
        filter_action_bound=bernstein_bound(final.action),
        task_cost_backup=backup, task_cost_final=learned, task_cost_expert=expert)


def _expert_cost(case: ImitationCase, system: System, law: Law, scenarios: Scenarios
                 ) -> float | None:
    """Return the mean stage cost of the expert through the filter; None where it is undefined."""
    def finite(x: Array) -> npt.ArrayLike:
        inputs = np.asarray(law(x), dtype=np.float64)
        if inputs.shape != (len(x), system.m) or not np.all(np.isfinite(inputs)):
            raise ValueError('the expert does not say what to do')
        return inputs
    try:
        return closed_loops(case, system, finite, scenarios).cost
    except Exception:  # noqa: B902 - an expert is any callable, asked at states it never saw
        return None
