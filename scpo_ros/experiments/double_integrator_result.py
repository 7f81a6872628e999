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

"""What a run of the imitation experiment on the double integrator gives back."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scpo_ros.arrays import Array
from scpo_ros.experiments.imitation_problem import ImitationProblem
from scpo_ros.experiments.system_facts import SystemFacts

FIELDS = (
    'expert', 'method', 'seed', 'updates', 'no_regret', 'accepted', 'refused', 'rollouts',
    'loss_initial', 'loss_final', 'loss_optimum', 'gap_closed', 'unsafe_iterates',
    'held_out_states', 'held_out_violations', 'held_out_unsafe_iterates', 'task_cost_backup',
    'task_cost_final', 'task_cost_expert', 'seconds')


@dataclass(frozen=True)
class SafeSetFacts:
    """C = {x : H x <= h}: the states from which safety is claimed."""

    H: Array  # (q, 2)
    h: Array  # (q,)


@dataclass(frozen=True, eq=False)
class DoubleIntegratorResult:
    """One run. An iterate is a policy that the method has put in force."""

    expert: str
    method: str
    seed: int
    updates: int
    no_regret: bool           # whether the baseline-cost constraint was on
    accepted: int             # updates that put a new policy in force
    refused: int
    rollouts: int             # closed-loop rollouts used: policies times scenarios
    loss_initial: float       # L(theta_0), over states that fill the safe set
    loss_final: float
    loss_optimum: float       # L*, or the run's own safe loss where that is lower
    gap_closed: float         # (L0 - L) / (L0 - L*); 1 where there is no gap
    unsafe_iterates: int      # with a verification metric above 0
    held_out_states: int
    held_out_violations: int  # of the final policy: initial states from which it breaks a limit
    held_out_unsafe_iterates: int  # iterates that break one from 300 other held-out states
    task_cost_backup: float   # mean stage cost from held-out states
    task_cost_final: float
    task_cost_expert: float | None  # of the expert's own closed loop, confined by nothing
    seconds: float            # wall time of the updates
    thetas: list[Array]       # theta_0 (d,) and every accepted policy, in order
    losses: Array             # (updates + 1,), after every update
    system: SystemFacts
    safe_set: SafeSetFacts
    problem: ImitationProblem

    def policy(self, theta: Array, states: npt.ArrayLike) -> Array:
        """
        Return the actions (N, 1) of the policy alone, without safety filter; NaN where undefined.

        :param theta: (d,). :param states: (N, 2).
        """
        return self.problem.task.policy(theta, np.asarray(states, dtype=np.float64))

    def summary(self) -> dict[str, str | int | float | None]:
        """Return what results.json holds."""
        return {name: getattr(self, name) for name in FIELDS}
