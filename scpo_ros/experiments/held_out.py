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
Judging policies on scenarios that no method has ever seen: for reports only.

The initial states are fresh, half of them uniform on the safe set and half near its boundary; the
disturbance is uniform within its bound, at either end of it, or switching between the ends.
"""

from collections.abc import Sequence

import numpy as np
from scpo_ros.arrays import Array, Booleans, checked
from scpo_ros.experiments.imitation_problem import Law
from scpo_ros.sets.invariant_set import Polytope
from scpo_ros.systems.scenario import (
    extreme, interior_states, random_scenarios, Scenarios, switching)
from scpo_ros.verification.evaluation import SafetyEvaluation
from scpo_ros.verification.task import ControlTask

STREAM = 7919  # keeps these draws apart from those of the design and verification sets
CHUNK = 2048


def held_out_scenarios(task: ControlTask, count: int, seed: int | Sequence[int]) -> Scenarios:
    """
    Return `count` scenarios: 2/5 uniform disturbances, 1/5 each at +, at -, and switching.

    :param seed: int or sequence of ints.
    """
    rng = np.random.default_rng([STREAM, *np.atleast_1d(seed)])
    states = rng.permutation(_states(task.safe_set, count, rng))
    parts = np.split(states, np.cumsum([count // 5] * 3))
    make = (task.system, task.horizon)
    batch = random_scenarios(task.system, task.safe_set, len(parts[3]), task.horizon, rng)
    return (extreme(make[0], parts[0], make[1], 1.0) + extreme(make[0], parts[1], make[1], -1.0)
            + switching(make[0], parts[2], make[1], rng) + Scenarios(parts[3], batch.w))


def _states(safe_set: Polytope, count: int, rng: np.random.Generator) -> Array:
    """Return `count` states of C, half of them in its outermost twentieth."""
    inner = interior_states(safe_set, count - count // 2, rng.integers(2**32, size=4).tolist())
    edge = interior_states(safe_set, count // 2, rng.integers(2**32, size=4).tolist())
    shell = 1 - 0.05 * rng.random(len(edge))
    return np.vstack([inner, edge / safe_set.gauge(edge)[:, None] * shell[:, None]])


def violations(task: ControlTask, theta: Array, scenarios: Scenarios) -> Booleans:
    """
    Return (S,) whether the policy alone breaks a limit; where it is undefined it does.

    :param theta: (d,).
    """
    broken = []
    for i in range(0, len(scenarios), CHUNK):
        part = scenarios.take(slice(i, i + CHUNK))
        states, inputs = task.simulator.trajectory(theta, part.x0, part.w)
        kept = task.system.within_limits(states[:, :-1], inputs)
        broken.append(~(np.all(kept, axis=1) & task.system.within_limits(
            states[:, -1], np.zeros((len(states), 1)))))
    return np.concatenate(broken)


def violating(task: ControlTask, thetas: Sequence[Array], scenarios: Scenarios,
              chunk: int = 16) -> Booleans:
    """
    Return (m,) which policies break a limit from any of the scenarios: :func:`violations`, faster.

    A state outside the safe set leaves the policy undefined, and counts; those inside keep the
    limits; the last state need only keep the limits.
    """
    broken = []
    for i in range(0, len(thetas), chunk):
        summary = task.simulator.summarise(
            np.array(thetas[i:i + chunk]), scenarios, violation=False)
        final = task.system.within_limits(summary.final, np.zeros((*summary.left.shape, 1)))
        broken.append(np.any(summary.left | ~final, axis=1))
    return np.concatenate(broken)


def unsafe_iterates(evaluation: SafetyEvaluation, thetas: Sequence[Array], chunk: int = 16
                    ) -> Booleans:
    """Return (m,) which policies have a verification metric above 0, or one not finite."""
    unsafe = []
    for i in range(0, len(thetas), chunk):
        metrics = evaluation.verify(np.array(thetas[i:i + chunk]))
        unsafe.append(~np.all(np.isfinite(metrics) & (metrics <= 0), axis=1))
    return np.concatenate(unsafe)


def task_cost(task: ControlTask, theta: Array, scenarios: Scenarios) -> float:
    """Return the mean stage cost of a policy (d,) over the scenarios."""
    return float(task.simulator.summarise(np.asarray(theta)[None], scenarios).cost.mean())


def expert_cost(task: ControlTask, law: Law, scenarios: Scenarios) -> float | None:
    """
    Return the mean stage cost of an expert's own closed loop, which no safe set confines.

    None where the expert does not know what to do there: it raises, or answers no numbers.
    """
    x, cost = scenarios.x0, 0.0
    for k in range(scenarios.horizon):
        try:
            u = task.system.saturate(checked('expert actions', law(x), (len(x), task.system.m)))
        except Exception:  # noqa: B902 - it was asked where it never claimed to be defined
            return None
        cost += task.simulator.stage_cost(x, u).mean()
        x = task.system.step(x, u, scenarios.w[:, k])
    return float(cost / scenarios.horizon)
