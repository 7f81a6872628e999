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
Changes that certify a backup which is not certified, found by trying. No ROS.

A change of a margin or of a metric is tried whole: the certification is made with it. The largest
disturbance is searched for in :mod:`.largest_disturbance`, a safe set where there is none in
:mod:`.missing_safe_set`.
"""

from collections.abc import Sequence
import math

import numpy as np
from scpo_ros.backup_certification.demands import (
    AdapterDemand, ControllerDemand, Demand, LargestMetric, LargestMetricKind)
from scpo_ros.backup_certification.largest_disturbance import input_slack, LargestDisturbance
from scpo_ros.backup_certification.rollouts import down, gravest, up
from scpo_ros.backup_certification.trials import in_words, Suggestion, Trials
from scpo_ros.exceptions import ScpoRosError
from scpo_ros.verification.task import ControlTask


_RATE = 'system.contraction_rate'
_SEARCHES = {  # parameter: factors tried in turn
    'metrics.horizon_s': (1.5, 3.0), 'metrics.stability_decay': (0.5, 0.2, 0.05)}
_FASTER = (1.25, 1.5, 2.0, 3.0, 5.0)  # factors on the contraction rate, tried in turn
_INPUT = {LargestMetricKind.INPUT, LargestMetricKind.PROVED_INPUT}
_PROVED = {LargestMetricKind.PROVED_INPUT, LargestMetricKind.STABILITY}


def for_failure(trials: Trials, task: ControlTask, failed: Sequence[LargestMetric],
                found: Sequence[LargestMetric]) -> tuple[Suggestion, ...]:
    """
    Return what helps a backup of which some metrics fail.

    :param failed: those that do not hold. :param found: all.
    """
    kinds = {f.kind for f in failed}
    suggestions = _margins(trials, found)
    if kinds == {LargestMetricKind.RETURN}:
        suggestions += _raised(trials, 'metrics.stability_offset', failed)
        suggestions += _search(trials, 'metrics.horizon_s')
    if kinds == {LargestMetricKind.STABILITY}:
        suggestions += _search(trials, 'metrics.stability_decay')
        suggestions += trials.suggestion({'metrics.stability': 'sampled'})
    if kinds == {LargestMetricKind.COST}:
        suggestions += _raised(trials, 'metrics.baseline_cost_tolerance', failed)
    short_of_input = bool(kinds & _INPUT)
    if short_of_input:
        suggestions += _faster(trials, failed)
    if short_of_input or LargestMetricKind.RETURN in kinds:
        critical = gravest(task, trials.demands)
        suggestions += LargestDisturbance(trials, critical, short_of_input).suggestions()
    return tuple(suggestions)


def _margins(trials: Trials, found: Sequence[LargestMetric]) -> list[Suggestion]:
    """Return the margins with which everything that was found would hold, if there are any."""
    adapter = [f.value for f in found if f.place != 'controller']
    controller = [f for f in found if f.place == 'controller']
    proved = [f.value for f in controller if f.kind in _PROVED]
    others = [f for f in controller if f.kind not in _PROVED and f.value > f.bound]
    if others or not np.all(np.isfinite([f.value for f in found])):
        return []
    demands: list[Demand] = []
    for demand in trials.demands:
        values = adapter if isinstance(demand, AdapterDemand) else proved
        largest = down(0.9 * -max(values)) if values else demand.margin
        if not largest > 0:
            return []
        demands.append(demand.with_margin(min(largest, demand.margin)))
    changes = {demand.parameter: demand.margin
               for demand, before in zip(demands, trials.demands) if demand != before}
    if not changes or not trials.certified({}, tuple(demands)):
        return []
    accepted = changes.get(AdapterDemand.parameter, math.inf)
    if any(isinstance(d, ControllerDemand) and d.margin > accepted for d in demands):
        changes[ControllerDemand.parameter] = accepted  # must not exceed it
    return [Suggestion(f'with {in_words(changes)}', changes)]


def _raised(trials: Trials, name: str, failed: Sequence[LargestMetric]) -> list[Suggestion]:
    """Return a parameter raised by what is missing."""
    short = max(f.value - f.bound for f in failed)
    if not math.isfinite(short):
        return []
    return trials.suggestion({name: up(trials.number(name) + short + 1e-3)})


def _faster(trials: Trials, failed: Sequence[LargestMetric]) -> list[Suggestion]:
    """Return the first faster contraction rate whose a priori margin suffices, if it does."""
    needed = min(f.bound for f in failed)
    for factor in _FASTER:
        change = {_RATE: up(max(trials.number(_RATE), 0.05) * factor)}
        try:
            if input_slack(trials.changed(change)) >= -needed and not trials.spent():
                return trials.suggestion(change)
        except ScpoRosError:
            continue
    return []


def _search(trials: Trials, name: str) -> list[Suggestion]:
    """Return the first factor of a parameter that helps, if one does."""
    for factor in _SEARCHES[name]:
        if trials.spent():
            return []
        found = trials.suggestion({name: up(trials.number(name) * factor)})
        if found:
            return found
    return []
