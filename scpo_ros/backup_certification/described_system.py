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
The certification of the backup of a described system. No ROS.

theta_0 is evaluated as adapter and controller do: filter action, task cost and return to the
origin on the scenarios of each. Where a metric fails, or there is no safe set, the sentence says
which, and names the command that explains the description.
"""

import numpy as np
from scpo_ros.arrays import Array
from scpo_ros.backup_certification.demands import (
    AdapterDemand, ControllerDemand, Demand, kinds_of_system, LargestMetric, LargestMetricKind,
    Place)
from scpo_ros.verification.filtered_evaluation import FilteredEvaluation
from scpo_ros.verification.fresh_rollouts import FreshRollouts
from scpo_ros.verification.fresh_tests import FreshTests
from scpo_ros.verification.system_task import SystemTask
from scpo_ros.verification.verdict import SEED_OFFSET


def largest_of_system(task: SystemTask, demands: tuple[Demand, ...]) -> tuple[LargestMetric, ...]:
    """
    Return what is measured of theta_0: the largest metric of each kind on each set.

    :param demands: of :func:`~.demands.demands_of`.
    """
    found = []
    for demand in demands:
        for place, values, proved, fresh in _measured(task, demand):
            columns = columns_of_system(task.kind, len(values), proved, fresh)
            for kind in kinds_of_system(task.kind):
                own = columns[kind]
                worst = own[int(np.argmax(np.nan_to_num(values[own], nan=np.inf)))]
                found.append(LargestMetric(
                    kind, place, float(values[worst]), demand.bound(place, kind), worst))
    return tuple(found)


def columns_of_system(certificate: str, count: int, proved: int = 0, fresh: int = 0
                      ) -> dict[LargestMetricKind, list[int]]:
    """
    Return the columns of every kind, of so many metrics: means, returns, proved, fresh ones.

    :param proved: how many of them are proved. :param fresh: how many are of fresh scenarios.
    """
    columns = _of_the_sets(certificate, count - fresh, proved)
    if fresh:
        columns[LargestMetricKind.RETURN].append(count - 1)
    if fresh > 1:
        columns[LargestMetricKind.ACTION].append(count - 2)
    return columns


def _of_the_sets(certificate: str, count: int, proved: int) -> dict[LargestMetricKind, list[int]]:
    """Return the columns of every kind, of so many metrics without fresh scenarios."""
    if certificate == 'proved':
        first = count - proved
        return {LargestMetricKind.COST: [0, 1], LargestMetricKind.RETURN: list(range(2, first)),
                LargestMetricKind.PROVED_INPUT: list(range(first, count))}
    if certificate == 'guarded':
        return {LargestMetricKind.ACTION: [0, 2], LargestMetricKind.COST: [1, 3],
                LargestMetricKind.RETURN: list(range(4, count))}
    return {LargestMetricKind.COST: [0, 1], LargestMetricKind.RETURN: list(range(2, count))}


def _evaluation_of(task: SystemTask, demand: AdapterDemand) -> FilteredEvaluation:
    """Return the evaluation, without replays, that a demand of the adapter is judged by."""
    if demand.fresh:  # a look, not a claim: no test of the bound is spent
        return FreshRollouts(task, FreshTests(entropy=task.spec.metrics.seed), replays=0)
    return FilteredEvaluation(task, replays=0)


def _measured(task: SystemTask, demand: Demand) -> list[tuple[Place, Array, int, int]]:
    """Return (place, metrics (k,), how many are proved, fresh) of theta_0 on every set."""
    theta = task.initial_theta[None]
    if isinstance(demand, ControllerDemand):
        own = FilteredEvaluation(task, task.spec.metrics.seed + SEED_OFFSET, replays=0)
        return [('controller', own.verify(theta)[0], len(own.proved_metrics), 0)]
    evaluation = _evaluation_of(task, demand)
    seen = evaluation.evaluate(theta)[0]
    verified = evaluation.verify(theta)[0]
    return [('design', seen, len(seen) - evaluation.means - len(evaluation.design_set), 0),
            ('verification', verified, len(evaluation.proved_metrics),
             len(verified) - evaluation.fixed)]
