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
The metrics of theta_0, the policy that equals the backup, as adapter and controller evaluate them.

The adapter's design and verification sets hold no replays yet; the controller's scenarios are
drawn with a seed of their own, as its verifier draws them. No ROS.
"""

import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.backup_certification.demands import (
    ControllerDemand, Demand, largest_metric_kinds, LargestMetric, LargestMetricKind, Place)
from scpo_ros.config import Spec
from scpo_ros.config.table_cache import Cache
from scpo_ros.exceptions import CertificationError
from scpo_ros.systems.linear_system import LinearSystem
from scpo_ros.verification.evaluation import SafetyEvaluation
from scpo_ros.verification.metric_layout import MetricKind, MetricLayout
from scpo_ros.verification.sampled_verification import SampledEvaluation
from scpo_ros.verification.task import ControlTask
from scpo_ros.verification.verdict import SEED_OFFSET


_INPUT = (MetricKind.INVARIANCE, MetricKind.CONSTRAINT, MetricKind.FRESH_CONSTRAINT)
_COLUMNS = {  # the metrics of each kind
    LargestMetricKind.INPUT: _INPUT, LargestMetricKind.PROVED_INPUT: _INPUT,
    LargestMetricKind.COST: (MetricKind.BASELINE_COST,),
    LargestMetricKind.RETURN: (MetricKind.RETURN, MetricKind.FRESH_RETURN),
    LargestMetricKind.STABILITY: (MetricKind.STABILITY,)}


def build_task(spec: Spec, cache: Cache = None) -> ControlTask:
    """Return the :class:`ControlTask`, its proofs made."""
    task = ControlTask.build(spec, cache)
    task.build_proofs()
    return task


def largest_metrics(task: ControlTask, demands: tuple[Demand, ...]) -> tuple[LargestMetric, ...]:
    """
    Return what is measured of theta_0: the largest metric of each kind on each set.

    :param demands: of :func:`~.demands.demands_of`.
    :raises CertificationError: for a metric that is of no kind.
    """
    found, kinds = [], largest_metric_kinds(task.spec)
    for demand in demands:
        for place, values, layout in _measured(task, demand):
            for kind, columns in columns_of(kinds, layout, len(values)).items():
                worst = columns[np.argmax(np.nan_to_num(values[columns], nan=np.inf))]
                found.append(LargestMetric(
                    kind, place, float(values[worst]), demand.bound(place, kind), worst,
                    unit_of(kind, task.system)))
    return tuple(found)


def unit_of(kind: LargestMetricKind, system: LinearSystem) -> str:
    """Return the unit of a kind, '' for none; distances are in that of the first state."""
    pushes, distance = {*system.input_units}, system.state_units[0]
    push = pushes.pop() if len(pushes) == 1 else ''
    units = {LargestMetricKind.INPUT: push, LargestMetricKind.PROVED_INPUT: push,
             LargestMetricKind.RETURN: distance, LargestMetricKind.COST: '',
             LargestMetricKind.STABILITY: f'{push} per {distance}' if push and distance else ''}
    return units[kind]


def columns_of(kinds: list[LargestMetricKind], layout: MetricLayout,
               count: int) -> dict[LargestMetricKind, list[int]]:
    """
    Return the columns of every kind, of so many metrics.

    :raises CertificationError: for a column that belongs to none.
    """
    columns = {kind: layout.columns(*_COLUMNS[kind]) for kind in kinds}
    if sorted(sum(columns.values(), [])) != list(range(count)):
        raise CertificationError('a metric of the backup belongs to no kind that is looked at')
    return columns


def evaluation_of(task: ControlTask, demand: Demand) -> SafetyEvaluation:
    """Return the evaluation, without replays, that a demand is judged by."""
    if isinstance(demand, ControllerDemand):
        return SafetyEvaluation(task, task.spec.metrics.seed + SEED_OFFSET, replays=0)
    if demand.fresh:  # a look, not a claim: no test of the bound is spent
        return SampledEvaluation(task, replays=0, entropy=task.spec.metrics.seed)
    return SafetyEvaluation(task, replays=0)


def _measured(task: ControlTask, demand: Demand) -> list[tuple[Place, Array, MetricLayout]]:
    """Return (place, metrics (k,), layout) of theta_0 for every set of a demand."""
    evaluation, theta = evaluation_of(task, demand), task.initial_theta[None]
    verified, layout = evaluation.verify(theta)[0], evaluation.verification_layout
    if isinstance(demand, ControllerDemand):
        return [('controller', verified, layout)]
    return [('design', evaluation.evaluate(theta)[0], evaluation.design_layout(theta)),
            ('verification', verified, layout)]
