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

"""The numbers that sum up a run: the entries of summary.json. No ROS."""

from typing import TypedDict

import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.health.timing import period_counts
from scpo_ros.policy.imitation import ImitationLoss
from scpo_ros.recording.run_record import KEPT_STATES, RunRecord
from scpo_ros.verification.safe_task import SafeTask


_SEED = 20  # of the held-out rollouts of the task costs


class RunIdentity(TypedDict):
    """Which run it was: the first entries of a summary."""

    expert: str | None  # names of the experts that demonstrated, None where none did
    seed: int | None  # of the simulated plant, None for a robot
    duration_s: float | None  # since the first policy
    disturbed_by: list[str] | None  # topics with several publishers, None where nobody looked


class RunNumbers(TypedDict):
    """The numbers of a run; None stands for a number that was not measured."""

    system: str  # its name
    certificate_kind: str
    updates_accepted: int | None
    updates_refused: int | None
    samples: int  # states
    limit_violations: int | None  # states outside the limits
    guard_interventions: int | None
    filter_share: float | None  # of the answered states, where the safety filter acted
    worst_metric: float | None
    imitation_loss_initial: float | None
    imitation_loss_final: float | None
    task_cost_backup: float
    task_cost_final: float | None
    policy_version_adapter: int | None
    policy_version_controller: int | None
    policies_refused_by_controller: int | None
    control_period_p99_ms: float | None
    control_periods: dict[str, int] | None
    deadline_misses: int | None


class RunSummary(RunIdentity, RunNumbers):
    """The entries of summary.json."""


def numbers_of(record: RunRecord, task: SafeTask) -> RunNumbers:
    """
    Return the numbers of a run; losses and costs by simulation, theta_0 against final.

    A number that was not measured is None. A real robot reports no deadline misses. A bag without
    the controller's topics does not tell the policy that ran, its control periods and the
    interventions of the safety filter.
    """
    initial, seen, numbers = task.initial_theta, record.running, record.numbers
    thetas = np.stack([initial] if seen is None else [initial, seen.theta])
    losses = _losses(record, task, thetas)
    costs = [float(cost) for cost in task.mean_costs(thetas, _SEED)]
    return {
        'system': record.wiring.name, 'certificate_kind': task.kind,
        'updates_accepted': numbers.total('accepted'),
        'updates_refused': numbers.total('refused'),
        'samples': len(record.states), 'limit_violations': record.known_violations,
        'guard_interventions': numbers.total('guard_interventions'),
        'filter_share': record.filter_share,
        'worst_metric': numbers.measured('worst_metric'),
        'imitation_loss_initial': losses[0],
        'imitation_loss_final': None if seen is None else losses[1],
        'task_cost_backup': costs[0],
        'task_cost_final': None if seen is None else costs[1],
        'policy_version_adapter':
            record.published[-1].policy.version if record.published else None,
        'policy_version_controller': None if seen is None else seen.version,
        'policies_refused_by_controller': None if seen is None else seen.refusals,
        'control_period_p99_ms':
            float(np.percentile(numbers.periods, 99)) if numbers.periods else None,
        'control_periods': (period_counts(numbers.periods, record.system.dt)
                            if numbers.periods else None),
        'deadline_misses': numbers.total('deadline_misses')}


def _losses(record: RunRecord, task: SafeTask, thetas: Array) -> list[float | None]:
    """Return the imitation losses of policies (P, d), None where nothing was demonstrated."""
    if not record.demonstrations:
        return [None] * len(thetas)
    states = np.vstack([states for states, _ in record.demonstrations])[-KEPT_STATES:]
    actions = np.vstack([actions for _, actions in record.demonstrations])[-KEPT_STATES:]
    return [float(loss) for loss in ImitationLoss(task.policy, states, actions).losses(thetas)]
