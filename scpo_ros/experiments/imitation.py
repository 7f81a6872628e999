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
Imitation of an expert who may be malicious, on any described system.

    minimise mean |pi_theta(x) - expert(x)|^2   subject to   g(theta) <= 0

    python -m scpo_ros.experiments.imitation --system cart_pole --expert sign_flip --seed 0 \
        --output DIR

The double integrator has the certificate `proved`, and its problem is that of
:mod:`.double_integrator`. So have other systems whose decoupled parts have two states and one
input each. The others are `guarded`, or `bounded` on request: see
:mod:`scpo_ros.verification.system_task` for what these words cover.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
import os
from pathlib import Path
import time

import numpy as np
import numpy.typing as npt
from scpo_ros.arrays import Array, frozen
from scpo_ros.config import EXPERTS
from scpo_ros.config.validation import checked_count
from scpo_ros.exceptions import ConfigurationError, in_words, InvalidArrayError, NoSafeSetError
from scpo_ros.experiments.imitation_case import FilteredCase, ImitationCase, ProvedCase
from scpo_ros.experiments.imitation_judgement import judged
from scpo_ros.experiments.imitation_problem import Law
from scpo_ros.experiments.imitation_result import ImitationResult
from scpo_ros.experiments.results import write_figure, write_json
from scpo_ros.experiments.system_facts import SystemFacts
from scpo_ros.experts.system_experts import SystemExperts
from scpo_ros.process.program import program
from scpo_ros.systems.loading import load
from scpo_ros.systems.system import System
from scpo_ros.systems.yaml_tree import Plain

CERTIFICATES = ('auto', 'proved', 'bounded', 'guarded')
PLANAR = 'double_integrator'  # the system that has tables of its own
HELD_OUT_STATES = 2000


def run(system: str | os.PathLike[str] | Mapping[str, Plain], expert: str | Law, seed: int = 0,
        updates: int = 100, certificate: str = 'auto', held_out: int = HELD_OUT_STATES,
        clock: Callable[[], float] = time.perf_counter) -> ImitationResult:
    """
    Imitate an expert and return the :class:`ImitationResult`; one seed gives one result.

    :param system: name of a shipped description, path of a file, or mapping.
    :param expert: a catalogue name, or a callable, states (N, n) -> inputs (N, m); it gets a copy.
    :param seed: of the network, the scenario sets, the sampled directions, the held-out states.
    :param updates: their number, not negative.
    :param certificate: 'auto', 'proved', 'bounded' or 'guarded'; auto takes `proved` where there
        is a proof, else `guarded`.
    :param held_out: states from which the final policy is judged, at least 1.
    :raises ConfigurationError: for a bad description, an unknown expert or certificate, a bad
        number, or a proof that is asked for and does not exist.
    :raises NoSafeSetError: for a system without a safe set.
    :raises CertificationError: when the backup itself does not keep the metrics.
    :raises InvalidArrayError: for inputs of the expert of a wrong shape or that are not finite,
        or an expert that raises.
    """
    described = load(system)
    seed, updates = checked_count('seed', seed), checked_count('updates', updates)
    held_out = _at_least_one('held_out', held_out)
    name, case = _case(described, expert, seed, known(certificate))
    started = clock()
    thetas, losses, accepted = [frozen(case.learner.theta)], [case.loss(case.learner.theta)], 0
    for _ in range(updates):
        if case.learner.update():
            accepted += 1
        if (case.learner.theta != thetas[-1]).any():
            thetas.append(frozen(case.learner.theta))
        losses.append(case.loss(thetas[-1]))
    seconds = clock() - started
    judgement = judged(case, described, case.law, thetas, seed, held_out)
    return ImitationResult(
        expert=name, system_name=described.name, certificate_kind=case.kind, seed=seed,
        updates=updates, accepted=accepted, refused=updates - accepted,
        rollouts=case.learner.rollouts, loss_initial=losses[0], loss_final=losses[-1],
        seconds=seconds, thetas=thetas, losses=frozen(losses), system=SystemFacts.of(described),
        described=described, case=case, **vars(judgement))


def known(certificate: str) -> str:
    """
    Return the word for a kind of certificate.

    :raises ConfigurationError: for an unknown one.
    """
    if certificate not in CERTIFICATES:
        raise ConfigurationError(
            'certificate', certificate, f'must be one of {", ".join(CERTIFICATES)}')
    return certificate


def _at_least_one(name: str, number: int) -> int:
    """Return a number of things, of which there must be one."""
    count = checked_count(name, number)
    if count < 1:
        raise ConfigurationError(name, number, 'must be at least 1')
    return count


def _case(system: System, expert: str | Law, seed: int, certificate: str
          ) -> tuple[str, ImitationCase]:
    """Return the name of the expert and the case; each class has a catalogue of its own."""
    planar = certificate in ('auto', 'proved') and system.same_as(load(PLANAR))
    if callable(expert):
        name, law = getattr(expert, '__name__', type(expert).__name__), _asked(expert)
        return name, (ProvedCase.build(law, seed) if planar else
                      FilteredCase.build(system, law, seed, certificate))
    if not isinstance(expert, str):
        raise ConfigurationError('expert', expert, 'must be a catalogue name or a callable')
    if planar:
        return expert, ProvedCase.build(expert, seed)
    return expert, FilteredCase.build(
        system, SystemExperts(system).law(expert), seed, certificate)


def _asked(expert: Law) -> Law:
    """Return a law that gives its states away as a copy, and raises errors of scpo_ros only."""
    def law(states: Array) -> npt.ArrayLike:
        try:
            return expert(np.array(states))
        except Exception as error:  # noqa: B902 - an expert is any callable
            raise InvalidArrayError('expert inputs', in_words(error),
                                    'must be computed without an error') from error
    return law


def write(result: ImitationResult, folder: str | Path) -> None:
    """Write results.json and imitation.png."""
    from scpo_ros.experiments.imitation_picture import draw
    folder = Path(folder)
    write_json(folder / 'results.json', result.summary())
    write_figure(folder / 'imitation.png', draw(result, result.described))


@program
def main(arguments: Sequence[str] | None = None) -> None:
    """Run the experiment from the command line."""
    parser = argparse.ArgumentParser(
        prog='python -m scpo_ros.experiments.imitation',
        description='Imitation of an expert on any described system.')
    parser.add_argument('--system', default=PLANAR, help='a shipped name, or the path of a file')
    parser.add_argument('--expert', choices=EXPERTS, default='benign')
    parser.add_argument('--certificate', choices=CERTIFICATES, default='auto')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--updates', type=int, default=100)
    parser.add_argument('--held-out', type=int, default=HELD_OUT_STATES,
                        help='states from which the final policy is judged')
    parser.add_argument('--output', default='results/imitation', help='folder')
    chosen = parser.parse_args(arguments)
    try:
        result = run(chosen.system, chosen.expert, chosen.seed, chosen.updates,
                     chosen.certificate, chosen.held_out)
    except (ConfigurationError, NoSafeSetError) as error:
        parser.error(str(error))
    write(result, chosen.output)
    for name, value in result.summary().items():
        print(f'{name}: {value:.6g}' if isinstance(value, float) else f'{name}: {value}')


if __name__ == '__main__':
    main()
