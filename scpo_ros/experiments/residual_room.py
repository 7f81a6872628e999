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
A trial: the residual bounded by what each state allows, beside the certificate `bounded`.

    python -m scpo_ros.experiments.residual_room --output DIR

With z, v in units of the limits, v_b the backup's input and c' its plan one step later, the rows
of the lifted set leave room_j = (1 - h - G_z (A z + B v_b) - G_c c')_j to the residual. Let

    r_theta(x) = rbar(x) tanh(N_theta(x) / rbar(x)),  rbar(x) = limit min_j room_j / (|G_z B| 1)_j

for each decoupled part. Then v_b + r' keeps all rows with the plan c' for every |r'| <= rbar(x),
and saturation only makes r' smaller. So every theta keeps the safe set, and the filter never acts,
as with `bounded`, whose rbar is what the contraction pays for with the best plan at the worst
state. Both hold at every state, so rbar(x) is the larger one.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
import time

import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.config.system_spec import (
    DescribedMetricsConfig, DescribedPolicyConfig, SystemSpec)
from scpo_ros.experiments.filtered_learner import FilteredLearner, FilteredProblem
from scpo_ros.experiments.imitation_case import FilteredCase
from scpo_ros.experiments.imitation_judgement import judged, Judgement
from scpo_ros.experiments.results import write_json
from scpo_ros.experts.system_experts import SystemExperts
from scpo_ros.policy.filtered_policy import BoundedNetwork, FilteredPolicy
from scpo_ros.policy.residual_policy import ResidualNetwork
from scpo_ros.process.program import program
from scpo_ros.systems.loading import load
from scpo_ros.systems.system import System
from scpo_ros.verification.system_task import SystemTask

SYSTEMS = ('double_integrator_2', 'cart_pole', 'planar_quadrotor')
WAYS = ('bounded', 'room', 'guarded')
UPDATES, SEEDS, HELD_OUT = 10, 3, 500
_ROUNDING = 1e-7  # of the rows, left to rounding and to the solver
_LARGEST = 2.0  # of the input limit: more has no use


@dataclass(frozen=True)
class RoomNetwork:
    """A residual network whose outputs stay within what the state leaves, for all weights."""

    network: ResidualNetwork
    policy: FilteredPolicy  # its backups and rows decide
    least: Array  # rbar (m,) of `bounded`

    @property
    def d(self) -> int:
        """Return the number of weights."""
        return self.network.d

    def initial(self, seed: int) -> Array:
        """Return theta_0 (d,), see :meth:`ResidualNetwork.initial`."""
        return self.network.initial(seed)

    def bound(self, x: Array) -> Array:
        """Return rbar(x) (N, m) at states (N, n); NaN where there is no plan."""
        found = np.empty((len(x), self.policy.system.m))
        _, plans = self.policy.around(x)
        for part, plan in zip(self.policy.filters, plans):
            block = part.backup.block
            z = x[:, block.states] / block.scale
            room = part.room(z, part.backup.inputs(z, plan), part.shifted(plan)) - _ROUNDING
            used = np.sum(np.abs(part.backup.safe_set.state_rows @ block.B), axis=1)
            with np.errstate(divide='ignore', invalid='ignore'):
                share = np.min(np.where(used > 0, room / used, np.inf), axis=1)
            share = np.clip(share, _ROUNDING, _LARGEST)  # NaN stays
            found[:, block.inputs] = share[:, None] * block.input_scale
        larger: Array = np.maximum(found, self.least)  # keeps NaN
        return larger

    def __call__(self, thetas: Array, x: Array) -> Array:
        """Return the residuals (P, N, m), of weights (P, d) and states (N, n)."""
        bound = self.bound(x)
        residual: Array = bound * np.tanh(self.network(thetas, x) / bound)
        return residual

    def columns(self, thetas: Array) -> Callable[[Array], Array]:
        """Return the function from states (n, P, N) to residuals (m, P, N)."""
        plain = self.network.columns(thetas)

        def residual(x: Array) -> Array:
            states = x.reshape(len(x), -1).T
            bound = self.bound(states).T.reshape(-1, *x.shape[1:])
            bound = bound[:, None] if x.ndim == 2 else bound
            bounded: Array = bound * np.tanh(plain(x) / bound)
            return bounded

        return residual

    def jacobian(self, theta: Array, x: Array) -> Array:
        """Return d r_theta(x) / d theta (N, m, d), at weights (d,) and states (N, n)."""
        slope = 1 - np.tanh(self.network(theta[None], x)[0] / self.bound(x))**2
        jacobian: Array = slope[:, :, None] * self.network.jacobian(theta, x)
        return jacobian


def case_of(system: System, expert: str, seed: int, way: str) -> FilteredCase:
    """Return the case of a way to bound the residual. :param way: one of WAYS."""
    kind = 'guarded' if way == 'guarded' else 'bounded'
    task = SystemTask.build(system, SystemSpec(
        policy=DescribedPolicyConfig(seed=seed), metrics=DescribedMetricsConfig(certificate=kind)))
    plain = task.policy.network
    if way == 'room' and isinstance(plain, BoundedNetwork):
        network = RoomNetwork(plain.network, task.policy, plain.bound)
        task = replace(task, policy=replace(task.policy, network=network))
    law = SystemExperts(system).law(expert)
    problem = FilteredProblem.build(task, law, seed)
    return FilteredCase(problem, FilteredLearner(problem))


def learned(name: str, expert: str, seed: int, way: str, updates: int = UPDATES,
            held_out: int = HELD_OUT) -> tuple[Judgement, float]:
    """Return how the policy after so many updates is judged, and the seconds of an update."""
    system = load(name)
    case = case_of(system, expert, seed, way)
    thetas, started = [case.learner.theta], time.perf_counter()
    for _ in range(updates):
        if case.learner.update():
            thetas.append(case.learner.theta)
    seconds = (time.perf_counter() - started) / updates
    return judged(case, system, case.law, thetas, seed, held_out), seconds


@program
def main(arguments: Sequence[str] | None = None) -> None:
    """Run the trial from the command line."""
    parser = argparse.ArgumentParser(
        prog='python -m scpo_ros.experiments.residual_room',
        description='Gap closed by a residual that is bounded by what each state allows.')
    parser.add_argument('--systems', nargs='+', default=list(SYSTEMS))
    parser.add_argument('--ways', nargs='+', default=list(WAYS), choices=WAYS)
    parser.add_argument('--seeds', type=int, default=SEEDS)
    parser.add_argument('--updates', type=int, default=UPDATES)
    parser.add_argument('--held-out', type=int, default=HELD_OUT)
    parser.add_argument('--output', default='results/residual_room', help='folder')
    chosen = parser.parse_args(arguments)
    rows = []
    for name in chosen.systems:
        for way in chosen.ways:
            for seed in range(chosen.seeds):
                found, seconds = learned(
                    name, 'benign', seed, way, chosen.updates, chosen.held_out)
                rows.append({
                    'system': name, 'way': way, 'seed': seed, 'gap_closed': found.gap_closed,
                    'violations': found.held_out_violations, 'filter_share': found.filter_share,
                    'seconds_an_update': seconds})
                print(*rows[-1].values(), flush=True)
    write_json(f'{chosen.output}/results.json', {'rows': rows})


if __name__ == '__main__':
    main()
