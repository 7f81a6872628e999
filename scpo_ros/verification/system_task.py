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
The control task of a described system: everything that a certificate is about.

The kinds of certificate:

* `proved`: for every state and disturbance these weights keep the safe set, and the filter never
  acts, by a proof over cells of every decoupled part. Task cost and return to the origin are
  sampled.
* `guarded`: every theta keeps the safe set with the safety filter in the loop. Task cost, return
  to the origin and how much the filter acts are sampled.
* `bounded`: every theta keeps the safe set, and the filter never acts: the residual is bounded by
  what each state allows (:mod:`scpo_ros.policy.residual_bound`). The rest is sampled.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg import solve_discrete_lyapunov
from scpo_ros.arrays import Array, Booleans, frozen
from scpo_ros.backup.lifted_mpc import LiftedMpc, planned_set
from scpo_ros.config.specification import system_digest
from scpo_ros.config.system_spec import LONGEST_ROLLOUT, SystemSpec
from scpo_ros.config.table_cache import Cache
from scpo_ros.interface.joint_layout import JointLayout, layout_of
from scpo_ros.policy.filtered_law import FilteredLaw
from scpo_ros.policy.filtered_policy import FilteredPolicy
from scpo_ros.policy.lifted_filter import LiftedFilter
from scpo_ros.policy.lifted_inputs import LiftedInputs
from scpo_ros.policy.residual_bound import ResidualBound
from scpo_ros.proofs.block_invariance import BlockInvariance
from scpo_ros.sets.directions import directions
from scpo_ros.sets.lifted_set import LiftedSet
from scpo_ros.sets.product_set import ProductSet
from scpo_ros.sets.silent_law import silent_law
from scpo_ros.sets.system_set import safe_set
from scpo_ros.simulation.filtered_rollout import FilteredSimulator
from scpo_ros.systems.decoupling import Block
from scpo_ros.systems.drive import SilentLaw
from scpo_ros.systems.system import System
from scpo_ros.systems.system_scenarios import stress_and_operation
from scpo_ros.tolerances import SolvedTolerances
from scpo_ros.verification.residual_kind import residual_kind, ResidualKind

_SETTLED = 0.2  # |x_H|_P over |x_0|_P of the linear feedback, at the end of a rollout
_STEPS = 40, LONGEST_ROLLOUT  # of a rollout, at least and at most
_ENOUGH = 2000  # steps of the disturbance response that are summed
_HELD_OUT = 200  # rollouts of the task costs
_CORNERS = 120  # of the outline that is drawn


@dataclass(frozen=True)
class SystemTask:
    """System, safe set, backup, filter and policy; the same in every process."""

    spec: SystemSpec
    system: System
    safe_set: ProductSet
    policy: FilteredPolicy
    residual: ResidualKind  # the network of `policy`

    @classmethod
    def build(cls, system: System, spec: SystemSpec = SystemSpec(), cache: Cache = None
              ) -> 'SystemTask':
        """
        Return the task of a described system.

        :param spec: how certificates are made; its description is that of the system.
        :param cache: folder of tables, None for the default.
        :raises NoSafeSetError: when a decoupled part has no safe set.
        :raises ConfigurationError: when a proof is asked for and there is none.
        """
        whole = safe_set(system, cache)
        backups = tuple(LiftedMpc(block, part, _planned(system, block, part, cache))
                        for block, part in whole.parts)
        residual = residual_kind(system, spec, backups, cache)
        filters = tuple(map(LiftedFilter, backups))
        bounds = tuple(map(ResidualBound, filters)) if residual.kind == 'bounded' else ()
        return cls(spec, system, whole,
                   FilteredPolicy(system, filters, residual.network, bounds), residual)

    @property
    def kind(self) -> str:
        """Return the kind of certificate: 'proved', 'guarded' or 'bounded'."""
        return self.residual.kind

    @property
    def proof(self) -> BlockInvariance | None:
        """Return the proof of invariance, None where the certificate needs none."""
        return self.residual.proof

    @cached_property
    def digest(self) -> str:
        """Return the digest of the specification, the description's content included."""
        return system_digest(self.spec, self.system.content, self.kind)

    @cached_property
    def layout(self) -> JointLayout:
        """Return where states and inputs stand in messages."""
        return layout_of(self.system.description)

    @property
    def bounds(self) -> LiftedInputs:
        """Return what tells whether an input keeps the next state in C."""
        return LiftedInputs(self.policy.filters)

    @property
    def tolerances(self) -> SolvedTolerances:
        """Return how far what another machine computes of this task may be from it."""
        return SolvedTolerances(float(np.max(self.system.input_scale)))

    def law(self, theta: Array, enabled: bool = True) -> FilteredLaw:
        """Return the law that the controller runs, see :class:`.safe_task.SafeTask`."""
        return FilteredLaw(self, theta, enabled)

    def contains(self, x: Array, tolerance: float = 1e-9) -> Booleans:
        """
        Return whether states (..., n) lie in C, up to a part of its size; NaN does not.

        A plan of the backup shows that a state does; only where there is none its gauge is
        computed, which takes longer.
        """
        x = np.asarray(x, dtype=np.float64)
        flat = x.reshape(-1, self.system.n) / (1 + tolerance)
        backup, _ = self.policy.around(flat)
        inside = np.all(np.isfinite(backup), axis=1)
        inside[~inside] = self.safe_set.contains(flat[~inside], 0.0)
        kept: Booleans = inside.reshape(x.shape[:-1])[()]
        return kept

    @cached_property
    def outline(self) -> Array:
        """Return the corners (v, 2) of C in the plane, where the other states are 0."""
        angles = np.linspace(0, 2 * np.pi, _CORNERS, endpoint=False)
        directions, pair = np.zeros((_CORNERS, self.system.n)), list(self.system.plane)
        directions[:, pair] = np.column_stack([np.cos(angles), np.sin(angles)])
        directions = directions * self.system.state_scale
        corners: Array = (directions / self.safe_set.gauge(directions)[:, None])[:, pair]
        return corners

    def mean_costs(self, thetas: Array, seed: int) -> Array:
        """Return the mean stage costs (P,) of policies (P, d) over held-out rollouts."""
        scenarios = stress_and_operation(
            self.system, self.safe_set, _HELD_OUT, self.horizon,
            (self.spec.metrics.seed, seed)).take(slice(_HELD_OUT, None))
        costs: Array = self.simulator.summarise(thetas, scenarios).cost.mean(axis=1)
        return costs

    @property
    def simulator(self) -> FilteredSimulator:
        """Return what rolls the policy out."""
        return FilteredSimulator(self.policy)

    @cached_property
    def initial_theta(self) -> Array:
        """Return theta_0 (d,): the backup."""
        return self.policy.network.initial(self.spec.policy.seed)

    @cached_property
    def feedback(self) -> Array:
        """Return K (m, n) of the linear feedback of all parts, in the units of x and u."""
        return frozen(self.safe_set.feedback)

    @property
    def silent_law(self) -> SilentLaw:
        """Return what a simulated plant does without commands."""
        return silent_law(self.system, self.safe_set)

    @property
    def closed_loop(self) -> Array:
        """Return A - B K (n, n)."""
        matrix: Array = self.system.A - self.system.B @ self.feedback
        return matrix

    @cached_property
    def lyapunov(self) -> Array:
        """
        Return P (n, n) of |x|_P^2 = x'P x, which is about 1 at most on the safe set.

        P solves A_K'P A_K - P + S = 0, A_K the linear closed loop, S the inverse squares of the
        limits, scaled so that the largest |x|_P of 50 n states of the boundary is 1.
        """
        P = solve_discrete_lyapunov(
            self.closed_loop.T, np.diag(1 / self.system.state_scale**2))
        edge = self.safe_set.boundary(50 * self.system.n)
        return frozen(P / np.max(np.einsum('ki,ij,kj->k', edge, P, edge)))

    def norm(self, x: Array) -> Array:
        """Return |x|_P (...,) of states (..., n)."""
        length: Array = np.sqrt(np.einsum('...i,ij,...j->...', x, self.lyapunov, x))
        return length

    @cached_property
    def horizon(self) -> int:
        """Return the number of steps H of a rollout: the linear feedback has settled by then."""
        least, most = _STEPS
        states = directions(100, self.system.n, 0.5) * self.system.state_scale
        start, x = self.norm(states), states
        for step in range(most):
            if step >= least and np.all(self.norm(x) <= _SETTLED * start):
                return step
            x = x @ self.closed_loop.T
        return most

    @cached_property
    def residue(self) -> float:
        """Return a bound of |x|_P that the linear feedback reaches under any disturbance."""
        response, total = np.diag(self.system.disturbance), 0.0
        for _ in range(_ENOUGH):
            total += float(np.sum(self.norm(response.T)))
            response = self.closed_loop @ response
        return total


def _planned(system: System, block: Block, part: LiftedSet, cache: Cache
             ) -> LiftedSet | None:
    """Return the planned set of a part, None where nothing is planned for it."""
    planned, description = system.description.planned or {}, system.description
    states = {at: planned[description.states[place].name] / block.scale[at]
              for at, place in enumerate(block.states)
              if description.states[place].name in planned}
    inputs = {at: planned[description.inputs[place].name] / block.input_scale[at]
              for at, place in enumerate(block.inputs)
              if description.inputs[place].name in planned}
    return planned_set(block, part, states, inputs, cache) if states or inputs else None
