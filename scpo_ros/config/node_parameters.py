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
The parameters of each node, beside those that all nodes share.

Each node has one frozen dataclass, whose fields carry description, unit and range.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TypeVar

from scpo_ros.config.driver_parameters import DriverConfig
from scpo_ros.config.excite_parameters import ExciteConfig
from scpo_ros.config.plant_parameters import PlantConfig
from scpo_ros.config.shared_parameters import Spec
from scpo_ros.config.system_spec import NAME, PARAMETERS, Specification, SystemSpec
from scpo_ros.config.validation import build, LARGEST, Validated, value
from scpo_ros.exceptions import ConfigurationError


EXPERTS = ('benign', 'overspeed', 'outward_edge', 'sign_flip', 'destabilising_gain',
           'wrong_target', 'energy_pump')


@dataclass(frozen=True)
class ControllerConfig(Validated):
    """The controller node."""

    autostart: bool = value(
        True, 'configure and activate without being asked; while it is inactive no state is '
        'answered')
    safety: bool = value(
        True, 'policy checks and safety filter; false only for demonstrations of the danger')
    certified_margin: float = value(
        0.02, "least margin that a policy's certificate must claim and its proved bounds must "
        'keep [1]', 0.0, 1.0)
    cost_tolerance: float = value(
        0.05, 'eps: all policies together may cost so much more than the backup, else it answers; '
        'at least baseline_cost_tolerance; without baseline_cost it is not looked at [1]',
        1e-3, 10.0)
    swap_dwell_s: float = value(
        -1.0, 'shortest time between two policy swaps; negative: the rollout length where '
        'certificates are sampled, else none [s]', -1.0, 600.0)
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
    ledger_dir: str = value('', 'folder of controller.ledger; empty: no ledger is kept',
                            path=True)
    ledger_limit_mib: int = value(
        1024, 'the ledger and its files put aside take at most this; the oldest are deleted [MiB]',
        16, 1048576)
    lockstep: bool = value(
        True, 'with use_sim_time: the answer to a state waits for a verification under way, so '
        'that one seed gives one sequence; false where the clock does not wait')
    realtime_priority: int = value(
        10, 'SCHED_FIFO priority of the node where the system grants it; 0, and with lockstep: '
        'none', 0, 99)

    def cost_tolerance_of(self, spec: Spec) -> float:
        """Return by what part a sequence of policies may cost more than the backup [1]."""
        return max(self.cost_tolerance, spec.metrics.baseline_cost_tolerance)

    def dwell(self, spec: Specification) -> float:
        """Return the shortest time between two swaps [s] under a specification."""
        if not self.safety:
            return 0.0
        if self.swap_dwell_s >= 0:
            return self.swap_dwell_s
        return spec.swap_dwell_s


@dataclass(frozen=True)
class AdapterConfig(Validated):
    """The adapter node and the method's own settings."""

    autostart: bool = value(True, 'configure and activate without being asked')
    safety: bool = value(
        True, 'SCPO; false publishes raw steps, only for demonstrations of the danger')
    seed: int = value(0, 'seed of the sampled directions', 0, LARGEST)
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
    expert_wait_s: float = value(
        20.0, 'with use_sim_time: longest wait for an expert not seen yet [s, wall]', 0.0, 600.0)
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
        '', 'where ~/save_policy writes; empty: the working directory', dynamic=True,
        path=True)
    policy_file: str = value('', 'what ~/load_policy reads', dynamic=True, path=True)
    diag_error_count_threshold: int = value(
        5, 'diagnostics warn of a refused update, and report an error after so many in a row', 1,
        10000, dynamic=True)
    lockstep: bool = value(
        True, 'with use_sim_time: plant, controller and adapter wait for one another, so that one '
        'seed gives one sequence; false where the clock does not wait')
    ledger_dir: str = value('', 'folder of adapter.ledger; empty: no ledger is kept',
                            path=True)
    ledger_limit_mib: int = value(
        1024, 'the ledger and its files put aside take at most this; the oldest are deleted [MiB]',
        16, 1048576)
    verification: str = value(
        'sets', 'what policies are verified on; sampled-bound: on fresh scenarios too, whose '
        'violation probability is then bounded', choices=('sets', 'sampled-bound'))
    bound_file: str = value(
        '', 'with sampled-bound: the file that counts the tests, across restarts',
        path=True)
    rollback_version: int = value(
        -1, 'to which version ~/rollback goes back; -1: to the parent of the present one', -1,
        10**9, dynamic=True)

    def __post_init__(self) -> None:
        """Check the relation of the margins."""
        super().__post_init__()
        if self.verification == 'sampled-bound' and not self.bound_file:
            raise ConfigurationError(
                'bound_file', '', 'must be given where verification is sampled-bound')
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
    output: str = value('results/latest', 'folder of summary and picture', path=True)
    seed: int = value(0, 'the seed, for the summary', 0, LARGEST)
    live: bool = value(True, 'whether to print a live line')


@dataclass(frozen=True)
class RecorderConfig(Validated):
    """The recorder node, which runs when it is asked for."""

    bag_path: str = value('bag', 'folder of the bag; must not exist yet', path=True)
    parameters_file: str = value('', 'parameter file to keep in the bag; empty: none',
                                 path=True)


STANDARD = ('use_sim_time', 'start_type_description_service')  # parameters of any node of ROS 2
RUN_NODES = ('plant', 'controller', 'adapter', 'expert', 'monitor')  # nodes of a simulated run
NODES: dict[str, type[Validated]] = {
    'plant': PlantConfig, 'controller': ControllerConfig, 'adapter': AdapterConfig,
    'expert': ExpertConfig, 'monitor': MonitorConfig, 'ros2_control_driver': DriverConfig,
    'excite': ExciteConfig}

_Config = TypeVar('_Config', bound=Validated)


def build_spec(values: Mapping[str, object]) -> Specification:
    """
    Build the specification of {dotted name: value}.

    The parameter `system.description` says of which class it is: without it, or with
    'double_integrator', the other parameters define the system.

    :raises ConfigurationError: as :func:`build`.
    """
    if values.get(NAME, PARAMETERS) == PARAMETERS:
        return build(Spec, {name: item for name, item in values.items() if name != NAME})
    return build(SystemSpec, values)


def build_node(kind: type[_Config], values: Mapping[str, object]
               ) -> tuple[Specification, _Config]:
    """
    Build (specification, node configuration) from the parameters of one node.

    :param kind: the node's configuration class. :param values: {dotted name: value}.
    :raises ConfigurationError: as :func:`build`.
    """
    groups = tuple(f'{entry.name}.' for entry in fields(Spec))
    shared = {name: item for name, item in values.items() if name.startswith(groups)}
    own = {name: item for name, item in values.items() if name not in shared}
    spec, config = build_spec(shared), build(kind, own)
    return spec, config
