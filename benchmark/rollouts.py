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

"""Rollouts in lock-step against a loop over time steps that asks the solver state by state."""

from benchmark.measure import interleaved, ratio, Result, summarised
from benchmark.setting import POLICIES, SCENARIOS, scenarios, STEPS, task, weights
import numpy as np


NAIVE_SCENARIOS = 4  # the loop is timed on so many, and counted per state-step


def naive(thetas, drives):
    """Return the last states (P, S, 2): MLP and dynamics in batches, the backup by the solver."""
    control, system = task(), task().system
    x = np.broadcast_to(drives.x0, (len(thetas), *drives.x0.shape)).copy()
    worst = np.full(x.shape[:2], -np.inf)
    for k in range(drives.horizon):
        backup = np.array([control.mpc.solve(state)[0] for state in x.reshape(-1, 2)])
        u = np.clip(backup.reshape(*x.shape[:2], 1) + control.policy.network(thetas, x), -1.0, 1.0)
        worst = np.maximum(worst, control.bounds.violation(x, u))
        x = system.step(x, u, drives.w[:, k])
    return x


def measure(quick):
    """Return the results of the rollouts."""
    thetas, drives = weights(POLICIES, 0.02), scenarios(SCENARIOS)
    few = drives.take(slice(0, NAIVE_SCENARIOS))
    times = interleaved([lambda _: task().simulator.summarise(thetas, drives),
                         lambda _: naive(thetas, few)], 3 if quick else 15)
    steps = POLICIES * STEPS * np.array([SCENARIOS, NAIVE_SCENARIOS])
    cost = times / steps[:, None]
    error = np.max(np.abs(task().simulator.summarise(thetas, few).final - naive(thetas, few)))
    return [
        ratio('rollouts_vs_solver_loop', cost[0], cost[1], 100.0,
              f'the loop on {NAIVE_SCENARIOS} of the {SCENARIOS} scenarios, per state-step'),
        summarised('rollout_state_steps_per_second', 1.0 / cost[0], '1/s', target=4e6,
                   note='one core, processor time'),
        Result('rollout_error', float(error), 0.0, 'last state', 1e-9, False)]
