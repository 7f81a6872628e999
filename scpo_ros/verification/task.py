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

"""The control task: everything that follows from a :class:`~scpo_ros.config.Spec`."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import cast

import numpy as np
from scpo_ros.arrays import Array, Booleans
from scpo_ros.backup.law import Backup
from scpo_ros.backup.mpc import BackupMpc, build_qp, riccati
from scpo_ros.backup.planar.cost_to_go import CostToGo
from scpo_ros.backup.planar.explicit_law import ExplicitLaw
from scpo_ros.backup.planning import Planning
from scpo_ros.config import Spec, SystemConfig
from scpo_ros.config.specification import spec_digest
from scpo_ros.config.table_cache import Cache
from scpo_ros.interface.joint_layout import JointLayout, SLIDER
from scpo_ros.policy.residual_policy import ResidualNetwork, ResidualPolicy
from scpo_ros.policy.safety_filter import NearestInputFilter
from scpo_ros.proofs.invariance import PlanarLaw, PlanarPolicy, ProvedInvariance
from scpo_ros.proofs.stability import ProvedStability
from scpo_ros.sets.admissible_inputs import admissible_inputs, AdmissibleInputs, InputBounds
from scpo_ros.sets.invariant_set import contractive_set, Polytope
from scpo_ros.simulation.rollout import Simulator
from scpo_ros.systems.drive import braking, SilentLaw
from scpo_ros.systems.linear_system import double_integrator, LinearSystem
from scpo_ros.systems.scenario import random_scenarios
from scpo_ros.tolerances import Tolerances
from scpo_ros.verification.safety_metrics import RolloutMetric


def contraction_factor(config: SystemConfig) -> float:
    """Return lambda = exp(-rate dt) of a :class:`~scpo_ros.config.SystemConfig`."""
    return float(np.exp(-config.contraction_rate * config.dt))


_HELD_OUT = 500  # rollouts of the task costs


@dataclass(frozen=True)
class ControlTask:
    """System, safe set, backup, policy and metrics; the same in every process."""

    spec: Spec
    system: LinearSystem
    safe_set: Polytope  # C
    contraction_factor: float  # lambda
    mpc: BackupMpc
    lyapunov: Array  # (n, n), P of V(x) = x'Px
    gain: Array  # (m, n), LQR
    policy: ResidualPolicy
    bounds: AdmissibleInputs
    simulator: Simulator
    metric: RolloutMetric
    cache: Cache = None  # folder of tables, None for the default

    @classmethod
    def build(cls, spec: Spec, cache: Cache = None,
              progress: Callable[[float], None] | None = None) -> 'ControlTask':
        """
        Build the task; the backup's table comes from the cache when it is there.

        :param cache: folder of tables, None for the default.
        :param progress: None or a callable of the built fraction of the table.
        :raises ConfigurationError: when the limits leave no safe set.
        """
        system = double_integrator(spec.system)
        factor = contraction_factor(spec.system)
        safe_set = contractive_set(system, factor)
        mpc = BackupMpc(build_qp(system, safe_set, factor, Planning.of(spec.backup)), safe_set,
                        spec.backup.solver, system.m)
        law = ExplicitLaw.load_or_build(mpc, cache=cache, progress=progress)
        return cls.assemble(spec, system, safe_set, factor, mpc, law, cache)

    @classmethod
    def assemble(cls, spec: Spec, system: LinearSystem, safe_set: Polytope, factor: float,
                 mpc: BackupMpc, law: Backup, cache: Cache = None) -> 'ControlTask':
        """
        Return the task made of the given parts.

        :param factor: contraction factor lambda of the safe set. :param law: of the backup.
        """
        lyapunov, gain = riccati(system, spec.backup.state_weight, spec.backup.input_weight)
        network = ResidualNetwork(
            (system.n, *spec.policy.hidden), system.state_limit, system.m)
        policy = ResidualPolicy(system, law, network)
        bounds = admissible_inputs(system, safe_set)
        simulator = Simulator(policy, bounds, np.array(spec.backup.state_weight),
                              np.full(system.m, spec.backup.input_weight))
        tolerance = spec.metrics.baseline_cost_tolerance if spec.metrics.baseline_cost else np.inf
        metric = RolloutMetric(simulator, lyapunov, spec.metrics.stability_ratio,
                               spec.metrics.stability_offset, tolerance,
                               constraint=spec.certificate == 'sampled',
                               stability=spec.metrics.stability == 'sampled')
        return cls(spec, system, safe_set, factor, mpc, lyapunov, gain, policy, bounds,
                   simulator, metric, cache)

    @property
    def _tabulated(self) -> PlanarPolicy:
        """Return the policy, whose backup is a table: the proofs cover its pieces."""
        return cast(PlanarPolicy, self.policy)

    @cached_property
    def invariance_proof(self) -> ProvedInvariance:
        """Return the proof of invariance; it holds no scenarios, so all may share it."""
        law = PlanarLaw.of(
            self._tabulated, InputBounds.of(self.system, self.safe_set), self.cache)
        return ProvedInvariance(law, self.spec.metrics.proof_cells)

    @cached_property
    def stability_proof(self) -> ProvedStability | None:
        """Return the proof of stability, None where stability is sampled."""
        metrics = self.spec.metrics
        if metrics.stability == 'sampled':
            return None
        rate = float(np.exp(-metrics.stability_decay * self.system.dt))
        return ProvedStability(
            self._tabulated, rate, max(4, metrics.proof_cells // 2), self.cache)

    @cached_property
    def tolerances(self) -> Tolerances:
        """Return how far what another machine computes of this task may be from it."""
        slopes = self._tabulated.backup.table.slopes[:, :-1]
        return Tolerances(float(np.linalg.norm(slopes, axis=1).max()))

    @cached_property
    def cost_to_go(self) -> CostToGo:
        """Return the backup's cost-to-go, a callable of states (N, n); its table is cached."""
        return CostToGo.load_or_build(self)

    def build_proofs(self) -> list[ProvedInvariance | ProvedStability]:
        """
        Return the proofs that the specification asks for; make the table of the cost-to-go.

        The tables that take long then are in the cache, where other processes find them: a second
        the first time at dt = 0.1, most of a minute at 0.01.

        :raises InfeasibleError: when nothing can be proved, see there.
        """
        asked: list[ProvedInvariance | ProvedStability] = []
        if self.kind == 'proved':
            asked.append(self.invariance_proof)
        if self.spec.metrics.baseline_cost:
            CostToGo.load_or_build(self)
        if self.stability_proof is not None:
            asked.append(self.stability_proof)
        return asked

    @property
    def horizon(self) -> int:
        """Return the rollout length H in steps."""
        return self.spec.rollout_steps

    @property
    def initial_theta(self) -> Array:
        """Return theta_0 (d,): the backup."""
        return self.policy.network.initial(self.spec.policy.seed)

    @property
    def layout(self) -> JointLayout:
        """Return where states and inputs stand in messages."""
        return SLIDER

    @property
    def silent_law(self) -> SilentLaw:
        """Return what a simulated plant does after long silence: it brakes."""
        return braking(self.system)

    @property
    def outline(self) -> Array:
        """Return the corners (v, 2) of C."""
        return self.safe_set.vertices

    def contains(self, x: Array, tolerance: float = 1e-9) -> Booleans:
        """Return whether states (..., n) lie in C, up to a part of its size; NaN does not."""
        return self.safe_set.contains(x, tolerance)

    def law(self, theta: Array, enabled: bool = True) -> NearestInputFilter:
        """Return the law that the controller runs, see :class:`.safe_task.SafeTask`."""
        return NearestInputFilter(self, theta, enabled)

    def mean_costs(self, thetas: Array, seed: int) -> Array:
        """Return the mean stage costs (P,) of policies (P, d) over held-out rollouts."""
        rng = np.random.default_rng([self.spec.metrics.seed, seed])
        scenarios = random_scenarios(self.system, self.safe_set, _HELD_OUT, self.horizon, rng)
        costs: Array = self.simulator.summarise(thetas, scenarios).cost.mean(axis=1)
        return costs

    @property
    def kind(self) -> str:
        """Return the kind of certificate: 'proved' or 'sampled'."""
        return self.spec.certificate

    @property
    def digest(self) -> str:
        """Return the digest of the specification, the same on every processor."""
        return spec_digest(self.spec)
