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
The limits of the proof: how wide the network and how many the states may be.

With two states and one input this times the proof that the nodes use, and measures its gap to the
largest constraint violation at sampled states. With more states it runs
:mod:`scpo_ros.proofs.box_invariance` on integrators under a linear feedback with residual networks
of all states, and reports how many boxes decide and what the verdicts were.

    python -m scpo_ros.experiments.proof_limits
"""

import argparse
from collections.abc import Sequence
import time

import numpy as np
from scipy.linalg import block_diag
from scpo_ros.arrays import Array
from scpo_ros.backup.mpc import riccati
from scpo_ros.config import PolicyConfig, Spec
from scpo_ros.policy.residual_policy import ResidualNetwork
from scpo_ros.process.program import program
from scpo_ros.proofs.box_invariance import BoxInvariance, FeedbackPolicy
from scpo_ros.sets.invariant_set import feedback_set, Polytope
from scpo_ros.systems.linear_system import LinearSystem
from scpo_ros.systems.scenario import interior_states
from scpo_ros.verification.sampled_invariance import SampledViolation
from scpo_ros.verification.task import ControlTask

RESIDUAL = 0.3   # largest absolute value of the residual
POLICIES = 10
MOST = 3_000_000  # boxes after which there is no verdict
DT = 0.1         # of the integrators [s]
CONTRACTION = 0.97  # of their safe sets
STATES = 60_000  # at which the violation is sampled


def scaled(network: ResidualNetwork, start: Array, states: Array, rng: np.random.Generator,
           spread: float = 0.3, size: float = RESIDUAL) -> Array:
    """Return weights near `start` (d,) whose residual is at most `size` at the states."""
    theta = np.array(start) + rng.normal(0, spread, network.d)
    last = network.widths[-1] * network.outputs
    theta[-last:] *= size / np.abs(network(theta[None], states)).max()
    return theta


def proofs(width: int, repeats: int = 7) -> tuple[int, float, float]:
    """Return (cells, median milliseconds, largest gap) of proofs with hidden layers of a width."""
    task = ControlTask.build(Spec(policy=PolicyConfig(hidden=(width, width))))
    states = interior_states(task.safe_set, STATES, 12)
    edge = task.safe_set.boundary(STATES // 10) * (1 - 1e-12)
    dense = SampledViolation.over(task.policy, task.bounds, np.vstack([states, edge]))
    rng = np.random.default_rng(width)
    gaps: list[float] = []
    times: list[float] = []
    for _ in range(POLICIES):
        theta = scaled(task.policy.network, task.initial_theta, states, rng)
        for _ in range(repeats):
            started = time.perf_counter()
            found = task.invariance_proof.prove(theta)
            times.append(time.perf_counter() - started)
        gaps.append(found.bound - dense.worst(theta[None])[0][0])
    return task.invariance_proof.size, 1e3 * float(np.median(times)), float(np.max(gaps))


def integrators(order: int, inputs: int) -> LinearSystem:
    """Return chains of integrators, one of that order for each input, as a LinearSystem."""
    steps = DT ** np.arange(order + 1) / np.cumprod([1, *range(1, order + 1)])
    A = np.array([[steps[j - i] if j >= i else 0.0 for j in range(order)] for i in range(order)])
    limits, noise = [1.0, 0.6, 1.0][:order], [0.0] * (order - 1) + [0.003]
    return LinearSystem(
        A=block_diag(*[A] * inputs), B=block_diag(*[steps[order:0:-1, None]] * inputs),
        state_limit=np.array(limits * inputs), input_limit=np.array([order - 1.0] * inputs),
        disturbance=np.array(noise * inputs), dt=DT)


def feedback_problem(states: int, inputs: int, width: int = 16
                     ) -> tuple[FeedbackPolicy, Polytope]:
    """Return a FeedbackPolicy, every network seeing all states, and its safe set."""
    system = integrators(states // inputs, inputs)
    _, gain = riccati(system, [1.0] * states, [1.0] * inputs)
    network = ResidualNetwork((states, width, width), system.state_limit)
    return (FeedbackPolicy(system, gain, (network,) * inputs),
            feedback_set(system, gain, CONTRACTION))


def box_proofs(states: int, inputs: int, size: float, policies: int = POLICIES
               ) -> tuple[int, int, float, int, int, int, int]:
    """
    Return (facets, median boxes, median seconds, proved, refuted, undecided, wrong).

    :param size: largest absolute value of the residuals at the sampled states. Wrong is a proof
        of what a sampled state refutes.
    """
    policy, safe_set = feedback_problem(states, inputs)
    proof, rng = BoxInvariance(policy, safe_set, MOST), np.random.default_rng(states)
    points = rng.uniform(-1, 1, (STATES, states)) * policy.system.state_limit
    points /= np.maximum(safe_set.gauge(points), 1.0)[:, None] * (1 + 1e-12)
    boxes: list[int] = []
    times: list[float] = []
    verdicts, wrong = [0, 0, 0], 0
    for _ in range(policies):
        thetas = [scaled(network, network.initial(0), points, rng, size=size)
                  for network in policy.networks]
        started = time.perf_counter()
        found = proof.prove(thetas)
        times.append(time.perf_counter() - started)
        boxes.append(found.boxes)
        verdicts[0 if found.proved else 1 if found.counterexample is not None else 2] += 1
        wrong += bool(found.proved and proof.violation(thetas, points).max() > 0)
    return (len(safe_set.H), int(np.median(boxes)), float(np.median(times)), verdicts[0],
            verdicts[1], verdicts[2], wrong)


@program
def main(arguments: Sequence[str] | None = None) -> None:
    """Print both tables."""
    argparse.ArgumentParser(description='How far the proof carries.').parse_args(arguments)
    print(f'| hidden layers | cells | ms per proof | largest gap, residual {RESIDUAL} |')
    print('| --- | --- | --- | --- |')
    for width in (16, 32, 64, 128):
        cells, spent, gap = proofs(width)
        print(f'| 2 x {width} | {cells} | {spent:.1f} | {gap:.4f} |')
    print('\n| states, inputs | facets | residuals up to | boxes | s | proved | counterexample '
          '| undecided | wrong |')
    print('| --- | --- | --- | --- | --- | --- | --- | --- | --- |')
    for states, inputs, size, policies in (
            (2, 1, 0.1, 10), (2, 1, 0.3, 10), (3, 1, 0.1, 10), (3, 1, 0.5, 10), (4, 2, 0.1, 10),
            (4, 2, 0.3, 10), (6, 3, 0.1, 1)):
        facets, boxes, spent, proved, refuted, none, wrong = box_proofs(
            states, inputs, size, policies)
        print(f'| {states}, {inputs} | {facets} | {size} | {boxes} | {spent:.2f} | {proved} '
              f'| {refuted} | {none} | {wrong} |', flush=True)


if __name__ == '__main__':
    main()
