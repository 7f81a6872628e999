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

"""How the cost grows with weights, scenarios and directions, and where it bends."""

from dataclasses import replace
import time

from benchmark.instances import realistic
from benchmark.measure import Result
from benchmark.setting import POLICIES, scenarios, STEPS, task
import numpy as np
from scpo_ros.policy.residual_policy import ResidualNetwork
from scpo_ros.scpo import orthonormal_basis, ProjectionProblem, solve_projection


def _least(call, repeats):
    """Return the least processor time of a call."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return min(times)


def weights(quick):
    """Yield the cost of a state-step for networks of about 100 to 10,000 weights."""
    control, drives = task(), scenarios(32)
    for width in (8, 16, 32, 64) if quick else (8, 16, 32, 64, 96):
        network = ResidualNetwork((2, width, width), control.system.state_limit)
        simulator = replace(control.simulator, policy=replace(control.policy, network=network))
        thetas = np.tile(network.initial(0), (POLICIES, 1))
        seconds = _least(lambda: simulator.summarise(thetas, drives), 3)
        yield Result(f'growth_weights_{network.d}_ns_per_state_step',
                     1e9 * seconds / (POLICIES * len(drives) * STEPS), 0.0, 'ns')


def number_of_scenarios(quick):
    """Yield the cost of a state-step for 100 to 100,000 scenarios of one policy."""
    theta = task().initial_theta[None]
    for count in (100, 1000, 10000) if quick else (100, 1000, 10000, 100000):
        drives = scenarios(count)
        seconds = _least(lambda: task().simulator.summarise(theta, drives), 2)
        yield Result(f'growth_scenarios_{count}_ns_per_state_step',
                     1e9 * seconds / (count * STEPS), 0.0, 'ns')


def directions(quick):
    """Yield the cost of basis, sampling and projection for 8 to 128 directions."""
    rng, drives, start = np.random.default_rng(31), scenarios(64), task().initial_theta
    for count in (8, 32, 128) if quick else (8, 16, 32, 64, 128):
        basis = orthonormal_basis([rng.standard_normal(len(start))], count, rng)
        thetas = np.vstack([start, start + 1e-4 * basis.T])
        problems = [realistic(rng, count, 4) for _ in range(20)]
        parts = {
            'basis': _least(lambda: orthonormal_basis([start], count, rng), 3),
            'sampling_64_scenarios': _least(
                lambda: task().simulator.summarise(thetas, drives), 3),
            'projection': _least(lambda: [solve_projection(ProjectionProblem(
                p.gram, p.linear, p.region)) for p in problems], 3) / len(problems)}
        for name, seconds in parts.items():
            yield Result(f'growth_directions_{count}_{name}_ms', 1e3 * seconds, 0.0, 'ms')


def measure(quick):
    """Return the results."""
    return [*weights(quick), *number_of_scenarios(quick), *directions(quick)]
