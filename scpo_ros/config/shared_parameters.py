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
The parameters that all processes must agree on, since certificates rest on them.

Each group is a frozen dataclass; :class:`Spec` gathers the groups. Every value carries its
description, unit and range. Values have dotted names ('backup.horizon') in parameter files, which
:mod:`scpo_ros.config.validation` turns into objects and back. The nodes derive their parameter
descriptors from the same fields.
"""

from dataclasses import dataclass, field

from scpo_ros.config.validation import LARGEST, Validated, value
from scpo_ros.exceptions import ConfigurationError


SOLVERS = ('daqp', 'osqp', 'qpoases')


@dataclass(frozen=True)
class SystemConfig(Validated):
    """The double integrator, its limits and its disturbance."""

    dt: float = value(0.1, 'model step, control period and plant step [s]', 0.005, 0.5)
    position_limit: float = value(1.0, '|p| <= this [m]', 1e-3, 1e3)
    velocity_limit: float = value(0.6, '|v| <= this [m/s]', 1e-3, 1e3)
    input_limit: float = value(1.0, '|u| <= this [m/s^2]', 1e-3, 1e3)
    disturbance: float = value(
        0.03, 'bound of the acceleration disturbance; |w| <= dt * this on v a step [m/s^2]',
        0.0, 1e3)
    position_disturbance: float = value(
        0.0, 'bound of what moves the position besides; |w| <= dt * this on p a step: encoder and '
        'integration of a real robot [m/s]', 0.0, 1e3)
    sample_jitter: float = value(
        0.0, 'by how much the time between two states may differ from dt; what that changes '
        'is added to the disturbance of the certificate [s]', 0.0, 0.1)
    contraction_rate: float = value(
        0.513, 'the safe set C is lambda-contractive, lambda = exp(-rate dt) [1/s]', 0.0, 10.0)


@dataclass(frozen=True)
class BackupConfig(Validated):
    """The backup MPC: deliberately conservative, planned well inside the limits."""

    horizon: int = value(15, 'prediction horizon N [steps]', 1, 60)
    state_weight: tuple[float, ...] = value(
        (1.0, 0.5), 'diagonal of Q in the stage cost [1/m^2, s^2/m^2]', 1e-9, 1e9)
    input_weight: float = value(0.3, 'R in the stage cost [s^4/m^2]', 1e-9, 1e9)
    planned_position: float = value(0.9, 'soft limit of |p| in the plan [m]', 1e-3, 1e3)
    planned_velocity: float = value(0.2, 'soft limit of |v| in the plan [m/s]', 1e-3, 1e3)
    planned_input: float = value(0.3, 'soft limit of |u| in the plan [m/s^2]', 1e-3, 1e3)
    solver: str = value('daqp', 'CasADi conic plugin', choices=SOLVERS)


@dataclass(frozen=True)
class PolicyConfig(Validated):
    """The residual network."""

    hidden: tuple[int, ...] = value((16, 16), 'widths of the hidden tanh layers [1]', 1, 512)
    seed: int = value(0, 'seed of the initial hidden weights (the residual starts at zero)', 0,
                      LARGEST)


@dataclass(frozen=True)
class MetricsConfig(Validated):
    """The safety metrics."""

    horizon_s: float = value(6.0, 'length of a rollout [s]', 0.1, 60.0)
    stability: str = value(
        'sampled', 'how it is known that the state returns: rollouts that end near the origin, or '
        'a proof that every step from every state contracts a norm', choices=('sampled', 'proved'))
    stability_decay: float = value(
        0.05, 'proved: the norm shrinks at least by exp(-this dt) a step [1/s]', 1e-6, 10.0)
    stability_ratio: float = value(0.5, 'rho in |x_H| <= rho |x_0| + offset [1]', 0.0, 0.999)
    stability_offset: float = value(0.1, 'sampled: offset there [m]', 0.0, 10.0)
    baseline_cost: bool = value(True, "whether the task cost must not exceed the backup's")
    baseline_cost_tolerance: float = value(
        0.03, "eps: by what part the task cost may exceed the backup's; 0.03 on the "
        'sampled means keeps it below 0.05 elsewhere [1]', 1e-3, 10.0)
    design_states: int = value(60, 'initial states of the design rollouts', 4, 10000)
    verification_states: int = value(300, 'initial states of the verification rollouts', 4, 100000)
    certificate: str = value(
        'auto', 'how it is known that the safe set is kept: proved over all of its states, or '
        'sampled at some; auto: proved', choices=('auto', 'proved', 'sampled'))
    proof_cells: int = value(64, 'proved: cells of the grid over C along each axis', 4, 1024)
    invariance_states: int = value(
        60000, 'sampled: states of C', 100, 10000000)
    seed: int = value(0, 'seed of the scenario sets', 0, LARGEST)


@dataclass(frozen=True)
class Spec(Validated):
    """
    What a certificate rests on; every process must hold the same.

    This is the double integrator, whose certificates can be proved. Any other system has a
    :class:`~scpo_ros.config.system_spec.SystemSpec`.
    """

    system: SystemConfig = field(default_factory=SystemConfig)
    backup: BackupConfig = field(default_factory=BackupConfig)
    policy: PolicyConfig = field(default_factory=PolicyConfig)
    metrics: MetricsConfig = field(default_factory=MetricsConfig)

    @property
    def rollout_steps(self) -> int:
        """Return the length H of a rollout in steps."""
        return max(1, round(self.metrics.horizon_s / self.system.dt))

    @property
    def certificate(self) -> str:
        """Return the kind of certificate: 'proved' or 'sampled'."""
        return 'proved' if self.metrics.certificate == 'auto' else self.metrics.certificate

    @property
    def swap_dwell_s(self) -> float:
        """Return the shortest time between two swaps [s], where the controller sets none."""
        return 0.0 if self.certificate == 'proved' else self.metrics.horizon_s

    def __post_init__(self) -> None:
        """Check the relations between groups."""
        super().__post_init__()
        system, backup = self.system, self.backup
        if not system.sample_jitter < system.dt / 4:
            raise ConfigurationError(
                'system.sample_jitter', system.sample_jitter,
                f'must be less than dt / 4 = {system.dt / 4:g}')
        for name in ('position', 'velocity', 'input'):
            planned, limit = (getattr(backup, f'planned_{name}'), getattr(system, f'{name}_limit'))
            if planned > limit:
                raise ConfigurationError(
                    f'backup.planned_{name}', planned,
                    f'must not exceed system.{name}_limit = {limit}')
        if self.metrics.stability == 'proved' and self.certificate != 'proved':
            raise ConfigurationError(
                'metrics.stability', 'proved',
                "needs metrics.certificate = 'proved': it speaks of states that stay in C")
        if len(backup.state_weight) != 2:
            raise ConfigurationError(
                'backup.state_weight', backup.state_weight, 'must have 2 entries')
        if self.metrics.horizon_s < system.dt:
            raise ConfigurationError(
                'metrics.horizon_s', self.metrics.horizon_s, f'must be at least dt = {system.dt}')
