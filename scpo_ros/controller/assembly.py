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

"""The controller's parts, put together as a configuration says. No ROS."""

from scpo_ros.config import ControllerConfig, Specification
from scpo_ros.controller.admission import Admission
from scpo_ros.controller.control_loop import ControlLoop
from scpo_ros.controller.cost_budget import CostBudget
from scpo_ros.controller.judge_request import VerifierWorker
from scpo_ros.controller.model_monitor import ModelMonitor
from scpo_ros.controller.policy_gate import PolicyGate
from scpo_ros.interface.policy_record import backup_record
from scpo_ros.interface.state_watch import StateWatch
from scpo_ros.ledger.history import History
from scpo_ros.ledger.retention import MIB, Room
from scpo_ros.process.worker import Worker
from scpo_ros.verification.safe_task import SafeTask
from scpo_ros.verification.specified import task_of
from scpo_ros.verification.task import ControlTask
from scpo_ros.verification.verdict import Judging

# Between two starts of the verifier, and before the first: the first answers to states come first.
_PAUSE_S = 1.0


def make_verifier(spec: Specification, margin: float, wanted: str) -> Judging:
    """
    Return the verifier, in its own process, which alone pays for its imports.

    :param wanted: digest of the controller's task: the verifier reads a description again, at
        each of its starts.
    :raises ConfigurationError: when the description has another content by now.
    """
    from scpo_ros.verification.specified import verifier_of
    return verifier_of(spec, margin, wanted=wanted)


def build_loop(spec: Specification, config: ControllerConfig) -> ControlLoop:
    """
    Return the control loop of a configuration.

    :raises LedgerError: when the ledger cannot be opened.
    """
    task = task_of(spec)
    dt = task.system.dt
    return ControlLoop(
        task, task.law(task.initial_theta, enabled=config.safety),
        build_admission(spec, task, config),
        StateWatch(dt, config.state_timeout_s, age_limit=config.state_age_limit_s),
        ModelMonitor(task, round(config.model_calm_s / dt)),
        config.safety, build_budget(task, config))


def build_admission(spec: Specification, task: SafeTask, config: ControllerConfig) -> Admission:
    """
    Return the admission of a configuration, with its ledger and the process of its verifier.

    :raises LedgerError: when the ledger cannot be opened.
    """
    margin = config.certified_margin
    history = History(config.ledger_dir, 'controller', room=Room(config.ledger_limit_mib * MIB))
    gate = PolicyGate(backup_record(task.initial_theta, task.digest), margin, config.dwell(spec),
                      task.kind)
    arguments = spec, margin, task.digest
    worker: VerifierWorker | None = Worker(
        make_verifier, arguments, niceness=10, started=False,
        pause=_PAUSE_S) if config.safety else None
    return Admission(gate, worker, history, config.verification_timeout_s, arguments)


def build_budget(task: SafeTask, config: ControllerConfig) -> CostBudget | None:
    """
    Return the cost budget of a configuration, None where task cost does not count.

    A described system has none: its backup has no cost-to-go that is known. Each policy alone is
    held to the task cost of the backup there, a sequence of them is not.
    """
    if not (config.safety and isinstance(task, ControlTask) and task.spec.metrics.baseline_cost):
        return None
    return CostBudget(task, config.cost_tolerance_of(task.spec))
