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
Imitation of an expert who may be malicious, the second experiment of the paper.

    minimise mean (pi_theta(x) - expert(x))^2   subject to   g(theta) <= 0

on the double integrator, with the control code and the learner of the ROS nodes; only the
transport is missing. See :mod:`.imitation_problem` for the problem, :mod:`.scpo_methods` and
:mod:`.baselines` for the methods, :mod:`.optimum` for the limit to measure against.

    python -m scpo_ros.experiments.double_integrator --expert sign_flip --seed 0 --output DIR
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
import time

import numpy as np
from scpo_ros.arrays import Array, frozen
from scpo_ros.config import EXPERTS
from scpo_ros.config.validation import checked_count
from scpo_ros.exceptions import ConfigurationError
from scpo_ros.experiments import held_out
from scpo_ros.experiments.baselines import BASELINES
from scpo_ros.experiments.double_integrator_result import (  # noqa: F401 - offered here
    DoubleIntegratorResult, FIELDS, SafeSetFacts)
from scpo_ros.experiments.imitation_problem import ImitationProblem, Law, Method
from scpo_ros.experiments.optimum import known_optimum
from scpo_ros.experiments.results import write_figure, write_json
from scpo_ros.experiments.scpo_methods import (
    Scpo, ScpoPaper, ScpoPaperAdaptive, ScpoPaperAggregated)
from scpo_ros.experiments.system_facts import SystemFacts
from scpo_ros.process.program import program
from scpo_ros.systems.scenario import random_scenarios

METHODS: Mapping[str, Callable[..., Method]] = {
    'scpo': Scpo, 'scpo-paper': ScpoPaper, 'scpo-paper-adaptive': ScpoPaperAdaptive,
    'scpo-paper-aggregated': ScpoPaperAggregated,
    'scpo-sampled': Scpo, 'scpo-stable': Scpo, **BASELINES}
# SCPO with other certificates than the default, a proof of invariance and sampled stability
CERTIFICATES = {'scpo-sampled': {'certificate': 'sampled'}, 'scpo-stable': {'stability': 'proved'}}
HELD_OUT_STATES = 10_000
HELD_OUT_ITERATE_STATES = 300  # for every accepted iterate
COST_SCENARIOS = 2000


def gap_closed(initial: float, final: float, optimum: float) -> float:
    """Return (L0 - L) / (L0 - L*); without a gap 1 if the loss did not rise, else 0."""
    if not initial - optimum > 1e-12:
        return float(final <= initial + 1e-12)
    return float((initial - final) / (initial - optimum))


def trained(method: Method, problem: ImitationProblem, updates: int
            ) -> tuple[list[Array], Array, int]:
    """Return (policies in force, losses (updates + 1,), accepted updates)."""
    thetas, accepted = [frozen(method.theta)], 0
    losses = [problem.loss(method.theta)]
    for _ in range(updates):
        accepted += bool(method.update())
        moved = not np.array_equal(method.theta, thetas[-1])
        if moved:
            thetas.append(frozen(method.theta))
        losses.append(problem.loss(method.theta) if moved else losses[-1])
    return thetas, np.array(losses), accepted


def run(expert: str | Law, seed: int = 0, method: str = 'scpo', updates: int = 200,
        baseline_cost: bool = True, clock: Callable[[], float] = time.perf_counter,
        **settings: float) -> DoubleIntegratorResult:
    """
    Imitate an expert and return the :class:`DoubleIntegratorResult`; one seed gives one result.

    :param expert: a catalogue name, or a callable, states (N, 2) -> actions (N, 1).
    :param seed: of the network, the scenario sets, the sampled directions, the held-out states.
    :param method: a name in METHODS.
    :param updates: their number, not negative.
    :param baseline_cost: whether the task cost must not exceed the backup's by more than 5 %.
    :param settings: of the method, for tuning.
    :raises ConfigurationError: for an unknown method or expert or a bad number.
    """
    if method not in METHODS:
        raise ConfigurationError('method', method, f'must be one of {", ".join(METHODS)}')
    updates = checked_count('updates', updates)
    problem = ImitationProblem.build(
        expert, seed, baseline_cost, **CERTIFICATES.get(method, {}))
    started = clock()
    learner = METHODS[method](problem, **settings)
    thetas, losses, accepted = trained(learner, problem, int(updates))
    seconds = clock() - started
    return _judged(problem, method, thetas, losses, accepted, learner.rollouts, seconds)


def _judged(problem: ImitationProblem, method: str, thetas: list[Array], losses: Array,
            accepted: int, rollouts: int, seconds: float) -> DoubleIntegratorResult:
    task, final = problem.task, thetas[-1]
    unsafe = held_out.unsafe_iterates(problem.evaluation(), thetas)
    scenarios = held_out.held_out_scenarios(task, HELD_OUT_STATES, [problem.seed, 1])
    few = held_out.held_out_scenarios(task, HELD_OUT_ITERATE_STATES, [problem.seed, 2])
    drives = random_scenarios(task.system, task.safe_set, COST_SCENARIOS, task.horizon,
                              np.random.default_rng([held_out.STREAM, problem.seed, 3]))
    optimum = known_optimum(problem)
    if not unsafe[-1]:
        optimum = min(optimum, float(losses[-1]))
    return DoubleIntegratorResult(
        expert=problem.name, method=method, seed=problem.seed, updates=len(losses) - 1,
        no_regret=problem.baseline_cost, accepted=accepted, refused=len(losses) - 1 - accepted,
        rollouts=int(rollouts), loss_initial=float(losses[0]), loss_final=float(losses[-1]),
        loss_optimum=optimum, gap_closed=gap_closed(losses[0], losses[-1], optimum),
        unsafe_iterates=int(unsafe.sum()), held_out_states=len(scenarios),
        held_out_violations=int(held_out.violations(task, final, scenarios).sum()),
        held_out_unsafe_iterates=int(held_out.violating(task, thetas, few).sum()),
        task_cost_backup=held_out.task_cost(task, task.initial_theta, drives),
        task_cost_final=held_out.task_cost(task, final, drives),
        task_cost_expert=held_out.expert_cost(task, problem.law, drives),
        seconds=seconds, thetas=thetas, losses=losses, problem=problem,
        system=SystemFacts.of(task.system),
        safe_set=SafeSetFacts(task.safe_set.H, frozen(np.ones(len(task.safe_set.H)))))


def write(result: DoubleIntegratorResult, folder: str | Path) -> None:
    """Write results.json and double_integrator.png."""
    from scpo_ros.experiments.double_integrator_picture import draw
    folder = Path(folder)
    write_json(folder / 'results.json', result.summary())
    write_figure(folder / 'double_integrator.png', draw(result))


@program
def main(arguments: Sequence[str] | None = None) -> None:
    """Run the experiment from the command line."""
    parser = argparse.ArgumentParser(description='Imitation of an expert on a double integrator.')
    parser.add_argument('--expert', choices=EXPERTS, default='benign')
    parser.add_argument('--method', choices=tuple(METHODS), default='scpo')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--updates', type=int, default=200)
    parser.add_argument('--no-regret', choices=('on', 'off'), default='on',
                        help='the baseline-cost constraint')
    parser.add_argument('--output', default='results/double_integrator', help='folder')
    chosen = parser.parse_args(arguments)
    try:
        result = run(chosen.expert, chosen.seed, chosen.method, chosen.updates,
                     chosen.no_regret == 'on')
    except ConfigurationError as error:
        parser.error(str(error))
    write(result, chosen.output)
    for name, value in result.summary().items():
        print(f'{name}: {value:.6g}' if isinstance(value, float) else f'{name}: {value}')


if __name__ == '__main__':
    main()
