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

"""What a run of the imitation experiment on a described system gives back."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scpo_ros.arrays import Array, Booleans
from scpo_ros.experiments.imitation_case import ImitationCase
from scpo_ros.experiments.imitation_judgement import Judgement
from scpo_ros.experiments.system_facts import SystemFacts
from scpo_ros.systems.system import System

FIELDS = (
    'system_name', 'expert', 'certificate_kind', 'seed', 'updates', 'accepted', 'refused',
    'rollouts', 'loss_initial', 'loss_final', 'gap_closed', 'held_out_states',
    'held_out_violations', 'held_out_unsafe_iterates', 'filter_share', 'filter_action',
    'filter_action_bound', 'task_cost_backup', 'task_cost_final', 'task_cost_expert', 'seconds')


@dataclass(frozen=True, eq=False)
class ImitationResult(Judgement):
    """One run. An iterate is a policy that was in force."""

    system_name: str
    expert: str
    certificate_kind: str     # proved, bounded or guarded
    seed: int
    updates: int
    accepted: int             # updates that put a new policy in force
    refused: int
    rollouts: int             # closed-loop rollouts used: policies times scenarios
    loss_initial: float       # imitation loss of the backup, without filter
    loss_final: float
    seconds: float            # wall time of the updates
    thetas: list[Array]       # theta_0 (d,) and every accepted policy, in order
    losses: Array             # (updates + 1,), after every update
    system: SystemFacts
    described: System
    case: ImitationCase

    def policy(self, theta: Array, states: npt.ArrayLike) -> Array:
        """
        Return the inputs (N, m) of the law that runs; NaN where undefined.

        It has no memory. The filter is part of it where the certificate rests on it.

        :param theta: (d,). :param states: (N, n).
        """
        return self.case.policy(theta, np.asarray(states, dtype=np.float64))

    def residual_policy(self, theta: Array, states: npt.ArrayLike) -> Array:
        """Return the inputs (N, m) of backup and residual without the filter; NaN likewise."""
        return self.case.residual_policy(theta, np.asarray(states, dtype=np.float64))

    def contains(self, states: npt.ArrayLike) -> Booleans:
        """Return (N,) whether states (N, n) lie in the safe set; NaN does not."""
        return self.case.contains(np.asarray(states, dtype=np.float64))

    def sample(self, count: int, rng: np.random.Generator) -> Array:
        """Return `count` states (count, n) of the safe set, at least half on its boundary."""
        return self.case.sample(count, rng)

    def summary(self) -> dict[str, str | int | float | None]:
        """Return what results.json holds."""
        return {name: getattr(self, name) for name in FIELDS}
