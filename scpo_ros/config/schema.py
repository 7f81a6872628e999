"""
The configuration: frozen, validated, with description, unit and range of every value.

Each group is a frozen dataclass; :class:`Spec` gathers what all processes must agree on (what a
certificate rests on). Values have dotted names ('backup.horizon') in parameter files, which
:mod:`scpo_ros.config.validation` turns into objects and back. No ROS here: the nodes derive their
parameter descriptors from the same fields.
"""

from dataclasses import dataclass, field, fields

from scpo_ros.config.validation import build, Validated, value
from scpo_ros.exceptions import ConfigurationError


_LARGEST = 2**31 - 1  # what every tool can show and set
EXPERTS = ('benign', 'overspeed', 'outward_edge', 'sign_flip', 'destabilising_gain',
           'wrong_target', 'energy_pump')
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
    state_weight: tuple = value(
        (1.0, 0.5), 'diagonal of Q in the stage cost [1/m^2, s^2/m^2]', 1e-9, 1e9)
    input_weight: float = value(0.3, 'R in the stage cost [s^4/m^2]', 1e-9, 1e9)
    planned_position: float = value(0.9, 'soft limit of |p| in the plan [m]', 1e-3, 1e3)
    planned_velocity: float = value(0.2, 'soft limit of |v| in the plan [m/s]', 1e-3, 1e3)
    planned_input: float = value(0.3, 'soft limit of |u| in the plan [m/s^2]', 1e-3, 1e3)
    solver: str = value('daqp', 'CasADi conic plugin', choices=SOLVERS)


@dataclass(frozen=True)
class PolicyConfig(Validated):
    """The residual network."""

    hidden: tuple = value((16, 16), 'widths of the hidden tanh layers [1]', 1, 512)
    seed: int = value(0, 'seed of the initial hidden weights (the residual starts at zero)', 0,
                      _LARGEST)


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
    no_regret: bool = value(True, "whether the task cost must not exceed the backup's")
    no_regret_tolerance: float = value(
        0.03, "eps: admissible relative excess of the task cost over the backup's; 0.03 on the "
        'sampled means keeps it below 0.05 elsewhere [1]', 1e-3, 10.0)
    design_states: int = value(60, 'initial states of the design rollouts', 4, 10000)
    verification_states: int = value(300, 'initial states of the verification rollouts', 4, 100000)
    invariance: str = value(
        'proved', 'how it is known that the safe set is kept: proved over all of its states, or '
        'sampled at some', choices=('proved', 'sampled'))
    proof_cells: int = value(64, 'proved: cells of the grid over C along each axis', 4, 1024)
    invariance_states: int = value(
        60000, 'sampled: states of C', 100, 10000000)
    seed: int = value(0, 'seed of the scenario sets', 0, _LARGEST)


@dataclass(frozen=True)
class Spec(Validated):
    """What a certificate rests on; every process must hold the same."""

    system: SystemConfig = field(default_factory=SystemConfig)
    backup: BackupConfig = field(default_factory=BackupConfig)
    policy: PolicyConfig = field(default_factory=PolicyConfig)
    metrics: MetricsConfig = field(default_factory=MetricsConfig)

    def __post_init__(self):
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
        if self.metrics.stability == 'proved' and self.metrics.invariance != 'proved':
            raise ConfigurationError(
                'metrics.stability', 'proved',
                "needs metrics.invariance = 'proved': it speaks of states that stay in C")
        if len(backup.state_weight) != 2:
            raise ConfigurationError(
                'backup.state_weight', backup.state_weight, 'must have 2 entries')
        if self.metrics.horizon_s < system.dt:
            raise ConfigurationError(
                'metrics.horizon_s', self.metrics.horizon_s, f'must be at least dt = {system.dt}')


@dataclass(frozen=True)
class PlantConfig(Validated):
    """The simulated plant."""

    seed: int = value(0, 'seed of episodes and disturbances', 0, _LARGEST)
    random_start: bool = value(
        True, 'episodes start at random in the safe set; false: at initial_state')
    initial_state: tuple = value(
        (0.5, 0.0), 'where episodes start otherwise [m, m/s]', -1e3, 1e3)
    episode_steps: int = value(60, 'steps of an episode', 2, 10000000)
    command_timeout_s: float = value(
        0.5, 'without a command for this long the drive brakes to standstill [s]', 0.0, 60.0)
    real_time_factor: float = value(
        1.0, 'simulated seconds per wall second [1]', 0.01, 1000.0, dynamic=True)
    disturbance_scale: float = value(
        1.0, 'true disturbance over the certified bound; above 1 the model does not hold [1]',
        0.0, 100.0, dynamic=True)
    lockstep_timeout_s: float = value(
        30.0, 'with use_sim_time: longest wait for an answer before the plant goes on [s, wall]',
        0.1, 600.0)
    realtime_priority: int = value(
        10, 'SCHED_FIFO priority of the node where the system grants it; 0, and with lockstep: '
        'none', 0, 99)


@dataclass(frozen=True)
class ControllerConfig(Validated):
    """The controller node."""

    safety: bool = value(
        True, 'policy checks and runtime guard; false only for demonstrations of the danger')
    certified_margin: float = value(
        0.02, "least margin that a policy's certificate must claim and its proved bounds must "
        'keep [1]', 0.0, 1.0)
    cost_tolerance: float = value(
        0.05, 'eps: all policies together may cost so much more than the backup, else it answers; '
        'at least no_regret_tolerance; without no_regret it is not looked at [1]', 1e-3, 10.0)
    swap_dwell_s: float = value(
        -1.0, 'shortest time between two policy swaps; negative: none where invariance is proved, '
        'else the rollout length [s]', -1.0, 600.0)
    verification_timeout_s: float = value(
        20.0, 'longest own verification of a policy; later it is refused [s, wall]', 0.1, 600.0)
    state_timeout_s: float = value(
        0.5, 'without a state for this long diagnostics report an error; a state whose stamp lies '
        'further ahead is not acted upon until two more confirm it [s]', 0.0, 60.0)
    state_age_limit_s: float = value(
        0.0, 'a state whose stamp differs more from the clock is not acted upon; 0: not looked '
        'at, as a simulated plant may be faster than the clock [s]', 0.0, 60.0)
    model_calm_s: float = value(
        6.0, 'after a revocation the model must hold for this long before certification goes on; '
        'doubled by every further revocation, up to 16 times [s]', 0.0, 3600.0)
    ledger_dir: str = value('', 'folder of controller.ledger; empty: no ledger is kept')
    lockstep: bool = value(
        True, 'with use_sim_time: the answer to a state waits for a verification under way, so '
        'that one seed gives one sequence; false where the clock does not wait')
    realtime_priority: int = value(
        10, 'SCHED_FIFO priority of the node where the system grants it; 0, and with lockstep: '
        'none', 0, 99)

    def cost_tolerance_of(self, spec):
        """Return the relative excess of task cost that a sequence of policies may have [1]."""
        return max(self.cost_tolerance, spec.metrics.no_regret_tolerance)

    def dwell(self, spec):
        """Return the shortest time between two swaps [s] under a :class:`Spec`."""
        if not self.safety:
            return 0.0
        if self.swap_dwell_s >= 0:
            return self.swap_dwell_s
        return 0.0 if spec.metrics.invariance == 'proved' else spec.metrics.horizon_s


@dataclass(frozen=True)
class AdapterConfig(Validated):
    """The adapter node and the method's own settings."""

    autostart: bool = value(True, 'configure and activate without being asked')
    safety: bool = value(
        True, 'SCPO; false publishes raw steps, only for demonstrations of the danger')
    seed: int = value(0, 'seed of the sampled directions', 0, _LARGEST)
    enabled: bool = value(
        True, 'whether to learn; ~/set_enabled switches it too', dynamic=True)
    update_period_s: float = value(
        0.5, 'time between two updates [s]', 0.01, 60.0, dynamic=True)
    update_timeout_s: float = value(
        20.0, 'an update that takes longer is refused, its worker replaced [s, wall]', 0.1, 600.0)
    demonstrations: int = value(
        512, 'labelled states kept; the oldest leave', 16, 1000000, dynamic=True)
    min_demonstrations: int = value(
        40, 'labelled states before the first update', 1, 1000000, dynamic=True)
    rollout_steps: int = value(25, 'steps of a collected rollout', 2, 10000)
    demonstration_lag_s: float = value(
        2.0, 'with use_sim_time: demonstrations are used this long after the fact, so that runs '
        'repeat [s]', 0.0, 60.0)
    teacher_wait_s: float = value(
        20.0, 'with use_sim_time: longest wait for a teacher not seen yet [s, wall]', 0.0, 600.0)
    rollouts: int = value(16, 'collected rollouts replayed in the design set', 0, 1000)
    damping: float = value(
        0.02, 'damping of the Gauss-Newton step, relative [1]', 1e-9, 1e3, dynamic=True)
    directions: int = value(16, 'n, sampled perturbations per update', 1, 4096)
    radius: float = value(1e-4, 'r, length of a perturbation [1]', 1e-8, 1.0)
    trust_radius: float = value(0.5, 'R, longest step [1]', 1e-6, 100.0)
    accept_margin: float = value(0.02, 'm_acc: accepted only with g <= -m_acc [1]', 0.0, 1.0)
    plan_margin: float = value(
        0.025, 'm_plan > m_acc: the plan asks for g <= -m_plan [1]', 0.0, 1.0)
    centering: float = value(
        0.01, "the log barrier's first weight, part of the first loss; 0: none [1]", 0.0, 1.0)
    results_dir: str = value(
        '', 'where ~/save_policy writes; empty: the working directory', dynamic=True)
    policy_file: str = value('', 'what ~/load_policy reads', dynamic=True)
    diag_error_count_threshold: int = value(
        5, 'diagnostics warn of a refused update, and report an error after so many in a row', 1,
        10000, dynamic=True)
    lockstep: bool = value(
        True, 'with use_sim_time: plant, controller and adapter wait for one another, so that one '
        'seed gives one sequence; false where the clock does not wait')
    ledger_dir: str = value('', 'folder of adapter.ledger; empty: no ledger is kept')
    certificate: str = value(
        'sets', 'what policies are verified on; sampled-bound: on fresh scenarios too, whose '
        'violation probability is then bounded', choices=('sets', 'sampled-bound'))
    bound_file: str = value(
        '', 'with sampled-bound: the file that counts the tests, across restarts')
    rollback_version: int = value(
        -1, 'to which version ~/rollback goes back; -1: to the parent of the present one', -1,
        10**9, dynamic=True)

    def __post_init__(self):
        """Check the relation of the margins."""
        super().__post_init__()
        if self.certificate == 'sampled-bound' and not self.bound_file:
            raise ConfigurationError(
                'bound_file', '', 'must be given where certificate is sampled-bound')
        if not self.plan_margin > self.accept_margin:
            raise ConfigurationError(
                'plan_margin', self.plan_margin,
                f'must exceed accept_margin = {self.accept_margin}')
        if self.trust_radius < self.radius:
            raise ConfigurationError(
                'trust_radius', self.trust_radius, f'must be at least radius = {self.radius}')
        if self.min_demonstrations > self.demonstrations:
            raise ConfigurationError(
                'min_demonstrations', self.min_demonstrations,
                f'must not exceed demonstrations = {self.demonstrations}')


@dataclass(frozen=True)
class ExpertConfig(Validated):
    """The expert node."""

    expert: str = value(
        'outward_edge', 'the law that labels states', choices=EXPERTS, dynamic=True)
    batch: int = value(
        10, 'labelled states per demonstration', 1, 10000, dynamic=True)


@dataclass(frozen=True)
class MonitorConfig(Validated):
    """The monitor node: live line, summary and picture of a run."""

    duration_s: float = value(
        0.0, 'length of the run, counted from the first certificate; 0: until stopped [s]',
        0.0, 1e7)
    output: str = value('results/latest', 'folder of summary and picture')
    seed: int = value(0, 'the seed, for the summary', 0, _LARGEST)
    live: bool = value(True, 'whether to print a live line')


@dataclass(frozen=True)
class RecorderConfig(Validated):
    """The recorder node, which runs when it is asked for."""

    bag_path: str = value('bag', 'folder of the bag; must not exist yet')
    parameters_file: str = value('', 'parameter file to keep in the bag; empty: none')


NODES = {'plant': PlantConfig, 'controller': ControllerConfig, 'adapter': AdapterConfig,
         'expert': ExpertConfig, 'monitor': MonitorConfig}


def build_node(kind, values):
    """
    Build (Spec, node configuration) from the parameters of one node.

    :param kind: the node's configuration class. :param values: {dotted name: value}.
    :raises ConfigurationError: as :func:`build`.
    """
    groups = tuple(f'{entry.name}.' for entry in fields(Spec))
    shared = {name: item for name, item in values.items() if name.startswith(groups)}
    own = {name: item for name, item in values.items() if name not in shared}
    return build(Spec, shared), build(kind, own)
