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
The constrained optimum L*, found offline: the limit that gaps are measured against.

    minimise L(theta)   subject to   g(theta) <= -m_acc

with the same states, metrics, margin and network as every method, but with exact gradients
(:mod:`.exact_constraints`), which no method is given: an augmented Lagrangian

    L(theta) + sum_i max(0, lambda_i + rho (g_i + m))^2 / (2 rho),

minimised by Levenberg-Marquardt steps on its least-squares form, from several starts: the backup,
and the best that SCPO and LB-SGD reach. Only a theta counts that keeps the margin on every
verification rollout and, one step ahead, from 60,000 states. A proof over cells asks for more, so
what is proved may not reach L*. The best one found is no proof of optimality, and where a method
reaches a lower safe loss, that one is the reference. What was found is kept in
config/double_integrator_optimum.json, by the digest of the problem; for any other problem the
reference is a lower bound that no safe policy can beat
(:class:`.imitation_problem.ImitationProblem`, `pointwise_bound`).

    python -m scpo_ros.experiments.optimum --experts benign overspeed --no-regret on
"""

import argparse
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
import json
from pathlib import Path
from typing import cast, TypedDict

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scpo_ros.arrays import Array, Integers
from scpo_ros.config import EXPERTS
from scpo_ros.config.resources import share_file
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.experiments.baselines import LogBarrier
from scpo_ros.experiments.exact_constraints import ConstrainedProblem
from scpo_ros.experiments.imitation_problem import ACCEPT_MARGIN, ImitationProblem, Method
from scpo_ros.experiments.results import write_json
from scpo_ros.experiments.scpo_methods import Scpo

TABLE = 'config/double_integrator_optimum.json'
STARTS: Mapping[str, Callable[[ImitationProblem], Method] | None] = {
    'backup': None, 'scpo': Scpo, 'lb-sgd': LogBarrier}
MARGIN = ACCEPT_MARGIN + 2e-3  # asked for, since only a part of the dense states is seen
NONE: Integers = np.array([], dtype=np.int64)  # of the constraints


class Entry(TypedDict):
    """The best result of one problem, as the table has it."""

    expert: str
    no_regret: bool  # whether the baseline-cost constraint was on
    loss: float
    seed: int
    theta: list[float]


@lru_cache(maxsize=1)
def _table() -> dict[str, Entry]:
    try:
        return _read(share_file(TABLE))
    except ConfigurationError:
        return {}


def _read(path: str | Path) -> dict[str, Entry]:
    """Return the table of a file, {} where there is none."""
    try:
        with open(path, encoding='utf-8') as file:
            return cast(dict[str, Entry], json.load(file))
    except (OSError, ValueError):
        return {}


def known_optimum(problem: ImitationProblem) -> float:
    """Return the tabulated L*, else the pointwise lower bound."""
    entry = _table().get(problem.identity[:32])
    return problem.pointwise_bound() if entry is None else float(entry['loss'])


def augmented(constrained: ConstrainedProblem, theta: Array, multipliers: Array, penalty: float
              ) -> tuple[float, Array, Array, Array]:
    """Return the augmented Lagrangian as |r|^2, J'J (d, d), J'r (d,), and g (k,)."""
    def active(g: Array) -> Integers:
        return np.flatnonzero(multipliers + penalty * (g + MARGIN) > 0)

    g, rows = constrained.constraints(theta, active)
    shifted = np.maximum(0, multipliers + penalty * (g + MARGIN)) / np.sqrt(2 * penalty)
    error, jacobian = constrained.residuals(theta)
    residual = np.concatenate([error, shifted[active(g)]])
    jacobian = np.vstack([jacobian, rows * np.sqrt(penalty / 2)])
    value = float(error @ error + shifted @ shifted)
    return value, jacobian.T @ jacobian, jacobian.T @ residual, g


def augmented_value(constrained: ConstrainedProblem, theta: Array, multipliers: Array,
                    penalty: float) -> float:
    """Return the augmented Lagrangian alone."""
    g, _ = constrained.constraints(theta, NONE)
    shifted = np.maximum(0, multipliers + penalty * (g + MARGIN)) / np.sqrt(2 * penalty)
    error, _ = constrained.residuals(theta)
    return float(error @ error + shifted @ shifted)


def minimised(constrained: ConstrainedProblem, theta: Array, multipliers: Array, penalty: float,
              steps: int, damping: float) -> tuple[Array, Array, float]:
    """Return (theta, g, damping) after some Levenberg-Marquardt steps."""
    value, hessian, slope, g = augmented(constrained, theta, multipliers, penalty)
    for _ in range(steps):
        improved = False
        for _ in range(12):
            matrix = hessian + damping * np.eye(len(theta))
            trial = theta - cho_solve(cho_factor(matrix), slope)
            tried = augmented_value(constrained, trial, multipliers, penalty)
            if tried < value:
                improved = True
                break
            damping *= 10
        if not improved or value - tried < 1e-9 * max(value, 1e-6):
            break
        theta, damping = trial, max(damping / 5, 1e-9)
        value, hessian, slope, g = augmented(constrained, theta, multipliers, penalty)
    return theta, g, min(damping, 1e-2)


def best_feasible(problem: ImitationProblem, start: Array, rounds: int = 12, steps: int = 16,
                  penalty: float = 1.0, watch: Callable[[int, float, float], None] | None = None
                  ) -> tuple[float, Array | None]:
    """
    Return (loss, theta) of the best feasible point on the way, (inf, None) when there was none.

    :param start: theta (d,).
    :param watch: None or a callable (round, loss, largest metric).
    """
    constrained = ConstrainedProblem(problem)
    theta, damping = np.array(start), 1e-4
    best: tuple[float, Array | None] = (np.inf, None)
    if constrained.feasible(theta):
        best = (problem.loss(theta), theta)
    g, _ = constrained.constraints(theta, NONE)
    multipliers, worst = np.zeros_like(g), np.inf
    for number in range(rounds):
        theta, g, damping = minimised(constrained, theta, multipliers, penalty, steps, damping)
        loss = problem.loss(theta)
        if loss < best[0] and constrained.feasible(theta):
            best = (loss, theta.copy())
        if watch is not None:
            watch(number, loss, float(g.max()))
        multipliers = np.maximum(0, multipliers + penalty * (g + MARGIN))
        violation = max(0.0, float(g.max()) + MARGIN)
        if violation > 0.3 * worst:
            penalty = min(4 * penalty, 1e4)
        worst = violation
    return best


def starts(problem: ImitationProblem, names: Iterable[str], updates: int
           ) -> Iterator[tuple[str, Array]]:
    """
    Yield (name, theta): the backup, or the best feasible iterate of a method.

    :param names: of STARTS. :param updates: of the methods.
    """
    constrained = ConstrainedProblem(problem)
    for name in names:
        best, make = problem.task.initial_theta, STARTS[name]
        learner = None if make is None else make(problem)
        for _ in range(updates):
            if learner is None:
                break
            if learner.update() and problem.loss(learner.theta) < problem.loss(best) and (
                    constrained.feasible(learner.theta)):
                best = learner.theta
        yield name, best


def tabulated(path: str | Path, problem: ImitationProblem, loss: float, theta: Array) -> None:
    """Enter a result into the table at `path` if it is better than what is there."""
    table = _read(path)
    key = problem.identity[:32]
    if key in table and table[key]['loss'] <= loss:
        return
    table[key] = {'expert': problem.name, 'no_regret': problem.baseline_cost, 'loss': float(loss),
                  'seed': problem.seed, 'theta': [round(float(x), 10) for x in theta]}
    write_json(path, table)
    _table.cache_clear()


def main(arguments: Sequence[str] | None = None) -> None:
    """Search from several starts and enter what is found into the table."""
    parser = argparse.ArgumentParser(description='Offline optimum of the imitation problem.')
    parser.add_argument('--experts', nargs='+', choices=EXPERTS, default=EXPERTS)
    parser.add_argument('--no-regret', choices=('on', 'off'), default='on',
                        help='the baseline-cost constraint')
    parser.add_argument('--seeds', type=int, nargs='+', default=[0, 1])
    parser.add_argument('--rounds', type=int, default=12)
    parser.add_argument('--starts', nargs='+', choices=tuple(STARTS), default=tuple(STARTS))
    parser.add_argument('--warm-updates', type=int, default=200, help='of the methods')
    parser.add_argument('--table', default=TABLE)
    chosen = parser.parse_args(arguments)
    for expert in chosen.experts:
        for seed in chosen.seeds:
            problem = ImitationProblem.build(expert, seed, chosen.no_regret == 'on')
            for name, start in starts(problem, chosen.starts, chosen.warm_updates):
                loss, theta = best_feasible(problem, start, chosen.rounds)
                print(f'{expert} baseline cost {chosen.no_regret} seed {seed} from {name} at '
                      f'{problem.loss(start):.6f}: {loss:.6f} '
                      f'(pointwise bound {problem.pointwise_bound():.6f})', flush=True)
                if theta is not None:
                    tabulated(chosen.table, problem, loss, theta)


if __name__ == '__main__':
    main()
